"""Rules and events in other numbers, for controls: amounts scaled, parameters that mislead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tremble.games.base import Told


def amounts(*names: str) -> Callable[[Told, float], dict[str, Any]]:
    """What multiplies the amounts that stand under `names`, however deep, in rules or an event."""

    def scaled(told: Told, factor: float) -> dict[str, Any]:
        return {k: times(v, factor) if k in names else v for k, v in told.items()}

    return scaled


def in_proportion(base: str, *names: str) -> Callable[[Told, Told, Told], dict[str, Any] | None]:
    """What tells an event of another game in proportion: the amounts under `names` times the ratio
    of what `base` is here and there, in cents where `base` is ten or more. None without a ratio."""

    def retold(event: Told, there: Told, here: Told) -> dict[str, Any] | None:
        if not there.get(base) or not here.get(base):
            return None
        if there[base] == here[base]:
            return dict(event)
        factor, digits = here[base] / there[base], 2 if abs(here[base]) >= 10 else 9
        return {k: _shared(v, factor, digits) if k in names else v for k, v in event.items()}

    return retold


def _shared(value: Any, factor: float, digits: int) -> Any:
    """`times`, with the last share of a division such that all shares add up as before."""
    shares = times(value, factor, digits)
    if isinstance(value, Mapping) and value:
        *others, last = shares
        whole = round(sum(value.values()) * factor, digits)
        shares[last] = round(whole - sum(shares[name] for name in others), digits)
    return shares


def times(value: Any, factor: float, digits: int = 9) -> Any:
    """Every number in a value, times `factor`, rounded to `digits`; whole numbers stay whole."""
    if isinstance(value, Mapping):
        return {key: times(part, factor, digits) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [times(part, factor, digits) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value * factor, digits)


def exchanged(told: Told, one: str, other: str) -> dict[str, Any]:
    """The rules with the values of two parameters exchanged, where both are told."""
    if told.get(one) is None or told.get(other) is None:
        return dict(told)
    return {**told, one: told[other], other: told[one]}
