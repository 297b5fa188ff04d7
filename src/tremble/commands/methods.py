"""`tremble methods`: what to paste into a paper about a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded_reader, print_json, prose, say
from tremble.errors import UserError


@guarded_reader
def methods(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print only the citations.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write text for your paper: a methods paragraph, provenance and citations (BibTeX)."""
    if bibtex and as_json:
        raise UserError("--bibtex and --json are two different outputs; leave out one of them.")
    from tremble.api.methods import methods_facts
    from tremble.report.tables.bibtex import bibtex as entries
    from tremble.report.tables.methods import paragraph
    from tremble.report.tables.provenance import provenance_layout
    from tremble.report.terminal.methods import print_methods

    facts = methods_facts(folder)
    cited = entries(facts["citations"])
    if as_json:
        print_json({**facts, "paragraph": paragraph(facts), "bibtex": cited})
    elif bibtex:
        say(cited.rstrip("\n"))
    else:
        print_methods(paragraph(facts), provenance_layout(facts), prose())
        say(cited.rstrip("\n"))
