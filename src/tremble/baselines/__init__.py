"""Predictions that need no language model, one module with one function each.

A baseline takes the decisions (one row each: decision, dataset, family, cluster, at,
participant, role, keys, target, choice, rates) and returns one row per decision: `decision` and
`prediction` of the target, null where it has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from tremble.baselines.last_choice import last_choice
from tremble.baselines.majority import majority

Baseline = Callable[[pl.DataFrame], pl.DataFrame]

BASELINES: dict[str, Baseline] = {"majority": majority, "last_choice": last_choice}

__all__ = ["BASELINES", "Baseline", "last_choice", "majority"]
