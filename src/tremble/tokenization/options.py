"""Option paths: which tokens an option is, given everything before it.

A context and every context + option are tokenised as one text each, because tokens may span the
place where they meet (the token boundary). The answer starts at the longest token prefix that the
context and all of them share; tokens the options share from there count in the mass. Where a token
of the context differs once an option follows (a straddling token), it is scored whole and the
prompt is marked.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from typing import Final, Literal, Protocol

from tremble.errors import UserError
from tremble.tokenization.disjoint import (
    begins_another,
    check_disjoint,
    check_distinct,
    check_ends,
    no_token,
)
from tremble.tokenization.refusal import Refusal
from tremble.tokenization.surface_forms import SurfaceForms
from tremble.tokenization.trunk import Ids, Stretch

Reading = Literal["joint", "next_token"]
# What is scored of a label: all of its tokens, tokenised as one text with what is before it, or the
# first token after the context as it stands.
FULL_LABEL: Final = "joint"
FIRST_TOKEN: Final = "next_token"
READINGS: tuple[Reading, ...] = (FULL_LABEL, FIRST_TOKEN)
Termination = Literal["auto", "always"]
_SHARED = Refusal(
    "shared_first_token", "labels share their first token; the next-token reading is undefined"
)


class NoTerminator(UserError):
    """A label must be terminated, and the prompt leaves no quote open."""


class TokenizerFacts(Protocol):
    """What is known of a tokenizer also while it is not in memory."""

    @property
    def key(self) -> str:
        """A hash of everything that decides the ids it makes of a text, and its vocabulary."""

    @property
    def bos(self) -> Ids:
        """The ids that the tokenizer itself puts before a text; empty for many models."""

    @property
    def special(self) -> Mapping[str, str]:
        """Special tokens by role, such as bos_token, as texts."""

    @property
    def special_texts(self) -> Sequence[str]:
        """Every text that is one special or added token here."""

    @property
    def template(self) -> str | None:
        """The chat template that comes with the model."""


class Tokenizer(TokenizerFacts, Protocol):
    """What tremble needs of a tokenizer. Ids are those of the model's vocabulary."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text; special tokens in it are recognised, none are added."""

    def encode_ends(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]] | None:
        """The ids of each text, and in characters where each token ends: -1 inside a character.
        None from tokenizers that do not tell."""

    def literal(self) -> Tokenizer:
        """The same tokenizer, to which control tokens (flagged special) in a text are letters."""

    @property
    def control(self) -> Collection[int]:
        """The ids of control tokens: those flagged special, but for the unknown one."""

    @property
    def added(self) -> Collection[int]:
        """The ids of words and marks added to the vocabulary that are not control tokens."""

    def pieces(self) -> Sequence[str]:
        """The vocabulary by id, as the tokenizer stores it."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids."""


