"""Facts about a participant in templates: which parts of them a template looks up, and what is
there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from tremble.prompts.own_template import Missing

# The name of a fact, then the names and places behind it, last a filter of `_OF_LISTS`.
Path = tuple[str | int, ...]
_OF_LISTS: dict[str, Callable[[Any], Any]] = {
    "|length": len,
    "|min": min,
    "|max": max,
}  # what a list says apart from its places
_NOTHING = object()


def paths(tree: nodes.Template, base: str) -> frozenset[Path]:
    """What a template looks up behind `base`, as far as names and places are written out."""
    steps: list[nodes.Getattr | nodes.Getitem] = [
        *tree.find_all(nodes.Getattr),
        *tree.find_all(nodes.Getitem),
    ]
    inner = {id(node.node) for node in steps}
    found = set()
    for node in steps:
        path: list[str | int | None] = []
        at: nodes.Node = node
        while isinstance(at, nodes.Getattr | nodes.Getitem):
            path.append(_step(at))
            at = at.node
        if isinstance(at, nodes.Name) and at.name == base and id(node) not in inner:
            path.reverse()
            stop = path.index(None) if None in path else len(path)
            found.add(tuple(step for step in path[:stop] if step is not None))
    return frozenset(path for path in found if path)


def leaves(values: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """The texts, numbers and so on at a path in `values`, each with its own path: of a list or of
    what has parts, all of them, of a list also counted from its end (-1 is the last), and how many
    there are, the least and the greatest. Nothing where the path leads nowhere."""
    value: Any = values.get(str(path[0]))
    for at, step in enumerate(path[1:], start=1):
        held = _part(value, step)
        if held is _NOTHING:
            # A method, as in facts.did.split(): of all that it is called on.
            if isinstance(step, str) and hasattr(value, step):
                yield from _below(value, path[:at])
            return
        value = held
    yield from _below(value, path)


class Facts:
    """The facts about a participant, as `facts.age` or `facts["any name"]`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        value, path = self._values.get(name), _behind("facts", name)
        return MissingFact(path) if value is None else _within(value, path)

    def __str__(self) -> str:
        raise TypeError('it prints all facts; write facts["the name of a fact"]')

    __repr__ = __str__


class MissingFact(Missing):
    """A fact that a record lacks, and whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, name: Any) -> Any:
        return self


class Parts(dict[str, Any]):
    """A fact that has parts with names; one that it lacks is missing as a fact is."""

    __slots__ = ("_path",)

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        super().__init__(values)
        self._path = path

    def __getitem__(self, name: str) -> Any:
        value, path = self.get(name), _behind(self._path, name)
        return MissingFact(path) if value is None else _within(value, path)


class _Listed(list[Any]):
    """A fact that is a list."""

    __slots__ = ("_path",)

    def __init__(self, values: Sequence[Any], path: str) -> None:
        super().__init__(values)
        self._path = path

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, int):
            return super().__getitem__(at)
        path = _behind(self._path, at)
        there = -len(self) <= at < len(self)
        value = super().__getitem__(at) if there else None
        return MissingFact(path) if value is None else _within(value, path)

    def __iter__(self) -> Iterator[Any]:
        return (self[at] for at in range(len(self)))

    def __reversed__(self) -> Iterator[Any]:
        return (self[at] for at in reversed(range(len(self))))


def _within(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return Parts(value, path)
    return _Listed(value, path) if isinstance(value, list | tuple) else value


def written(path: Path) -> str:
    """A path as a template has it: facts.home["zip code"]."""
    found = "facts"
    for step in path:
        found = _behind(found, step)
    return found


def _behind(before: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{before}[{step}]"
    if step in _OF_LISTS:
        return f"{before}{step}"
    return f"{before}.{step}" if step.isidentifier() else f'{before}["{step}"]'


def _step(node: nodes.Getattr | nodes.Getitem) -> str | int | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    arg, sign = node.arg, 1
    if isinstance(arg, nodes.Neg):  # counted from the end
        arg, sign = arg.node, -1
    held = arg.value if isinstance(arg, nodes.Const) else None
    if isinstance(held, int):
        return sign * held
    return held if isinstance(held, str) and sign == 1 else None


def _part(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, _NOTHING)
    if isinstance(value, Sequence) and isinstance(step, int) and -len(value) <= step < len(value):
        return value[step]
    return _NOTHING


def _below(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, held in value.items():
            yield from _below(held, (*path, str(key)))
    elif isinstance(value, list | tuple) and value:
        for at, held in enumerate(value):
            yield from _below(held, (*path, at))
            yield from _below(held, (*path, at - len(value)))
        yield from _of_list(value, path)
    elif value is not None:
        yield path, value


def _of_list(value: Sequence[Any], path: Path) -> Iterator[tuple[Path, Any]]:
    for name, of in _OF_LISTS.items():
        try:
            found = of(value)
        except TypeError:  # texts among numbers have no order
            continue
        if isinstance(found, str | int | float):
            yield (*path, name), found
