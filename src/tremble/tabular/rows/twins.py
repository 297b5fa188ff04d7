"""Columns of a prompt that hold the outcome in other words: `c_text` beside `c`."""

from __future__ import annotations

from collections.abc import Sequence

from tremble.tabular.rows.columns import Column
from tremble.tabular.rows.outcomes import Did
from tremble.tabular.rows.places import brief

_FEWEST = 5  # decisions, below which chance alone makes twins


def twin(name: str, cells: Sequence[Column], did: Sequence[list[Did | None]]) -> str | None:
    """A sentence on a column, a list by place, that has one cell of its own for each option that
    was chosen, and nothing else; None where it is no such one."""
    choices: dict[str | None, str] = {}
    cell_of: dict[str, str | None] = {}
    count = 0
    for column, dones in zip(cells, did, strict=True):
        for cell, done in zip(column, dones, strict=True):
            if done is None:
                continue
            if done.choice is None:  # a rate of many people
                return None
            choice = done.choice
            if choices.setdefault(cell, choice) != choice:
                return None
            if cell_of.setdefault(choice, cell) != cell:
                return None
            count += 1
    if count < _FEWEST or len(choices) < 2:
        return None
    pairs = ", ".join(
        f"{'nothing' if cell is None else brief(str(cell))} for {choice!r}"
        for choice, cell in cell_of.items()
    )
    return (
        f"{name!r}, which the prompt uses, is {pairs} in all {count:,} decisions; leave it out if "
        "it says what was chosen"
    )
