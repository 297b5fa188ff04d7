"""Where the templates of maps run: jinja's sandbox, without anything that gives another text each
time, and in which a cell that is no number does not become 0."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.tabular.templates.printed import Past, Row

_NONE = object()


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Templates print as chat templates do: a line that holds a statement alone leaves no line."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
    )
    del made.filters["random"]
    del made.globals["lipsum"]  # random words
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
            'it prints a list; write |join(", ") behind it, or row["the name"] for a column'
        )
    if callable(value):
        raise TypeError('it prints a function; of a column of that name write row["the name"]')
    raise TypeError(str(value) if isinstance(value, Past | Row) else f"it prints {value!r}")


def _float(value: Any, default: Any = _NONE) -> Any:
    return _as(float, value, default)


def _int(value: Any, default: Any = _NONE) -> Any:
    return _as(lambda one: int(float(one)), value, default)


def _as(kind: Any, value: Any, default: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        if default is _NONE:
            raise TypeError(f"{str(value)!r} is no number") from None
        return default
