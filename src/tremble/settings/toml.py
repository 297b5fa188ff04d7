"""The content of a TOML file that a user wrote, and values as such a file has them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tremble.decisions.files import text_of, too_deep
from tremble.errors import UserError

_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key that needs no quotes
_NUMBER = "write a whole number of at most 18 digits"
# a.b.c and so on: tables within tables, for which tomllib takes memory by the square.
_DOTTED = re.compile(r"""(?<!["'\w-])(?:["'\w-]+[ \t]*\.[ \t]*){100}""")


def text_in(path: Path) -> str:
    """The text of a file, line ends as on Unix. Raises UserError where it cannot be read."""
    return text_of(path).replace("\r\n", "\n").replace("\r", "\n")


def content_of(text: str, path: Path, what: str) -> dict[str, Any]:
    """A TOML document, its texts and numbers such as every reader of it can take.

    `what` it is, in errors: "a study file". Raises UserError for text that is not TOML, and for
    what tables of keys never hold.
    """
    deep = f"{path} is nested too deeply; {what} has only tables of keys."
    try:
        if _DOTTED.search(text):
            raise RecursionError
        content = tomllib.loads(text)
    except RecursionError as error:
        raise UserError(deep) from error
    except tomllib.TOMLDecodeError as error:
        word = re.search(r"=\s*(True|False|None)\b", text)
        how = (
            f", because {word[1]} is not a TOML value: write true or false in lower case"
            if word
            else ""
        )
        raise UserError(f"{path} is not valid TOML ({error}); correct it there{how}.") from error
    except ValueError as error:  # of Python's own, for a number of more than 4,300 digits
        raise UserError(f"{path} holds a number that TOML does not allow; {_NUMBER}.") from error
    if too_deep(content):
        raise UserError(deep)
    _check_values(content, path)
    return content


def _check_values(value: Any, path: Path, key: str = "") -> None:
    """Raises UserError for a number that is none of TOML's, and for a character of the number 0."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_values(name, path, key)
            _check_values(inner, path, name)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, path, key)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise UserError(f"{path}: {key} holds a number that TOML does not allow; {_NUMBER}.")
    elif isinstance(value, str) and "\0" in value:
        raise UserError(
            f"{path}: {value!r} in {key or 'a key'} contains a null character; remove it."
        )


def value_text(value: Any) -> str:
    """A text, number, truth value, list or table of these as TOML writes it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key_text(k)} = {value_text(v)}' for k, v in value.items())} }}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(value_text, value))}]"


def key_text(key: str) -> str:
    """A key as TOML writes it: in quotes where it has to be."""
    return key if _BARE.fullmatch(key) else value_text(key)
