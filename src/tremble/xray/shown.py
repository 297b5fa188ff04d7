"""Which presentations of one decision are shown, and what of it a wording is not applicable to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tremble.errors import UserError
from tremble.study.cells import Cell
from tremble.study.not_applicable import whose
from tremble.study.render import Prompt
from tremble.tokenization.refusal import Refusal


def presented(
    rendered: Mapping[Cell, Sequence[Prompt]], asked: int | str | None
) -> tuple[dict[Cell, list[Prompt]], list[str]]:
    """The prompts of one decision in the presentation asked for, "all" or the first (None), and
    sentences on what is left out.

    Raises UserError where there is no such presentation, and where the wording is applicable to
    none.
    """
    every = [prompt for prompts in rendered.values() for prompt in prompts]
    numbers = list(dict.fromkeys(prompt.presentation for prompt in every))
    first = numbers[:1] if asked is None else [asked]
    wanted = [number for number in numbers if asked == "all" or number in first]
    if every and not wanted:
        raise UserError(
            f"The decision {every[0].decision.id!r} has no presentation {asked}; it has: "
            f"{', '.join(map(str, numbers))}."
        )
    refused = _refused(every, wanted)
    if wanted and len(refused) == len(wanted):
        refusal = refused[wanted[0]]
        what = "wording" if whose(refusal.kind) == "wording" else "control of the wording"
        raise UserError(
            f"The {what} {next(iter(rendered)).formulation!r} is not applicable to the decision "
            f"{every[0].decision.id!r}: {refusal.reason}; choose another with --formulation."
        )
    notes = [
        f"The {whose(refusal.kind)} is not applicable to {count} of the presentations: "
        f"{refusal.reason}."
        for refusal, count in Counter(refused.values()).items()
    ]
    if asked is None and numbers[1:]:
        notes.append(
            f"Presentation {numbers[0]} of {len(numbers)}; the others are "
            f"{', '.join(map(str, numbers[1:]))}; choose with --presentation N, or all."
        )
    readable = set(wanted) - refused.keys()
    return {
        cell: [prompt for prompt in prompts if prompt.presentation in readable]
        for cell, prompts in rendered.items()
    }, notes


def _refused(prompts: Sequence[Prompt], numbers: Sequence[int]) -> dict[int, Refusal]:
    """The presentations, among some numbers, to which the wording or control is not applicable."""
    return {
        prompt.presentation: prompt.paths.refusal
        for prompt in prompts
        if prompt.presentation in numbers
        and prompt.paths.refusal is not None
        and prompt.paths.refusal.not_applicable
    }
