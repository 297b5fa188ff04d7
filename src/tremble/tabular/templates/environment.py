"""Where the templates of maps run: the sandbox of what users write, with cells in it."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.prompts.own_template import printable, sandbox
from tremble.tabular.templates.printed import Cell, Method


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
    """The sandbox of maps, see `sandbox`."""
    return sandbox(_Environment, _printable)


def _printable(value: Any) -> Any:
    if isinstance(value, Method):
        str(value)  # which raises, in words of its own
    return printable(
        value,
        ', or row["the name"] for a column',
        '; for a column of that name write row["the name"]',
    )
