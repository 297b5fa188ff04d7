"""Reads the tables of a settings file by its schema: wrong keys and values are refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from tremble.errors import UserError
from tremble.settings.schema import REQUIRED, Key, keys_of
from tremble.text import abridged, as_text, as_written, did_you_mean

_UNITS = {
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


class Reader:
    """Reads the tables of one file, whose path is named in every error; paths in it start at
    `folder`, by default the file's own."""

    def __init__(self, path: Path, schema: tuple[Key, ...], folder: Path | None = None) -> None:
        self.path = path
        self.schema = schema
        self.folder = path.parent if folder is None else folder

    def fail(self, message: str) -> NoReturn:
        message = abridged(message)
        raise UserError(f"{self.path}: {message}{'' if message.endswith('?') else '.'}")

    def known(self, table: Mapping[str, Any], names: list[str], where: str = "") -> None:
        """Raises UserError for a key that is not among `names`."""
        for key in table:
            if key not in names:
                inside = f" in {where}" if where else ""
                raise UserError(
                    f"{self.path}: unknown key {key!r}{inside}{did_you_mean(key, names)}"
                )

    def one(self, content: Mapping[str, Any], table: str) -> dict[str, Any]:
        """The values of a table that stands once, with defaults in place of what is left out.

        Raises UserError for unknown keys and wrong values, as does `each`.
        """
        entries = content.get(table, {})
        if not isinstance(entries, dict):
            self.fail(f"{table} must be a table, written [{table}]")
        return self.values(entries, table, f"[{table}]")

    def each(self, content: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
        """The values of a table that is written once for each."""
        entries = content.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.fail(f"{table} must be written [[{table}]], once for each entry")
        return [self.values(entry, table, f"[[{table}]]") for entry in entries]

    def values(self, given: Mapping[str, Any], table: str, where: str) -> dict[str, Any]:
        """The values of one table, which stands at `where`."""
        known = keys_of(self.schema, table)
        self.known(given, list(known), where)
        return {
            name: self.value(key, given.get(name), where)
            if name in given or key.default is REQUIRED
            else key.default
            for name, key in known.items()
        }

    def value(self, key: Key, value: Any, where: str) -> Any:
        """The value of one key, as its kind has it."""
        name, given = key.name, as_written(value)
        if key.kind == "flag":
            if not isinstance(value, bool):
                self.fail(f"{name} in {where} is {given}; it must be true or false")
            return value
        if key.kind == "count":
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not 1 <= value < 2**31:
                self.fail(
                    f"{name} in {where} is {given}; it must be a whole number from 1"
                    f"{f' to {2**31 - 1}' if whole and value > 1 else ''}"
                )
            return value
        if key.kind == "whole":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
                self.fail(f"{name} in {where} is {given}; it must be a whole number from 0")
            return value
        if key.kind == "values":
            return self._values_of(key, value, where)
        if key.kind == "share":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1:
                self.fail(f"{name} in {where} is {given}; it must be a number from 0 to 1")
            return float(value)
        if key.kind == "above 0":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 < value < float("inf"):
                self.fail(
                    f"{name} in {where} is {given}; it must be a number above 0, such as "
                    f"{key.example}"
                )
            return float(value)
        if key.kind == "size":
            return self._bytes(name, value, where)
        if key.kind == "label":
            if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
                return as_text(value)
            if not isinstance(value, str) or not value:
                self.fail(f"{name} in {where} is {given}; it must be text in quotes, or a number")
            return value
        if key.kind == "text":
            if key.words and value not in key.allowed():
                self.fail(f"{name} is {given}; {_one_of(value, key.allowed())}")
            if not isinstance(value, str) or not value:
                self.fail(f"{name} in {where} is {given}; it must be text in quotes")
            return value
        return self._texts(key, value, where)

    def _texts(self, key: Key, value: Any, where: str) -> tuple[str, ...]:
        if key.every and value == "all":
            return key.every
        if key.kind == "patterns" and isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not value or not all(isinstance(x, str) for x in value):
            what = 'it must be "all" or a list' if key.every else "it must be a list"
            example = next(iter(key.words or key.every), key.name)
            if value is None:
                self.fail(
                    f"{key.name} is missing in {where}; add it, such as {key.name} = {key.example}"
                )
            self.fail(f'{key.name} is {as_written(value)}; {what} of texts such as ["{example}"]')
        for word in value:
            if key.words and word not in key.allowed():
                self.fail(f"{key.name} holds {word!r}; {_one_of(word, key.allowed())}")
            if value.count(word) > 1:
                self.fail(f"{key.name} holds {word!r} {value.count(word)} times; keep one")
        return tuple(value)

    def _values_of(self, key: Key, value: Any, where: str) -> str | tuple[str, ...]:
        """A value as text, or several."""
        several = value if isinstance(value, list) else [value]
        if not several or not all(isinstance(one, str | int | float) for one in several):
            takes = key.takes or "a text, a number, true or false, or a list of two of them"
            self.fail(f"{key.name} in {where} is {as_written(value)}; it must be {takes}")
        texts = tuple(as_text(one) for one in several)
        return texts if isinstance(value, list) else texts[0]

    def _bytes(self, name: str, value: Any, where: str) -> int:
        """A size such as "4 GB" (thousands) or "8 GiB" (1,024s) in bytes."""
        amount = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?) *([kmgt]i?b)", str(value).strip().lower())
        size = int(float(amount[1]) * _UNITS[amount[2]]) if amount else 0
        if not isinstance(value, str) or not size:
            self.fail(
                f"{name} in {where} is {as_written(value)}; it must be a size such as "
                '"4 GB" or "512 MiB"'
            )
        return size


def _one_of(value: Any, words: Sequence[str]) -> str:
    """What a key takes, and which of it is close to `value`."""
    shown = ", ".join(f'"{word}"' for word in words)
    hint = did_you_mean(value, list(words)) if isinstance(value, str) else ""
    return f"it must be one of {shown}{hint if hint.endswith('?') else ''}"
