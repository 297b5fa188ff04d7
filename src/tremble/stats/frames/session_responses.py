"""How likely models find what people said in sessions, response by response.

The unit is a response: every mark of a transcript with a text in it, whether or not the data say
what the options were. Nats of a response are -log p of its text under the whole vocabulary, summed
over its tokens; those that models were not asked for, or could not be, are not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from tremble.prompts.asked import ARMS
from tremble.stats.frames.comparisons import format_column
from tremble.stats.frames.predictions import RUN, normalised
from tremble.stats.frames.session_habits import HABITS, habits
from tremble.store.schemas import completed

NONE = "none"  # the arm of the wording alone
_OF_RESPONSE = pl.Schema(
    {"response": pl.UInt32, "session": pl.UInt32, "experiment": pl.String, "category": pl.String}
    | {"participant": pl.String, "position": pl.Int32, **dict.fromkeys(HABITS, pl.Float64)}
)
_SCORED = pl.Schema(
    {"run": pl.UInt32, "response": pl.UInt32}
    | dict.fromkeys(("nats", "nats_closed"), pl.Float64)
    | {"tokens": pl.Int32, "first": pl.Boolean, "p": pl.Float64, "mass": pl.Float64}
)
_IMPOSSIBLE = pl.Schema({"run": pl.UInt32, "response": pl.UInt32})
_RUNS = pl.Schema(
    {"run": pl.UInt32, **dict.fromkeys((*RUN, "wording", "persona"), pl.String)},
)
_NEEDED = pl.Schema(
    {"response_logprob": pl.Float64, "closing_logprob": pl.Float64, "response_tokens": pl.Int32}
    | {"response_likeliest": pl.Boolean}
)


@dataclass(frozen=True)
class Sessions:
    """The responses of a study and what its runs say of them, three frames.

    - `responses`: a row each, in the order of the sessions: `response` (a number), `session` (a
      number), `experiment`, `category` (null where none is known), `participant`, `position` (its
      place among the marks of the session, from 1) and the nats of the predictions without a model
      (`session_habits`), null where the options are not known;
    - `runs`: `run` (a number), model, format, formulation, `wording`, and `persona`: the arm
      of interviews (`prompts.asked.ARMS`), "none" for a wording alone, null under a control;
    - `scored`: a row per run and response that it kept: `nats`, `nats_closed` (with the closing
      mark), `tokens` (a count), `first` (whether its first token is the likeliest one), `p` (the
      normalised probability of what was chosen) and `mass`, null where options are not known;
    - `impossible`: `run` and `response` of what a run gives the probability 0, which has no mean.

    `branching`: (model, experiment) -> the share of responses whose marks share a token with the
    text beside them, where it is worth a note.
    """

    responses: pl.DataFrame
    runs: pl.DataFrame
    scored: pl.DataFrame
    impossible: pl.DataFrame = field(default_factory=_IMPOSSIBLE.to_frame)
    branching: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def lost(self) -> dict[tuple[int, str], int]:
        """(run, experiment) -> how many responses have the probability 0 there."""
        there = self.impossible.join(
            self.responses.select("response", "experiment"), on="response", how="inner"
        )
        counts = there.group_by("run", "experiment").agg(pl.len()).iter_rows()
        return {(run, experiment): count for run, experiment, count in counts}

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row per run and response that it kept, with all columns of the three."""
        return self.scored.join(self.runs, on="run", maintain_order="left").join(
            self.responses, on="response", maintain_order="left"
        )

    def with_categories(self, known: Mapping[str, str]) -> Sessions:
        """With a category (experiment -> category) where the records have none."""
        named = pl.col("experiment").replace_strict(dict(known), default=None) if known else None
        if named is None or self.responses.is_empty():
            return self
        filled = self.responses.with_columns(category=pl.coalesce("category", named))
        return replace(self, responses=filled)


def session_responses(scores: pl.DataFrame, decisions: pl.DataFrame) -> Sessions:
    """The responses among `decisions` and their scores, both as a study stores them, persona arms
    among them; earlier versions' frames, which lack the columns, have none. Of several rows for one
    run and decision the last counts."""
    if "response" not in decisions.columns or "response_logprob" not in scores.columns:
        return Sessions(_OF_RESPONSE.to_frame(), _RUNS.to_frame(), _SCORED.to_frame())
    ordered = _ordered(decisions)
    responses = ordered.drop("decision", "keys", "choice").select(list(_OF_RESPONSE))
    names = ordered.select("decision", "response", "choice")
    asked = completed(scores, _NEEDED).filter(
        pl.col("formulation").is_not_null(),
        pl.col("decision").is_in(names["decision"].implode())
        | pl.lit(ordered.height == 0),  # nothing then
    )
    asked = asked.with_columns(format_column()).join(names, on="decision", how="inner")
    runs = _runs(asked)
    last = (
        asked.filter(pl.col("error").is_null(), pl.col("response_logprob").is_not_null())
        .join(runs.select("run", *RUN), on=RUN)
        .unique(["run", "response"], keep="last", maintain_order=True)
    )
    kept = last.filter(pl.col("response_logprob").is_finite())
    impossible = last.filter(pl.col("response_logprob") == -np.inf).select(list(_IMPOSSIBLE))
    return Sessions(responses, runs, _scored(kept), impossible)


