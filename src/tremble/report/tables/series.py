"""A series of checkpoints and what it costs, laid out before anything is downloaded."""

from __future__ import annotations

from tremble.checkpoints.cost import Cost
from tremble.checkpoints.series import Checkpoint, Series
from tremble.models.spec import model_name
from tremble.report.tables.plan import size
from tremble.report.tables.table import Column, Section, Table
from tremble.text import counted

_SHOWN = 30  # checkpoints; of longer series those in the middle are counted


def series_layout(series: Series, cost: Cost) -> tuple[list[Table], list[str]]:
    """The table of a series in order, and sentences on its base, its cost and what is left out."""
    ends = _SHOWN // 2
    every = series.checkpoints
    shown = every if len(every) <= _SHOWN else (*every[:ends], *every[-ends:])
    rows = [_row(one) for one in shown]
    if len(shown) < len(every):
        rows.insert(ends, [f"... {len(every) - len(shown):,} more", "", "", "", ""])
    columns = [
        Column("Checkpoint"),
        Column("Run"),
        Column("Stage"),
        Column("Step", number=True),
        Column("Tokens", number=True),
    ]
    table = Table(
        id="series",
        title=f"Checkpoints of {series.source}",
        caption="In the order of training.",
        columns=columns,
        sections=[Section("", rows)],
        empty="",
    )
    return [table], [*_sentences(series, cost)]


def _row(one: Checkpoint) -> list[str]:
    tokens = "" if one.tokens is None else f"{one.tokens:,}"
    return [one.name, one.run, one.stage, f"{one.step:,}", tokens]


def _sentences(series: Series, cost: Cost) -> list[str]:
    said = [
        f"Base: {model_name(series.base)}. {counted(cost.checkpoints, 'checkpoint')}; whole models "
        f"to load: {cost.loads} (adapters are merged into their base one after another)."
    ]
    if cost.missing:
        total = (
            "an unknown amount" if cost.bytes_total is None else f"up to {size(cost.bytes_total)}"
        )
        said.append(f"To download: {counted(cost.missing, 'checkpoint')}, {total}.")
    said += [f"Left out: {name}. {reason}" for name, reason in series.left_out]
    return said
