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


def about(name: str, decisions: pl.DataFrame) -> pl.DataFrame:
    """The decisions that a baseline is about."""
    if name in OF_OWN:
        return own_prompts(decisions)
    if name in ABOUT:
        return decisions.filter(pl.col("family").is_in(ABOUT[name]))
    return decisions


def baseline_predictions(decisions: pl.DataFrame) -> pl.DataFrame:
    """Every baseline on the decisions it is about: baseline, decision, key, prediction, why.

    A null key stands for the target (of two options without one, the first).
    """
    frames = [pl.DataFrame(schema=_SCHEMA)]
    for name, predict in BASELINES.items():
        predictions = predict(about(name, decisions))
        lacking = [column for column in ("key", "why") if column not in predictions.columns]
        frames.append(
            predictions.with_columns(
                pl.lit(name).alias("baseline"),
                *(pl.lit(None, pl.String).alias(column) for column in lacking),
            ).select(list(_SCHEMA))
        )
    return pl.concat(frames)