def _ordered(decisions: pl.DataFrame) -> pl.DataFrame:
    """The responses with their session, in its order, and the habits' nats."""
    said = decisions.filter(pl.col("response").is_not_null()).with_columns(
        pl.col("decision", "config", "participant", "cluster", "dataset").cast(pl.String)
    )
    said = said.with_columns(
        participant=pl.coalesce("participant", "cluster", "decision"),
        position=pl.coalesce(pl.col("round"), pl.col("at")).cast(pl.Int32),
        game=pl.coalesce("cluster", "participant"),
    )
    settings = _settings(said["config"])
    said = said.join(settings, on="config", how="left", nulls_equal=True, maintain_order="left")
    said = said.with_columns(
        experiment=pl.coalesce("experiment", "dataset", pl.lit("unnamed")),
    )
    sessions = said.select("experiment", "participant", "game").unique(maintain_order=True)
    said = said.join(
        sessions.with_row_index("session"), on=["experiment", "participant", "game"]
    ).sort("session", "position", maintain_order=True)
    columns = [name for name in _OF_RESPONSE if name not in ("response", *HABITS)]
    said = said.select("decision", *columns, "keys", "choice").with_row_index("response")
    return said.hstack(habits(said))


def _settings(config: pl.Series) -> pl.DataFrame:
    """config, experiment and category: texts that many responses share, read once each."""
    texts = config.unique(maintain_order=True)
    read = [_object(text) for text in texts]
    named = {name: [_text(one.get(name)) for one in read] for name in ("experiment", "category")}
    schema = {"experiment": pl.String, "category": pl.String}
    return pl.DataFrame(named, schema=schema).with_columns(texts.alias("config"))


def _object(text: str | None) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _runs(asked: pl.DataFrame) -> pl.DataFrame:
    runs = asked.select(RUN).unique(maintain_order=True).with_row_index("run")
    parts = pl.col("formulation").str.split_exact("+", 1).struct
    beside, arms = parts.field("field_1"), {name: arm for arm, name in ARMS.items()}
    arm = beside.replace_strict(arms, default=None, return_dtype=pl.String)
    return runs.with_columns(
        wording=parts.field("field_0"),
        persona=pl.when(beside.is_null()).then(pl.lit(NONE)).otherwise(arm),
    )


def _scored(kept: pl.DataFrame) -> pl.DataFrame:
    """The columns of `scored` from rows of scores that have a response."""
    known = pl.col("choice").is_not_null() & (pl.col("keys").list.len() > 0)
    known &= pl.col("keys").list.len() == pl.col("logprobs").list.len()
    kept = kept.with_columns(known=known.fill_null(False))
    chances = np.full(kept.height, np.nan)
    with_options = kept["known"].to_numpy()
    chances[with_options] = _chosen(kept.filter("known"))
    return kept.select(
        "run",
        "response",
        nats=-pl.col("response_logprob"),
        nats_closed=-(pl.col("response_logprob") + pl.col("closing_logprob")),
        tokens=pl.col("response_tokens"),
        first=pl.col("response_likeliest"),
        p=pl.Series(chances, dtype=pl.Float64).fill_nan(None),
        mass=pl.when("known").then(pl.col("mass").fill_nan(None)),
    )


def _chosen(rows: pl.DataFrame) -> np.ndarray:
    """The normalised probability of the chosen option, (rows), NaN where it is not among them."""
    if rows.is_empty():
        return np.empty(0)
    lengths = rows["keys"].list.len().cast(pl.Int64).to_numpy()
    place = rows.select(
        pl.col("keys").list.eval(pl.element().cast(pl.String)).alias("keys"), "choice"
    )
    flat = place["keys"].explode()
    chosen = (flat == place["choice"].gather(np.repeat(np.arange(rows.height), lengths))).to_numpy()
    shares = normalised(rows["logprobs"].explode().cast(pl.Float64).to_numpy(), lengths)
    starts = np.cumsum(lengths) - lengths
    found = np.add.reduceat(np.where(chosen, shares, 0.0), starts)
    there = np.add.reduceat(chosen.astype(np.int64), starts) == 1
    return np.where(there, found, np.nan)
