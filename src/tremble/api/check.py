"""The check of a file of decisions: every fault with its line and the cure, then doubts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tremble.datasets.importing import Summary
from tremble.decisions import jsonl
from tremble.decisions.lines import Fault, GameFault
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_row
from tremble.tokenization.options import boundary_warning, terminator_character

RATES_TOLERANCE = 0.015  # rates are printed with two decimals


def _doubts(decision: Decision, text: str) -> Iterator[str]:
    """What may be right but often is not: the boundary between prompt and label, labels that no
    terminator ends, rates."""
    labels = [option.label for option in decision.options]
    warning = boundary_warning(text, labels[0])
    if warning is not None:
        yield warning
    begins = [a for a in labels for b in labels if a != b and b.startswith(a)]
    if begins and terminator_character(text) is None:
        yield f"the label {begins[0]!r} begins another one, and no quote is open to close it."
    total = sum((decision.rates or {}).values())
    if decision.rates is not None and abs(total - 1) > RATES_TOLERANCE:
        yield f"the rates add up to {total:.3f}; they are kept as they are."


def check_decisions(path: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """Counts, faults and warnings of a JSONL file: of its lines, and of what a study
    computes of every decision. What a game's rules or events lack is a fault of the game's line.

    Raises UserError where the file is missing or empty.
    """
    faults: dict[int, str] = {}  # by line
    fallen: Counter[int] = Counter()  # decisions that fall with their game, by its line
    warnings: list[str] = []

    def keep(fault: Fault) -> None:
        if isinstance(fault, GameFault):
            fallen[fault.game_line] += 1
            return
        faults.setdefault(fault.line, str(fault))

    def sound() -> Iterator[Decision]:
        for decision in jsonl.read(path, keep):
            try:
                decision_row(decision)
                text = standard(decision, 0).plain()
            except UserError as error:
                line, of_game = decision.line or 0, decision.game and decision.game.line
                if of_game:
                    fallen[of_game] += 1
                    error = UserError(f"line {line} cannot use this game: {error}")
                keep(Fault(path, of_game or line, str(error)))
                continue
            for doubt in _doubts(decision, text):
                warnings.append(f"{path}, line {decision.line}: {doubt}")
            yield decision

    summary = Summary()
    for _ in summary.watch(sound()):
        pass
    for line, count in fallen.items():
        if line in faults:
            faults[line] += f" Decisions of this game that are left out: {count:,}."
    counts = {**summary.to_json(), "faulty": len(faults)}
    return counts, [faults[line] for line in sorted(faults)], warnings
