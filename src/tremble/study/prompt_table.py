"""The prompts of one data set for one tokenizer, as a table on disk."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import polars as pl

from tremble.disk.tables import read_table
from tremble.study.table_schema import MARKS, ROW
from tremble.study.table_view import TableView
from tremble.tokenization.options import Reading


class ControlCount(TypedDict):
    """Control tokens found together in people's words, and in how many decisions."""

    texts: list[str]
    decisions: int


class SessionCount(TypedDict):
    """Responses in transcripts; how many of these are no place in the text's own tokens but a
    branch, since a token straddles a mark; the tokens of all texts, and how many of these are
    `added` ones: texts that the tokenizer takes as one token and that are not special. `cut`: of
    the responses those beyond the model's window; `without_room`: sessions that keep none.
    `branching`: experiment -> the share of its responses read that are branches, where some are."""

    responses: int
    branches: int
    tokens: int
    added: int
    cut: int
    sessions: int
    without_room: int
    branching: dict[str, float]


@dataclass(frozen=True, slots=True)
class PromptTable:
    """A table on disk. Every method reads the columns that it needs, and keeps none.

    All raise UserError where the file is missing or damaged.
    """

    path: Path
    reading: Reading = "joint"

    def rows(self) -> pl.DataFrame:
        """One row per decision and presentation: decision, dataset, family, presentation, keys,
        prompt, and its prompt's row_key, join, prompt_tokens, length and `refusal`, why no model
        can be asked, with its `refusal_kind`, both null where one can."""
        names = {"error": "refusal", "error_kind": "refusal_kind"}
        facts = ["row_key", "join", "prompt_tokens", "length", *names]
        frame = read_table(self.path, [*ROW, *facts]).rename(names)
        if not frame["row_key"].null_count():  # every prompt differs from all others
            return frame
        facts = frame.columns[len(ROW) :]
        of_prompts = frame.select(facts).filter(pl.col("row_key").is_not_null())
        return frame.select(list(ROW)).hstack(of_prompts[frame["prompt"]])

    def too_long(self, window: int) -> tuple[str, int] | None:
        """The first decision whose prompt has more than `window` tokens, and how many."""
        frame = read_table(self.path, ["decision", "length"])
        longer = frame.filter(pl.col("length") > window)
        return longer.row(0) if longer.height else None

    def warning(self) -> tuple[str, str] | None:
        """The first decision whose prompt meets its label doubtfully, and the sentence."""
        doubts = read_table(self.path, ["decision", "warning"]).drop_nulls("warning")
        return doubts.row(0) if doubts.height else None

    def marked(self, wanted: Collection[int]) -> set[int]:
        """Which of some marks are those of what is read here (`table_schema.MARKS`)."""
        frame = read_table(self.path, list(MARKS))
        asked = pl.Series(sorted(wanted), dtype=pl.UInt64)
        found = [frame[name].filter(frame[name].is_in(asked.implode())) for name in MARKS]
        return {mark for one in found for mark in one.unique()}

    def control_texts(self) -> list[ControlCount]:
        """Control tokens in people's words: each set of texts found together, and in how many
        decisions."""
        frame = read_table(self.path, ["decision", "prompt", "control_texts"])
        texts = frame.drop_nulls("control_texts").select("prompt", texts="control_texts")
        found = frame.join(texts.unique("prompt"), on="prompt", maintain_order="left")
        counts = found.group_by("texts", maintain_order=True).agg(
            pl.col("decision").n_unique().alias("decisions")
        )
        return [
            {"texts": json.loads(row["texts"]), "decisions": row["decisions"]}
            for row in counts.iter_rows(named=True)
        ]

    def sessions(self) -> SessionCount | None:
        """What of the table is responses in transcripts; None where nothing is."""
        room = read_table(self.path, ["room"])["room"].drop_nulls()
        if not len(room):
            return None
        columns = ["prompt", "response", "row_key", "error_kind", "trunk_ids"]
        columns += ["experiment", "read", "branches", "added"]
        frame = read_table(self.path, columns)
        own = frame.filter(pl.col("row_key").is_not_null())
        branches = own.select(
            "prompt",
            cut=pl.col("error_kind").eq_missing("cut"),
            response=pl.col("response").is_not_null(),
        )
        shown = frame.select("prompt").join(branches, on="prompt")
        shown = shown.filter(pl.col("response") | pl.col("cut"))
        return {
            "responses": shown.height,
            "branches": int(own["branches"].sum()),
            "tokens": int(own["trunk_ids"].list.len().sum()),
            "added": int(own["added"].sum()),
            "cut": int(shown["cut"].sum()),
            "sessions": len(room),
            "without_room": len(room) - int(room.sum()),
            "branching": _branching(own),
        }

    def token_paths(self, prompts: pl.Series | None = None) -> TableView:
        """The token paths of distinct prompts, by their number in the order asked for; of all of
        them without `prompts`."""
        return TableView(self.path, self.reading, prompts)


def _branching(own: pl.DataFrame) -> dict[str, float]:
    """experiment -> the share of its responses that are branches, where some are."""
    counts = (
        own.filter(pl.col("experiment").is_not_null())
        .group_by("experiment", maintain_order=True)
        .agg(pl.col("branches", "read").sum())
        .filter(pl.col("branches") > 0)
    )
    return {name: branches / read for name, branches, read in counts.iter_rows()}


def scorable(window: int | None) -> pl.Expr:
    """Of the rows of a table: whether a model with such a window is asked for their score."""
    fits = pl.lit(True) if window is None else pl.col("length") <= window
    return pl.col("refusal").is_null() & fits
