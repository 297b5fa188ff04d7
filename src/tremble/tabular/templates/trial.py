"""A map's templates tried in a process of their own, which runs this module as a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from jinja2 import nodes

from tremble.prompts.limits import trial, tried
from tremble.tabular.templates.environment import environment
from tremble.tabular.templates.printed import Cell
from tremble.tabular.templates.uses import HISTORY, OPTIONS, QUESTION, ROW, uses_of

# What a template may hold that can be neither long nor without end, whatever its cells are.
_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Const, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or),
    *(nodes.Not, nodes.Test, nodes.For, nodes.Filter, nodes.Add, nodes.Sub, nodes.Neg, nodes.Div),
    *(nodes.FloorDiv, nodes.Concat),
)
_SHORT = {  # filters that make nothing longer than what they are given
    *("abs", "capitalize", "d", "default", "first", "float", "int", "join", "last", "length"),
    *("list", "lower", "max", "min", "round", "sum", "title", "trim", "upper"),
}


def is_plain(tree: nodes.Template) -> bool:
    """Whether a template needs no trial: it prints, asks, and goes through lists, one by one."""
    loops = list(tree.find_all(nodes.For))
    filters = {node.name for node in tree.find_all(nodes.Filter)}
    nested = any(next(loop.find_all(nodes.For), None) is not None for loop in loops)
    return (
        not nested
        and filters <= _SHORT
        and all(isinstance(node, _PLAIN) for node in tree.find_all(nodes.Node))
    )


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
