"""What a template looks at, read off its text before a row is read."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from jinja2 import nodes

from tremble.prompts.own_template import looked_at, names_behind, undeclared

HISTORY, OPTIONS, QUESTION, ROW = "history", "options", "question", "row"
SPECIAL = (HISTORY, OPTIONS, QUESTION, ROW)


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
    names = undeclared(tree, known, 'for a column write row["self"]')
    special = names.intersection(SPECIAL)
    columns = frozenset(names_behind(tree, ROW, "column")) if ROW in special else frozenset()
    words = {node.attr for node in tree.find_all(nodes.Getattr)}
    texts = (node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str))
    return Uses(
        names=frozenset(names - special),
        columns=columns,
        special=frozenset(special),
        words=frozenset(words.union(texts)),
        past=frozenset(_of_past(tree)),
        dotted=frozenset(_dotted(tree, names)),
    )


def _dotted(tree: nodes.Template, variables: set[str]) -> Iterator[str]:
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for found in tree.find_all(nodes.Getattr):
        names, held = [found.attr], found.node
        while isinstance(held, nodes.Getattr):
            names, held = [held.attr, *names], held.node
        base = held.name if isinstance(held, nodes.Name) and held.name != ROW else None
        if base in variables and id(found) not in called:
            yield ".".join([base, *names])


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
    for held, name in looked_at(tree):
        of_item = isinstance(held, nodes.Name) and held.name in items
        of_place = (
            isinstance(held, nodes.Getitem)
            and isinstance(held.node, nodes.Name)
            and held.node.name == HISTORY
            and not isinstance(held.arg, nodes.Slice)
        )
        if (of_item or of_place) and name is not None:
            yield name
