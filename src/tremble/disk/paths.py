"""A user's path: a name, never a pattern; what cannot be one is said in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

from tremble.errors import UserError
from tremble.text import visible

LONGEST_NAME = 255  # bytes of one name, on every file system in wide use
LONGEST_PATH = 4095  # bytes, on Linux; elsewhere the system itself complains earlier


def path_of(given: str | os.PathLike[str]) -> Path:
    """The path that a user gave, `~` and `~name` at its beginning filled in.

    Raises UserError for one that no file can have: with a character of the number 0, with bytes
    that are not UTF-8, with a name of more than 255 bytes, or of a user who does not exist.
    """
    text = os.fspath(given)
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"The path '{visible(text)}' is not UTF-8; rename the file or its folder."
        ) from error
    if "\0" in text:
        raise UserError(
            f"The path '{visible(text)}' contains a null character; check how it is made."
        )
    longest = max((len(part) for part in raw.split(b"/")), default=0)
    if longest > LONGEST_NAME or len(raw) > LONGEST_PATH:
        what = f"a name of {longest}" if longest > LONGEST_NAME else f"{len(raw)}"
        most = LONGEST_NAME if longest > LONGEST_NAME else LONGEST_PATH
        raise UserError(
            f"The path '{visible(text[:60])}'... has {what} bytes, but at most {most} are "
            "possible; give a shorter one."
        )
    literal = Path(text)
    # A file or folder here that is called ~ is meant by its name (`./~` has come to `~` by now).
    if text.startswith("~") and isinstance(given, Path) and Path(literal.parts[0]).exists():
        return literal
    try:
        return literal.expanduser()
    except RuntimeError as error:
        user = text.split("/", 1)[0]
        raise UserError(
            f"The path '{visible(text)}' begins with {user!r}, but there is no such user; write "
            "the full path."
        ) from error


def is_file(path: Path) -> bool:
    """Whether there is a file at a path; False also where the system refuses to say."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a name is too long


def is_folder(path: Path) -> bool:
    """Whether there is a folder at a path; False also where the system refuses to say."""
    return os.path.isdir(path)  # noqa: PTH112


def why(error: BaseException) -> str:
    """The system's reason for an error of the disk, in its own words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(" .:")
