"""A user's own decisions: the project's JSON lines, with or without games."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tremble.datasets.base import Card, Notes
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Offer
from tremble.disk.paths import is_folder
from tremble.errors import UserError

CARD = Card(
    name="jsonl",
    title="Your own decisions, one JSON record per line",
    citation="your own",
    licence="not stated",
    size="any",
    one_decision="one choice by one person, or one problem with choice rates",
    files="a .jsonl file",
    notes=(
        "The shortest record has prompt, options, and choice, rate or rates.",
        "Records with games: a game line first, then the decisions made in it.",
    ),
    manual="the file is your own; its records are described in docs/data.md",
    public_note="your own: only you know",
)


def load(path: Path, notes: Notes) -> Iterator[Decision | Offer]:
    """Yields the decisions and offers of a JSONL file; raises UserError with the line of the first
    fault."""
    if is_folder(path):
        raise UserError(f"{str(path)!r} is a folder; name the .jsonl file in it.")
    yield from jsonl.read_all(path)
