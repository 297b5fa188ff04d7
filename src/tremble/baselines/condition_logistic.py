"""A logistic regression on the conditions of a prompt and on what its options look like.

Of prompts of the user's own: config values, the position of an option, and the length of its label
(`own_prompts` says whom a fit leaves out). The scales are those of the design, numbers from -1
(smallest) to 1 (largest), so that no outcome enters them. A ridge of 1 on every coefficient but
the constant, as in `logistic`; with three or more options and no target a conditional logit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tremble.baselines.conditional_logit import choice_shares, conditional_logit
from tremble.baselines.logistic import RIDGE
from tremble.baselines.own_prompts import Asked, Said, asked_of

FREE = 1e-9  # the ridge of the constant: what keeps the equations solvable
# A text key with more values than this is left out, and so is how options depend on the config
# where that takes more columns: both would tell single items apart, slowly.
MOST_VALUES, MOST_COLUMNS = 30, 200
ALIKE = "config values, position and label length are the same in all decisions"


class Sets(NamedTuple):
    """Distinct sets of options as the regression sees them: `x` (sets, options, k), which of the
    options a set has (sets, options), the ridge (k); the set and the option that each point is of,
    (points) each."""

    x: np.ndarray
    offered: np.ndarray
    ridge: np.ndarray
    of: np.ndarray
    option: np.ndarray


def condition_logistic(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, key, prediction, why, of prompts of the user's own: a row of the target, with three
    or more options and no target a row per option, which add up to 1.

    Of a target: config values, its position (-1 first, 1 last) and the log of its label's length
    over the mean length of the others. Of options: position and log length over the mean of all;
    for keys that several items have a constant each and how it depends on the config. Lengths are
    0 where a study was stored before they were.
    """
    said = Said([], {})
    for asked, reason in asked_of(decisions):
        sets = None
        if reason is None:
            sets = option_sets(asked) if asked.by_option else target_sets(asked)
            reason = ALIKE if sets is None else None
        if sets is None:
            said.refuse(asked, str(reason))
        else:
            said.accept(asked, _predicted(asked, sets), ALIKE)
    return said.frame(decisions)


def _predicted(asked: Asked, sets: Sets) -> np.ndarray:
    """Shares of the target or of options (points), fitted to the others."""
    weight = asked.points["outcome"].to_numpy()
    shape = sets.offered.shape
    place = sets.of * shape[1] + sets.option
    if asked.by_option:
        weight = _as_shares(asked.points, sets)

    def chosen(rows: np.ndarray) -> np.ndarray:
        counts = np.bincount(place[rows], weight[rows], shape[0] * shape[1]).reshape(shape)
        if not asked.by_option:  # beside the target stands all else
            counts[:, 1] = np.bincount(sets.of[rows], minlength=shape[0]) - counts[:, 0]
        return counts

    design = sets.x, sets.offered
    every = conditional_logit(*design, chosen(np.ones(len(weight), bool)), sets.ridge)
    found = np.empty(len(weight))
    for mine, others in asked.folds():
        b = conditional_logit(*design, chosen(others), sets.ridge, every)
        mine_sets, back = np.unique(sets.of[mine], return_inverse=True)
        shares = choice_shares(sets.x[mine_sets], sets.offered[mine_sets], b)
        found[mine] = shares[back, sets.option[mine]]
    return found


def _as_shares(points: pl.DataFrame, sets: Sets) -> np.ndarray:
    """Outcomes of options as shares that add up to 1 within a decision, 0 where an option's is not
    known: printed rates need not add up, a likelihood needs that they do."""
    total = pl.col("outcome").sum().over("decision")
    whole = (pl.len().over("decision") == pl.col("keys").list.len()) & (total > 0)
    share = pl.when(whole).then(pl.col("outcome") / total).otherwise(0.0)
    return points.select(share).to_series().to_numpy()


def target_sets(asked: Asked) -> Sets | None:
    """The target beside all else; None where nothing tells decisions apart."""
    designs, of = _designs(asked.points, "config", "keys", "lengths", "key")
    config = config_columns(asked)
    rows = [
        [_position(keys.index(key), len(keys)), _length(lengths, keys.index(key), own=True)]
        if key in keys
        else [0.0, 0.0]
        for keys, lengths, key in designs.select("keys", "lengths", "key").iter_rows()
    ]
    x = _varying(np.column_stack([config[designs["config"].to_numpy()], np.array(rows)]))
    if not x.shape[1]:
        return None
    x = np.column_stack([np.ones(len(x)), x])
    both = np.stack([x, np.zeros_like(x)], axis=1)
    ridge = np.r_[FREE, np.full(x.shape[1] - 1, RIDGE)]
    return Sets(both, np.ones(both.shape[:2], bool), ridge, of, np.zeros(len(of), np.int64))


