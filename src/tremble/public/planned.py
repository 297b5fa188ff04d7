"""The plan of a study, as an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.errors import UserError
from tremble.public.frames import frame_of
from tremble.public.show import fragment, text_of
from tremble.report.tables.plan import plan_layout, size, time_notes
from tremble.report.terminal.tables import print_tables
from tremble.text import did_you_mean

TABLES = ("models", "families", "cannot")


class Plan:
    """What a run will take, and what your data can show (statistical power).

    `Study.plan` returns it. `totals`: prompts, tokens, seconds, bytes of memory, download and disk,
    over all models. `notes`: what a reader should know. `facts`: as `tremble plan --json`.

    >>> import tremble as tr
    >>> plan = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"]).plan()
    >>> plan.totals["rows"]
    30
    >>> plan.table("models")["model"].to_list()
    ['mock:one']
    """

    def __init__(self, facts: dict[str, Any], said: Sequence[str] = ()) -> None:
        self.facts = facts
        self.notes = list(dict.fromkeys([*facts["notes"], *said]))

    @property
    def totals(self) -> dict[str, Any]:
        totals: dict[str, Any] = self.facts["totals"]
        return totals

    def table(self, name: str = "models") -> pl.DataFrame:
        """One of the tables: "models" (what each takes), "families" (what the data can show),
        "cannot" (what cannot be scored, and why). Raises UserError for another name.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> study.plan().table("families")["decisions"].to_list()
        [30]
        """
        if name not in TABLES:
            raise UserError(f"A plan has no table {name!r}{did_you_mean(name, list(TABLES))}")
        rows = [{key: _flat(value) for key, value in row.items()} for row in self.facts[name]]
        return frame_of(rows)

    def _said(self) -> list[str]:
        disk = self.totals["disk"], self.totals["prompt_tables"]
        return [
            f"Space on disk: scores {size(disk[0])}, prompts {size(disk[1])}.",
            *self.notes,
            *time_notes(self.facts),
        ]

    def __repr__(self) -> str:
        tables = text_of(lambda console: print_tables(plan_layout(self.facts), console))
        return "\n".join([tables, "", *self._said()])

    def _repr_html_(self) -> str:
        title = f"What the study {self.facts['study']!r} will take"
        return fragment(title, self._said(), plan_layout(self.facts))


def _flat(value: Any) -> Any:
    """A value as a cell: lists of names as one text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value
