"""Write the tables of docs/study_files.md and docs/align.md, the keys of study files and recipes:
`python scripts/write_study_schema.py`.

They stand between `<!-- schema: TABLE -->` and `<!-- end -->`, one for each table of the schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tremble.post_training.schema import RECIPE
from tremble.settings.schema import REQUIRED, Key, keys_of
from tremble.study.schema import SCHEMA

_DOCS = Path(__file__).parents[1] / "docs"
PAGES = {_DOCS / "study_files.md": SCHEMA, _DOCS / "align.md": RECIPE}
_MARKED = re.compile(r"(?<=<!-- schema: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
HEAD = "| key | type | default | example | meaning |"
_KINDS = {
    "text": "text",
    "label": "text or number",
    "texts": "list of texts",
    "patterns": "text or list of texts",
    "values": "text, number, true or false, or a list of two",
    "flag": "true or false",
    "count": "whole number from 1",
    "whole": "whole number from 0",
    "share": "number from 0 to 1",
    "above 0": "number above 0",
    "size": 'size such as `"4 GB"`',
}


def written(page: str, schema: tuple[Key, ...] = SCHEMA) -> str:
    """The page with the tables of today."""
    return _MARKED.sub(lambda match: f"{match[1]}{match[2]}{table(match[1], schema)}", page)


def table(name: str, schema: tuple[Key, ...]) -> str:
    rows = [
        f"| `{key.name}` | {_type(key)} | {_default(key)} | {_example(key)} | {key.meaning} |"
        for key in keys_of(schema, name).values()
    ]
    return "\n".join([HEAD, "|---|---|---|---|---|", *rows, ""])


def _type(key: Key) -> str:
    if not key.words:
        return key.takes.removeprefix("a ") or _KINDS[key.kind] + (
            ', or `"all"`' if key.every else ""
        )
    words = [f'`"{word}"`' for word in key.words]
    listed = f"{', '.join(words[:-1])} or {words[-1]}"
    return listed if key.kind == "text" else f"list of {listed}"


def _default(key: Key) -> str:
    if key.default is REQUIRED:
        return "must be given"
    if key.kind == "values" and str(key.default).isdecimal():
        return f"`{key.default}`"  # a number, read as its text
    return "none" if key.default in (None, ()) else f"`{json.dumps(key.default)}`"


def _example(key: Key) -> str:
    """The key with a value that it takes."""
    value = key.example
    if key.words:
        word = json.dumps(key.words[-1])
        value = word if key.kind == "text" else f"[{word}]"
    elif key.kind == "flag":
        value = json.dumps(not key.default)
    return f"`{value}`"


if __name__ == "__main__":
    for page, schema in PAGES.items():
        page.write_text(written(page.read_text("utf-8"), schema), "utf-8")
