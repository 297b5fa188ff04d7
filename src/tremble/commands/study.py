"""`tremble demo`, `run`, `analyze`, `report`: a study from its file to its page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tremble.commands.base import AsJson, Contrasts, guarded, print_json, say
from tremble.commands.destinations import check_page, write_page
from tremble.commands.ending import complain
from tremble.commands.tables import show_analysis
from tremble.errors import UserError


@guarded
def demo(
    out: Annotated[Path, typer.Option(help="The study folder.")] = Path("tremble-demo"),
    full: Annotated[
        bool, typer.Option("--full", help="Score all embedded decisions, not a subset.")
    ] = False,
) -> int:
    """Score two embedded models on decisions of real people, and write a report."""
    from tremble.api.demo import write_demo
    from tremble.study.file import read_study

    study = read_study(write_demo(out, full, complain))
    return score_and_say(study, out) or show_analysis(out) or _page(out)


@guarded
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None, typer.Option(help="The study folder; default: the study's name.")
    ] = None,
) -> int:
    """Score what a study still lacks; run the same command again to resume."""
    from tremble.study.file import read_study

    asked = read_study(study)
    from tremble.store.provenance import slug

    return score_and_say(asked, out if out is not None else Path(slug(asked.name)))


@guarded
def analyze(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="A further table, several separated by commas, or all; --tables lists them."
        ),
    ] = None,
    tables: Annotated[bool, typer.Option("--tables", help="List the further tables.")] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="PARAMETER", help="Show r, mass, shares and wins by a parameter."),
    ] = None,
    contrast: Contrasts = None,
    as_json: AsJson = False,
) -> int:
    """Show tables: r, mass, which model wins, tests over pairs, baselines, and further tables."""
    if tables:
        return _list_tables(as_json)
    names = [name.strip() for part in table or () for name in part.split(",") if name.strip()]
    return show_analysis(folder, as_json, names, by or (), contrast or ())


@guarded
def report(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A study folder.", show_default=False)
    ] = None,
    published: Annotated[
        bool,
        typer.Option(
            "--published", help="Write a page of the figures of Shapira et al. (2026) instead."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file to write; default: DIR/report/index.html, or published.html.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Write a report: the verdict, the tables of `analyze` and plots on one page."""
    if folder is not None and published:
        raise UserError(
            f"{folder} and --published are two different pages; leave out one of them: `tremble "
            f"report {shlex.quote(str(folder))}` or `tremble report --published`."
        )
    if published:
        return _published_page(out if out is not None else Path("published.html"))
    if folder is None:
        raise UserError(
            "report needs a study folder, or --published for the figures of Shapira et al. "
            "(2026): `tremble report DIR` or `tremble report --published`."
        )
    return _page(folder, out)


def score_and_say(study: Any, out: Path, quiet: bool = False, last: bool = True) -> int:
    """Score what is missing and say how it ended; nothing to stdout if `quiet`. `last`: nothing is
    shown behind that, so what comes next is said."""
    from tremble.report.terminal.progress import shown_progress
    from tremble.store.study_folder import Store
    from tremble.study.not_applicable import notes_of
    from tremble.study.notes import after_run
    from tremble.study.run import score_study

    with shown_progress(sys.stderr) as progress:
        failed = score_study(study, out, progress.notify, progress)
        for sentence in notes_of(Store(out).jobs()):
            progress.notify(f"Note: {sentence}")
    incomplete = after_run(out, failed)
    for sentence in incomplete:
        complain(sentence)
    folder = shlex.quote(str(out))
    if quiet:
        return 1 if incomplete else 0
    then = f"tremble verdict {folder} (the answers) or tremble analyze {folder} (all tables)"
    say(f"Scores are in {str(out)!r}." + (f" Next: {then}." if last else ""))
    return 1 if incomplete else 0


def _list_tables(as_json: bool) -> int:
    from tremble.baselines import base
    from tremble.stats.tables import further

    listed = further.further_list()
    if as_json:
        print_json(listed)
    else:
        for name, about in listed.items():
            say(f"{name}: {about}")
    for sentence in (*further.EXTENSIONS.troubles(), *base.EXTENSIONS.troubles()):
        complain(f"warning: {sentence}")
    return 0


def _page(folder: Path, out: Path | None = None) -> int:
    from tremble.store.study_folder import Store

    title = Store(folder).read_run()["study"]
    if out is None:
        out = folder / "report" / "index.html"
    check_page(out)
    from tremble.public.page import whole_page

    text, missing = whole_page(folder, title)
    write_page(out, text)
    for sentence in missing:
        complain(sentence)
    return 1 if missing else 0


def _published_page(out: Path) -> int:
    from tremble.report.page.published import published_page

    check_page(out)
    write_page(out, published_page())
    return 0
