"""Option paths of every surface form: disjoint events, so that their probabilities may be added.

The labels keep the paths that they have alone, whatever else is counted. A further surface form
counts where no other option could be meant: it is left out where it equals, begins or continues a
surface form of another option, unless a terminating quote tells the two apart. What continues a
surface form of its own option is part of that one already. Only the tokens that the tokenizer
itself makes of a text count, not other splits of the same letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tremble.tokenization.disjoint import overlap
from tremble.tokenization.options import (
    FIRST_TOKEN,
    FULL_LABEL,
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
from tremble.tokenization.trunk import Ids

# A label, and the words declared for it.
Words = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Way:
    """A surface form and the event that it is: the answer goes along `path` and, if `terminated`,
    ends."""

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
    reading: Reading = FULL_LABEL,
    terminator: Termination = "auto",
    openings: Sequence[str] | None = None,
) -> list[TokenPaths]:
    """The token paths of (context, options) prompts with all surface forms, in their order;
    `openings` as `option_paths` takes them.

    Raises UserError where `option_paths` does for the labels.
    """
    asked = [(context, tuple(options)) for context, options in prompts]
    labels = [(context, [label for label, _ in words]) for context, words in asked]
    openings = [context for context, _ in asked] if openings is None else openings
    writer = _Writer(tokenizer, reading, terminator)
    exacts = option_paths(tokenizer, labels, reading, terminator, openings)
    return [
        writer.with_surface_forms(context, words, exact, terminator_character(opening))
        for (context, words), exact, opening in zip(asked, exacts, openings, strict=True)
    ]


class _Writer:
    """Adds surface forms to the paths of labels; equal ends of prompts are worked out once."""

    def __init__(self, tokenizer: Tokenizer, reading: Reading, terminator: Termination) -> None:
        self._tokenizer = tokenizer
        self._reading = reading
        self._terminator = terminator
        self._terminators: dict[str, Ids] = {}
        self._known: dict[object, _Added | None] = {}

    def with_surface_forms(
        self, context: str, words: tuple[Words, ...], exact: TokenPaths, quote: str | None
    ) -> TokenPaths:
        """The paths of a prompt, out of `exact`, those of its labels alone; `quote` is what ends
        the answer."""
        if exact.refusal is not None:
            return exact
        # The last line is nearly always the opening. Where the labels have the same tokens after
        # that line as after the whole text, so have the other surface forms.
        end = context.rpartition("\n")[2] or context
        key = (end, words, exact.paths, exact.terminated, quote)
        if key not in self._known:
            self._known[key] = self._after(end, words, exact, quote)
        added = self._known[key] or self._after(context, words, exact, quote)
        assert added is not None  # the whole text is what the labels' paths were made of
        return replace(
            exact,
            paths=added.paths,
            terminated=added.terminated,
            terminator=added.terminator,
            surface_forms=added.surface_forms,
        )

    def _after(
        self, context: str, words: tuple[Words, ...], exact: TokenPaths, quote: str | None
    ) -> _Added | None:
        """Surface forms after a text; None where it gives the labels other tokens than `exact`."""
        written = [writings(*word, open_quote=quote is not None) for word in words]
        paths = self._paths(context, [[one.text for one in texts] for texts in written])
        if tuple(routes[0] for routes in paths) != exact.paths:
            return None
        ways: list[list[_Way]] = []
        dropped: list[list[str]] = []
        for option, (texts, routes) in enumerate(zip(written, paths, strict=True)):
            ways.append([_Way(texts[0].text, exact.paths[option], exact.terminated[option])])
            dropped.append([])
            for one, path in zip(texts[1:], routes[1:], strict=True):
                terminated = self._must_be_terminated(one, option, written)
                if not path or (terminated and (one.quoted or quote is None)):
                    dropped[option].append(one.text)
                else:
                    ways[option].append(_Way(one.text, path, terminated))
        terminator = exact.terminator
        if quote is not None and any(way.terminated for mine in ways for way in mine):
            terminator = self._terminator_ids(quote)
        kept = _disjoint(ways, frozenset(terminator), dropped)
        flat = [way for mine in kept for way in mine]
        return _Added(
            tuple(way.path for way in flat),
            tuple(way.terminated for way in flat),
            terminator if any(way.terminated for way in flat) else (),
            SurfaceForms(
                tuple(tuple(way.text for way in mine) for mine in kept),
                tuple(map(tuple, dropped)),
            ),
        )

    def _paths(self, context: str, texts: Sequence[Sequence[str]]) -> list[list[Ids]]:
        """The ids of each text after the common start; empty where a text has other tokens
        before."""
        flat = [text for option in texts for text in option]
        first, *rest = self._tokenizer.encode([context, *(context + text for text in flat)])
        bos = self._tokenizer.bos
        ids = with_bos(first, bos)
        wholes = iter([with_bos(whole, bos) for whole in rest])
        by_option = [[next(wholes) for _ in option] for option in texts]
        if self._reading == FIRST_TOKEN:
            alone = iter(self._tokenizer.encode(flat))
            return [
                [first_token(ids, whole, next(alone)) for whole in option] for option in by_option
            ]
        start = common(ids, [option[0] for option in by_option])
        return [
            [whole[start:] if whole[:start] == ids[:start] else () for whole in option]
            for option in by_option
        ]

    def _must_be_terminated(
        self, one: Writing, option: int, written: Sequence[Sequence[Writing]]
    ) -> bool:
        """Whether a surface form begins its own label, or any surface form of another option."""
        if self._reading == FIRST_TOKEN:
            return False
        longer = [written[option][0].text]
        longer += [w.text for at, texts in enumerate(written) if at != option for w in texts]
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
    labels = [mine[0] for mine in ways]
    clear: list[list[_Way]] = []
    for option, mine in enumerate(ways):
        clear.append([])
        for way in mine[1:]:
            own, others = labels[option], labels[:option] + labels[option + 1 :]
            if any(_overlap(way, other, terminator) for other in others):
                dropped[option].append(way.text)
            elif not _overlap(way, own, terminator):
                clear[option].append(way)
            elif not _begins(own, way):
                dropped[option].append(way.text)
    kept = []
    for option, candidates in enumerate(clear):
        rivals = [way for at, rest in enumerate(clear) if at != option for way in rest]
        chosen: list[_Way] = []
        # The widest first.
        for way in sorted(candidates, key=lambda way: (len(way.path), way.terminated)):
            if any(_overlap(way, rival, terminator) for rival in rivals):
                dropped[option].append(way.text)
            elif not any(_overlap(way, wider, terminator) for wider in chosen):
                chosen.append(way)
        kept.append([labels[option], *(way for way in candidates if way in chosen)])
    return kept


def _begins(wider: _Way, way: _Way) -> bool:
    return way.path[: len(wider.path)] == wider.path


def _overlap(one: _Way, other: _Way, terminator: frozenset[int]) -> bool:
    """Whether an answer can go both ways."""
    return overlap((one.path, one.terminated), (other.path, other.terminated), terminator)
