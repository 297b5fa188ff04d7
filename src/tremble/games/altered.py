"""Rules and events in other numbers, for controls: amounts scaled, parameters that mislead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Told = Mapping[str, Any]


def amounts(*names: str) -> Callable[[Told, float], dict[str, Any]]:
    """What multiplies the amounts that stand under `names`, however deep, in rules or an event."""

    def scaled(told: Told, factor: float) -> dict[str, Any]:
        return {k: times(v, factor) if k in names else v for k, v in told.items()}

    return scaled


def times(value: Any, factor: float) -> Any:
    """Every number in a value, times `factor`, to nine decimals; whole numbers stay whole."""
    if isinstance(value, Mapping):
        return {key: times(part, factor) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [times(part, factor) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value * factor, 9)


def exchanged(told: Told, one: str, other: str) -> dict[str, Any]:
    """The rules with the values of two parameters exchanged, where both are told."""
    if told.get(one) is None or told.get(other) is None:
        return dict(told)
    return {**told, one: told[other], other: told[one]}
