"""The results of a study folder: its analysis, further tables, breakdowns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import polars as pl

from tremble.published import pairs
from tremble.stats.frames.clusters import each_apart
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.tables.analysis import Analysis, analyze, plain
from tremble.stats.tables.breakdowns import breakdown, wins_table
from tremble.stats.tables.further import further_tables
from tremble.store.study_folder import Store


def analyze_study(out: Path) -> tuple[Analysis, pl.DataFrame, pl.DataFrame]:
    """The analysis of a study folder, with the scores and decisions it was made from; where the
    study has `one_decision_each`, whoever is not named is a participant of one decision.

    Raises UserError where the folder is no study.
    """
    store = Store(out)
    scores, decisions = store.scores(), store.decisions()
    if store.read_run().get("one_decision_each"):
        decisions = each_apart(decisions)
    return analyze(scores, decisions, _compared(store)), scores, decisions


def further_analysis(
    analysis: Analysis,
    names: Collection[str] | None = None,
    instead: Callable[[str, Exception], Any] | None = None,
) -> dict[str, Any]:
    """The further tables of a study (`stats.tables.further`): all of them, or those named.

    `analysis` is what `analyze_study` gave; `instead` as for `further_tables`. Raises UserError
    for another name.
    """
    models = {name for one in analysis.comparisons for name in (one.base, one.aligned)}
    known = {name: (pairs.likely_family(name), pairs.params_of(name)) for name in models}
    return further_tables(analysis, known, names, instead=instead)


def breakdown_analysis(analysis: Analysis, by: str) -> dict[str, list[dict[str, Any]]]:
    """The pairs of a study within every value of one parameter of the games: "pairs" (r, mass,
    winner; `breakdown`) and "wins" (`wins_table`).

    `analysis` is what `analyze_study` gave. Raises UserError where no decision has such a
    parameter.
    """
    rows = breakdown(analysis.evidence, analysis.comparisons, by, analysis.filters)
    return {"pairs": plain(rows), "wins": plain(wins_table(rows))}


def _compared(store: Store) -> list[Comparison]:
    return [Comparison(**entry) for entry in store.read_run()["comparisons"]]
