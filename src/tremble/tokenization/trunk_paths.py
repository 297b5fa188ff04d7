"""A session, tokenised in one way: its text once, and every prompt as a stretch of it.

Most responses begin and end where tokens of the whole text do: then the trunk's own tokens are the
prompt and the response. Where a mark straddles a token, or a prompt is no beginning of the text,
the prompt is a branch: so many tokens of the trunk, then its own. What these are, and which tokens
other options would be, is read from the end of the prompt alone (`tails`), so that the time is that
of the text, not of all its beginnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from tremble.tokenization.options import (
    Tokenizer,
    TokenPaths,
    option_paths,
    with_bos,
)
from tremble.tokenization.session_text import Place, SessionText, SessionTokens
from tremble.tokenization.tails import LENGTHS, Tail, TailPaths, tail_paths
from tremble.tokenization.trunk import Ids, Stretch, Trunk

_Key = tuple[str, tuple[str, ...], Ids]  # a tail's text, its options, its tokens of the trunk
_NEW: Final = TailPaths(0, (), (), (), False)
Encoded = tuple[list[int], list[int]]  # ids, and ends as `Tokenizer.encode_ends` has them
_REMEMBERED: Final = 50_000  # tails; beyond, all are forgotten
_TOGETHER: Final = 64  # prompts, which may be long, that a tokenizer gets at a time


@dataclass(frozen=True, slots=True)
class _Read:
    """A session whose text is tokenised. `ends` are characters, -1 in a character and of BOS;
    `boundaries` those that are none of these, rising, and `behind` the tokens up to each."""

    session: SessionText
    trunk: Trunk
    ids: list[int]
    ends: list[int]
    boundaries: npt.NDArray[np.int64]
    behind: npt.NDArray[np.int64]

    def tokens_up_to(self, characters: Sequence[int]) -> list[int]:
        """How many tokens end at each of some places, -1 where none does."""
        asked = np.asarray(characters, np.int64)
        at = np.searchsorted(self.boundaries, asked)
        inside = at < len(self.boundaries)
        at = np.where(inside, at, 0)
        if not len(self.boundaries):
            return [-1] * len(asked)
        found = inside & (self.boundaries[at] == asked)
        return [int(one) for one in np.where(found, self.behind[at], -1)]


class TrunkPaths:
    """Makes trunks and token paths with one tokenizer, and remembers how prompts end."""

    def __init__(self, tokenizer: Tokenizer, closing: Ids) -> None:
        self.tokenizer, self._closing = tokenizer, closing
        self._added = np.array(sorted(self.tokenizer.added), np.uint32)
        self._longest = max(map(len, self.tokenizer.special_texts), default=0)
        self._known: dict[_Key, TailPaths | None] = {}

    def __call__(self, session: SessionText, encoded: Encoded | None = None) -> SessionTokens:
        """The trunk of a session and the paths of its responses, in order; `encoded` is the text
        where it is tokenised already.

        Raises UserError as `option_paths` does, and ValueError where a response is none of its
        options.
        """
        if encoded is None:
            told = self.tokenizer.encode_ends([session.text])
            if told is None:
                return self._slowly(session)
            encoded = told[0]
        read = self._read(session, *encoded)
        places = session.places
        starts = read.tokens_up_to([place.start for place in places])
        stops = read.tokens_up_to([place.start + len(place.response) for place in places])
        paths: list[TokenPaths | None] = [
            self._on_trunk(read, place, start, stop)
            for place, start, stop in zip(places, starts, stops, strict=True)
        ]
        branches = 0
        open_places = [at for at, path in enumerate(paths) if path is None]
        for at, found in zip(open_places, self._by_tails(read, open_places), strict=True):
            made, on_trunk = self._placed(read, places[at], found, (starts[at], stops[at]))
            paths[at] = made
            branches += not on_trunk
        done = [path for path in paths if path is not None]
        return SessionTokens(read.trunk, done, branches, self._count_added(read.trunk))

    def _read(self, session: SessionText, bare: list[int], ends: list[int]) -> _Read:
        ids = list(with_bos(bare, self.tokenizer.bos))
        ends = [-1] * (len(ids) - len(bare)) + ends
        whole = np.asarray(ends, np.int64)
        behind = np.flatnonzero(whole >= 0)
        return _Read(session, Trunk(ids), ids, ends, whole[behind], behind + 1)

    def _count_added(self, trunk: Trunk) -> int:
        return int(np.isin(trunk.ids, self._added).sum()) if len(self._added) else 0

    def _on_trunk(self, read: _Read, place: Place, start: int, stop: int) -> TokenPaths | None:
        """The paths of a response that begins and ends where tokens do, and has no options to
        tokenise. White space at either end may be cut otherwise where a text ends."""
        if start < 1 or stop <= start or place.cut is not None or len(place.labels) > 1:
            return None
        if place.labels and place.options() != (place.response,):
            return None
        if read.session.text[place.start - 1].isspace() or place.response[-1].isspace():
            return None
        path = tuple(read.ids[start:stop])
        prefix = Stretch(read.trunk, start)
        return TokenPaths(prefix, (path,), (False,), self._closing, response=0)

    def _by_tails(self, read: _Read, open_places: Sequence[int]) -> list[tuple[int, TailPaths]]:
        """For each of some places its tail's paths, and the token of the trunk the tail is from."""
        found: dict[int, tuple[int, TailPaths]] = {}
        left = list(open_places)
        for length in (*LENGTHS, None):
            new: dict[_Key, Tail] = {}
            waiting: list[tuple[int, int, _Key]] = []
            for at, (first, until) in zip(left, self._spans(read, left, length), strict=True):
                place = read.session.places[at]
                begin = read.ends[first - 1] if first else 0
                text = read.session.text[begin : place.stop] + place.suffix
                key = (text, place.options(), tuple(read.ids[first:until]) if first else ())
                paths = self._known.get(key, _NEW)
                if paths is _NEW:
                    waiting.append((at, first, key))
                    if key not in new:
                        ends = [end - begin if end >= 0 else -1 for end in read.ends[first:until]]
                        new[key] = Tail(*key, tuple(ends), whole=not first)
                elif paths is not None:
                    found[at] = first, paths
            learnt = self._learn(new)
            found |= {at: (first, told) for at, first, key in waiting if (told := learnt[key])}
            left = [at for at in left if at not in found]
            if not left:
                break
        return [found[at] for at in open_places]

    def _spans(
        self, read: _Read, places: Sequence[int], length: int | None
    ) -> list[tuple[int, int]]:
        """Of each place the trunk's tokens from where its tail begins up to the last one that ends
        in the prompt; from 0 where the tail is the whole prompt."""
        if length is None or not len(read.behind):
            return [(0, 0)] * len(places)
        stops = np.asarray([read.session.places[at].stop for at in places], np.int64)
        behind = np.concatenate(([0], read.behind))
        until = behind[np.searchsorted(read.boundaries, stops, "right")]
        # A tail is longer than any added token.
        longest = np.searchsorted(read.boundaries, stops - self._longest, "right")
        within = np.searchsorted(read.behind, until - length, "right")
        first = behind[np.minimum(longest, within)]
        return list(zip(first.tolist(), until.tolist(), strict=True))

    def _learn(self, new: Mapping[_Key, Tail]) -> dict[_Key, TailPaths | None]:
        """The paths of some tails. Those of whole prompts are not remembered."""
        tails, learnt = list(new.values()), list[TailPaths | None]()
        for first in range(0, len(tails), _TOGETHER):
            some = tails[first : first + _TOGETHER]
            learnt += tail_paths(self.tokenizer, some, self._closing)
        made = dict(zip(new, learnt, strict=True))
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update((key, made[key]) for key, tail in new.items() if not tail.whole)
        return made

    def _placed(
        self, read: _Read, place: Place, found: tuple[int, TailPaths], marks: tuple[int, int]
    ) -> tuple[TokenPaths, bool]:
        """What a tail says, on its trunk, and whether the trunk goes on with the response."""
        first, tail = found
        begin, (start, stop) = first + tail.kept, marks
        at = place.options().index(place.response)
        path = tail.paths[at]
        aligned = start > 0 and place.cut is None and not tail.boundary
        if aligned and tuple(read.ids[start:stop]) == path:
            prefix, on_trunk = Stretch(read.trunk, start), True
        else:
            shared = _shared(tail.ids, read.ids[begin : begin + len(tail.ids)])
            prefix, on_trunk = Stretch(read.trunk, begin + shared, tail.ids[shared:]), False
        made = TokenPaths(
            prefix, tail.paths, tail.terminated, self._closing, tail.boundary, response=at
        )
        return made, on_trunk

    def _slowly(self, session: SessionText) -> SessionTokens:
        """The same, every prompt tokenised whole."""
        trunk = Trunk(with_bos(self.tokenizer.encode([session.text])[0], self.tokenizer.bos))
        ids = trunk.ids.tolist()
        paths, branches = [], 0
        for first in range(0, len(session.places), _TOGETHER):
            places = session.places[first : first + _TOGETHER]
            prompts = [
                (session.text[: place.stop] + place.suffix, place.options()) for place in places
            ]
            openings = ["<<"] * len(prompts)
            made = option_paths(self.tokenizer, prompts, openings=openings)
            for place, one in zip(places, made, strict=True):
                at = place.options().index(place.response)
                whole = tuple(one.prefix)
                shared = _shared(whole, ids[: len(whole)])
                path = one.paths[at]
                on_trunk = (
                    place.cut is None
                    and not one.token_boundary
                    and shared == len(whole)
                    and tuple(ids[shared : shared + len(path)]) == path
                )
                branches += not on_trunk
                prefix = Stretch(trunk, shared, whole[shared:])
                paths.append(replace(one, prefix=prefix, terminator=self._closing, response=at))
        return SessionTokens(trunk, paths, branches, self._count_added(trunk))


def _shared(ids: Ids, trunk: Sequence[int]) -> int:
    """How many ids some share with the trunk."""
    if ids == tuple(trunk):
        return len(ids)
    pairs = enumerate(zip(ids, trunk, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(ids), len(trunk)))
