"""The page of one decision looked at closely."""

from __future__ import annotations

from tremble.report.page.templates import render
from tremble.report.tables.xray import (
    XRay,
    comparison,
    folded,
    heading,
    notes,
    option_name,
    people,
    presentations,
    printable,
    visible,
    where_and_who,
)
from tremble.text import decimal


def xray_page(xray: XRay) -> str:
    """The page as text, in need of nothing else. Names and texts are escaped."""
    return render(
        "xray.html",
        {
            "visible": visible,
            "printable": printable,
            "folded": folded,
            "heading": heading,
            "decimal": decimal,
            "option_name": option_name,
        },
        title=printable(xray["decision"]["id"]),
        about=where_and_who(xray),
        presentations=presentations(xray),
        table=comparison(xray),
        people=people(xray),
        notes=notes(xray),
    )
