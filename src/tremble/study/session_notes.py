"""Notes on transcripts: where a model's tokens do not fit the marks round responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tremble.text import decimal

LEAST = 0.01  # shares up to this are in the manifest alone


def session_notes(manifests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for every model and data set with many branches, and with many added tokens."""
    for manifest in manifests:
        found = manifest.get("sessions")
        # In a chat every response is a branch: behind it the person's turn ends.
        if not found or manifest["format"] == "chat":
            continue
        where = f"{manifest['model']}, {manifest['dataset']}"
        share = found["branches"] / found["responses"]
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
