"""What the words of the four GLEE families share: names, percentages, messages, options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.games import View, amount


def other(view: View) -> str:
    """The name of the other side: people played as Alice or as Bob."""
    return "Bob" if view.role == "Alice" else "Alice"


def percent(share: float) -> str:
    """A share as people read it, to two decimals: 0.142625 -> '14.26%', 0.5 -> '50%'."""
    return f"{amount(round(100 * share, 2))}%"


def wrote(view: View, data: Mapping[str, Any]) -> list[str]:
    """The message that came with an offer or a recommendation, as its writer typed it."""
    if data.get("message") is None:
        return []
    writer = "You" if data["player"] == view.role else data["player"]
    return [f'{writer} wrote: "{data["message"]}"']


def round_line(view: View, number: int | None) -> str:
    """The heading of a round; how many there are only where people were told."""
    total = view.rules.get("rounds")
    return f"Round {number}:" if total is None else f"Round {number} of {total}:"


def options_in_words(view: View, meaning: Mapping[str, str]) -> str:
    """One line per option in shown order; `meaning` says what choosing a key does."""
    lines = [f'- "{option.label}": {meaning[option.key]}' for option in view.options]
    return "\n".join(lines)
