"""`tremble published`: the core study's printed figures, recounted."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from tremble.commands import AsJson, guarded, print_json


@guarded
def published_wins(
    mass: Annotated[
        str | None,
        typer.Option(metavar="X", help="Least mean mass of both models, or none; default: all."),
    ] = None,
    min_corr: Annotated[
        str | None,
        typer.Option(metavar="Y", help="Least r of the better model, or none; default: all."),
    ] = None,
    games: Annotated[
        str | None, typer.Option(metavar="FAMILY", help="One family of games, or all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who wins among the 120 published pairs, under each filter.

    Counted from figures of two decimals; the bounds say what those leave open.
    """
    from tremble.published import sweep
    from tremble.published.console import show_wins

    masses = sweep.MASSES if mass is None else (sweep.threshold(mass, "--mass", 0, 1),)
    corrs = (
        sweep.MIN_CORRS if min_corr is None else (sweep.threshold(min_corr, "--min-corr", -1, 1),)
    )
    chosen = sweep.EVERY if games is None else (sweep.games_named(games),)
    rows = sweep.wins(chosen, masses, corrs)
    if as_json:
        print_json(rows)
    else:
        show_wins(rows, Console())
