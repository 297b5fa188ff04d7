"""Folders that are made for what is to be written into them, and go again where nothing was."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def missing_folders(folder: Path) -> list[Path]:
    """A folder and those above it that are not there yet, the deepest first."""
    missing = []
    for place in (folder, *folder.parents):
        if os.path.lexists(place):
            break
        missing.append(place)
    return missing


def remove_empty(folders: Iterable[Path]) -> None:
    """Take away those of these folders, the deepest first, that are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()  # takes empty folders only
