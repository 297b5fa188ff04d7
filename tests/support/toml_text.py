"""A map as TOML, whose texts are written as those of JSON are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml_of(content: Mapping[str, Any]) -> str:
    """The content of a map: keys first, then its tables, then its tasks."""
    lines = [f"{key} = {_value(held)}" for key, held in content.items() if not _is_table(held)]
    for key, held in content.items():
        tables = held if _are_tables(held) else [held] if isinstance(held, Mapping) else []
        for table in tables:
            lines.append(f"[[{key}]]" if isinstance(held, list) else f"[{key}]")
            lines += [f"{_text(name)} = {_value(value)}" for name, value in table.items()]
    return "\n".join(lines) + "\n"


def _is_table(held: Any) -> bool:
    return isinstance(held, Mapping) or _are_tables(held)


def _are_tables(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and all(isinstance(x, Mapping) for x in held)


def _value(held: Any) -> str:
    if isinstance(held, Mapping):
        return "{ " + ", ".join(f"{_text(key)} = {_value(one)}" for key, one in held.items()) + " }"
    if isinstance(held, list):
        return "[" + ", ".join(map(_value, held)) + "]"
    return _text(held) if isinstance(held, str) else json.dumps(held)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
