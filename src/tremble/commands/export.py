"""`tremble export`: a study as one table for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import guarded, say
from tremble.commands.destinations import beside
from tremble.commands.ending import complain
from tremble.text import counted


@guarded
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    to: Annotated[str, typer.Option(help="csv, which R and Stata read, or parquet.")] = "csv",
    out: Annotated[
        Path | None, typer.Option(help="The file; default: DIR/export/NAME.csv or .parquet.")
    ] = None,
) -> None:
    """Write a table and its codebook for R and Stata: a row per decision, model, format, wording.

    A problem with people's shares of more than two options has a row for each of them.
    """
    from tremble.store.study_folder import Store

    Store(folder).read_run()  # raises where the folder is no study
    from tremble.api.export import export_study
    from tremble.study.notes import unfinished

    path, book, rows = export_study(folder, to, out)
    where = (
        f"what the columns mean is in {book}"
        if book is not None
        else "without a codebook, which stands beside a file only"
    )
    say(f"{counted(rows, 'row')} in {path}; {where}", beside(path))
    for note in unfinished(folder):
        complain(f"note: {note}")
