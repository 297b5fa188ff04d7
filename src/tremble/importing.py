"""Importing and checking files of decisions, streamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tremble import records
from tremble.decisions import Decision
from tremble.errors import UserError
from tremble.prompts import own_prompt
from tremble.record_checks import Fault
from tremble.tokens import join_warning

MOST_FAULTS = 20  # listed one by one; the rest is counted


class Summary:
    """Counts decisions as they pass."""

    def __init__(self) -> None:
        self.by_family: Counter[str] = Counter()
        self.target: Counter[str] = Counter()

    def watch(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        for decision in decisions:
            self.by_family[decision.family] += 1
            if decision.choice is not None:
                self.target[decision.family] += decision.choice == decision.target
            yield decision

    def to_json(self) -> dict[str, Any]:
        """`target`: decisions whose choice is the target, by family of individual choices."""
        return {
            "decisions": self.by_family.total(),
            "by_family": dict(self.by_family),
            "target": dict(self.target),
        }


def import_decisions(decisions: Iterator[Decision], out: Path) -> dict[str, Any]:
    """Write decisions to `out` as they come, and return their counts.

    Raises UserError where there are none, where `out` cannot be written, and for what the
    source's files have wrong; then nothing is written.
    """
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {str(out.parent)!r} to write --out into; make it.")
    first = next(decisions, None)
    if first is None:
        raise UserError("The files hold no decisions of people; check the path.")
    summary = Summary()
    records.write(summary.watch(chain([first], decisions)), out)
    return summary.to_json()


def check_decisions(path: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """Counts, the first faults, and warnings of a JSONL file.

    Raises UserError where the file is missing or empty.
    """
    faults: list[str] = []
    warnings: list[str] = []
    faulty = 0

    def keep(fault: Fault) -> None:
        nonlocal faulty
        faulty += 1
        if faulty <= MOST_FAULTS:
            faults.append(str(fault))

    summary = Summary()
    for decision in summary.watch(records.read(path, keep)):
        if decision.prompt is not None and len(warnings) < MOST_FAULTS:
            found = join_warning(own_prompt(decision).plain(), decision.options[0].label)
            if found is not None:
                warnings.append(f"{path}, line {decision.line}: {found}")
    return {**summary.to_json(), "faulty": faulty}, faults, warnings
