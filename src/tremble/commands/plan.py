"""`tremble plan`: what a study will take, before anything is spent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded_reader, print_json, say, screen


@guarded_reader
def plan(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The study folder, to see what is already scored; default: the study's name."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what a study will take (time, memory, disk), and the statistical power of its data."""
    from tremble.study.file import read_study

    asked = read_study(study)
    from tremble.api.plan import plan_study
    from tremble.report.tables.plan import plan_layout, size, time_notes
    from tremble.report.terminal.progress import shown_progress
    from tremble.report.terminal.tables import print_tables
    from tremble.store.provenance import slug
    from tremble.tokenization.refusal import NOT_APPLICABLE

    folder = out if out is not None else Path(slug(asked.name))
    with shown_progress(sys.stderr) as progress:
        expected = plan_study(asked, folder, progress.notify, progress)
    if as_json:
        print_json(expected)
    else:
        print_tables(plan_layout(expected), screen())
        disk = expected["totals"]["disk"], expected["totals"]["prompt_tables"]
        say(f"Space on disk: scores {size(disk[0])}, prompts {size(disk[1])}.")
        for note in (*expected["notes"], *time_notes(expected)):
            say(note)
        say(
            "Smallest: the smallest difference found with power .80 at level .05, for two r near "
            ".3 whose predictions correlate at .5, if all decisions are independent; by "
            "clusters: if all decisions of a participant or game are the same. The truth lies "
            "between the two."
        )
    return 1 if any(row["kind"] not in NOT_APPLICABLE for row in expected["cannot"]) else 0