@dataclass(frozen=True, slots=True)
class TokenPaths:
    """What an engine scores for one prompt.

    `prefix` are the ids before the answer; `paths` the ids of each option after it, in shown
    order; `terminated` marks the options whose end is scored too, as the sum over `terminator` (the
    ids of all tokens that start with the terminating character). `token_boundary` is set where a
    token straddles the end of the context. `refusal` says why the prompt cannot be scored; where
    that is known before anything is tokenised (`unread`), there are no ids at all. Where other
    surface forms count, `surface_forms` says which of the paths are which option's: all of the
    first option, then all of the next.

    `response` is the place among `paths` of what the person said, where how likely that is is asked
    for: a response may have no options, and then its path is the only one. What closes it is then
    read behind it, as the sum over `terminator`.

    `whole`: the next-token distribution at the answer start is wanted whole. The row key does not
    hold it: it changes none of the other numbers.
    """

    prefix: Ids | Stretch
    paths: tuple[Ids, ...]
    terminated: tuple[bool, ...]
    terminator: Ids = ()
    token_boundary: bool = False
    reading: Reading = FULL_LABEL
    refusal: Refusal | None = None
    surface_forms: SurfaceForms | None = None
    response: int | None = None
    whole: bool = False

    @property
    def error(self) -> str | None:
        """Why the prompt cannot be scored, a sentence."""
        return None if self.refusal is None else self.refusal.sentence

    @property
    def length(self) -> int:
        """Tokens of the longest sequence that is computed."""
        return len(self.prefix) + max((len(node) for node in self.nodes()), default=0)

    def labels_alone(self) -> TokenPaths:
        """The same prompt without other surface forms than the labels."""
        if self.surface_forms is None:
            return self
        counts = self.surface_forms.counts
        firsts = [sum(counts[:option]) for option in range(len(counts))]
        terminated = tuple(self.terminated[at] for at in firsts)
        return replace(
            self,
            paths=tuple(self.paths[at] for at in firsts),
            terminated=terminated,
            terminator=self.terminator if any(terminated) else (),
            surface_forms=None,
        )

    def nodes(self) -> list[Ids]:
        """The places, as ids after the prefix, whose next-token distribution is needed."""
        nodes = {path[:end] for path in self.paths for end in range(len(path))}
        nodes |= {
            path for path, terminated in zip(self.paths, self.terminated, strict=True) if terminated
        }
        if self.response is not None:
            nodes.add(self.paths[self.response])
        return sorted(nodes, key=lambda node: (len(node), node))

    def key(self) -> str:
        """The row key: a hash of prompt ids, option ids and reading (24 hexadecimal digits)."""
        digest = blake2b(self.reading.encode(), digest_size=12)
        numbers = array("q")
        counts = () if self.surface_forms is None else (self.surface_forms.counts,)
        on_trunk = isinstance(self.prefix, Stretch)
        if on_trunk or self.response is not None:
            numbers.extend((-1, on_trunk, -1 if self.response is None else self.response))
        for part in (
            self.prefix.mark() if isinstance(self.prefix, Stretch) else self.prefix,
            *self.paths,
            tuple(map(int, self.terminated)),
            self.terminator,
            *counts,
        ):
            numbers.append(len(part))
            numbers.extend(part)
        digest.update(numbers)
        if not self.paths:
            digest.update(str(self.error).encode())
        return digest.hexdigest()


def unread(refusal: Refusal, reading: Reading) -> TokenPaths:
    """A prompt that is not even tokenised."""
    return TokenPaths((), (), (), reading=reading, refusal=refusal)


def maximal(nodes: Sequence[Ids]) -> list[Ids]:
    """The nodes that no other node continues: one sequence each covers them all."""
    ordered = sorted(nodes)  # behind each node stands what continues it, if anything does
    continued = {one for one, other in pairwise(ordered) if other[: len(one)] == one}
    return [node for node in nodes if node not in continued]


def bos_of(with_special: Sequence[int], bare: Sequence[int]) -> Ids:
    """The ids a tokenizer puts first: those before `bare` in what it makes of the same text."""
    for start in range(len(with_special) - len(bare) + 1):
        if list(with_special[start : start + len(bare)]) == list(bare):
            return tuple(with_special[:start])
    return ()


def with_bos(ids: Sequence[int], bos: Ids) -> Ids:
    """`ids` with the tokenizer's own BOS in front, once, also where a template printed it."""
    return tuple(ids) if tuple(ids[: len(bos)]) == bos else (*bos, *ids)


def terminator_character(opening: str) -> str | None:
    """What ends the answer: > after the << of a transcript, else the quote that the last line of
    the opening leaves open. What stands before the opening does not count: people's words and
    templates have quotes of their own."""
    if opening.endswith("<<"):
        return ">"
    return '"' if opening.rpartition("\n")[2].count('"') % 2 else None


def terminator_ids(pieces: Sequence[str], character: str) -> Ids:
    """The ids of all tokens whose text starts with an ASCII character. Byte-level and SentencePiece
    vocabularies store printable ASCII as itself; byte fallback stores `<0x22>`."""
    fallback = f"<0x{ord(character):02X}>"
    return tuple(
        index
        for index, piece in enumerate(pieces)
        if piece is not None and (piece.startswith(character) or piece == fallback)
    )


