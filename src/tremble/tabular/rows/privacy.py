"""Columns that seem to name people, on their way into what is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

_SAMPLE = 200  # different cells of a column that are looked at
_MOST = 0.5  # of these must look so

# Words in the name of a column, what they mean, and what its cells look like.
_NAMED = (
    ("e-mail addresses", r"e-?mail|recipientemail"),
    ("IP addresses", r"ip|ip-?address"),
    ("names of people", r"(first|last|full|sur|family|given|recipientfirst|recipientlast)-?name"),
    ("phone numbers", r"phone|mobile|telephone|phone-?number"),
    (
        "Prolific or MTurk ids",
        r"prolific(-?(id|pid))?|mturk(-?id)?|worker-?id|assignment-?id|turker",
    ),
    ("geographic locations", r"(location-?)?(latitude|longitude)|lat|lon|lng|geo"),
    ("addresses", r"(home-?|street-?|postal-?)?address|zip-?code|post-?code"),
)
_CELLS = (
    ("e-mail addresses", r"[^@\s]+@[^@\s]+\.[a-z]{2,}"),
    ("IP addresses", r"(\d{1,3}\.){3}\d{1,3}"),
    ("Prolific ids", r"[0-9a-f]{24}"),
    ("MTurk ids", r"A[0-9A-Z]{12,13}"),
    ("phone numbers", r"\+\d[\d ()/-]{7,18}"),
)


def means(column: str, cells: Iterable[str | None]) -> str | None:
    """What a column seems to hold of people, by its name or by most of its cells; None where
    nothing of the kind shows."""
    # Of participant.first_name, firstName and "First Name" the same words.
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", column)
    name = re.sub(r"[^a-z0-9]+", "-", apart.casefold()).strip("-")
    for what, pattern in _NAMED:
        if re.search(rf"(?:^|-)(?:{pattern})(?:$|-)", name):
            return what
    sample = list(islice(_different(cells), _SAMPLE))
    for what, pattern in _CELLS:
        alike = sum(re.fullmatch(pattern, cell, re.IGNORECASE) is not None for cell in sample)
        if sample and alike > _MOST * len(sample):
            return what
    return None


def warning(column: str, where: str, what: str) -> str:
    """The sentence about a column that reaches `where`: "the prompt", "facts"."""
    return (
        f"the column {column!r}, which is used in {where}, seems to contain {what}; leave it out, "
        "unless everyone who gets the file may know who took part"
    )


def _different(cells: Iterable[str | None]) -> Iterator[str]:
    seen = set()
    for cell in islice(cells, 20 * _SAMPLE):
        if cell is not None and cell not in seen:
            seen.add(cell)
            yield cell
