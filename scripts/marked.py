"""Texts of a page that a script writes: each stands behind its mark, to the next empty line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path


def put_texts(page: Path, texts: Mapping[str, str]) -> None:
    """Puts each text behind its `<!-- MARK -->`. Raises SystemExit where a mark is not there once;
    nothing is written then."""
    held = page.read_text("utf-8")
    for mark, text in texts.items():
        lines = re.compile(rf"(<!-- {mark} -->\n)(?:[^\n]+\n)*")
        held, found = lines.subn(lambda m, text=text: f"{m[1]}{text}\n", held)  # type: ignore[misc]
        if found != 1:
            raise SystemExit(f"{page} has no place marked {mark!r}")
    page.write_text(held, "utf-8")
