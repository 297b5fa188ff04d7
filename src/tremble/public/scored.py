"""The scores of one prompt, as an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tremble.api.score import Asked, prompt_line, score_prompts
from tremble.public.frames import plain
from tremble.public.show import fragment, text_of
from tremble.public.words import check_keywords, in_python
from tremble.report.tables.table import Column, Section, Table
from tremble.report.terminal.console import show_scored
from tremble.text import decimal


class ScoreOptions(TypedDict, total=False):
    """Options of `tr.score`, by default as in `tremble score`.

    `system`: a text before the prompt. `opening`: the text directly before the label, by default
    `{"decision": "`. `chat`: whether the model's chat template is used. `template`: a jinja file or
    a named template to use instead. `reading`: "joint" (all tokens of a label) or "next_token".

    >>> import tremble as tr
    >>> how: tr.ScoreOptions = {"opening": "", "reading": "next_token"}
    >>> round(tr.score("mock:one", "Accept?", ["yes", "no"], **how).mass, 3)
    0.9
    """

    system: str | None
    opening: str | None
    chat: bool
    template: str | None
    reading: str


class Scored:
    """The probabilities that a model gives to the options of one prompt.

    `probabilities`: by label, as the model gives them. `mass`: their sum. `predictions`: by label,
    normalised to add up to one. `others`: the likeliest next tokens, options or not, with their
    probabilities. `notes`: what a reader should know. `warning`: what may be wrong with the
    prompt, or None. `error`: why there is no score, or None; if there is none, `mass` and every
    share are None. `facts`: the same as `tremble score --json`.

    >>> import tremble as tr
    >>> scored = tr.score("mock:one", "Accept $2 of $10?", ["yes", "no"])
    >>> abs(sum(scored.probabilities.values()) - scored.mass) < 1e-12
    True
    >>> scored.error is None
    True
    """

    def __init__(self, facts: dict[str, Any], notes: Sequence[str]) -> None:
        self.facts = facts
        self.notes = list(notes)

    @property
    def probabilities(self) -> dict[str, float | None]:
        return {option["label"]: option["probability"] for option in self.facts["options"]}

    @property
    def predictions(self) -> dict[str, float | None]:
        return {option["label"]: option["prediction"] for option in self.facts["options"]}

    @property
    def mass(self) -> float | None:
        mass: float | None = self.facts["mass"]
        return mass

    @property
    def others(self) -> list[tuple[str, float]]:
        return [(one["token"], one["probability"]) for one in self.facts["top"]]

    @property
    def error(self) -> str | None:
        error: str | None = self.facts["error"]
        return error

    @property
    def warning(self) -> str | None:
        warning: str | None = self.facts["warning"]
        return warning

    def __repr__(self) -> str:
        shown = text_of(lambda console: show_scored(self.facts, console))
        return "\n".join([shown, *self.notes])

    def _repr_html_(self) -> str:
        names = (("Probability", "probability"), ("Prediction", "prediction"))
        rows = [
            [option["label"], *(decimal(option[key], 4) for _, key in names)]
            for option in self.facts["options"]
        ]
        columns = [Column("Option"), *(Column(name, True) for name, _ in names)]
        table = Table("scored", "Options", "", columns, [Section("", rows)], "")
        likeliest = ", ".join(f"{token!r} {decimal(share, 3)}" for token, share in self.others)
        said = [f"Mass {decimal(self.mass, 4)}; most likely next tokens: {likeliest or 'unknown'}."]
        said += [line for line in (self.error, self.warning, *self.notes) if line]
        return fragment(f"{self.facts['model']}, {self.facts['format']}", said, [table])


@in_python()
def score(
    model: str,
    prompt: str | Sequence[Mapping[str, str]],
    options: Sequence[str | Mapping[str, Any]],
    **how: Unpack[ScoreOptions],
) -> Scored:
    """The probability that a model gives each option after a prompt, in one forward pass.

    `model`: a hub name, `name@revision`, a folder or a .gguf file. `prompt`: what a person reads, a
    text or messages (`{"role": ..., "content": ...}`). `options`: labels, or objects as in records.
    `how`: `system`, `opening`, `chat`, `template`, `reading` (`ScoreOptions`).

    Raises UserError for a model that is unavailable, and for a prompt or options that cannot be
    scored.

    >>> import tremble as tr
    >>> scored = tr.score("mock:one", "Accept $2 of $10?", ["yes", "no"])
    >>> list(scored.probabilities)
    ['yes', 'no']
    >>> round(scored.mass, 3), round(sum(scored.predictions.values()), 3)
    (0.9, 1.0)
    """
    check_keywords("tr.score", how, list(ScoreOptions.__annotations__))
    if isinstance(options, str):
        options = [options]  # refused with what it needs, not taken apart
    record: dict[str, Any] = {"prompt": prompt, "options": options}
    record |= {name: how.get(name) for name in ("system", "opening") if how.get(name) is not None}
    asked = Asked(
        str(model),
        how.get("chat", False),
        how.get("template"),
        how.get("reading", "joint"),
        "the prompt",
    )
    notes: list[str] = []
    (facts,) = score_prompts(prompt_line(plain(record)), asked, notes.append)
    return Scored(facts, notes)
