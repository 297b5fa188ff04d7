"""What the token paths of a session must be: every prompt tokenised whole, by option_paths."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tremble.tokenization.options import Tokenizer, TokenPaths, option_paths, terminator_ids
from tremble.tokenization.session_text import Place, SessionText, SessionTokens

_MARK = re.compile("<<(.*?)>>", re.DOTALL)


def session(text: str, labels: Sequence[str] = ()) -> SessionText:
    """A transcript and its responses; `labels` are the options of every one that is among them."""
    places = [
        Place(mark.start(1), mark[1], tuple(labels) if mark[1] in labels else ())
        for mark in _MARK.finditer(text)
        if mark[1]
    ]
    return SessionText(text, places)


def by_definition(tokenizer: Tokenizer, text: str, place: Place) -> TokenPaths:
    """The paths of one response, its prompt and every prompt with an option as one text."""
    context = text[: place.start if place.cut is None else place.cut] + place.suffix
    labels = place.labels or (place.response,)
    (paths,) = option_paths(tokenizer, [(context, labels)], openings=["<<"])
    return paths


def differences(
    tokenizer: Tokenizer, asked: SessionText, made: SessionTokens, every: int = 1
) -> list[int]:
    """The responses whose paths are not those of the definition, of every so-many-th."""
    assert len(made.paths) == len(asked.places)
    closing = terminator_ids(tokenizer.pieces(), ">")
    wrong = []
    for at in range(0, len(asked.places), every):
        place, one = asked.places[at], made.paths[at]
        right = by_definition(tokenizer, asked.text, place)
        labels = place.labels or (place.response,)
        same = (
            tuple(one.prefix) == right.prefix
            and one.paths == right.paths
            and one.terminated == right.terminated
            and one.token_boundary == right.token_boundary
            and one.terminator == closing
            and one.response == labels.index(place.response)
        )
        if not same:
            wrong.append(at)
    return wrong
