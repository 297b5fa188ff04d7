"""`tremble xray`: one decision as its models read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from tremble.commands.base import AsJson, guarded_reader, print_json, screen
from tremble.commands.destinations import beside, check_page, write_page
from tremble.commands.ending import complain

_NUMBER = re.compile("[0-9]{1,9}")
Where = Annotated[
    str,
    typer.Argument(
        metavar="STUDY_OR_DATA",
        help="A study file or folder, a JSONL file, or an embedded data set.",
    ),
]


@guarded_reader
def xray(
    where: Where,
    decision: Annotated[
        str,
        typer.Argument(metavar="ID", help="The decision's id, or a unique beginning of it."),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="The model; can be repeated; default: the study's pair of models."),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="native, plain or chat; default: the study's.")
    ] = None,
    formulation: Annotated[
        str | None, typer.Option(help="The wording; default: the study's first one.")
    ] = None,
    presentation: Annotated[
        str | None,
        typer.Option(metavar="N|all", help="A presentation's number, or all; default: the first."),
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="A jinja file or a named template, for --format chat.")
    ] = None,
    reading: Annotated[
        str | None, typer.Option(help="joint or next_token; default: the study's.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where models run; default: the study's device, else cpu.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The study folder with stored scores; default: the same as for `run`."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show long texts and all their tokens in full.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page instead.")] = None,
    as_json: AsJson = False,
) -> int:
    """Look at one decision: its prompt, its tokens, and the score of each option by model."""
    if html is not None:
        check_page(html, "--html")
    from tremble.xray.request import Request

    request = Request(
        where,
        decision,
        tuple(model or ()),
        format_,
        formulation,
        int(presentation) if presentation and _NUMBER.fullmatch(presentation) else presentation,
        template,
        reading,
        device,
        out,
    )
    return _show(request, html, everything, as_json)


def _show(request: Any, html: Path | None, everything: bool, as_json: bool) -> int:
    from tremble.report.page.xray import xray_page
    from tremble.report.terminal.xray import show_xray
    from tremble.xray.decision import look_at

    look = look_at(request, complain)
    if html is not None:
        write_page(html, xray_page(look), "--html", told=not as_json)
    if as_json:
        print_json(look, out=None if html is None else beside(html))
    elif html is None:
        show_xray(look, screen(), everything)
    return 1 if any(reading["error"] is not None for reading in look["readings"]) else 0
