"""`tremble pairs`: the published pairs of base and aligned models."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded, print_json, say, screen
from tremble.errors import UserError
from tremble.text import counted


@guarded
def pairs(
    family: Annotated[
        str | None, typer.Option(metavar="F", help="Only this model family, such as Qwen.")
    ] = None,
    max_params: Annotated[
        float | None,
        typer.Option(metavar="B", help="Only models with at most this many billion parameters."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the 120 pairs of base and aligned models in Shapira et al. (2026)."""
    from dataclasses import asdict

    from tremble.published.pairs import NOT_VERIFIED, find

    if max_params is not None and not (math.isfinite(max_params) and max_params > 0):
        raise UserError(f"--max-params is {max_params:g}; give a number (of billions) above 0.")
    chosen = find(family, max_params)
    if as_json:
        print_json([{**asdict(pair), "hub_org_status": NOT_VERIFIED} for pair in chosen])
        return
    from tremble.report.tables.published import pair_table
    from tremble.report.terminal.tables import print_tables

    print_tables([pair_table(chosen)], screen())
    say(f"{counted(len(chosen), 'pair')}; hub organisations are {NOT_VERIFIED}.")
