"""Where a page goes: a new file, or in place of a page of tremble's."""

from __future__ import annotations

from pathlib import Path

from tremble.disk.replaced import start_of, would_replace
from tremble.errors import UserError

_MARK = b'<meta name="generator" content="tremble" />'  # in base.html


def check_page(target: Path, cure: str) -> None:
    """Raises UserError, with `cure`, where something other than a page of tremble's is in the
    way."""
    if not would_replace(target, cure):
        return
    if target.is_dir():
        raise UserError(f"{target} is a folder; give the page's file, such as {target}/page.html.")
    if _MARK not in start_of(target, 1000, cure):
        raise UserError(f"{target} already exists and is not a page of tremble; {cure}.")
