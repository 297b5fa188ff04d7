"""What objects look like in a notebook, as HTML, and anywhere else, as text."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence

from tremble.report.page.templates import render
from tremble.report.tables.table import Table
from tremble.report.terminal.shown import ShownConsole

WIDTH = 100  # columns of a text


def text_of(write: Callable[[ShownConsole], object]) -> str:
    """What `write` prints, without colours, in lines of a page's width."""
    out = io.StringIO()
    write(ShownConsole(file=out, width=WIDTH, force_terminal=False, force_jupyter=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip()


def fragment(
    title: str,
    sentences: Sequence[str] = (),
    tables: Sequence[Table] = (),
    text: str = "",
) -> str:
    """A part of a page that stands alone in a notebook: sentences, tables, and a text as it is, in
    this order. Everything is escaped."""
    return render(
        "fragment.html", title=title, sentences=list(sentences), tables=list(tables), text=text
    )


def framed(page: str, height: int = 600) -> str:
    """A whole page in a frame of its own: its style touches nothing around it, no script of it
    runs, and it reaches nothing outside."""
    return (
        f'<iframe sandbox="" style="width: 100%; height: {height}px; border: 1px solid #888;" '
        f'srcdoc="{html.escape(page, quote=True)}"></iframe>'
    )
