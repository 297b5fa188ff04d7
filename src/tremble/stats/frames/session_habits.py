"""What a response costs someone who knows no more than the person's own earlier responses.

Three predictions without a model, for responses whose options are known. They count what THIS
person did in this session so far, one added to each count (Laplace's rule of succession), and know
neither the text nor anybody else:

- `even`: every option on the table is equally likely;
- `own`: an option is as likely as the person chose it so far, among the options on the table;
- `repeat`: the person repeats the last response as often as they did so far; a switch is spread
  evenly over the other options. The first response, and one after a response that is not on the
  table, is at even odds; neither counts as a repeat or a switch.
"""

from __future__ import annotations

import numpy as np
import polars as pl

HABITS = ("even", "own", "repeat")


def habits(responses: pl.DataFrame) -> pl.DataFrame:
    """The nats of each habit's prediction, -log p of what was chosen, a row per response, null
    where the options are not known or what was said is none of them.

    `responses`: session (a number), keys (list of labels) and choice, in the order of each session.
    """
    known = (
        responses.select("session", "keys", "choice")
        .with_row_index("row")
        .filter(pl.col("choice").is_not_null(), pl.col("keys").list.len() > 0)
        .with_columns(pl.col("choice").cast(pl.String), keys=pl.col("keys").cast(_TEXTS))
        .filter(pl.col("keys").list.contains(pl.col("choice")))
    )
    found = np.full((len(HABITS), responses.height), np.nan)
    if known.height:
        options = known["keys"].list.len().to_numpy().astype(float)
        session = known["session"].to_numpy()
        rows = known["row"].to_numpy()
        found[:, rows] = [
            np.log(options),
            -np.log(_own(known, options)),
            -np.log(_repeat(known, session, options)),
        ]
    return pl.DataFrame(
        {name: pl.Series(line).fill_nan(None) for name, line in zip(HABITS, found, strict=True)}
    )


_TEXTS = pl.List(pl.String)


def _own(known: pl.DataFrame, options: np.ndarray) -> np.ndarray:
    """(count of the chosen so far + 1) / (count of all options on the table so far + how many)."""
    table = (
        known.select("session", "choice", "keys")
        .with_row_index("place")
        .explode("keys")
        .with_columns(chosen=(pl.col("keys") == pl.col("choice")).cast(pl.Int64))
    )
    # In the order of a session within each of its labels, so that a running sum counts them.
    labels = table["keys"].rank("dense").to_numpy().astype(np.int64)
    codes = table["session"].to_numpy().astype(np.int64) * (labels.max() + 1) + labels
    chosen, place = table["chosen"].to_numpy(), table["place"].to_numpy()
    order = np.argsort(codes, kind="stable")
    before = np.empty(len(codes), np.int64)
    before[order] = _before(chosen[order], codes[order])
    counts = np.bincount(place, before, len(options))
    own = np.bincount(place, before * chosen, len(options))
    found: np.ndarray = (own + 1) / (counts + options)
    return found


def _repeat(known: pl.DataFrame, session: np.ndarray, options: np.ndarray) -> np.ndarray:
    last = known["choice"].shift(1)
    first = np.r_[True, session[1:] != session[:-1]]
    there = known.select(pl.col("keys").list.contains(last).fill_null(False)).to_series().to_numpy()
    alone = options == 1  # nothing else to say, so no repeat either
    there = there & ~first & ~alone
    again = there & (known["choice"] == last).fill_null(False).to_numpy()
    repeats = _before(again.astype(np.int64), session)
    chances = _before(there.astype(np.int64), session)
    repeated = (repeats + 1) / (chances + 2)
    with np.errstate(divide="ignore"):
        switched = (1 - repeated) / (options - 1)
    found: np.ndarray = np.where(again, repeated, switched)
    return np.where(there, found, 1 / options)


def _before(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The running sum of `values` before each place, within runs of equal `groups`."""
    total = np.cumsum(values) - values
    starts = np.r_[True, groups[1:] != groups[:-1]]
    before: np.ndarray = total - total[starts][np.cumsum(starts) - 1]
    return before
