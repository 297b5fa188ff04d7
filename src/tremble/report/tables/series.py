"""A series of checkpoints and what it costs, laid out before anything is downloaded."""

from __future__ import annotations

from tremble.checkpoints.cost import Cost
from tremble.checkpoints.series import Checkpoint, Series
from tremble.models.spec import model_name
from tremble.report.tables.plan import size
from tremble.report.tables.table import Column, Section, Table
from tremble.text import counted

_COLUMNS = (
    Column("Checkpoint"),
    Column("Run"),
    Column("Stage"),
    Column("Step", number=True),
    Column("Tokens", number=True),
)
_ALWAYS = ("Checkpoint", "Step")
_SHOWN = 30  # checkpoints; of longer series those in the middle are counted


def series_layout(series: Series, cost: Cost) -> tuple[list[Table], list[str]]:
    """The table of a series in order, and sentences on its base, its cost and what is left out."""
    ends = _SHOWN // 2
    every = sorted(series.checkpoints, key=lambda one: one.run)  # each in its own order
    shown = every if len(every) <= _SHOWN else [*every[:ends], *every[-ends:]]
    columns = [one for one in _COLUMNS if one.name in _ALWAYS or any(_cell(c, one) for c in every)]
    rows = [[_cell(one, column) for column in columns] for one in shown]
    if len(shown) < len(every):
        more = f"... {len(every) - len(shown):,} more"
        rows.insert(ends, [more, *("" for _ in columns[1:])])
    table = Table(
        id="series",
        title=f"Checkpoints of {series.source}",
        caption="In the order of training" + (", run by run." if len(series.runs) > 1 else "."),
        columns=columns,
        sections=[Section("", rows)],
        empty="",
    )
    return [table], [*_sentences(series, cost)]


def _cell(one: Checkpoint, column: Column) -> str:
    tokens = "" if one.tokens is None else f"{one.tokens:,}"
    cells = (one.name, one.run, one.stage, f"{one.step:,}", tokens)
    return cells[_COLUMNS.index(column)]


def _sentences(series: Series, cost: Cost) -> list[str]:
    adapters = any(one.adapter for one in series.checkpoints)
    merged = " (adapters are merged into their base one after another)" if adapters else ""
    said = [
        f"Base: {model_name(series.base)}. {counted(cost.checkpoints, 'checkpoint')}; whole models "
        f"to load: {cost.loads}{merged}."
    ]
    if cost.bytes_total != 0:
        total = (
            "an unknown amount" if cost.bytes_total is None else f"up to {size(cost.bytes_total)}"
        )
        what = counted(cost.missing, "checkpoint") if cost.missing else "the base"
        said.append(f"To download: {what}, {total}.")
    said += [f"Left out: {name}. {reason}" for name, reason in series.left_out]
    return said
