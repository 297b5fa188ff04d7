"""Option paths of every spelling: disjoint events, so that their probabilities may be added.

The labels keep the paths of the exact reading, whatever else is counted. A further spelling counts
where no other option could be meant: it is left out where it equals, begins or continues a
spelling of another option, unless a closing quote tells the two apart. What continues a
spelling of its own option is part of that one already. Only the tokens that the
tokenizer itself makes of a text count, not other splits of the same letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tremble.tokenization.options import (
    Ids,
    Reading,
    Termination,
    Tokenizer,
    TokenPaths,
    common,
    first_token,
    option_paths,
    terminator_character,
    terminator_ids,
    with_bos,
)
from tremble.tokenization.surface_forms import SurfaceForms, Writing, writings

# A label, and the words declared for it.
Words = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Way:
    """A spelling and the event that it is: the answer goes along `path` and, if `closed`, ends."""

    text: str
    path: Ids
    terminated: bool = False


@dataclass(frozen=True, slots=True)
class _Added:
    """What replaces the paths of the labels alone."""

    paths: tuple[Ids, ...]
    terminated: tuple[bool, ...]
    terminator: Ids
    surface_forms: SurfaceForms


def surface_form_paths(
    tokenizer: Tokenizer,
    prompts: Iterable[tuple[str, Sequence[Words]]],
    reading: Reading = "joint",
    terminator: Termination = "auto",
) -> list[TokenPaths]:
    """The token paths of (context, options) prompts with all spellings, in their order.

    Raises UserError where `option_paths` does for the labels.
    """
    asked = [(context, tuple(options)) for context, options in prompts]
    labels = [(context, [label for label, _ in words]) for context, words in asked]
    speller = _Speller(tokenizer, reading, terminator)
    return [
        speller.spell(context, words, exact)
        for (context, words), exact in zip(
            asked, option_paths(tokenizer, labels, reading, terminator), strict=True
        )
    ]


class _Speller:
    """Adds spellings to the paths of labels; equal ends of prompts are worked out once."""

    def __init__(self, tokenizer: Tokenizer, reading: Reading, terminator: Termination) -> None:
        self._tokenizer = tokenizer
        self._reading = reading
        self._terminator = terminator
        self._terminators: dict[str, Ids] = {}
        self._known: dict[object, _Added | None] = {}

    def spell(self, context: str, words: tuple[Words, ...], exact: TokenPaths) -> TokenPaths:
        if exact.refusal is not None:
            return exact
        # The last line is nearly always the opening. Where the labels have the same tokens after
        # that line as after the whole text, so have the other spellings.
        end = context.rpartition("\n")[2] or context
        key = (end, words, exact.paths, exact.terminated)
        if key not in self._known:
            self._known[key] = self._after(end, words, exact)
        added = self._known[key] or self._after(context, words, exact)
        assert added is not None  # the whole text is what the labels' paths were made of
        return replace(
            exact,
            paths=added.paths,
            terminated=added.terminated,
            terminator=added.terminator,
            surface_forms=added.surface_forms,
        )

    def _after(self, context: str, words: tuple[Words, ...], exact: TokenPaths) -> _Added | None:
        """The spellings after a text; None where it gives the labels other tokens than `exact`."""
        quote = terminator_character(context)
        written = [writings(*word, open_quote=quote is not None) for word in words]
        paths = self._paths(context, [[one.text for one in found] for found in written])
        if tuple(found[0] for found in paths) != exact.paths:
            return None
        ways: list[list[_Way]] = []
        dropped: list[list[str]] = []
        for option, (found, routes) in enumerate(zip(written, paths, strict=True)):
            ways.append([_Way(found[0].text, exact.paths[option], exact.terminated[option])])
            dropped.append([])
            for one, path in zip(found[1:], routes[1:], strict=True):
                terminated = self._must_be_terminated(one, option, written)
                if not path or (terminated and (one.quoted or quote is None)):
                    dropped[option].append(one.text)
                else:
                    ways[option].append(_Way(one.text, path, terminated))
        terminator = exact.terminator
        if quote is not None and any(way.terminated for found in ways for way in found):
            terminator = self._terminator_ids(quote)
        kept = _disjoint(ways, frozenset(terminator), dropped)
        flat = [way for found in kept for way in found]
        return _Added(
            tuple(way.path for way in flat),
            tuple(way.terminated for way in flat),
            terminator if any(way.terminated for way in flat) else (),
            SurfaceForms(
                tuple(tuple(way.text for way in found) for found in kept),
                tuple(map(tuple, dropped)),
            ),
        )

    def _paths(self, context: str, texts: Sequence[Sequence[str]]) -> list[list[Ids]]:
        """The ids of each text after the common start; empty where a text has other tokens
        before."""
        flat = [text for found in texts for text in found]
        first, *rest = self._tokenizer.encode([context, *(context + text for text in flat)])
        bos = self._tokenizer.bos
        ids = with_bos(first, bos)
        wholes = iter([with_bos(whole, bos) for whole in rest])
        found = [[next(wholes) for _ in option] for option in texts]
        if self._reading == "next_token":
            alone = iter(self._tokenizer.encode(flat))
            return [[first_token(ids, whole, next(alone)) for whole in option] for option in found]
        start = common(ids, [option[0] for option in found])
        return [
            [whole[start:] if whole[:start] == ids[:start] else () for whole in option]
            for option in found
        ]

    def _must_be_terminated(
        self, one: Writing, option: int, written: Sequence[Sequence[Writing]]
    ) -> bool:
        """Whether a spelling begins its own label, or any spelling of another option."""
        if self._reading == "next_token":
            return False
        longer = [written[option][0].text]
        longer += [w.text for at, found in enumerate(written) if at != option for w in found]
        return self._terminator == "always" or any(
            text != one.text and text.startswith(one.text) for text in longer
        )

    def _terminator_ids(self, quote: str) -> Ids:
        if quote not in self._terminators:
            self._terminators[quote] = terminator_ids(self._tokenizer.pieces(), quote)
        return self._terminators[quote]


def _disjoint(
    ways: Sequence[Sequence[_Way]], terminator: frozenset[int], dropped: Sequence[list[str]]
) -> list[list[_Way]]:
    """The ways of which no two can happen together, every label among them.

    Those that another option could mean are added to `dropped`.
    """
    labels = [found[0] for found in ways]
    clear: list[list[_Way]] = []
    for option, found in enumerate(ways):
        clear.append([])
        for way in found[1:]:
            own, others = labels[option], labels[:option] + labels[option + 1 :]
            if any(_overlap(way, other, terminator) for other in others):
                dropped[option].append(way.text)
            elif not _overlap(way, own, terminator):
                clear[option].append(way)
            elif not _begins(own, way):
                dropped[option].append(way.text)
    kept = []
    for option, found in enumerate(clear):
        rivals = [way for at, rest in enumerate(clear) if at != option for way in rest]
        mine: list[_Way] = []
        for way in sorted(found, key=lambda way: (len(way.path), way.terminated)):  # widest first
            if any(_overlap(way, rival, terminator) for rival in rivals):
                dropped[option].append(way.text)
            elif not any(_overlap(way, wider, terminator) for wider in mine):
                mine.append(way)
        kept.append([labels[option], *(way for way in found if way in mine)])
    return kept


def _begins(wider: _Way, way: _Way) -> bool:
    return way.path[: len(wider.path)] == wider.path


def _overlap(one: _Way, other: _Way, terminator: frozenset[int]) -> bool:
    """Whether an answer can go both ways."""
    short, long = sorted((one, other), key=lambda way: len(way.path))
    if not _begins(short, long):
        return False
    if len(short.path) == len(long.path):
        return True
    return not short.terminated or long.path[len(short.path)] in terminator
