"""Where output goes: into files that tremble wrote itself, known by how they begin, into new ones,
and into streams, pipes and devices, which hold nothing that could be lost."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from tremble.commands.base import say
from tremble.disk.paths import why
from tremble.errors import UserError

_MARK = b'<meta name="generator" content="tremble" />'  # in report/base.html


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
        place = f"was written to {target}" if special else f"is {target.resolve()}"
        say(f"The page {place}", beside(target))


def check_page(target: Path, option: str = "--out") -> None:
    """Raises UserError where something other than a page of tremble's is in the way."""
    if not _replaced(target, option):
        return
    if target.is_dir():
        raise UserError(f"{target} is a folder; give the page's file, such as {target}/page.html.")
    if _MARK not in _start(target, 1000, option):
        raise UserError(f"{target} is there and is no page of tremble's; give another {option}.")


def check_import(target: Path, source: Path, force: bool) -> None:
    """Raises UserError where an import would replace what it reads, what nobody said it may, or
    something other than records that tremble wrote: those say their schema and kind on every
    line."""
    if not _replaced(target, "--out"):
        return
    named = f"--out {str(target)!r}"
    if target.is_dir():
        raise UserError(f"{named} is a folder; name a file.")
    with suppress(OSError):  # a source that is not there is no concern of this
        if target.samefile(source):
            raise UserError(f"--out is the file that is read, {str(source)!r}; give another --out.")
    if not force:
        raise UserError(f"{named} is there already; add --force, or give another --out.")
    start = _start(target, 10_000_000, "--out")
    try:
        record = json.loads(start.partition(b"\n")[0]) if start else None
    except (ValueError, RecursionError):
        record = None
    if start and not (isinstance(record, dict) and {"schema", "kind", "id"} <= record.keys()):
        raise UserError(
            f"{named} holds something else than records that `tremble data import` "
            "wrote, so --force does not replace it; give another --out."
        )


def check_new(target: Path) -> None:
    """Raises UserError where a file is there already."""
    if _replaced(target, "--out"):
        raise UserError(f"--out {str(target)!r} is there already; give another --out.")


def _replaced(path: Path, option: str) -> bool:
    """Whether something is there that would be replaced. Nothing is read from streams, pipes and
    devices, and nothing there is lost."""
    from tremble.disk.whole import is_special

    if is_special(path):
        return False
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(path, option, error) from error


def _start(path: Path, size: int, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise _unreadable(path, option, error) from error


def _unreadable(path: Path, option: str, error: OSError) -> UserError:
    return UserError(
        f"{str(path)!r} cannot be read, to see what it would replace ({why(error)}); give "
        f"another {option}."
    )
