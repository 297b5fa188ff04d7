"""Predictions that need no language model, one module with one function each.

A baseline takes the decisions (columns of `store.schemas.DECISIONS`) and returns `decision` and
`prediction` of the target, null where it has nothing to say. Two columns more are optional:

- `why`: the reason of a null;
- `key`: the option predicted, null for the target. Then there is a row per decision and option,
  and one row with a null key for a decision without a prediction.

What has parameters is fitted without the group (participant, game or problem) it predicts, and of
prompts of the user's own without the item (`own_prompts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tremble.baselines.attraction import attraction
from tremble.baselines.cognitive_hierarchy import cognitive_hierarchy
from tremble.baselines.condition_logistic import condition_logistic
from tremble.baselines.condition_mean import condition_mean
from tremble.baselines.fehr_schmidt import fehr_schmidt
from tremble.baselines.last_choice import last_choice
from tremble.baselines.logistic import FEATURES, logistic
from tremble.baselines.majority import majority
from tremble.baselines.own_prompts import own_prompts
from tremble.baselines.prospect_theory import prospect_theory
from tremble.baselines.quantal_response import quantal_response
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import BROKEN, Extensions, Unfit, failure

Baseline = Callable[[pl.DataFrame], pl.DataFrame]

BASELINES: dict[str, Baseline] = {
    "majority": majority,
    "last_choice": last_choice,
    "logistic": logistic,
    "quantal_response": quantal_response,
    "cognitive_hierarchy": cognitive_hierarchy,
    "fehr_schmidt": fehr_schmidt,
    "prospect_theory": prospect_theory,
    "attraction": attraction,
    "condition_mean": condition_mean,
    "condition_logistic": condition_logistic,
}
# Of each its name as people read it, and what it predicts.
WORDS = {
    "majority": ("majority", "the share of the target option in the family, for everybody"),
    "last_choice": ("last choice", "the same person's previous choice"),
    "logistic": ("logistic", "logistic regression on the numbers of the game and its history"),
    "quantal_response": (
        "quantal response",
        "noisy equilibrium, in which better options are likelier",
    ),
    "cognitive_hierarchy": (
        "cognitive hierarchy",
        "people reason a few steps ahead, against others who reason fewer",
    ),
    "fehr_schmidt": ("Fehr-Schmidt", "inequity aversion: people dislike unequal shares"),
    "prospect_theory": ("prospect theory", "cumulative prospect theory for two gambles"),
    "attraction": ("attraction", "experience-weighted attraction learning"),
    "condition_mean": (
        "condition mean",
        "what other people did under the same conditions with other items",
    ),
    "condition_logistic": (
        "condition logistic",
        "logistic regression on the conditions and on the position and length of the options",
    ),
}
# Those whose parameters are fitted to the other groups; the others cost next to nothing.
FITTED = (
    "logistic",
    "quantal_response",
    "cognitive_hierarchy",
    "fehr_schmidt",
    "prospect_theory",
    "attraction",
    "condition_mean",
    "condition_logistic",
)
# Those about prompts of the user's own, of whatever family.
OF_OWN = ("condition_mean", "condition_logistic")
# The families that any other is about; one that is not named here is about all of them.
ABOUT: dict[str, Sequence[str]] = {
    "logistic": tuple(FEATURES),
    "quantal_response": ("one_shot_matrix", "repeated_matrix"),
    "cognitive_hierarchy": ("one_shot_matrix",),
    "fehr_schmidt": ("bargaining",),
    "prospect_theory": ("lottery",),
    "attraction": ("repeated_matrix",),
}

_SCHEMA = {
    "baseline": pl.String,
    "decision": pl.String,
    "key": pl.String,
    "prediction": pl.Float64,
    "why": pl.String,
}


@dataclass(frozen=True, slots=True)
class _Added:
    """A baseline of a package: `families` that it is about (None: all), and whether it is fitted to
    people."""

    predict: Baseline
    families: tuple[str, ...] | None
    fitted: bool


def _of_package(found: Any, entry: Entry) -> _Added:
    """The baseline that an entry point leads to; what it breaks down with, or gives that is no
    prediction, is a sentence."""
    families = getattr(found, "families", None)
    if not callable(found):
        raise Unfit("a function of a frame of decisions")
    if isinstance(families, str) or not all(isinstance(name, str) for name in families or ()):
        raise Unfit("a function whose `families` is a tuple of names")

    def predict(decisions: pl.DataFrame) -> pl.DataFrame:
        if decisions.is_empty():
            return pl.DataFrame(schema=_SCHEMA)
        try:
            # A frame of its own: what it drops in place is there for the others.
            return _sound(found(decisions.clone()), decisions)
        except BROKEN as error:
            raise failure(entry, error) from error

    known = None if families is None else tuple(families)
    return _Added(predict, known, bool(getattr(found, "fitted", False)))


def _sound(made: object, decisions: pl.DataFrame) -> pl.DataFrame:
    """What a baseline of a package gives, as the columns that are used. Raises ValueError where
    these are no predictions of these decisions."""
    if not isinstance(made, pl.DataFrame) or not {"decision", "prediction"} <= set(made.columns):
        raise ValueError("it does not return a frame with the columns decision and prediction")
    kept = {name: kind for name, kind in _SCHEMA.items() if name in made.columns}
    made = made.select(pl.col(name).cast(kind) for name, kind in kept.items())
    values = made["prediction"].drop_nulls()
    if not bool(values.is_between(0, 1).all()):  # NaN is between nothing
        raise ValueError("a prediction is not between 0 and 1")
    if made.select(set(kept) & {"decision", "key"}).is_duplicated().any():
        raise ValueError("it predicts a decision twice")
    given = decisions.select(pl.col("decision").cast(pl.String))
    if made.join(given, on="decision", how="anti").height:
        raise ValueError("it predicts a decision that it was not given")
    return made


EXTENSIONS = Extensions("baseline", BASELINES, _of_package)


def names() -> list[str]:
    """The baselines of tremble in their order, then those of installed packages."""
    return [*BASELINES, *EXTENSIONS.names()]


def is_fitted(name: str) -> bool:
    """Whether a baseline has parameters that are fitted to the other groups."""
    added = _added(name)
    return name in FITTED if added is None else added.fitted


def about(name: str, decisions: pl.DataFrame) -> pl.DataFrame:
    """The decisions that a baseline is about."""
    if name in OF_OWN:
        return own_prompts(decisions)
    added = _added(name)
    families = ABOUT.get(name) if added is None else added.families
    return decisions if families is None else decisions.filter(pl.col("family").is_in(families))


def predicted(name: str, decisions: pl.DataFrame) -> pl.DataFrame:
    """A baseline on the decisions it is about: decision, prediction, and key and why where it has
    them. One of a package that cannot be loaded, or breaks down, has the sentence as the reason why
    it says nothing."""
    mine = about(name, decisions)
    if name in BASELINES:
        return BASELINES[name](mine)
    try:
        added = EXTENSIONS.get(name)
        assert added is not None  # it is listed
        return added.predict(mine)
    except UserError as error:
        why = str(error).removesuffix(".")
        return mine.select(
            pl.col("decision").cast(pl.String),
            prediction=pl.lit(None, pl.Float64),
            why=pl.lit(why, pl.String),
        )


def _added(name: str) -> _Added | None:
    """The baseline of a package, None for another one and for one that cannot be loaded."""
    try:
        return None if name in BASELINES else EXTENSIONS.get(name)
    except UserError:
        return None


def baseline_predictions(decisions: pl.DataFrame) -> pl.DataFrame:
    """Every baseline on the decisions it is about: baseline, decision, key, prediction, why.

    A null key stands for the target (of two options without one, the first).
    """
    frames = [pl.DataFrame(schema=_SCHEMA)]
    for name in names():
        predictions = predicted(name, decisions)
        lacking = [column for column in ("key", "why") if column not in predictions.columns]
        frames.append(
            predictions.with_columns(
                pl.lit(name).alias("baseline"),
                *(pl.lit(None, pl.String).alias(column) for column in lacking),
            ).select(list(_SCHEMA))
        )
    return pl.concat(frames)
