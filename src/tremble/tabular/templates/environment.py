"""Where the templates of maps run: jinja's sandbox, without anything that gives another text each
time, and in which a cell that is no number does not become 0."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.tabular.templates.printed import Cell, Method

_NONE = object()


class _Environment(ImmutableSandboxedEnvironment):
    """In which cells have the methods of texts, to be called, and nothing else behind a dot."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return (
            self._of_cell(obj, attribute)
            if isinstance(obj, Cell)
            else super().getattr(obj, attribute)
        )

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Cell) and isinstance(argument, str):
            return self._of_cell(obj, argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not isinstance(obj, Cell) and super().is_safe_attribute(obj, attr, value)

    def _of_cell(self, cell: Cell, name: str) -> Any:
        if name.startswith("_") or name in ("format", "format_map"):
            return self.unsafe_undefined(cell, name)
        if not hasattr(str, name):
            return self.undefined(f"a cell has no attribute {name!r}")
        return Method(cell, name)


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Templates print as chat templates do: a line that holds a statement alone leaves no line."""
    made = _Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
    )
    del made.filters["random"]
    del made.globals["lipsum"]  # random words
    del made.filters["pprint"]  # as a program writes it
    made.filters["string"] = lambda value: str(_printable(value))
    made.filters["float"] = _float
    made.filters["int"] = _int
    return made


def _printable(value: Any) -> Any:
    """What is printed, where it is a text or a number: others look different each time, or say
    what nobody read."""
    if isinstance(value, str | int | float | jinja2.Undefined):
        return value
    if isinstance(value, list | tuple | Iterator):
        raise TypeError(
            'it prints a list; write |join(", ") after it, or row["the name"] for a column'
        )
    if callable(value) and not isinstance(value, Method):
        raise TypeError('it prints a function; for a column of that name write row["the name"]')
    if value is None or isinstance(value, dict):
        raise TypeError(f"it prints {value!r}")
    # Some say themselves what is wrong with that.
    raise TypeError(str(value) and "it prints something that is neither a text nor a number")


def _float(value: Any, default: Any = _NONE) -> Any:
    return _as(float, value, default)


def _int(value: Any, default: Any = _NONE) -> Any:
    return _as(lambda one: int(float(one)), value, default)


def _as(kind: Any, value: Any, default: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        if default is _NONE:
            raise TypeError(f"{str(value)!r} is not a number") from None
        return default
