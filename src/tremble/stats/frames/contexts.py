"""Which decisions were made in the same situation: the same prompt, whoever the person was."""

from __future__ import annotations

import polars as pl

from tremble.stats.frames.clusters import own_read
from tremble.store.schemas import with_columns

# Words exchanged in a game are no numbers: two such games are never taken for the same. Where the
# whole prompt is the user's own, the words are in it.
_TALK = r'"Messages": "Allowed"|"Message type": "Text"'
_SITUATION = ("dataset", "family", "role", "round", "target")


def contexts(decisions: pl.DataFrame) -> pl.DataFrame:
    """One row per decision: `context` (a number per situation, or null) and `context_why`.

    The situation is the column `numbers`, what the person saw in numbers (of a prompt of the user's
    own a hash of its text), with data set, family, role, round, target and the options as listed.
    To split one situation in two by something without meaning costs repetitions and biases
    nothing; to join two would.
    """
    known = [name for name in _SITUATION if name in decisions.columns]
    decisions = with_columns(decisions, "numbers", "config")
    read = own_read()
    talk = pl.col("config").str.contains(_TALK).fill_null(False) & read.is_null()
    frame = decisions.select(
        "decision",
        *known,
        pl.col("keys").list.join("\x1f").alias("options"),
        # Of a prompt of the user's own by the text alone, as a study stored before has it.
        pl.coalesce(read, "numbers").alias("numbers"),
        talk.alias("talk"),
    ).with_columns(
        context_why=pl.when("talk")
        .then(pl.lit("players exchanged messages"))
        .when(pl.col("numbers").is_null())
        .then(pl.lit("it is not recorded in numbers what the person saw"))
    )
    return frame.select(
        "decision",
        pl.when(pl.col("context_why").is_null())
        .then(pl.struct(*known, "options", "numbers").rank("dense"))
        .alias("context"),
        "context_why",
    )
