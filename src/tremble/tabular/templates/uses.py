"""What a template looks at, read off its text before a row is read."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

HISTORY, OPTIONS, QUESTION, ROW = "history", "options", "question", "row"
SPECIAL = (HISTORY, OPTIONS, QUESTION, ROW)
_BLOCKS = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class NoTemplate(Exception):
    """A template that cannot be one; its text is the rest of a sentence on it."""


@dataclass(frozen=True, slots=True)
class Uses:
    """`names`: variables that the template does not set itself, without the special ones;
    `columns`: those of row["..."]; `words`: every name and text in it by which it could look at
    something of `history`; `past`: those it surely looks at there; `dotted`: what stands with
    dots behind such a variable, `stimulus.title`, and is not called."""

    names: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    special: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    past: frozenset[str] = field(default_factory=frozenset)
    dotted: frozenset[str] = frozenset()


def uses_of(tree: nodes.Template, known: Container[str]) -> Uses:
    """What a parsed template looks at; `known` are names that mean something without a column.
    Raises NoTemplate for one that looks at whole rows, so that nobody knows at which columns, and
    jinja's own errors for what cannot be compiled."""
    globals_ = {name for name in _values(tree) if name in known}
    undeclared = find_undeclared_variables(tree) | globals_
    if "self" in _values(tree):
        raise NoTemplate(
            'uses `self`, a word of the template language; for a column write row["self"]'
        )
    for block in tree.find_all(_BLOCKS):
        raise NoTemplate(f"includes another file (line {block.lineno}); write its text here")
    special = undeclared.intersection(SPECIAL)
    columns = frozenset(_columns(tree)) if ROW in special else frozenset()
    words = {node.attr for node in tree.find_all(nodes.Getattr)}
    texts = (node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str))
    return Uses(
        names=frozenset(undeclared - special),
        columns=columns,
        special=frozenset(special),
        words=frozenset(words.union(texts)),
        past=frozenset(_of_past(tree)),
        dotted=frozenset(_dotted(tree, undeclared)),
    )


def _values(tree: nodes.Template) -> set[str]:
    """The names that a template does not set and looks at otherwise than by a call: `range` alone
    is a column, and `range(3)` is not."""
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    names = [node for node in tree.find_all(nodes.Name) if id(node) not in called]
    return {node.name for node in names} - {node.name for node in names if node.ctx != "load"}


def _dotted(tree: nodes.Template, undeclared: set[str]) -> Iterator[str]:
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for found in tree.find_all(nodes.Getattr):
        names, held = [found.attr], found.node
        while isinstance(held, nodes.Getattr):
            names, held = [held.attr, *names], held.node
        base = held.name if isinstance(held, nodes.Name) and held.name != ROW else None
        if base in undeclared and id(found) not in called:
            yield ".".join([base, *names])


def _columns(tree: nodes.Template) -> Iterator[str]:
    """The columns of row["..."] and row.name."""
    known = 0
    for node, name in _looked_at(tree):
        if not (isinstance(node, nodes.Name) and node.name == ROW):
            continue
        known += 1
        if name is not None:
            yield name
        else:
            raise NoTemplate('uses a column of `row` without a fixed name; write row["the name"]')
    if known < sum(node.name == ROW for node in tree.find_all(nodes.Name)):
        raise NoTemplate('uses `row` as a whole; write row["the name of a column"]')


def _of_past(tree: nodes.Template) -> Iterator[str]:
    """What is looked at of the items of loops over the history, and of history[...] itself."""
    items = set()
    for loop in tree.find_all(nodes.For):
        over = loop.iter
        while isinstance(over, nodes.Filter | nodes.Getitem) and over.node is not None:
            over = over.node
        if (
            isinstance(over, nodes.Name)
            and over.name == HISTORY
            and isinstance(loop.target, nodes.Name)
        ):
            items.add(loop.target.name)
    for held, name in _looked_at(tree):
        of_item = isinstance(held, nodes.Name) and held.name in items
        of_place = (
            isinstance(held, nodes.Getitem)
            and isinstance(held.node, nodes.Name)
            and held.node.name == HISTORY
            and not isinstance(held.arg, nodes.Slice)
        )
        if (of_item or of_place) and name is not None:
            yield name


def _looked_at(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str | None]]:
    """What `.name` or `["name"]` is asked of, and the name; None for one that is computed."""
    for dotted in tree.find_all(nodes.Getattr):
        yield dotted.node, dotted.attr
    for item in tree.find_all(nodes.Getitem):
        fixed = isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str)
        yield item.node, item.arg.value if fixed else None  # type: ignore[attr-defined]
