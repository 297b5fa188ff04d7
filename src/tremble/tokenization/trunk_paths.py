"""A session, tokenised in one way: its text once, and every prompt as a stretch of it.

Most responses begin and end where tokens of the whole text do: then the trunk's own tokens are the
prompt and the response. Where a mark straddles a token, or a prompt is no beginning of the text,
the prompt is a branch: so many tokens of the trunk, then its own. What these are, and which tokens
other options would be, is read from the end of the prompt alone (`tails`), so that the time is that
of the text, not of all its beginnings.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        self._known: dict[Tail, TailPaths | None] = {}

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
        for length in (*LENGTHS, None):
            wanted = [
                (at, *self._tail(read, read.session.places[at], length))
                for at in open_places
                if at not in found
            ]
            if not wanted:
                break
            known = self._learn([tail for _, _, tail in wanted])
            for at, first, tail in wanted:
                paths = known[tail]
                if paths is not None:
                    found[at] = first, paths
        return [found[at] for at in open_places]

    def _tail(self, read: _Read, place: Place, length: int | None) -> tuple[int, Tail]:
        text, stop = read.session.text, place.stop
        last = int(np.searchsorted(read.boundaries, stop, "right")) - 1
        until = 0 if last < 0 else int(read.behind[last])
        first = 0
        if length is not None and last >= 0:
            longest = int(np.searchsorted(read.boundaries, stop - self._longest, "right")) - 1
            within = int(np.searchsorted(read.behind, until - length, "right")) - 1
            back = min(longest, within)
            first = int(read.behind[back]) if back >= 0 else 0
        if not first:
            return 0, Tail(text[:stop] + place.suffix, place.options(), (), (), whole=True)
        begin = read.ends[first - 1]
        ends = tuple(end - begin if end >= 0 else -1 for end in read.ends[first:until])
        ids = tuple(read.ids[first:until])
        return first, Tail(text[begin:stop] + place.suffix, place.options(), ids, ends)

    def _learn(self, tails: Sequence[Tail]) -> dict[Tail, TailPaths | None]:
        """What is known of some tails. Whole prompts are not remembered."""
        known = {tail: self._known[tail] for tail in tails if tail in self._known}
        new = list(dict.fromkeys(tail for tail in tails if tail not in known))
        for first in range(0, len(new), _TOGETHER):
            some = new[first : first + _TOGETHER]
            known.update(zip(some, tail_paths(self.tokenizer, some, self._closing), strict=True))
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update((tail, known[tail]) for tail in new if not tail.whole)
        return known

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
