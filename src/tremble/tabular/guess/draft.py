"""A map as it is guessed, before it is text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Values = dict[str, list[str]]  # column -> cells


@dataclass(slots=True)
class DraftOption:
    """`cells`: what the outcome column holds for it."""

    key: str
    cells: list[str]
    value: int | float | None = None


@dataclass(slots=True)
class DraftTask:
    """One [[task]]; names as docs/tables.md has them. `comments`: key -> what is said above it;
    `may_be_item`: a column that could be `item`, where none is sure to be."""

    family: str
    prompt: str
    outcome: str | None = None
    options: list[DraftOption] = field(default_factory=list)
    rate: str | None = None
    n: str | None = None
    percent: bool = False
    rates: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    rows: Values = field(default_factory=dict)
    participant: list[str] = field(default_factory=list)
    item: str | None = None
    may_be_item: str | None = None
    round: str | None = None
    role: str | None = None
    order: str | None = None
    config: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    comments: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """`reading`: [file]; `found`, `check`: sentences on what was recognised, and on what only the
    user can know; `others`: columns that could be outcomes too; `private`: columns that seem to
    name people, and what they hold; `unused`: further columns."""

    tool: str
    reading: dict[str, Any] = field(default_factory=dict)
    drop: Values = field(default_factory=dict)
    tasks: list[DraftTask] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    private: list[tuple[str, str]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
