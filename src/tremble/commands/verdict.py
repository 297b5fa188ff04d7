"""`tremble verdict`: can a model replace participants here?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, Contrasts, guarded, print_json, prose, say, screen
from tremble.commands.tables import print_notes, print_where_notes_are


@guarded
def verdict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    family: Annotated[str | None, typer.Option(help="Only this family of decisions.")] = None,
    contrast: Contrasts = None,
    as_json: AsJson = False,
) -> None:
    """Can this model replace participants here? Ranking, levels, effects, distribution."""
    from tremble.store.study_folder import Store

    Store(folder).read_run()  # raises where the folder is no study
    from tremble.api.results import analyze_study, treatments_of, verdict_analysis
    from tremble.report.tables.answers import controls_missing, verdict_layout
    from tremble.report.terminal.answers import print_answers
    from tremble.report.terminal.tables import print_tables

    treatments = treatments_of(folder, contrast or ())
    analysis, *_ = analyze_study(folder)
    rows = verdict_analysis(folder, analysis, treatments or None, family)
    if as_json:
        print_json(rows)
        return
    print_notes(folder, every=False)
    answers, *numbers = verdict_layout(rows)
    print_answers(answers, prose())
    print_tables(numbers, screen())
    if missing := controls_missing(rows):
        say(missing)
    print_where_notes_are(folder)
