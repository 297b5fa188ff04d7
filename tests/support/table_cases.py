"""What many small tables differ in: each two values that go together come at least once."""

from __future__ import annotations

from tests.support.pairwise import Case, pairwise
from tests.support.table_writers import DELIMITERS, JSON

DIMENSIONS = {
    "shape": ("long", "wide", "parts", "rates", "counts", "tasks", "folder", "history"),
    "format": (*DELIMITERS, "xlsx", "sav", "dta", "parquet", *JSON, "pandas", "polars"),
    "encoding": ("utf8", "bom", "utf16le", "utf16be", "cp1252"),
    "letters": ("ascii", "latin", "decomposed", "cjk", "nbsp"),
    "values": ("point", "comma", "floats", "dates", "booleans"),
    "header": ("plain", "qualtrics", "sosci", "odd", "twice", "many", "empty", "trailing"),
    "people": ("numbers", "texts", "joined", "sessions", "keep", "nobody"),
    "missing": ("none", "codes", "na", "none_option", "drop"),
    "options": ("labels", "cells", "values", "template", "value_labels"),
}
_TEXTS = {*DELIMITERS, *JSON}
_ROWS = {*DELIMITERS, "xlsx"}  # formats of rows, in which anything may be a name
STATISTICS = {"sav", "dta"}
# A value, and the values of another dimension that go with it alone.
_ONLY = [
    *(("encoding", name, "format", _TEXTS) for name in DIMENSIONS["encoding"][1:]),
    ("encoding", "cp1252", "letters", {"ascii", "latin", "nbsp"}),
    ("values", "comma", "format", {*DELIMITERS}),
    *(("header", name, "format", _ROWS) for name in ("qualtrics", "sosci")),
    ("header", "odd", "format", {*DIMENSIONS["format"]} - STATISTICS),
    ("header", "twice", "format", _ROWS | {"pandas"}),
    ("header", "trailing", "format", {*DELIMITERS}),
    ("options", "value_labels", "format", STATISTICS),
    ("shape", "folder", "format", {*DIMENSIONS["format"]} - {"pandas", "polars"}),
    ("shape", "history", "people", {*DIMENSIONS["people"]} - {"nobody"}),
]
for _shape in ("rates", "counts"):
    _ONLY += [
        ("shape", _shape, "people", {"nobody"}),
        ("shape", _shape, "missing", {*DIMENSIONS["missing"]} - {"none_option"}),
        ("shape", _shape, "options", {"labels", "cells", "values", "template"}),
    ]


def cases() -> list[dict[str, str]]:
    """All of them, each a value for every dimension."""
    return pairwise(DIMENSIONS, together)


def together(case: Case) -> bool:
    """Whether values of some dimensions go together."""
    return all(
        case[other] in allowed
        for name, value, other, allowed in _ONLY
        if case.get(name) == value and other in case
    )
