"""Notes on transcripts: old imports, and where a model's tokens do not fit the marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from tremble.decisions.sessions import FAMILY, OLD_IMPORT
from tremble.study.file import STANDARD
from tremble.text import counted, decimal, some_of

LEAST = 0.01  # shares up to this are in the manifest alone
_NAMED = 5  # experiments named in a sentence


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
        if shares := _branching(found):
            named = some_of(
                [f"{name} {decimal(one)}" for name, one in shares.items()][:_NAMED],
                len(shares) - _NAMED,
            )
            yield (
                f"{where}: a mark (<< or >>) shares a token with the text beside it (share of "
                f"responses: {named}). These responses are scored as the end of the text before "
                "them, which can make them far less likely: compare such an experiment only "
                "between models that read it alike."
            )
        share = found["added"] / max(found["tokens"], 1)
        if share > LEAST:
            yield (
                f"{where}: {decimal(share)} of the tokens in the transcripts are added tokens of "
                "this tokenizer (texts such as <s> that it reads as one token); they stay as it "
                "reads them."
            )


def _branching(found: Mapping[str, Any]) -> Mapping[str, float]:
    """experiment -> the share of its responses that are branches, where that is more than
    `LEAST`."""
    return {name: one for name, one in (found.get("branching") or {}).items() if one > LEAST}


def branching(manifests: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """(model, experiment) -> the share of its responses that are branches in plain text, where that
    is more than `LEAST`."""
    return {
        (manifest["model"], name): share
        for manifest in manifests
        if manifest["format"] != "chat" and manifest["formulation"] == STANDARD
        for name, share in _branching(manifest.get("sessions") or {}).items()
    }


def old_session_notes(entry: str, frame: pl.DataFrame) -> list[str]:
    """A sentence where an entry of a study's data has sessions that an earlier version imported;
    `frame` is what its people did (`decision_frame`)."""
    old = frame.filter(
        (pl.col("family").cast(pl.String) == FAMILY)
        & (pl.col("dataset").cast(pl.String) == "psych")
        & pl.col("response").is_null()
    )
    return [f"{entry}: {OLD_IMPORT}"] if old.height else []
