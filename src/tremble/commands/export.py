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
    to: Annotated[str, typer.Option(help="csv (for R and Stata) or parquet.")] = "csv",
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; default: DIR/export/NAME.csv or .parquet."),
    ] = None,
) -> None:
    """Write a table with its codebook for R and Stata.

    It has a row per decision, model, format and wording; a problem with shares of more than two
    options has a row for each option.
    """
    from tremble.store.study_folder import Store

    Store(folder).read_run()  # raises where the folder is no study
    from tremble.api.export import export_study
    from tremble.study.notes import unfinished

    path, book, rows = export_study(folder, to, out)
    where = (
        f"{book} explains the columns"
        if book is not None
        else "no codebook (it is written only next to a file)"
    )
    say(f"{counted(rows, 'row')} in {path}; {where}", beside(path))
    for note in unfinished(folder):
        complain(f"note: {note}")
