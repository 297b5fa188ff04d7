"""The page of a study, from its folder to one text."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from tremble.api.methods import methods_facts
from tremble.api.results import (
    analyze_study,
    contrast_analysis,
    further_analysis,
    verdict_analysis,
)
from tremble.report.page.charts import Chart, outcome_charts, pair_charts
from tremble.report.page.parts import further_parts, methods_part
from tremble.report.page.study import study_page
from tremble.report.page.training import DRAWN, training_charts
from tremble.stats.tables.analysis import COLUMNS, Analysis
from tremble.study.notes import caveats


def whole_page(
    folder: Path, title: str, made: tuple[Analysis, pl.DataFrame] | None = None
) -> tuple[str, list[str]]:
    """The page as text, and a sentence for each table that could not be made.

    `made`: the analysis and the scores of the folder, where they are there already. Raises
    UserError where the folder is no study.
    """
    analysis, scores = analyze_study(folder)[:2] if made is None else made
    further = further_analysis(analysis, instead=lambda _, error: error)

    def rows_of(name: str) -> Any:
        if isinstance(further[name], Exception):
            raise further[name]
        return further[name]

    contrasts = cache(partial(contrast_analysis, analysis, analysis.contrasts))
    verdicts = cache(partial(verdict_analysis, folder, analysis))

    def made_already(name: str) -> Any:
        if name == "contrasts":
            return contrasts()[name] if analysis.contrasts else []
        if name == "verdict":
            return verdicts()
        return getattr(analysis, name) if name in COLUMNS else rows_of(name)

    parts = further_parts(rows_of, verdicts, contrasts if analysis.contrasts else None)
    methods = methods_part(partial(methods_facts, folder, made_already))
    text = study_page(analysis, scores, title, caveats(folder), parts, methods)
    return text, [
        f"{part.heading.title} is missing on the page. {part.trouble}"
        for part in (*parts, methods)
        if part.trouble is not None
    ]


def page_charts(analysis: Analysis) -> list[Chart]:
    """The charts of a study's page. Raises MissingExtra without altair and vl-convert."""
    made = [*pair_charts(analysis), *outcome_charts(analysis.evidence)[0]]
    if analysis.trajectory:
        made += training_charts(further_analysis(analysis, DRAWN))
    return made
