"""`tremble published`: the printed figures of Shapira et al. (2026), recounted."""

from __future__ import annotations

from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded, print_json, say, screen


@guarded
def published_wins(
    mass: Annotated[
        str | None,
        typer.Option(
            metavar="X", help="Lowest mean probability mass of both models, 0 to 1, or none."
        ),
    ] = None,
    min_corr: Annotated[
        str | None,
        typer.Option(metavar="Y", help="Lowest r of the better model, 0 to 1, or none."),
    ] = None,
    games: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY",
            help="One family of games, or all: the four repeated ones together (bargaining, "
            "persuasion, negotiation, matrix), counted as in the original study.",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--sweep", help="Show every combination of the two filters.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count which model wins in the 120 pairs of Shapira et al. (2026), with any filters.

    The printed figures have two decimals, so bounds show how far the counts could differ. With
    one filter, --sweep or --json, every filter that you do not give takes all its values.
    """
    from tremble.published import sweep

    whole = every or as_json or mass is not None or min_corr is not None
    masses = sweep.MASSES if whole else (sweep.MASS,)
    corrs = sweep.MIN_CORRS if whole else (sweep.MIN_CORR,)
    if mass is not None:
        masses = (sweep.threshold(mass, "--mass", 0, 1),)
    if min_corr is not None:
        corrs = (sweep.threshold(min_corr, "--min-corr", 0, 1),)
    chosen = sweep.EVERY if games is None else (sweep.games_named(games),)
    rows = sweep.wins(chosen, masses, corrs)
    if as_json:
        print_json(rows)
        return
    from tremble.report.tables.published import wins_table
    from tremble.report.terminal.tables import print_tables

    print_tables([wins_table(rows)], screen())
    if not whole:
        say("Other filters: --mass X, --min-corr Y; --sweep shows all of them.")