def option_sets(asked: Asked) -> Sets | None:
    """All options of a decision; None where nothing tells options apart."""
    designs, of = _designs(asked.points, "config", "keys", "lengths")
    config = config_columns(asked)[designs["config"].to_numpy()]
    listed = designs["keys"].to_list()
    held = asked.points.group_by("key").agg(pl.col("item").n_unique())
    shared = sorted(held.filter(pl.col("item") > 1)["key"])
    if len(shared) * (1 + config.shape[1]) > MOST_COLUMNS:
        config = config[:, :0]
    by_config = np.column_stack([np.ones(len(config)), config])
    x = np.zeros((len(listed), max(map(len, listed)), 2 + len(shared) * by_config.shape[1]))
    offered = np.zeros(x.shape[:2], bool)
    column = {key: 2 + place * by_config.shape[1] for place, key in enumerate(shared)}
    for row, (keys, lengths) in enumerate(zip(listed, designs["lengths"], strict=True)):
        offered[row, : len(keys)] = True
        for place, key in enumerate(keys):
            x[row, place, :2] = _position(place, len(keys)), _length(lengths, place)
            if key in column:
                x[row, place, column[key] : column[key] + by_config.shape[1]] = by_config[row]
    if not np.ptp(x[offered], axis=0).any():
        return None
    pairs = zip(of.tolist(), asked.points["key"], strict=True)
    option = [listed[row].index(key) for row, key in pairs]
    return Sets(x, offered, np.full(x.shape[2], RIDGE), of, np.array(option, np.int64))


def config_columns(asked: Asked) -> np.ndarray:
    """The config values as columns, (configs, columns): a number from -1 to 1, 0 where it has none;
    a text or anything else a column of 0 and 1 for each value that several items have."""
    configs = asked.configs
    items = asked.points.group_by("config").agg(pl.col("item").unique())
    of = {place: set(found) for place, found in items.iter_rows()}
    columns: list[np.ndarray] = []
    for key in sorted({key for config in configs for key in config}):
        values = [config.get(key) for config in configs]
        known = [value for value in values if value is not None]
        if known and all(map(_is_number, known)):
            columns.append(_scaled(values))
        else:
            columns += _indicators(configs, key, of)
    return np.column_stack(columns) if columns else np.zeros((len(configs), 0))


def _is_number(value: Any) -> bool:
    """Also of JSON's whole numbers those alone that a float can hold."""
    held = isinstance(value, int | float) and not isinstance(value, bool)
    return held and abs(value) <= 1e300


def _scaled(values: Sequence[float | None]) -> np.ndarray:
    known = np.array([np.nan if value is None else float(value) for value in values])
    low, high = np.nanmin(known), np.nanmax(known)
    if high == low:
        return np.zeros(len(known))
    return np.asarray(np.nan_to_num(2 * (known - low) / (high - low) - 1))


def _indicators(
    configs: Sequence[Mapping[str, Any]], key: str, items: Mapping[int, set[int]]
) -> list[np.ndarray]:
    values = [config.get(key) for config in configs]
    texts = [None if value is None else json.dumps(value) for value in values]
    of: dict[str, set[int]] = {}
    for place, text in enumerate(texts):
        if text is not None:
            of.setdefault(text, set()).update(items.get(place, ()))
    kept = sorted(text for text, held in of.items() if len(held) > 1)
    if len(kept) > MOST_VALUES:
        return []
    return [np.array([float(text == one) for text in texts]) for one in kept]


def _designs(points: pl.DataFrame, *by: str) -> tuple[pl.DataFrame, np.ndarray]:
    """The distinct rows of some columns, and the place of every point among them (points)."""
    found = points.select(by).unique(maintain_order=True).with_row_index("place")
    place = points.select(by).join(
        found, on=by, how="left", maintain_order="left", nulls_equal=True
    )["place"]
    return found.drop("place"), place.cast(pl.Int64).to_numpy()


def _position(place: int, options: int) -> float:
    return 2 * place / (options - 1) - 1 if options > 1 else 0.0


def _length(lengths: str | None, place: int, own: bool = False) -> float:
    """The log of a label's length over the mean of all labels, or (`own`) of the others."""
    if lengths is None:
        return 0.0
    each = np.array(json.loads(lengths), float)
    others = np.delete(each, place) if own else each
    return float(np.log(each[place] / others.mean()))


def _varying(x: np.ndarray) -> np.ndarray:
    return x[:, np.ptp(x, axis=0) > 0]
