"""The columns of what is stored: scores, decisions, expected rows."""

from __future__ import annotations

import polars as pl

from tremble.tokenization.refusal import BEGINS

Types = dict[str, pl.DataType | type[pl.DataType]]

_SCORES: Types = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "model": pl.String,
    "format": pl.String,
    "template": pl.String,
    "formulation": pl.String,
    "presentation": pl.Int8,
    "keys": pl.List(pl.String),
    "logprobs": pl.List(pl.Float64),
    "mass": pl.Float64,
    "first_mass": pl.Float64,
    "other_token": pl.String,
    "other_logprob": pl.Float64,
    "prompt_tokens": pl.Int32,
    "join": pl.Boolean,
    "row_key": pl.String,
    "error": pl.String,
    # Only where other spellings count; `logprobs` and `mass` include them then.
    "exact_logprobs": pl.List(pl.Float64),  # of the labels alone
    "mass_exact": pl.Float64,
    "spellings": pl.String,  # `Spelled` as JSON
    "spelling_logprobs": pl.List(pl.Float64),  # of every spelling, in that order
    # How likely what the person said is (`engines.base.ResponseScore`), where that is asked for.
    "response_logprob": pl.Float64,
    "closing_logprob": pl.Float64,
    "response_tokens": pl.Int32,
    "response_likeliest": pl.Boolean,
    "error_kind": pl.String,  # a `tokenization.refusal.ErrorKind`, wherever there is an error
}
# Of the answers to a held-out task, and stored only where a part has a value.
_DIVERGENCE: Types = {
    # Nats: the divergence of the next-token distribution behind the prompt from the base's.
    "kl_base": pl.Float64,
    "kl_to": pl.String,  # which base that is: a hash of its identity and of the scoring version
}
_DECISIONS: Types = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "game": pl.String,
    "cluster": pl.String,
    "at": pl.Int32,
    "participant": pl.String,
    "round": pl.Int32,
    "role": pl.String,
    "keys": pl.List(pl.String),
    "target": pl.String,
    "choice": pl.String,
    "rates": pl.List(pl.Float64),
    "n": pl.Int64,
    "rate_sd": pl.Float64,
    "config": pl.String,
    "presentations": pl.Int8,
    "normative": pl.List(pl.Float64),
    "normative_why": pl.String,
    "numbers": pl.String,
    "item": pl.String,  # only where a record names one
    "values": pl.List(pl.Float64),  # of the options, in the order of `keys`, where they have any
    "choices_each": pl.Int64,  # of the people behind a rate, where they made more than one
    "facts": pl.String,  # facts about who chose, of a record that has some of its own
    "response": pl.String,  # of a session: what the person said, as it stands between the marks
}
# Columns of decisions that are stored only where one has a value.
RARE = ("item", "values", "choices_each", "facts", "response")
SCORES, DECISIONS = pl.Schema(_SCORES), pl.Schema(_DECISIONS)
DIVERGENCE = pl.Schema(_DIVERGENCE)
TASK_SCORES = pl.Schema({**_SCORES, **_DIVERGENCE})
EXPECTED = pl.Schema({name: _SCORES[name] for name in ("decision", "presentation", "row_key")})


def completed(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """A frame with the columns of `schema` that it lacks, since an earlier version wrote it, as
    nulls; where the same `tremble run` writes the file anew, it fills them."""
    lacking = [name for name in schema if name not in frame.columns]
    return frame.with_columns(pl.lit(None, schema[name]).alias(name) for name in lacking)


def with_columns(decisions: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Decisions with these columns of `DECISIONS`, as nulls where a frame lacks them."""
    return completed(decisions, pl.Schema({name: DECISIONS[name] for name in names}))


def whole_scores(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a part with every column of `TASK_SCORES`, also where an earlier version wrote
    it."""
    if "error_kind" not in frame.columns:
        frame = frame.with_columns(error_kind=_kind_of_sentence())
    return completed(frame, TASK_SCORES).select(list(TASK_SCORES))


def _kind_of_sentence() -> pl.Expr:
    """The kind of an error, by the sentence alone: 0.1.0 stored no more than that."""
    error = pl.col("error")
    begins = {begin: kind for kind, begin in BEGINS.items()}
    begins["labels share their first token"] = "shared_first_token"
    kind = pl.when(error.is_not_null()).then(pl.lit("not_a_number")).otherwise(None)
    for begin, name in begins.items():
        kind = pl.when(error.str.starts_with(begin)).then(pl.lit(name)).otherwise(kind)
    long = error.str.contains(r"^\d+ tokens, the model's window is ")
    return pl.when(long).then(pl.lit("too_long")).otherwise(kind)
