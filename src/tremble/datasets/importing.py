"""Importing and checking files of decisions, streamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tremble.decisions import jsonl
from tremble.decisions.record import Decision
from tremble.errors import UserError


class Summary:
    """Counts decisions as they pass."""

    def __init__(self) -> None:
        self.by_family: Counter[str] = Counter()
        self.target: Counter[str] = Counter()

    def watch(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        for decision in decisions:
            self.by_family[decision.family] += 1
            if decision.choice is not None and decision.target is not None:
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
    jsonl.write(summary.watch(chain([first], decisions)), out)
    return summary.to_json()
