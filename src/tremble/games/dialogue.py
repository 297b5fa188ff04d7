"""What the words of the four GLEE families share: names, percentages, messages, options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tremble.decisions.view import View
from tremble.games.base import amount

MESSAGES = " Players can send a message with each offer."
ON_OFFER = "When you receive an offer, you can choose one of these options:"
EACH_ROUND = "In each round, you can choose one of these options:"


def other(view: View) -> str:
    """The name of the other side: people played as Alice or as Bob."""
    return "Bob" if view.role == "Alice" else "Alice"


def sides(view: View) -> tuple[str, str]:
    """What the reader and the other side are called."""
    return view.role, other(view)


def percent(share: float) -> str:
    """A share as people read it, to two decimals: 0.142625 -> '14.26%', 0.5 -> '50%'."""
    return f"{amount(round(100 * share, 2))}%"


def quality_odds(p: float | None) -> str:
    """How likely products of either quality are, where the reader was told."""
    if p is None:
        return "You are not told how likely a product is to be of high quality."
    return (
        f"Products are of high quality with a probability of {percent(p)} and of low quality with "
        f"a probability of {percent(1 - p)}."
    )


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


def in_shown_order(view: View, words: Mapping[str, str]) -> str:
    """'accept or reject', in the order in which the options are shown; `words` gives the verb of
    some of the keys."""
    return " or ".join(words[option.key] for option in view.options if option.key in words)


def advice_numbers(view: View, parts: Sequence[str], now: str, name: str) -> dict[str, Any]:
    """What both sides of a persuasion game are told, in numbers.

    The parameters; under `name` what is known of the event `now` of this round; `history`, a list
    per round before of what is known of the events `parts`: yes and high are true, null unknown.
    """
    rounds: dict[int | None, dict[str, bool | None]] = {}
    for event in view.events:
        word = event.data.get("quality" if event.type == "quality" else "choice")
        high_or_yes = None if word is None else word in ("yes", "high")
        rounds.setdefault(event.data["round"], {})[event.type] = high_or_yes
    current = rounds.pop(view.round, {})
    return {
        **{key: view.rules.get(key) for key in ("p", "price", "worth_high", "worth_low")},
        name: current.get(now),
        "history": [[one.get(part) for part in parts] for one in rounds.values()],
        "round": view.round,
        "rounds": view.rules.get("rounds"),
    }