def option_paths(
    tokenizer: Tokenizer,
    prompts: Iterable[tuple[str, Sequence[str]]],
    reading: Reading = FULL_LABEL,
    terminator: Termination = "auto",
    openings: Sequence[str] | None = None,
) -> list[TokenPaths]:
    """The token paths of (context, labels) prompts, in their order.

    `openings` are the ends of the contexts that open the answers, in which the quote that ends
    labels must be open; without them the contexts themselves.

    Raises UserError where two labels tokenise alike, where a label is no token at all, and where
    what ends a label could as well be part of another; NoTerminator where one label begins another
    (or `terminator` is 'always') and nothing ends it.
    """
    prompts = list(prompts)
    openings = [context for context, _ in prompts] if openings is None else openings
    texts = [
        text for context, labels in prompts for text in (context, *(context + x for x in labels))
    ]
    encoded = iter(tokenizer.encode(texts))
    alone: dict[str, list[int]] = {}
    if reading == FIRST_TOKEN:
        words = sorted({label for _, labels in prompts for label in labels})
        alone = dict(zip(words, tokenizer.encode(words), strict=True))
    terminators: dict[str, Ids] = {}
    made = []
    for (context, labels), opening in zip(prompts, openings, strict=True):
        ids = with_bos(next(encoded), tokenizer.bos)
        wholes = [with_bos(next(encoded), tokenizer.bos) for _ in labels]
        if reading == FIRST_TOKEN:
            made.append(_first_token_paths(ids, wholes, labels, [alone[one] for one in labels]))
            continue
        start = common(ids, wholes)
        if not start:
            raise UserError(
                f"There is no token before the answer in {context + labels[0]!r}; give a longer "
                "prompt or an opening."
            )
        paths = tuple(whole[start:] for whole in wholes)
        check_distinct(paths, labels)
        terminated = tuple(
            terminator == "always" or begins_another(place, paths, labels)
            for place in range(len(labels))
        )
        terminators_here: Ids = ()
        if any(terminated):
            character = terminator_character(opening)
            if character is None:
                raise _not_terminated(labels[terminated.index(True)], context)
            check_ends(terminated, labels, character)
            if character not in terminators:
                terminators[character] = terminator_ids(tokenizer.pieces(), character)
            terminators_here = terminators[character]
            check_disjoint(paths, terminated, terminators_here, labels)
        made.append(TokenPaths(ids[:start], paths, terminated, terminators_here, start < len(ids)))
    return made


def _not_terminated(label: str, context: str) -> NoTerminator:
    return NoTerminator(
        f"The label {label!r} is the beginning of another label, and the text before it, "
        f"{context[-20:]!r}, has no open quote that could close it; end the opening with a quote, "
        "or choose labels that do not begin with another label."
    )


def _first_token_paths(
    ids: Ids, wholes: list[Ids], labels: Sequence[str], alone: list[list[int]]
) -> TokenPaths:
    """The reading of Shapira et al. (2026): one token per option, right after the context as it
    stands. It is the first that tokenising both as one text puts after the context, or, where a
    token spans the boundary, the first of the label on its own."""
    paths = [first_token(ids, *pair) for pair in zip(wholes, alone, strict=True)]
    for path, label in zip(paths, labels, strict=True):
        if not path:
            raise no_token(label)
    firsts = [path[0] for path in paths]
    shared = len(set(firsts)) < len(firsts)
    return TokenPaths(
        ids,
        tuple((first,) for first in firsts),
        tuple(False for _ in firsts),
        token_boundary=any(whole[: len(ids)] != ids for whole in wholes),
        reading=FIRST_TOKEN,
        refusal=_SHARED if shared else None,
    )


def first_token(ids: Ids, whole: Ids, alone: Sequence[int]) -> Ids:
    """The one token that the first-token reading takes for a label, none where it has none; `ids`,
    `whole` and `alone` are the tokens of the context, of context and label, and of the label."""
    joint = whole[: len(ids)] == ids and len(whole) > len(ids)
    return (whole[len(ids)],) if joint else tuple(alone[:1])


def common(ids: Ids, wholes: Sequence[Ids]) -> int:
    """Length of the longest prefix that all share."""
    return min(_shared(ids, whole) for whole in wholes)


def _shared(ids: Ids, whole: Ids) -> int:
    """Length of the longest prefix that two share."""
    if whole[: len(ids)] == ids:  # nearly always, and far quicker than token by token
        return len(ids)
    pairs = enumerate(zip(ids, whole, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(ids), len(whole)))


def boundary_warning(context: str, label: str) -> str | None:
    """A sentence that shows the boundary where a context ends in a letter or a space, else None."""
    if context and (context[-1].isalpha() or context[-1] == " "):
        return (
            f"The text before the label ends in a {'space' if context[-1] == ' ' else 'letter'}, "
            f"and the label follows directly: {context[-20:] + '|' + label!r} (the bar shows "
            "where the label begins)."
        )
    return None
