"""What people did under the same conditions, asked about something else.

The mean outcome of decisions with equal config values, over other items and other people
(`own_prompts`). It knows the treatment, and nothing of what a prompt says beside it: a model that
is no better has not read the item.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tremble.baselines.own_prompts import Asked, Said, asked_of

ALONE = "nobody else answered another item with the same config values"
ALIKE = "all decisions have the same config values, so the mean of others is a constant"


def condition_mean(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, key, prediction, why, of prompts of the user's own: a row of the target, with three
    or more options and no target a row per option. Choices count alike, and so do problems.

    Keys of the config of which every value is one item's alone play no part. Where no other item
    has the same values of the others there is no prediction: to leave out further keys would be a
    guess at which of them matter. Nor where all decisions have the same values, since what is left
    to tell decisions apart then is whom the mean leaves out (see `majority`).
    """
    said = Said([], {})
    for asked, reason in asked_of(decisions):
        if reason is None and not asked.by_option and asked.points["condition"].n_unique() == 1:
            reason = ALIKE
        if reason is not None:
            said.refuse(asked, reason)
        else:
            said.accept(asked, _means(asked), ALONE)
    return said.frame(decisions)


def _means(asked: Asked) -> np.ndarray:
    """The mean of the others in the same condition (points), of options those of the same key; NaN
    where there are none."""
    by = ["condition", "key"] if asked.by_option else ["condition"]
    cell = asked.points.select(pl.struct(by).rank("dense") - 1).to_series().to_numpy()
    outcome, number = asked.points["outcome"].to_numpy(), int(cell.max()) + 1
    means = np.empty(len(outcome))
    for mine, others in asked.folds():
        seen = np.bincount(cell[others], minlength=number)
        total = np.bincount(cell[others], outcome[others], number)
        mean = np.divide(total, seen, out=np.full(number, np.nan), where=seen > 0)
        means[mine] = mean[cell[mine]]
    return means
