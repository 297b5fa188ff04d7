"""A map's templates tried in a process of their own, which runs this module as a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from tremble.prompts.limits import trial, tried
from tremble.tabular.templates.environment import environment
from tremble.tabular.templates.printed import Cell
from tremble.tabular.templates.uses import HISTORY, OPTIONS, QUESTION, ROW, uses_of


@lru_cache(maxsize=64)
def why_not(texts: tuple[str, ...], seconds: float) -> str | None:
    """What is wrong with templates that do not end in time or within memory, as the rest of a
    sentence; None for those that do, whatever they print or raise."""
    return tried(__name__, list(texts), seconds)


class _Any:
    """Stands for everything that a template may ask of a row or of an earlier decision."""

    def __getitem__(self, name: str) -> Cell:
        return Cell("1")


def _renderings(texts: Sequence[str]) -> Iterator[Callable[[], str]]:
    for text in texts:
        yield partial(_rendered, text)


def _rendered(text: str) -> str:
    env = environment()
    names: dict[str, Any] = dict.fromkeys(uses_of(env.parse(text), env.globals).names, Cell("1"))
    special = {HISTORY: [_Any()] * 10, OPTIONS: ["yes", "no"], QUESTION: Cell("1"), ROW: _Any()}
    return env.from_string(text).render(**names, **special)


if __name__ == "__main__":
    trial(_renderings)
