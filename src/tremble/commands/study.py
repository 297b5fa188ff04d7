"""`tremble demo`, `run`, `analyze`, `report`: a study from its file to its page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tremble.commands import AsJson, complain, guarded, print_json
from tremble.commands.tables import show_analysis


@guarded
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the study.")] = Path("tremble-demo"),
    full: Annotated[
        bool, typer.Option("--full", help="All embedded decisions, not a subset.")
    ] = False,
) -> int:
    """Score the embedded pair on embedded decisions of real people, and make the page."""
    from tremble.demo import write_demo
    from tremble.study_file import read_study

    study = read_study(write_demo(out, full, complain))
    return _run(study, out) or show_analysis(out) or _page(out)


@guarded
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study; default: the study's name.")
    ] = None,
) -> int:
    """Score what is missing of a study; the same command again goes on where it stopped."""
    from tremble.store import slug
    from tremble.study_file import read_study

    found = read_study(study)
    return _run(found, out if out is not None else Path(slug(found.name)))


@guarded
def analyze(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    table: Annotated[
        list[str] | None,
        typer.Option(help="A further table, commas between several, or all; --tables lists them."),
    ] = None,
    tables: Annotated[bool, typer.Option("--tables", help="List the further tables.")] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="PARAMETER", help="r, mass and wins by a parameter of the games."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Tables: r, mass, who wins, tests over pairs, baselines; and further ones by name."""
    if tables:
        return _list_tables(as_json)
    names = [name.strip() for part in table or () for name in part.split(",") if name.strip()]
    return show_analysis(folder, as_json, names, by or ())


@guarded
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
) -> None:
    """Write the page: the tables of `analyze` and a scatter, in one file."""
    _page(folder)


def _run(study: Any, out: Path) -> int:
    from tremble.report.progress import shown_progress
    from tremble.study import absent, score_study

    with shown_progress(sys.stderr) as progress:
        failed = score_study(study, out, progress.say, progress)
    if failed:
        complain(f"{failed} prompts could not be scored; they count as missing in every table.")
    missing = absent(out)
    if missing:
        complain(
            f"{len(missing)} of the models could not be had ({', '.join(missing)}), so scores are "
            "missing in every table; the same command tries again."
        )
    print(f"Scores are in {out}; next: tremble analyze {out}")
    return 1 if failed or missing else 0


def _list_tables(as_json: bool) -> int:
    from tremble.stats.further import FURTHER

    if as_json:
        print_json(FURTHER)
    else:
        for name, about in FURTHER.items():
            print(f"{name}: {about}")
    return 0


def _page(folder: Path) -> int:
    from tremble.report.page import page
    from tremble.store import Store, write_text
    from tremble.study import analyze_study, caveats

    analysis, scores, decisions = analyze_study(folder)
    title = Store(folder).read_run()["study"]
    target = folder / "report" / "index.html"
    write_text(target, page(analysis, scores, decisions, title, caveats(folder)))
    print(f"The page is {target.resolve()}")
    return 0
