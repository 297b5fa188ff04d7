"""What a key of a settings file is: every key once, for reading, for errors and for its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "text",
    "label",
    "texts",
    "patterns",
    "values",
    "flag",
    "count",
    "whole",
    "size",
    "share",
    "above 0",
    "any text",
    "cells",
    "names",
    "columns",
    "lists",
    "words",
    "options",
]
REQUIRED = object()  # the default of a key that must be there


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one table of a settings file.

    `default` is what it is when left out (None: nothing), or REQUIRED; `words` are the only values
    it takes, with those that `more` gives when it is asked (of installed packages), `every` what
    "all" stands for. `count` is a whole number from 1, `whole` one from 0; `label` is a text or a
    number, which becomes its text; `above 0` is a number. `patterns` is a text or a list of texts,
    `values` a text, number or flag, or a list of them, of which `takes` says more; `size` is read
    as bytes.
    Of maps of tables: `any text` may be empty, `cells` is a list of what cells hold, `names` name
    -> text, `columns` that or a list of texts, `lists` name -> cells, `words` name -> {cell: text},
    `options` a list of texts or tables.
    """

    table: str
    name: str
    kind: Kind
    default: Any
    meaning: str
    words: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    example: str = ""  # in TOML, where neither `words` nor a flag gives one
    more: Callable[[], Sequence[str]] = tuple
    takes: str = ""  # what it takes, where its kind says too little

    def allowed(self) -> tuple[str, ...]:
        """The only values that it takes, where there are `words`."""
        return (*self.words, *self.more()) if self.words else ()


def keys_of(schema: tuple[Key, ...], table: str) -> dict[str, Key]:
    """The keys of a table by name, in the order of the schema."""
    return {key.name: key for key in schema if key.table == table}
