"""What stands beside the four first tables: uncertainty, ceilings, measures, breakdowns."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from tremble.errors import TrembleError, UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import BROKEN, Extensions, Unfit, failure
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.matrix import RunMatrix
from tremble.stats.frames.session_responses import Sessions, session_responses
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.tables.added import added
from tremble.stats.tables.analysis import COLUMNS, Analysis, plain
from tremble.stats.tables.breakdowns import breakdown, wins_table
from tremble.stats.tables.ceiling import ceiling_table
from tremble.stats.tables.controls import control_table
from tremble.stats.tables.distributions import distribution_table
from tremble.stats.tables.levels import level_table
from tremble.stats.tables.measures import measure_table, reliability
from tremble.stats.tables.misalignment import misalignment_table
from tremble.stats.tables.model_groups import Catalogue, by_model_group, filter_sweep
from tremble.stats.tables.normative import normative_models, normative_pairs
from tremble.stats.tables.personas import persona_table
from tremble.stats.tables.positions import position_table
from tremble.stats.tables.presentations import presentation_table
from tremble.stats.tables.responses import response_table
from tremble.stats.tables.stopping import (
    at_stop_table,
    equal_gain_table,
    stop_table,
    timing_table,
)
from tremble.stats.tables.surface_forms import surface_forms_table
from tremble.stats.tables.trained_contrasts import contrasts_table, effects_table
from tremble.stats.tables.trained_sessions import responses_table
from tremble.stats.tables.trajectory import Training, fidelity_table, task_table
from tremble.stats.tables.uncertainty import difference_table, interval_table, vote_table
from tremble.stats.tables.worth import worth_table
from tremble.text import did_you_mean

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownOfSessions:
    """What records of sessions do not hold. `categories`: experiment -> category, for experiments
    whose records name none; `equal_others`: participant -> whether the person whose facts they get
    in the arm `other` gives the same answers (`prompts.arms.Interviewed.equal`); `branching` as in
    `Analysis`."""

    categories: Mapping[str, str] = field(default_factory=dict)
    equal_others: Mapping[str, bool] = field(default_factory=dict)
    branching: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class TableSource:
    """What the tables are made of: an analysis, families and sizes of models, and how often to
    resample; of sessions the `known` about them. What several tables need is made once."""

    analysis: Analysis
    catalogue: Catalogue
    resamples: int
    known: KnownOfSessions = KnownOfSessions()

    def copied(self) -> TableSource:
        """One that a package may change without harm to other tables."""
        made = self.analysis
        rows = {name: deepcopy(getattr(made, name)) for name in COLUMNS}
        return replace(self, analysis=replace(made, evidence=made.evidence.cloned(), **rows))

    @property
    def evidence(self) -> Evidence:
        return self.analysis.evidence

    @cached_property
    def at_outcomes(self) -> Evidence:
        return self.evidence.at_outcomes()

    @cached_property
    def matrix(self) -> RunMatrix:
        return RunMatrix(self.at_outcomes)

    @cached_property
    def sessions(self) -> Sessions:
        """What people said in sessions, response by response, in all arms of a persona."""
        evidence = self.evidence
        scores = [part for part in (evidence.scores, evidence.persona_scores) if part.height]
        made = session_responses(pl.concat(scores or [pl.DataFrame()]), evidence.decisions)
        return replace(made.with_categories(self.known.categories), branching=self.known.branching)

    @cached_property
    def training(self) -> Training:
        """The checkpoints of a training, where the study has some."""
        made = self.analysis
        return Training(
            made.trajectory, made.evidence, made.answers, made.contrasts, lambda: self.sessions
        )

    def wins(self, by: str) -> list[Row]:
        """Wins within the subsets of a breakdown (`frames.subsets`)."""
        made = self.analysis
        return wins_table(breakdown(self.at_outcomes, made.comparisons, by, made.filters))


class _Further(NamedTuple):
    """A table: what it shows, and what makes its rows."""

    about: str
    make: Callable[[TableSource], list[Row]]


# In the order of printing.
_TABLES = {
    "intervals": _Further(
        "r of every model, with its 95% interval",
        lambda of: interval_table(of.matrix, of.resamples),
    ),
    "levels": _Further(
        "Are predictions too high or too low, and do they exaggerate?",
        lambda of: level_table(of.evidence),
    ),
    "distributions": _Further(
        "How far are predicted shares of three or more options from people's, beyond chance?",
        lambda of: distribution_table(of.evidence),
    ),
    "differences": _Further(
        "r of base minus r of aligned, with its interval and tests of dependent r",
        lambda of: difference_table(of.matrix, of.analysis.comparisons, of.resamples),
    ),
    "votes": _Further(
        "Tests over pairs in which each model family counts once",
        lambda of: vote_table(of.analysis.pairs, of.catalogue),
    ),
    "ceilings": _Further(
        "The highest r that noise in people's choices allows (noise ceiling)",
        lambda of: ceiling_table(of.evidence),
    ),
    "measures": _Further(
        "Log loss, Brier score, AUC and calibration, as scored and after a temperature",
        lambda of: measure_table(of.evidence),
    ),
    "reliability": _Further(
        "How often did people choose the target option, by prediction?",
        lambda of: reliability(of.evidence),
    ),
    "added": _Further(
        "What does each model add to each baseline?",
        lambda of: added(of.at_outcomes),
    ),
    "worth": _Further(
        "How many people per prompt is each model worth?",
        lambda of: worth_table(of.evidence),
    ),
    "theory": _Further(
        "Does the model correlate with theory (the normative prediction) more than people do?",
        lambda of: normative_models(of.evidence, of.resamples),
    ),
    "theory_pairs": _Further(
        "Which model of a pair correlates more with theory (the normative prediction)?",
        lambda of: normative_pairs(of.at_outcomes, of.analysis.comparisons, of.resamples),
    ),
    "parameter": _Further(
        "Wins by value of every game parameter",
        lambda of: of.wins("parameter"),
    ),
    "round": _Further(
        "Wins by round",
        lambda of: of.wins("round"),
    ),
    "topology": _Further(
        "Wins by topology",
        lambda of: of.wins("topology"),
    ),
    "formulation": _Further(
        "Wins by wording",
        lambda of: of.wins("formulation"),
    ),
    "presentations": _Further(
        "What do the order of options, their labels and payoff rows change?",
        lambda of: presentation_table(of.evidence),
    ),
    "controls": _Further(
        "How much r does a model lose without history, without rules, and under other controls?",
        lambda of: control_table(of.evidence, of.resamples),
    ),
    "groups": _Further(
        "Wins and differences by model family and size",
        lambda of: by_model_group(of.analysis.pairs, of.catalogue),
    ),
    "sweep": _Further(
        "Wins under other filters",
        lambda of: filter_sweep(of.analysis.pairs),
    ),
    "spellings": _Further(
        "Mass and r with the labels alone, and with alternative spellings",
        lambda of: surface_forms_table(of.evidence),
    ),
    "responses": _Further(
        "How likely does each model find what people said in a session?",
        lambda of: response_table(of.sessions),
    ),
    "misalignment": _Further(
        "How much worse does the aligned model of a pair predict what people said?",
        lambda of: misalignment_table(of.sessions, of.analysis.comparisons),
    ),
    "positions": _Further(
        "How much do models learn from a person's own past in a session?",
        lambda of: position_table(of.sessions),
    ),
    "personas": _Further(
        "How much do a participant's own facts tell a model about what they say?",
        lambda of: persona_table(of.sessions, of.known.equal_others),
    ),
    "checkpoints": _Further(
        "Fidelity to people, checkpoint by checkpoint",
        lambda of: fidelity_table(of.training),
    ),
    "checkpoint_contrasts": _Further(
        "What treatments do to people and to each checkpoint",
        lambda of: contrasts_table(of.training),
    ),
    "checkpoint_effects": _Further(
        "How near are the effects of treatments on each checkpoint to those on people?",
        lambda of: effects_table(of.training),
    ),
    "checkpoint_responses": _Further(
        "How likely does each checkpoint find what people said in a session?",
        lambda of: responses_table(of.training, of.resamples),
    ),
    "task": _Further(
        "How well does each checkpoint do the held-out task?",
        lambda of: task_table(of.training),
    ),
    "stop": _Further(
        "When should training stop?",
        lambda of: stop_table(of.training, of.resamples),
    ),
    "at_stop": _Further(
        "Fidelity at the stop, compared with the base and with the last checkpoint",
        lambda of: at_stop_table(of.training, of.resamples),
    ),
    "timing": _Further(
        "Does fidelity change before the stop, with it, or after it?",
        lambda of: timing_table(of.training, of.resamples),
    ),
    "equal_gain": _Further(
        "Which run predicts people best at equal gain on the task?",
        lambda of: equal_gain_table(of.training),
    ),
}
# What a study of sessions, or of checkpoints, is made for; shown without being asked for.
OF_SESSIONS = ("responses", "misalignment", "positions", "personas")
OF_TRAINING = (
    *("checkpoints", "checkpoint_contrasts", "checkpoint_effects", "checkpoint_responses"),
    *("task", "stop", "at_stop", "timing", "equal_gain"),
)
FURTHER = {name: table.about for name, table in _TABLES.items()}
# What stands under names of its own where tables do: in JSON, on pages and in exports.
_TAKEN = (
    *(*FURTHER, *COLUMNS, "contrasts", "effects", "effect_errors", "verdict", "numbers"),
    *("notes", "by", "all", "provenance", "methods"),
)


def _of_package(found: Any, entry: Entry) -> _Further:
    """The table that an entry point leads to; what it breaks down with is a sentence."""
    about, make = getattr(found, "about", None), getattr(found, "make", None)
    if not isinstance(about, str) or not callable(make):
        raise Unfit("a module or an object with about, a text, and make(source)")

    def rows(source: TableSource) -> list[Row]:
        try:
            return _sound(make(source.copied()))
        except TrembleError:
            raise
        except BROKEN as error:
            raise failure(entry, error) from error

    return _Further(about, rows)


def _sound(made: Any) -> list[Row]:
    """The rows of a table of a package. Raises ValueError where they are none: dicts with equal
    keys and values that JSON can hold."""
    rows = list(made)
    if not all(isinstance(row, dict) and list(row) == list(rows[0]) for row in rows):
        raise ValueError("make returns something other than dicts with equal keys")
    if not all(isinstance(key, str) and key for row in rows[:1] for key in row):
        raise ValueError(f"the keys of rows are {list(rows[0])!r}, not all texts")
    rows = plain(rows)
    json.dumps(rows, allow_nan=False)
    return rows


EXTENSIONS = Extensions("table", _TAKEN, _of_package)


def further_names() -> list[str]:
    """The tables of tremble in the order of printing, then those of installed packages, of which
    none is loaded."""
    return [*FURTHER, *EXTENSIONS.names()]


def further_about(name: str) -> str:
    """What a table shows, in a few words. Raises UserError for one of a package that cannot be
    loaded."""
    return _table(name).about


def further_list() -> dict[str, str]:
    """Every table that can be loaded, with what it shows."""
    return {**FURTHER, **{name: table.about for name, table in EXTENSIONS.all().items()}}


def _table(name: str) -> _Further:
    """Raises UserError for a name that is no table."""
    found = _TABLES.get(name) or EXTENSIONS.get(name)
    if found is None:
        raise UserError(f"There is no table {name!r}{did_you_mean(name, further_names())}")
    return found


def further_tables(
    analysis: Analysis,
    catalogue: Catalogue | None = None,
    names: Collection[str] | None = None,
    resamples: int = RESAMPLES,
    instead: Callable[[str, Exception], Any] | None = None,
    known: KnownOfSessions | None = None,
) -> dict[str, Any]:
    """The tables of `further_names` (all, or those of `names`), each a list of plain dicts.

    `catalogue` maps a model to its family and size in billions of parameters. What is not known
    is None. `known`: of sessions, what their records do not hold. With `instead` a table that
    cannot be made stops none of the others: what `instead` gives for its name and the error stands
    in its place. Raises UserError for a name that is no table.
    """
    for name in names or ():
        if name not in further_names():
            _table(name)  # raises
    source = TableSource(analysis, catalogue or {}, resamples, known or KnownOfSessions())
    tables: dict[str, Any] = {}
    for name in further_names():
        if names is None or name in names:
            try:
                tables[name] = plain(_table(name).make(source))
            except Exception as error:
                if instead is None:
                    raise
                tables[name] = instead(name, error)
    return tables
