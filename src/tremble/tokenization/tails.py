"""The end of a prompt, tokenised without all that is before it.

A tail begins at a token boundary of the trunk. Tokenised alone, its first tokens may be others than
in the whole text (a tokenizer puts a space before a text, or was in the midst of a word), so a tail
counts only from where it has come to make the trunk's own tokens, several in a row and in the same
places. From there on both are in the same state: a tokenisation by merges is right if each pair of
neighbours is, and others look ahead or back by a word at most. Tails that do not come to that
are tried longer, at last as the whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tremble.errors import UserError
from tremble.tokenization.disjoint import (
    begins_another,
    check_disjoint,
    check_distinct,
    check_ends,
)
from tremble.tokenization.options import Tokenizer, common, with_bos
from tremble.tokenization.trunk import Ids

CLOSING: Final = ">"
# How many tokens a tail begins before the end of its prompt, tried in turn; then the whole text.
LENGTHS: Final = (24, 96, 768)
_IN_A_ROW = 6  # tokens that must be the trunk's own


@dataclass(frozen=True, slots=True)
class Tail:
    """The last characters of a prompt, the tokens of the trunk over those that are the trunk's,
    with their ends counted from its beginning, and the options. `whole`: it is the whole prompt."""

    text: str
    labels: tuple[str, ...]
    ids: Ids
    ends: tuple[int, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class TailPaths:
    """`kept` tokens of the trunk over the tail, then `ids`, are the prompt up to where the answer
    starts. `boundary`: a token straddles the prompt's end."""

    kept: int
    ids: Ids
    paths: tuple[Ids, ...]
    terminated: tuple[bool, ...]
    boundary: bool


def tail_paths(tokenizer: Tokenizer, tails: Sequence[Tail], closing: Ids) -> list[TailPaths | None]:
    """The paths of each tail, None where it is not in step with its trunk.

    Raises UserError as `option_paths` does.
    """
    contexts = tokenizer.encode_ends([tail.text for tail in tails])
    assert contexts is not None, "tails are of tokenizers that tell where tokens end"
    starts = [
        (0, 0) if tail.whole else in_step(ids, ends, tail.ids, tail.ends)
        for tail, (ids, ends) in zip(tails, contexts, strict=True)
    ]
    texts = [
        tail.text + label
        for tail, start in zip(tails, starts, strict=True)
        if start is not None
        for label in tail.labels
    ]
    encoded = iter(tokenizer.encode(texts))
    made: list[TailPaths | None] = []
    for tail, start, (ids, _) in zip(tails, starts, contexts, strict=True):
        if start is None:
            made.append(None)
            continue
        bos = tokenizer.bos if tail.whole else ()
        wholes = [with_bos(next(encoded), bos) for _ in tail.labels]
        made.append(_paths(tail, with_bos(ids, bos), wholes, start, closing))
    return made


def in_step(
    ids: Sequence[int], ends: Sequence[int], trunk: Sequence[int], trunk_ends: Sequence[int]
) -> tuple[int, int] | None:
    """From which of its tokens on a tail makes the trunk's own, and from which of the trunk's over
    it; None where it does not. Ends are characters from the tail's beginning, -1 in a character."""
    places = {end: at for at, end in enumerate(trunk_ends) if end >= 0}
    pairs = [(0, 0)]
    pairs += [(at + 1, places[end] + 1) for at, end in enumerate(ends) if end in places]
    for own, other in pairs:
        run = tuple(ids[own : own + _IN_A_ROW])
        if len(run) == _IN_A_ROW and run == tuple(trunk[other : other + _IN_A_ROW]):
            return own, other
    return None


def _paths(
    tail: Tail, ids: Ids, wholes: list[Ids], start: tuple[int, int], closing: Ids
) -> TailPaths | None:
    own, kept = start
    answer = common(ids, wholes)
    if tail.whole and not answer:
        raise UserError(
            f"There is no token before the answer in {tail.text + tail.labels[0]!r}; give a longer "
            "prompt or an opening."
        )
    if not tail.whole and answer < own + _IN_A_ROW:
        return None
    paths = tuple(whole[answer:] for whole in wholes)
    check_distinct(paths, tail.labels)
    terminated = tuple(begins_another(at, paths, tail.labels) for at in range(len(paths)))
    if any(terminated):
        check_ends(terminated, tail.labels, CLOSING)
        check_disjoint(paths, terminated, closing, tail.labels)
    return TailPaths(kept, ids[own:answer], paths, terminated, answer < len(ids))
