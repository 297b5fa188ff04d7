"""Tables of a source, for tests of importers: rows as CSV, and lines with one thing wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

Break = Callable[[list[str]], list[str]]


def broken_at(line: int, old: str, new: str) -> Break:
    """The rows with `old` replaced in that line of the file; its header is line 1."""

    def broken(lines: list[str]) -> list[str]:
        assert old in lines[line - 2]
        return [row.replace(old, new, 1) if n == line else row for n, row in enumerate(lines, 2)]

    return broken


def write_rows(file: Path, rows: Sequence[dict[str, str]]) -> Path:
    """A CSV file with the columns of the first row, in folders that are made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file
