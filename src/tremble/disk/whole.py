"""Files that are written whole or not at all: to their place, through a link, or into a pipe."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from tremble.disk.folders import missing_folders, remove_empty
from tremble.disk.paths import why
from tremble.disk.temporary import sweep, temporary_path
from tremble.errors import UserError

_STREAM = re.compile(r"/dev/(?P<name>stdin|stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>\d+)")
_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}
FAILURES = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
KEPT = "fix that and run the same command again (finished work is kept)"


def stream_of(path: Path) -> int | None:
    """The open file that a path stands for (`-` and /dev/stdout: 1); None for a place on disk."""
    if str(path) == "-":
        return 1
    form = _STREAM.fullmatch(os.path.normpath(path))
    if form is None:
        return None
    return int(form["number"]) if form["number"] else _NUMBERS[form["name"]]


def is_special(path: Path) -> bool:
    """Whether a path is, or leads to, something that is written into and never replaced: an open
    file of this process, a device, a pipe, a socket."""
    if stream_of(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write_whole(path: Path, write: Callable[[BinaryIO], Any], cure: str = KEPT) -> None:
    """Write a file so that a reader finds the old one or the new one, never a half.

    Through a link its target is written. Into an open file (`-`, /dev/stdout), a pipe or a device
    goes the content as soon as it is whole. Folders above it are made. Raises UserError with the
    system's reason where it cannot be written, `cure` at the end; then nothing is left behind.
    """
    with _writing(path, cure):
        if is_special(path):
            _into(path, write)
        else:
            place = Path(os.path.realpath(path))
            if place.is_symlink():  # it leads to itself, and there is no target
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            _replace(place, write)


def write_bytes(path: Path, content: bytes, cure: str = KEPT) -> None:
    """`write_whole` of bytes."""
    write_whole(path, lambda out: out.write(content), cure)


def write_text(path: Path, text: str, cure: str = KEPT) -> None:
    """`write_whole` of a text, as UTF-8."""
    write_bytes(path, text.encode(), cure)


@contextmanager
def _writing(path: Path, cure: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read has enough
    except FAILURES as error:
        raise UserError(f"Cannot write {str(path)!r} ({why(error)}); {cure}.") from error


def _replace(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    missing = missing_folders(path.parent)
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        with temporary.open("xb") as out:
            with suppress(OSError):  # whoever could read the old one can read the new one
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            _written(write, out)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        remove_empty(missing)
        raise
    _sync(path.parent)


class _Watched(io.RawIOBase):
    """A file that keeps why a write to it failed: polars raises other errors of its own instead."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        try:
            return self._out.write(content)
        except OSError as error:
            self.failure = error
            raise


def _written(write: Callable[[BinaryIO], Any], out: BinaryIO) -> None:
    watched = _Watched(out)
    try:
        write(watched)  # type: ignore[arg-type]
    except FAILURES as error:
        raise watched.failure or error from error


def _into(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Into what is open already, or is no file: whole, since some writers go back and forth."""
    number = stream_of(path)
    with tempfile.TemporaryFile() as whole:
        _written(write, whole)
        whole.seek(0)
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
        at = os.dup(number) if number is not None else os.open(path, flags)
        with os.fdopen(at, "wb") as out:
            shutil.copyfileobj(whole, out)


@cache
def _sweep_once(folder: Path) -> None:
    sweep(folder)


def _sync(folder: Path) -> None:
    """So that the name is there after a power cut, too; some systems know no such thing."""
    with suppress(OSError, AttributeError):
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(at)
        finally:
            os.close(at)
