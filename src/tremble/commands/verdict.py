"""`tremble verdict`: may a model stand in for people here?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, Contrasts, guarded, print_json, prose, say, screen
from tremble.commands.tables import print_notes, treatments_of
from tremble.errors import UserError
from tremble.text import did_you_mean


@guarded
def verdict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    contrast: Contrasts = None,
    as_json: AsJson = False,
) -> None:
    """May this model stand in for people here: ranking, levels, effects, distribution."""
    from tremble.store.study_folder import Store

    Store(folder).read_run()  # raises where the folder is no study
    treatments = treatments_of(folder, contrast or ())
    from tremble.api.results import analyze_study, verdict_analysis
    from tremble.report.tables.answers import controls_missing, verdict_layout
    from tremble.report.terminal.answers import print_answers
    from tremble.report.terminal.tables import print_tables

    analysis, _, decisions = analyze_study(folder)
    rows = verdict_analysis(folder, analysis, treatments or None)
    present = list(dict.fromkeys(decisions["family"].to_list()))
    if family is not None:
        if family not in present:
            raise UserError(f"The study has no family {family!r}{did_you_mean(family, present)}")
        rows = [row for row in rows if row["family"] == family]
    if as_json:
        print_json(rows)
        return
    print_notes(folder, every=False)
    answers, *numbers = verdict_layout(rows)
    print_answers(answers, prose())
    print_tables(numbers, screen())
    if missing := controls_missing(rows):
        say(missing)
