"""Decisions that were given as objects, in Python, as files of a study's folder: with them the
copy of the study file there can be run again."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from tremble.disk.whole import write_whole
from tremble.store.owned import set_aside
from tremble.store.provenance import fingerprint


def bring(source: Path, path: Path) -> bool:
    """Copy a file of records to its place in a study's folder; whether anything was written. One
    that is there and says the same stays; one that says something else is set aside. Raises
    UserError where it cannot be written."""
    before = fingerprint(path)
    if before == fingerprint(source):
        return False
    if before is not None:
        set_aside(path)
    with source.open("rb") as content:
        write_whole(path, partial(shutil.copyfileobj, content))
    return True
