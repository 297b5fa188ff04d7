"""What one person could see when choosing, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tremble.decisions.record import Event, Option


@dataclass(frozen=True, slots=True)
class View:
    """What one person could see when choosing. `options` stand in the order in which they are
    shown, with the labels they are shown under; `order` is 0 as recorded, 1 reversed. `rows` are
    the same options in the order of payoff rows, where a family has those apart."""

    rules: Mapping[str, Any]
    role: str
    round: int | None
    events: tuple[Event, ...]
    options: tuple[Option, ...]
    order: int = 0
    rows: tuple[Option, ...] = ()

    def label(self, key: str) -> str:
        """The label under which the option `key` is shown.

        Raises KeyError for a key that is not among the options.
        """
        for option in self.options:
            if option.key == key:
                return option.label
        raise KeyError(key)
