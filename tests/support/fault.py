"""A table or a map with a fault, and what the sentence about it must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl

CSV = "id,arm,offer,choice\nann,a,3.5,yes\nann,b,4,no\nbob,a,3,yes\n"
TASK = {
    "participant": "id",
    "outcome": "choice",
    "options": ["yes", "no"],
    "config": ["arm"],
    "prompt": "Offered {{ offer }}. Yes or no?",
}
Content = str | bytes | dict[str, str] | Callable[[Path], Any]


@dataclass(frozen=True)
class Fault:
    """`content`: text, bytes, files of a folder by name, or what writes the file; `parts`: of the
    sentence, the user's own value first."""

    name: str
    content: Content
    parts: tuple[str, ...]
    task: dict[str, Any] = field(default_factory=dict)
    file: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)

    def map(self) -> dict[str, Any]:
        alone = {"rate", "counts"}.intersection(self.task)
        return {**self.top, "file": self.file, "task": [{**({} if alone else TASK), **self.task}]}


def write(fault: Fault, path: Path) -> None:
    content = fault.content
    if isinstance(content, dict):
        path.mkdir()
        for name, text in content.items():
            (path / name).write_text(text, "utf-8")
    elif isinstance(content, str | bytes):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    else:
        content(path)


def book(*rows: list[Any]) -> Callable[[Path], Any]:
    def save(path: Path) -> None:
        book = openpyxl.Workbook()
        for row in rows:
            book.worksheets[0].append(row)
        book.save(path)

    return save
