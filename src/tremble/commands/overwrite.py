"""What may be replaced: files that tremble wrote itself, known by how they begin."""

from __future__ import annotations

import json
from pathlib import Path

from tremble.errors import UserError

_MARK = b'<meta name="generator" content="tremble" />'  # in report/base.html


def check_page(target: Path, option: str = "--out") -> None:
    """Raises UserError where something other than a page of tremble's is in the way."""
    if target.is_dir():
        raise UserError(f"{target} is a folder; give the page's file, such as {target}/page.html.")
    if target.is_file() and _MARK not in _start(target, 1000):
        raise UserError(f"{target} is there and is no page of tremble's; give another {option}.")


def check_records(target: Path) -> None:
    """Raises UserError where something other than records that tremble wrote is in the way: those
    say their schema and kind on every line."""
    if not target.is_file() or target.stat().st_size == 0:
        return
    with target.open("rb") as lines:
        first = lines.readline(10_000_000)
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not {"schema", "kind", "id"} <= record.keys():
        raise UserError(
            f"--out {str(target)!r} holds something else than records that `tremble data import` "
            "wrote, so --force does not replace it; give another --out."
        )


def _start(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
