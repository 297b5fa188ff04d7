"""The columns of a table of prompts: those of one data set for one tokenizer, in a compact form.

A table is a Polars frame with one row per decision and presentation, in the order of the data.
What a prompt is made of (token ids, option paths, row key) stands at the first row that shows it
and is null at those that repeat it, so that equal prompts are tokenised and kept once. A token
takes four bytes in memory and far less on disk, since histories repeat one another.

The prompts of a session are beginnings of one text (`tokenization.trunk`): its ids stand at the
first of them, and each says how many of these are its own, and which few ids follow them.
"""

from __future__ import annotations

import polars as pl

from tremble.store.schemas import Types

ROW: Types = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "presentation": pl.Int8,
    "keys": pl.List(pl.String),  # of the options, in shown order
    "room": pl.Boolean,  # at the first row of a session: whether it keeps any response
    "prompt": pl.UInt32,  # which distinct prompt, counted from 0 in order of appearance
}
PROMPT: Types = {
    "row_key": pl.String,
    "prefix": pl.List(pl.UInt32),  # on a trunk: what follows its first `stop` ids
    "trunk": pl.UInt32,  # which trunk, counted from 0; null for a prompt of its own
    "trunk_ids": pl.List(pl.UInt32),  # at the first prompt that is on it
    "stop": pl.UInt32,
    "response": pl.UInt16,  # the place among `paths` of what the person said, where that is asked
    "paths": pl.List(pl.List(pl.UInt32)),
    "closed": pl.List(pl.Boolean),
    "closing": pl.UInt32,  # which set of closing ids, counted from 0; null where none
    "closing_ids": pl.List(pl.UInt32),  # that set, at the first prompt that needs it
    "spelled": pl.UInt32,  # which spellings the paths are, in the same way
    "spelled_as": pl.String,  # those spellings as JSON, at the first prompt that has them
    "join": pl.Boolean,
    "error": pl.String,
    "reason": pl.String,  # the error without what its kind says
    "error_kind": pl.String,
    "prompt_tokens": pl.Int32,
    "length": pl.Int32,  # tokens of the longest sequence that is computed
    # Of a session, at the first prompt that is on its trunk: its experiment, how many responses are
    # read, how many of these are no place in the text, and added tokens in that.
    "experiment": pl.String,
    "read": pl.UInt32,
    "branches": pl.UInt32,
    "added": pl.UInt32,
    "held": pl.UInt32,  # ids that this row holds
    "warning": pl.String,  # of a doubtful token boundary, at the first prompt that has one
    # Where a task is compared with them: marks (`tasks.task_file.text_mark`) of what people read,
    # of the user text alone, and of the whole text in the plain format; null of sessions.
    "words_mark": pl.UInt64,
    "user_mark": pl.UInt64,
    "plain_mark": pl.UInt64,
    "control_texts": pl.String,  # in people's words, as a JSON list; null where none
}
MARKS = ("words_mark", "user_mark", "plain_mark")
TABLE = pl.Schema({**ROW, **PROMPT})
