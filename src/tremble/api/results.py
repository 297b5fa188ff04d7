"""The results of a study folder: its analysis, further tables, breakdowns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from tremble.api.provenance import manifests_of
from tremble.errors import UserError
from tremble.published import pairs, psych
from tremble.stats.frames.clusters import each_apart
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.frames.treatments import Contrast, Settings, parse
from tremble.stats.tables.analysis import Analysis, analyze, plain
from tremble.stats.tables.breakdowns import breakdown, wins_table
from tremble.stats.tables.contrasts import CONTRAST_COLUMNS, ContrastTables
from tremble.stats.tables.effect_agreement import effect_errors_table, effects_table
from tremble.stats.tables.further import KnownOfSessions, further_tables
from tremble.stats.tables.model_breakdown import model_breakdown
from tremble.stats.verdict.answer import Margins
from tremble.stats.verdict.table import verdict_table
from tremble.store.schemas import DIVERGENCE
from tremble.store.study_folder import Store
from tremble.store.task_items import items_of
from tremble.study.session_notes import branching
from tremble.text import did_you_mean


def analyze_study(out: Path) -> tuple[Analysis, pl.DataFrame, pl.DataFrame]:
    """The analysis of a study folder, with the scores and decisions it was made from; where the
    study has `one_decision_each`, whoever is not named is a participant of one decision.

    Raises UserError where the folder is no study.
    """
    store = Store(out)
    scores, decisions = store.scores(), store.decisions()
    if store.read_run().get("one_decision_each"):
        decisions = each_apart(decisions)
    made = analyze(scores, decisions, _compared(store), contrasts=contrasts_of(store))
    alike = store.read_run().get("persona_equal_others")
    if alike is not None:
        people, alike = decisions["participant"].drop_nulls().unique(), set(alike)
        made = replace(made, equal_others={name: name in alike for name in people})
    branches = branching(manifest for _, manifest in manifests_of(store))
    made = replace(made, branching=branches, **_trained(store))
    return made, scores, decisions


def _trained(store: Store) -> dict[str, Any]:
    """What an analysis has of checkpoints and their task, where the study has any."""
    record = store.read_run().get("trajectory")
    if record is None:
        return {}
    items, jobs = items_of(store), store.entries(task=True)
    if items is None or not jobs:
        return {"trajectory": record}
    names = ["model", "decision", "error"]
    names += ["response_logprob", "closing_logprob", "response_tokens", *DIVERGENCE]
    scores = pl.concat([store.rows(job, names) for job in jobs])
    return {"trajectory": record, "answers": TaskAnswers(items, scores)}


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
    sessions = KnownOfSessions(psych.categories(), analysis.equal_others, analysis.branching)
    return further_tables(analysis, known, names, instead=instead, known=sessions)


def breakdown_analysis(analysis: Analysis, by: str) -> dict[str, list[dict[str, Any]]]:
    """A study within every value of one parameter of the games: "models" (r, mass, shares;
    `model_breakdown`), "pairs" (r, mass, winner; `breakdown`) and "wins" (`wins_table`).

    `analysis` is what `analyze_study` gave. Raises UserError where no decision has such a
    parameter.
    """
    rows = breakdown(analysis.evidence, analysis.comparisons, by, analysis.filters)
    return {
        "models": plain(model_breakdown(analysis.evidence, by)),
        "pairs": plain(rows),
        "wins": plain(wins_table(rows)),
    }


def contrast_analysis(
    analysis: Analysis, contrasts: Sequence[Contrast]
) -> dict[str, list[dict[str, Any]]]:
    """Contrasts of a study (those of its file are `analysis.contrasts`): "contrasts", with
    CONTRAST_COLUMNS, "effects" (`effects_table`) and "effect_errors" (`effect_errors_table`).

    Raises UserError for contrasts that the study's decisions cannot have, and where none reaches a
    prompt.
    """
    made = ContrastTables(analysis.evidence, contrasts)
    rows = [{name: row[name] for name in CONTRAST_COLUMNS} for row in made.rows()]
    return {
        "contrasts": plain(rows),
        "effects": plain(effects_table(made)),
        "effect_errors": plain(effect_errors_table(made, analysis.comparisons)),
    }


def treatments_of(folder: Path, contrasts: Sequence[str]) -> list[Contrast]:
    """Contrasts as a user writes them (`treatments.parse`), by the config keys of a study's
    decisions. Raises UserError for a text that cannot be read."""
    if not contrasts:
        return []
    keys = Settings(Store(folder).decision_columns(["config"])).keys
    return [parse(text, keys) for text in contrasts]


def verdict_analysis(
    folder: Path,
    analysis: Analysis,
    contrasts: Sequence[Contrast] | None = None,
    family: str | None = None,
) -> list[dict[str, Any]]:
    """The verdict of a study (`verdict_table`), of one family or all, with its own margins and
    contrasts, or others.

    `analysis` is what `analyze_study` gave for the folder. Raises UserError as `contrast_analysis`
    does, and for a family that the study has not.
    """
    present = analysis.evidence.decisions["family"].cast(pl.String).unique(maintain_order=True)
    if family is not None and family not in present:
        known = present.to_list()
        raise UserError(f"The study has no family {family!r}{did_you_mean(family, known)}")
    margins = Margins(**Store(folder).read_run().get("margins", {}))
    asked = analysis.contrasts if contrasts is None else contrasts
    rows = plain(verdict_table(analysis.evidence, contrasts=asked, margins=margins))
    return [row for row in rows if family in (None, row["family"])]


def contrasts_of(store: Store) -> list[Contrast]:
    """The contrasts that the study's file asked for in the last run."""
    return [Contrast.from_json(entry) for entry in store.read_run().get("contrasts", [])]


def _compared(store: Store) -> list[Comparison]:
    return [Comparison(**entry) for entry in store.read_run()["comparisons"]]
