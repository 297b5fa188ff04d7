"""`tremble data import`: files of a source, and tables with a map, to decisions."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tremble.commands.base import AsJson, guarded, print_json, say
from tremble.commands.destinations import beside, check_import, free_name
from tremble.commands.ending import complain
from tremble.commands.first_map import write_first_map
from tremble.errors import UserError
from tremble.text import counted

if TYPE_CHECKING:
    from tremble.datasets.base import Notes
    from tremble.decisions.record import Decision, Offer

TABLE = "table"  # the source whose files a map explains
SESSIONS = "psych"  # the source that reads on after a faulty line


@guarded
def data_import(
    source_name: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help='The name of a data set, or "table" for your own table.'
        ),
    ],
    path: Annotated[Path, typer.Argument(help="The file, or a folder that contains it.")],
    out: Annotated[
        Path | None, typer.Option(help="The JSONL file to write; with --guess, the map to write.")
    ] = None,
    map: Annotated[
        Path | None, typer.Option(help="For a table: the map that says what its columns mean.")
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="For a table: write a first map and import nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite --out if an earlier import wrote it.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="For psych: write nothing if any line has an error."),
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="An option of the data set (`tremble data show NAME` lists them), such as "
            "sides=both for glee; may be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Convert the files of a data set, or your own table, to decisions (JSON lines)."""
    from tremble.api.check import import_decisions
    from tremble.datasets.base import Notes, source

    origin = source(source_name)
    notes = Notes(strict=strict, options=origin.card.chosen(option or ()))
    if strict and source_name != SESSIONS:
        raise UserError(
            f"--strict is for {SESSIONS}, and {source_name!r} is read without errors or not at "
            "all; leave --strict out."
        )
    _check_options(source_name, path, map, guess)
    if guess:
        write_first_map(path, out, as_json, force)
        return 0
    if out is None:
        raise UserError(f"Give the file to write, such as --out {free_name('mine.jsonl')}.")
    check_import(out, path, force, map)
    decisions = origin.load(path, notes) if map is None else _from_table(path, map, notes, out)
    summary = import_decisions(decisions, out)
    _tell(summary, notes, out, as_json)
    if source_name == TABLE and not as_json:
        say(f"next: {shlex.join(['tremble', 'data', 'check', str(out)])}", beside(out))
    return 1 if notes.faulty else 0


def _check_options(source_name: str, path: Path, table_map: Path | None, guess: bool) -> None:
    """Raises UserError for options that do not go with a source, or with each other."""
    given = "--guess" if guess else "--map"
    if source_name != TABLE:
        if guess or table_map is not None:
            raise UserError(
                f"{given} is for tables, and the columns of {source_name!r} are known already; "
                f"leave {given} out, or import {TABLE}."
            )
        return
    if guess and table_map is not None:
        raise UserError(
            "--guess writes a first map to --out and --map reads one; leave --guess out to import "
            "with the map, or leave --map out and give a new --out for a first map."
        )
    if table_map is None and not guess:
        command = ["tremble", "data", "import", TABLE, str(path), "--guess", "--out"]
        command.append(free_name("map.toml"))
        raise UserError(
            f"To import {str(path)!r}, give --map, a file that says what its columns mean; "
            f"`{shlex.join(command)}` writes a first one."
        )


def _from_table(path: Path, table_map: Path, notes: Notes, out: Path) -> Iterator[Decision | Offer]:
    from tremble.disk.whole import is_special
    from tremble.tabular.guess.unedited import still_drafted
    from tremble.tabular.maps.map_file import read_map
    from tremble.tabular.rows.load import load_table
    from tremble.tabular.table import stem_of

    name = stem_of(path) if is_special(out) else out.stem
    map_ = read_map(table_map)
    return still_drafted(load_table(path, map_, notes, name or TABLE), map_, notes)


def _tell(summary: dict[str, Any], notes: Notes, out: Path, as_json: bool) -> None:
    """What was written, what was left out and what is odd."""
    own_lines = beside(out)
    sessions = {} if notes.sessions is None else notes.sessions.to_json()
    if as_json:
        print_json({**summary, **sessions, **_faulty(notes)}, out=own_lines)
    else:
        for study, counts in sessions.get("by_study", {}).items():
            read = f"{counted(counts['sessions'], 'session')}, "
            say(f"{study}: {read}{counted(counts['responses'], 'response')}", own_lines)
        for family, count in summary["by_family"].items():
            hits = summary["target"].get(family)
            coded = "" if hits is None else f", {hits:,} of them choose the target option"
            say(f"{family}: {counted(count, 'decision')}{coded}", own_lines)
        for family, count in summary.get("offers_by_family", {}).items():
            say(f"{family}: {counted(count, 'offer')}", own_lines)
        offers = f" and {counted(summary['offers'], 'offer')}" if "offers" in summary else ""
        say(f"{counted(summary['decisions'], 'decision')}{offers} written to {out}", own_lines)
    for reason, count in notes.dropped.items():
        complain(f"excluded: {count} ({reason})")
    for line in notes.odd:
        complain(f"note: {line}")
    for fault in notes.faults:
        complain(fault)
    if notes.faulty:
        verb = "has an error and was" if notes.faulty == 1 else "have errors and were"
        complain(
            f"{counted(notes.faulty, 'line')} {verb} not imported; correct them, or give --strict "
            "to write nothing."
        )


def _faulty(notes: Notes) -> dict[str, Any]:
    if notes.sessions is None:
        return {}
    return {"faulty": notes.faulty, "faults": notes.faulty_lines}
