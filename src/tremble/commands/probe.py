"""`tremble probe`: do the prompts make a model answer with the options?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded_reader, print_json, prose, screen
from tremble.commands.ending import complain


@guarded_reader
def probe(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    as_json: AsJson = False,
) -> None:
    """Try 20 prompts on a small model: does it answer with the options, and what to change."""
    from tremble.study.file import read_study

    asked = read_study(study)
    from tremble.api.probe import probe_study
    from tremble.report.tables.probe import after, before, probe_layout
    from tremble.report.terminal.tables import print_tables
    from tremble.report.terminal.texts import print_sentences

    found = probe_study(asked, complain)
    if as_json:
        print_json(found)
        return
    print_sentences(before(found), prose())
    print_tables(probe_layout(found), screen())
    print_sentences(after(found), prose())
