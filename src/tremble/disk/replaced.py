"""What stands where something is to be written, and how it begins: nothing of a user's is replaced
that tremble did not write."""

from __future__ import annotations

from pathlib import Path

from tremble.disk.paths import why
from tremble.disk.whole import is_special
from tremble.errors import UserError


def would_replace(path: Path, cure: str) -> bool:
    """Whether something is there that would be replaced. Nothing is read from streams, pipes and
    devices, and nothing there is lost. Raises UserError, with `cure`, where nobody can tell."""
    if is_special(path):
        return False
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(path, cure, error) from error


def start_of(path: Path, size: int, cure: str) -> bytes:
    """The first `size` bytes of a file. Raises UserError, with `cure`, where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise _unreadable(path, cure, error) from error


def _unreadable(path: Path, cure: str, error: OSError) -> UserError:
    return UserError(f"{str(path)!r} already exists and cannot be read ({why(error)}); {cure}.")
