"""What an import by a guessed map would do: how many decisions, and some prompts in full."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.tabular.guess.looked import Look
from tremble.tabular.maps.map_file import Map, map_from
from tremble.tabular.maps.names import Names
from tremble.tabular.rows.columns import Columns
from tremble.tabular.rows.left_out import rows_kept
from tremble.tabular.rows.load import decisions_of, rows_of_task
from tremble.tabular.rows.outcomes import outcomes
from tremble.tabular.table import Table

PROMPTS = 3
_ALL = 20_000  # cells of outcomes up to which every decision is made
_SOME = 300  # rows of which some decisions are made, where there are more


@dataclass(slots=True)
class Trial:
    """`decisions`: by family; `dropped`: rows by reason; `shown`: decisions of different people
    and conditions; `failure`: why nothing can be imported as the map stands."""

    decisions: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    shown: list[Decision] = field(default_factory=list)
    failure: str | None = None


class _Read:
    """A table that is in memory, as an open one."""

    def __init__(self, look: Look, table: Table) -> None:
        self.source = str(look.path)
        self.names: Sequence[str] = look.names
        self.questions: Mapping[str, str] = look.questions
        self.notes: list[str] = []
        self._table = table

    def read(self, names: Sequence[str]) -> Table:
        columns = {name: self._table.columns[name] for name in names}
        return replace(self._table, columns=columns)


def tried(text: str, look: Look, where: str) -> Trial:
    """An import of a table by a map of this text, without its output."""
    trial = Trial()
    notes = Notes()
    try:
        map_ = map_from(tomllib.loads(text), where)
        places = sum(
            len(Names(map_, task, look.path.name, look.names).places) for task in map_.tasks
        )
        if places * len(look.table.rows) <= _ALL:
            made = list(decisions_of(_Read(look, look.table), map_, notes, "guess"))
            trial.decisions = dict(Counter(one.family for one in made))
            trial.dropped = dict(notes.dropped)
        else:
            trial.decisions, trial.dropped = _counted(map_, look)
            part = _part(look, map_)
            made = list(decisions_of(_Read(look, part), map_, notes, "guess"))
        trial.odd = list(notes.odd)
        trial.shown = list(_different(made))
    except UserError as error:
        trial.failure = str(error)
    return trial


def _counted(map_: Map, look: Look) -> tuple[dict[str, int], dict[str, int]]:
    """How many decisions each task has, without making them, and what is left out."""
    file = look.path.name
    dropped: Counter[str] = Counter()
    kept = rows_kept(_of_drop(map_, look.table), map_, file, dropped)
    found = {}
    for task in map_.tasks:
        names = Names(map_, task, file, look.names)
        columns = Columns(names, look.table, rows_of_task(look.table, names, kept))
        did = outcomes(columns)
        made = sum(one is not None for cells in did for one in cells)
        found[task.family] = made
        lacking = sum(map(len, did)) - made
        if lacking:
            asked = " and ".join(repr(source.name) for source in names.outcomes)
            dropped[f"nothing in {asked}"] += lacking
    return found, dict(dropped)


def _of_drop(map_: Map, table: Table) -> Table:
    return replace(table, columns={name: table.columns[name] for name in map_.drop})


def _part(look: Look, map_: Map) -> Table:
    """All rows of some people, from all over the table; without people some rows."""
    table = look.table
    height = len(table.rows)
    spread = range(0, height, max(1, height // _SOME))
    names = [name for name in map_.tasks[0].participant if name in table.columns]
    rows: Sequence[int] = spread
    if names:
        cells = list(zip(*(table.columns[name] for name in names), strict=True))
        few = {cells[row] for row in list(spread)[:: max(1, len(spread) // 12)]}
        rows = [row for row in range(height) if cells[row] in few]
    columns = {name: [held[row] for row in rows] for name, held in table.columns.items()}
    lines = [table.rows[row] for row in rows]
    return Table(columns, lines, [(table.sources[0][0], len(lines))], table.unit, table.questions)


def _different(made: Sequence[Decision]) -> Iterator[Decision]:
    """Some decisions, first of other tasks, then of other conditions and people."""
    chosen: list[Decision] = []
    left = list(made)
    while left and len(chosen) < PROMPTS:
        best = max(left, key=lambda one: _news(one, chosen))
        if chosen and _news(best, chosen) == 0:
            break
        chosen.append(best)
        left = [one for one in left if one is not best]
    yield from chosen


def _news(decision: Decision, chosen: Sequence[Decision]) -> int:
    """How much a decision differs from those that are shown already."""
    if any(one.prompt == decision.prompt for one in chosen):
        return 0
    return 1 + sum(
        weight
        for weight, new in (
            (8, all(one.family != decision.family for one in chosen)),
            (4, all(one.config != decision.config for one in chosen)),
            (2, all(one.participant != decision.participant for one in chosen)),
            (1, all(one.round != decision.round for one in chosen)),
        )
        if new
    )
