"""A reader of BibTeX for tests, written to its grammar and to nothing of the package's."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    kind: str
    key: str
    fields: dict[str, str]


def entries(text: str) -> list[Entry]:
    """All entries of a text, as BibTeX finds them: it takes every @ outside an entry for the start
    of one, and counts braces whatever stands before them. Raises ValueError for what is none."""
    found = []
    at = text.find("@")
    while at >= 0:
        entry, end = _entry(text, at + 1)
        found.append(entry)
        at = text.find("@", end)
    return found


def _entry(text: str, at: int) -> tuple[Entry, int]:
    start = text.index("{", at)
    kind = text[at:start].strip()
    if not kind.isalpha():
        raise ValueError(f"no kind of entry: {text[at : at + 40]!r}")
    end = _closed(text, start)
    key, comma, body = text[start + 1 : end].partition(",")
    if not comma or not key.strip() or any(letter in key for letter in " {}\"#%'(),=\\~"):
        raise ValueError(f"no key: {key!r}")
    fields: dict[str, str] = {}
    place = 0
    while body[place:].strip():
        name, equals, _ = body[place:].partition("=")
        if not equals or not name.strip().isalnum():
            raise ValueError(f"no field: {body[place : place + 40]!r}")
        opened = body.index("{", place + len(name))
        if body[place + len(name) + 1 : opened].strip():
            raise ValueError(f"a value must stand in braces: {body[place:]!r}")
        closed = _closed(body, opened)
        if name.strip() in fields:
            raise ValueError(f"twice: {name.strip()!r}")
        fields[name.strip()] = body[opened + 1 : closed]
        rest = body[closed + 1 :]
        if rest.strip() and not rest.lstrip().startswith(","):
            raise ValueError(f"no comma behind {name.strip()!r}")
        place = closed + 1 + (rest.index(",") + 1 if rest.strip() else len(rest))
    return Entry(kind, key.strip(), fields), end


def _closed(text: str, opened: int) -> int:
    """Where the brace at `opened` is closed."""
    depth = 0
    for at in range(opened, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return at
    raise ValueError("a brace is not closed")
