"""Folders that tremble made itself, in its cache: the last file in them says what the others are.

`done` holds the size and the SHA-256 of every other file, and a SHA-256 of that list. Version 0.1.0
left it empty: such a folder is whole, but nothing tells whether it still is what was written.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Any

from tremble.disk.paths import why
from tremble.models.files import SMALL_FILES, sha256_of

DONE = "done"
_WEIGHTS = "*.safetensors"
_LONGEST = 1_000_000  # bytes of a sound `done`; one file takes about 150


def seal(folder: Path) -> None:
    """Write `done` into a folder that is complete. Raises OSError."""
    files = {
        name: {"size": path.stat().st_size, "sha256": sha256_of(path)}
        for name, path in sorted(_held(folder).items())
    }
    sealed = {"files": files, "sha256": _of_list(files)}
    (folder / DONE).write_text(json.dumps(sealed, indent=1), "utf-8")


def fault(folder: Path, weights: bool) -> str | None:
    """What is wrong with a folder, as a part of a sentence: "'config.json' is missing".

    Without `weights` their content is not looked at, only their sizes. Files that nobody reads may
    lie beside; one that would be read, but was not there when the folder was made, is a fault.
    """
    try:
        content = (folder / DONE).read_bytes()[: _LONGEST + 1]
    except OSError as error:
        return f"'{DONE}' cannot be read ({why(error)})"
    if not content:
        return "version 0.1.0 stored no checksums"
    files = _listed(content)
    if files is None:
        return f"'{DONE}' is damaged"
    try:
        held = _held(folder)
    except OSError as error:
        return f"its files cannot be listed ({why(error)})"
    for name in held.keys() - files.keys():
        if any(fnmatch(held[name].name, pattern) for pattern in (_WEIGHTS, *SMALL_FILES)):
            return f"there is an unexpected {name!r}"
    for name, written in files.items():
        if name not in held:
            return f"{name!r} is missing"
        try:
            same = held[name].stat().st_size == written["size"]
            if same and (weights or not fnmatch(name, _WEIGHTS)):
                same = sha256_of(held[name]) == written["sha256"]
        except OSError as error:
            return f"{name!r} cannot be read ({why(error)})"
        if not same:
            return f"{name!r} is damaged"
    return None


def _held(folder: Path) -> dict[str, Path]:
    """The files in a folder and below it by their names from there, `done` left out."""
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    files.pop(DONE, None)
    return files


def _of_list(files: dict[str, Any]) -> str:
    return sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _listed(content: bytes) -> dict[str, dict[str, Any]] | None:
    """The files that a `done` lists; None where it is not as it was written."""
    try:
        sealed = json.loads(content)
        files: dict[str, dict[str, Any]] = sealed["files"]
        return files if sealed["sha256"] == _of_list(files) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
