"""Notes on transcripts: old imports, and where a model's tokens do not fit the marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from tremble.decisions.sessions import FAMILY, OLD_IMPORT
from tremble.study.file import STANDARD
from tremble.text import counted, decimal

LEAST = 0.01  # shares up to this are in the manifest alone


def session_notes(manifests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for every model and data set with many branches, and with many added tokens."""
    for manifest in manifests:
        found = manifest.get("sessions")
        if not found or manifest["formulation"] != STANDARD:  # interviews repeat what is said
            continue
        where = f"{manifest['model']}, {manifest['dataset']}"
        if found["cut"]:
            none = found["without_room"]
            lost = f"; {counted(none, 'session')} kept no response" if none else ""
            yield (
                f"{where}: {found['cut']:,} of {found['responses']:,} responses were cut, because "
                f"their sessions are longer than the model's window{lost}."
            )
        # In a chat every response is a branch: behind it the person's turn ends.
        if manifest["format"] == "chat":
            continue
        share = found["branches"] / max(found["responses"] - found["cut"], 1)
        if share > LEAST:
            yield (
                f"{where}: for {decimal(share)} of {found['responses']:,} responses a mark (<< or "
                ">>) shares a token with the text beside it. These responses are scored as the "
                "end of the text before them, so they can differ from a pass over the whole text."
            )
        share = found["added"] / max(found["tokens"], 1)
        if share > LEAST:
            yield (
                f"{where}: {decimal(share)} of the tokens in the transcripts are added tokens of "
                "this tokenizer (texts such as <s> that it reads as one token); they stay as it "
                "reads them."
            )


def old_session_notes(entry: str, frame: pl.DataFrame) -> list[str]:
    """A sentence where an entry of a study's data has sessions that an earlier version imported;
    `frame` is what its people did (`decision_frame`)."""
    old = frame.filter(
        (pl.col("family").cast(pl.String) == FAMILY)
        & (pl.col("dataset").cast(pl.String) == "psych")
        & pl.col("response").is_null()
    )
    return [f"{entry}: {OLD_IMPORT}"] if old.height else []
