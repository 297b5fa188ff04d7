"""Small tables of the command line: data cards, and the scores of single prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tremble.datasets import Card


def card_table(cards: Sequence[Card]) -> Table:
    table = Table("name", "what", "size", "licence", box=None, pad_edge=False)
    for card in cards:
        table.add_row(*map(escape, (card.name, card.title, card.size, card.licence)))
    return table


def show_card(card: Card, console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name in ("title", "citation", "licence", "size", "one_decision", "files"):
        table.add_row(name.replace("_", " "), escape(getattr(card, name)))
    for note in card.notes:
        table.add_row("note", escape(note))
    console.print(table)


def show_scored(result: dict[str, Any], console: Console) -> None:
    """One prompt's options, mass and likeliest tokens."""
    console.print(f"{escape(result['model'])}, {result['format']}, {escape(result['id'])}")
    if result["error"] is not None:
        console.print(f"not scored: {escape(result['error'])}")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("option")
    for name in ("probability", "prediction", "log-probability"):
        table.add_column(name, justify="right")
    for option in result["options"]:
        table.add_row(
            escape(option["label"]),
            f"{option['probability']:.4f}",
            "–" if option["prediction"] is None else f"{option['prediction']:.4f}",
            f"{option['logprob']:.4f}",
        )
    console.print(table)
    console.print(
        f"mass {result['mass']:.4f} (first tokens {result['first_mass']:.4f}), "
        f"{result['prompt_tokens']} prompt tokens"
        + (", a token spans the join" if result["join"] else "")
    )
    tops = ", ".join(f"{t['token']!r} {t['probability']:.3f}" for t in result["top"])
    if tops:
        console.print(f"likeliest next tokens: {escape(tops)}")
    if result["warning"] is not None:
        console.print(f"warning: {escape(result['warning'])}")
