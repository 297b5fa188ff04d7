"""Where output goes: into files that tremble wrote itself, known by how they begin, into new ones,
and into streams, pipes and devices, which hold nothing that could be lost."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from tremble.commands.base import say
from tremble.errors import UserError

_ANOTHER = "give another --out"


def beside(target: Path) -> TextIO:
    """Where the lines about an output go: to stdout, unless the output itself went there."""
    from tremble.disk.whole import stream_of

    return sys.stderr if stream_of(target) == 1 else sys.stdout


def write_page(target: Path, text: str, option: str = "--out", told: bool = True) -> None:
    """Write a page, and say where it is. Raises UserError where it cannot be written."""
    from tremble.disk.whole import is_special, write_text

    special = is_special(target)
    write_text(target, text, f"give another {option}")
    if told:
        place = target if special else target.resolve()
        say(f"The page was written to {place}", beside(target))


def check_page(target: Path, option: str = "--out") -> None:
    """Raises UserError where something other than a page of tremble's is in the way."""
    from tremble.report.page import place

    place.check_page(target, f"give another {option}")


def check_import(target: Path, source: Path, force: bool, table_map: Path | None = None) -> None:
    """Raises UserError where an import would replace what it reads, what nobody said it may, or
    something other than records that tremble wrote: those say their schema and kind on every
    line. --force is advised only where it helps."""
    from tremble.decisions.jsonl import begins_as_written
    from tremble.disk.replaced import start_of, would_replace

    if not would_replace(target, _ANOTHER):
        return
    named = f"--out {str(target)!r}"
    if target.is_dir():
        raise UserError(f"{named} is a folder; give a file.")
    for what, read in (("input file", source), ("map", table_map)):
        with suppress(OSError):  # a source that is not there is no concern of this
            if read is not None and target.samefile(read):
                raise UserError(f"--out is the {what}, {str(read)!r}; give another --out.")
    if not begins_as_written(start_of(target, 10_000_000, _ANOTHER)):
        raise UserError(
            f"{named} already exists and was not written by `tremble data import`, so --force does "
            "not overwrite it; give another --out."
        )
    if not force:
        raise UserError(f"{named} already exists; add --force, or give another --out.")


def check_new(target: Path, force: bool) -> None:
    """Raises UserError where a file is there already; `force`: --force was given, too."""
    from tremble.disk.replaced import would_replace

    if would_replace(target, _ANOTHER):
        why = " and --guess never overwrites, even with --force" if force else ""
        raise UserError(f"--out {str(target)!r} already exists{why}; give another --out.")


def free_name(name: str) -> str:
    """The name, or one with a number, that nothing here has: for commands that are advised."""
    path, number = Path(name), 1
    while path.exists():
        number += 1
        path = Path(name).with_stem(f"{Path(name).stem}-{number}")
    return str(path)
