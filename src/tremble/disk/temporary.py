"""What is not finished yet: its name says whose it is, and what dead processes left is taken away.

    .NAME.PID-HOST-RANDOM.tmp

No two writers ever share such a name. One is deleted only where it has exactly this form, was made
on this machine, and its process is no more.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir

from tremble.disk.paths import LONGEST_NAME, why
from tremble.errors import UserError

_HOST = blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()
_FORM = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)-(?P<host>[0-9a-f]{8})-[0-9a-f]{8}\.tmp", re.S)


def temporary_path(path: Path) -> Path:
    """A name beside `path` that nobody else has, for what will become it."""
    ending = f".{os.getpid()}-{_HOST}-{token_hex(4)}.tmp"
    return path.with_name(f".{_shortened(path.name, ending)}{ending}")


def _shortened(name: str, ending: str) -> str:
    """As much of a name as leaves room for the point before it and the ending behind it."""
    return name.encode()[: LONGEST_NAME - len(ending) - 1].decode(errors="ignore")


@contextmanager
def temporary_folder(parent: Path, name: str, cure: str) -> Iterator[Path]:
    """A new folder in `parent` for the time of the block; those of this name that dead processes
    left there are taken away first. Raises UserError, with `cure`, where it cannot be made."""
    sweep(parent, name)
    folder = temporary_path(parent / name)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UserError(
            f"Cannot write to the folder {str(parent)!r} ({why(error)}); {cure}."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def system_folder() -> Path:
    """The system's folder for temporary files. Raises UserError where there is none that can be
    written."""
    try:
        return Path(gettempdir())
    except OSError as error:
        raise UserError(
            f"No folder for temporary files can be written to ({why(error)}); free some space, or "
            "set TMPDIR to a folder you can write to."
        ) from error


def sweep(folder: Path, name: str | None = None) -> None:
    """Take away what dead processes of this machine left in a folder: unfinished files and folders,
    those of one name or all that have the form of this module. What cannot be deleted stays."""
    with suppress(OSError):
        for entry in folder.iterdir():
            form = _FORM.fullmatch(entry.name)
            if form is None or form["host"] != _HOST or _alive(int(form["pid"])):
                continue
            ending = entry.name[1 + len(form["name"]) :]
            if name is not None and form["name"] != _shortened(name, ending):
                continue
            with suppress(OSError):
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()


def _alive(pid: int) -> bool:
    """Whether there is a process with this number."""
    if sys.platform == "win32":  # where os.kill would end it
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's, or no number of a process: not ours to judge
    return True
