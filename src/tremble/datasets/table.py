"""A user's own table, which becomes decisions with a map alone (`tabular/`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tremble.datasets.base import Card, Notes
from tremble.decisions.record import Decision
from tremble.errors import UserError

CARD = Card(
    name="table",
    title="Your own table: an export of oTree, Qualtrics, jsPsych, SPSS, or any CSV",
    citation="your own",
    licence="not stated",
    size="any",
    one_decision="a cell of the outcome column, or a row of rates; in wide tables a cell for each "
    "round or question",
    files="a CSV, TSV, Excel, SPSS, Stata, Parquet or jsPsych file, or a folder of such files",
    notes=(
        "A map (--map) says what the columns mean: docs/tables.md.",
        "--guess writes a first map; nothing is imported.",
        "Only columns named in the map are imported; participants become numbers.",
        "Rows are excluded as the map says, and counted by reason.",
    ),
    manual="the file is your own; what a map can say is described in docs/tables.md",
    public_note="your own: only you know",
)


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """Raises UserError: without a map nobody knows what the columns mean."""
    raise UserError(
        f"A map says what the columns of {str(path)!r} mean; import the table with --map, as "
        "docs/tables.md explains."
    )
