"""The page of a study: one static HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.published.figures import CITATION
from tremble.report.page.charts import drawn, outcome_charts, pair_charts
from tremble.report.page.cloud import beside_published
from tremble.report.page.parts import ANSWER, Part
from tremble.report.page.templates import render
from tremble.report.page.training import training_section
from tremble.report.tables.table import layout
from tremble.stats.filters import MIN_MASS, MIN_N, MIN_R
from tremble.stats.frames.comparisons import family_order, format_column
from tremble.stats.tables.analysis import Analysis
from tremble.stats.tables.further import OF_SESSIONS, OF_TRAINING
from tremble.text import MISSING, decimal

MAX_REASONS = 50


def not_scored(scores: pl.DataFrame) -> list[dict[str, Any]]:
    """model, format, formulation, error and `rows` that failed with it, most frequent first."""
    return (
        scores.filter(pl.col("error").is_not_null())
        .group_by("model", format_column(), "formulation", pl.col("error").cast(pl.String))
        .agg(rows=pl.len())
        .sort("rows", "model", "format", "formulation", "error", descending=[True] + [False] * 4)
        .to_dicts()
    )


def study_page(
    analysis: Analysis,
    scores: pl.DataFrame,
    title: str,
    caveats: Sequence[str] = (),
    parts: Sequence[Part] = (),
    methods: Part | None = None,
) -> str:
    """The page as text: tables, plots, the published pairs beside the study's, what is missing.

    `scores` are those that `analysis` was made of, failed ones and those under controls included;
    `caveats` are shown at the top, as they are; `parts` are the further tables (`parts.py`), of
    which the verdict and those of sessions and of checkpoints come before all other tables;
    `methods` ends the page. Names and texts are escaped. Raises MissingExtra without altair and
    vl-convert.
    """
    decisions = analysis.evidence.decisions
    outcomes, left_out = outcome_charts(analysis.evidence)
    trained = OF_TRAINING if analysis.trajectory else ()
    of_training = [part for part in parts if part.heading.id in trained]
    apart = (*ANSWER, *OF_SESSIONS, *trained)
    failures = not_scored(scores)
    return render(
        "page.html",
        title=title,
        caveats=list(caveats),
        tables=layout(analysis),
        answer=[part for part in parts if part.heading.id in ANSWER],
        sessions=[part for part in parts if part.heading.id in OF_SESSIONS],
        training=training_section(of_training),
        parts=[part for part in parts if part.heading.id not in apart],
        methods=methods,
        beside=beside_published(analysis.pairs, list(family_order(decisions["family"]))),
        citation=CITATION,
        pair_figures=drawn(pair_charts(analysis)),
        outcome_figures=drawn(outcomes),
        figures_left_out=left_out,
        failures=failures[:MAX_REASONS],
        failures_left_out=max(0, len(failures) - MAX_REASONS),
        counts={
            "decisions": decisions.height,
            "families": decisions["family"].n_unique(),
            "models": scores["model"].n_unique(),
            "pairs": len({(p["base"], p["aligned"]) for p in analysis.pairs}),
        },
        min_mass=decimal(MIN_MASS),
        min_r=decimal(MIN_R),
        min_n=MIN_N,
        missing=MISSING,
    )
