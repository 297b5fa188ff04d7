"""The verdict on a study and a close look at one decision, as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import polars as pl

from tremble.public.frames import frame_of
from tremble.public.show import fragment, framed, text_of
from tremble.report.page.xray import xray_page
from tremble.report.tables.answers import controls_missing, verdict_layout
from tremble.report.terminal.answers import print_answers
from tremble.report.terminal.tables import print_tables
from tremble.report.terminal.xray import show_xray

Row = dict[str, Any]


class Verdict:
    """Can this model replace participants here? `Result.verdict` returns it.

    `answers`: a sentence for each question, model and family. `table`: the answers (`ranking`,
    `levels`, `effects`, `distribution`, `replace`) and the numbers behind them, a row for each
    model, format, wording and family. `notes`: what is not scored. docs/numbers.md explains each
    of them.

    >>> import tremble as tr
    >>> decisions = tr.read_decisions("demo")[:30]
    >>> result = tr.Study("mine", data=decisions, models=["mock:one"]).run()
    >>> result.verdict().answers[0].startswith("mock:one (built-in fake model) · chat · standard")
    True
    """

    def __init__(self, rows: Sequence[Row], notes: Sequence[str] = ()) -> None:
        self.rows = list(rows)
        missing = controls_missing(self.rows)
        self.notes = [*notes, *([missing] if missing else [])]
        self._tables = verdict_layout(self.rows)

    @property
    def answers(self) -> list[str]:
        return [
            f"{section.heading}. {question}: {answer}. {why}".rstrip()
            for section in self._tables[0].sections
            for question, answer, why in section.rows
        ]

    @property
    def table(self) -> pl.DataFrame:
        return frame_of(self.rows)

    def __repr__(self) -> str:
        first, *others = self._tables
        shown = text_of(lambda console: print_answers(first, console))
        numbers = text_of(lambda console: print_tables(others, console))
        return "\n".join([*self.notes, shown, "", numbers])

    def _repr_html_(self) -> str:
        return fragment("Verdict", self.notes, self._tables)


class XrayOptions(TypedDict, total=False):
    """Options of `Result.xray`, by default as in the study: `format` ("native", "plain" or
    "chat"), `formulation` (a wording), `presentation` (a number, or "all"), `template`, `reading`,
    `device`.

    >>> import tremble as tr
    >>> records = [{"id": "17", "prompt": "Keep?", "options": ["yes", "no"], "choice": "yes"}]
    >>> study = tr.Study("mine", data=tr.read_decisions(records), models=["mock:one"])
    >>> how: tr.XrayOptions = {"format": "chat"}
    >>> study.run().xray("17", **how).readings[0]["format"]
    'chat'
    """

    format: str
    formulation: str
    presentation: int | str
    template: str
    reading: str
    device: str


class Xray:
    """One decision as its models read it, token by token: `Result.xray` returns it.

    `readings`: a dict for each presentation, model and format, with text, tokens, options, mass.
    `people`: what people did; no model sees it. `notes`: what a reader should know. `page`: all
    of it as one HTML page. `facts`: the same as `tremble xray --json`.

    >>> import tremble as tr
    >>> records = [{"id": "mine/17", "prompt": "Keep or share?", "options": ["keep", "share"],
    ...             "choice": "keep"}]
    >>> study = tr.Study("mine", data=tr.read_decisions(records), models=["mock:one"])
    >>> look = study.run().xray("mine/17")
    >>> look.people["choice"], look.readings[0]["model"]
    ('keep', 'mock:one')
    """

    def __init__(self, facts: Mapping[str, Any], said: Sequence[str] = ()) -> None:
        self.facts = dict(facts)
        self.notes = list(dict.fromkeys([*facts["notes"], *said]))

    @property
    def readings(self) -> list[Row]:
        readings: list[Row] = self.facts["readings"]
        return readings

    @property
    def people(self) -> Row:
        people: Row = self.facts["people"]
        return people

    @property
    def page(self) -> str:
        return xray_page(self.facts)

    def __repr__(self) -> str:
        return text_of(lambda console: show_xray(self.facts, console))

    def _repr_html_(self) -> str:
        return framed(self.page)
