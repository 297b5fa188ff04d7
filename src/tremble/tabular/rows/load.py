"""A user's table to decisions, as a map says: the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.tabular.files.opened import OpenTable, open_table
from tremble.tabular.maps.map_file import Map
from tremble.tabular.maps.names import Names, Source, find_column
from tremble.tabular.rows.again import come_again, sessions
from tremble.tabular.rows.columns import Columns
from tremble.tabular.rows.left_out import Matching, rows_kept
from tremble.tabular.rows.people import People
from tremble.tabular.rows.places import listed
from tremble.tabular.rows.privacy import means, warning
from tremble.tabular.rows.prompts import Templates, used_sources
from tremble.tabular.rows.task_decisions import TaskDecisions
from tremble.tabular.table import Table


def load_table(source: Path | Any, map_: Map, notes: Notes, dataset: str) -> Iterator[Decision]:
    """The decisions in a table: a file, a folder of files, or a Polars or pandas frame.

    Task by task, in the order of the rows and, of wide tables, of rounds or parts. `notes` counts
    what is left out, and has what is odd. `dataset` is what the data set is called where the map
    does not say. Raises UserError for a map that does not fit, and for cells that it does not
    explain.
    """
    yield from decisions_of(open_table(source, map_.reading), map_, notes, dataset)


def decisions_of(opened: OpenTable, map_: Map, notes: Notes, dataset: str) -> Iterator[Decision]:
    """`load_table` of a table that is open."""
    file = Path(opened.source).name
    tasks = [Names(map_, task, file, opened.names) for task in map_.tasks]
    templates = [Templates(names) for names in tasks]
    columns = [find_column(map_, name, file, opened.names) for name in map_.drop]
    for names, of in zip(tasks, templates, strict=True):
        for _, source in [*_all_sources(names), *used_sources(of)]:
            columns += names.columns(source)
        notes.odd += [*of.notes, *_parts(names)]
        columns += sessions(names)
    table = opened.read(list(dict.fromkeys(columns)))
    notes.odd += opened.notes
    kept = rows_kept(table, map_, file, notes.dropped, notes.odd)
    people = People(map_.keep_ids)
    count = 0
    for names, of in zip(tasks, templates, strict=True):
        notes.odd += _privacy(table, names, of, notes.odd)
        held = Columns(names, table, rows_of_task(table, names, kept, notes.odd))
        decisions = TaskDecisions(held, of, people, map_.dataset or dataset)
        held.notes += come_again(held, sessions(names))
        notes.odd += [note for note in held.notes if note not in notes.odd]
        for decision in decisions.all(notes.dropped):
            count += 1
            yield decision
    if not count:
        reasons = "; ".join(f"{many:,} {reason}" for reason, many in notes.dropped.items())
        none = "no task uses any of its rows" if table.rows else "it has no rows"
        map_.fail(
            f"no row of {file} gives a decision ({reasons or none}); check [drop], rows and outcome"
        )


def _all_sources(names: Names) -> list[tuple[str, Source]]:
    """Every name of a task outside of its templates, with what it stands for."""
    task = names.task
    single = [task.n, task.rate_sd, task.round, task.role, task.order]
    several = [*task.participant, *task.item, *task.config.values(), *task.facts.values()]
    written = [*(name for name in single if name), *several, *task.rows, *task.words]
    found = [(name, names.find(name)) for name in [*written, *task.columns]]
    return [*((source.name, source) for source in names.outcomes), *found]


def rows_of_task(
    table: Table, names: Names, kept: list[int], odd: list[str] | None = None
) -> list[int]:
    """The rows that `rows` of a task takes; `odd` gets a sentence on values that no row has."""
    for name, values in names.task.rows.items():
        source = names.find(name)
        if source.kind != "column":
            names.map.fail(f"{name!r} in rows is not a column of {names.file}; give one")
        cells = table.columns[source.name]
        wanted = Matching(values, names.map, cells)
        if odd is not None:
            odd += wanted.odd(name, f"rows of the task {names.task.family!r}")
        kept = [row for row in kept if cells[row] in wanted]
    return kept


def _parts(names: Names) -> Iterator[str]:
    """What the parts of a wide table are, of which any text is taken for one."""
    for part, values in names.parts_taken().items():
        wanted = " and ".join(repr(source.name) for source in names.outcomes)
        yield (
            f"{{{part}}} in {wanted} is {listed(values)}; rename the columns in the file that are "
            f"not decisions of the task {names.task.family!r}"
        )


def _privacy(table: Table, names: Names, of: Templates, said: list[str]) -> Iterator[str]:
    """Warnings of columns that seem to name people, each once."""
    task = names.task
    reach = {
        "config": list(task.config.values()),
        "facts": list(task.facts.values()),
        "item": list(task.item),
        "role": [task.role] if task.role else [],
        "participant": list(task.participant) if names.map.keep_ids else [],
    }
    found = [(where, source) for where, all_ in reach.items() for source in map(names.find, all_)]
    found += [("the prompt", source) for _, source in used_sources(of)]
    told: set[str] = set()
    for where, source in found:
        for column in names.columns(source):
            what = means(column, table.columns[column])
            line = warning(column, where, what) if what else ""
            if what and column not in told and line not in said:
                told.add(column)
                yield line
