"""Write the tables of docs/study_files.md: `python scripts/write_study_schema.py`.

They stand between `<!-- schema: TABLE -->` and `<!-- end -->`, one for each table of the schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tremble.settings.schema import REQUIRED, Key
from tremble.study.schema import keys

PAGE = Path(__file__).parents[1] / "docs" / "study_files.md"
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
    "size": 'size such as `"4 GB"`',
}


def written(page: str) -> str:
    """The page with the tables of today."""
    return _MARKED.sub(lambda match: f"{match[1]}{match[2]}{table(match[1])}", page)


def table(name: str) -> str:
    rows = [
        f"| `{key.name}` | {_type(key)} | {_default(key)} | {_example(key)} | {key.meaning} |"
        for key in keys(name).values()
    ]
    return "\n".join([HEAD, "|---|---|---|---|---|", *rows, ""])


def _type(key: Key) -> str:
    if not key.words:
        return _KINDS[key.kind] + (', or `"all"`' if key.every else "")
    words = [f'`"{word}"`' for word in key.words]
    listed = f"{', '.join(words[:-1])} or {words[-1]}"
    return listed if key.kind == "text" else f"list of {listed}"


def _default(key: Key) -> str:
    if key.default is REQUIRED:
        return "must be given"
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
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
