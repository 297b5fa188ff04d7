"""Held-out items as token paths: the prompt, and each answer with the end of its turn.

All checkpoints of a series read an item through one template, that of the aligned model, so that
what differs between them is the model. A pair is one prompt with two answers: both have the same
prefix, which an engine that shares prefixes computes once.

In a chat an answer is what the template prints of it (some trim it), behind the white space, or the
thought, that the template prints first (`prompts/answers`). What closes it is the token that the
template prints behind it as the end of the turn, also where it first closes the response that it
opened before the answer (Command R7B); where the tokenizer has no such token, the letters that the
template prints there are read with the answer but for their last token, which closes it: so the sum
of the two is always that of answer and end of turn. Where a template prints nothing there but white
space, the end of text closes the answer. In plain text the messages and the answer are separated by
blank lines, without names of roles, and the end of text closes the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from tremble.errors import UserError
from tremble.prompts.chat import Template, TemplateError
from tremble.prompts.prefill import opened_before
from tremble.prompts.turns import Piece, Printed
from tremble.tasks.task_file import Item
from tremble.tokenization.options import Tokenizer, TokenPaths, common, with_bos
from tremble.tokenization.session_paths import Marked, free_marks
from tremble.tokenization.trunk import Ids

Why = Literal["too_long", "template", "no_token"]
Pieces = tuple[Piece, ...]
_TOGETHER = 64  # items that a tokenizer gets at a time


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an item has no paths: of which kind, and in words."""

    kind: Why
    reason: str


@dataclass(frozen=True, slots=True)
class ItemPaths:
    """An item and its paths, one for each answer, in the order of `Item.answers`; all have the same
    prefix, one path, and `response` 0. An item that is refused has none, for any of its answers."""

    item: Item
    paths: tuple[TokenPaths, ...] = ()
    refused: Refused | None = None

    @property
    def tokens(self) -> tuple[int, ...]:
        """Tokens of each answer, without the one that closes it."""
        return tuple(len(one.paths[0]) for one in self.paths)


def task_paths(
    items: Iterable[Item],
    tokenizer: Tokenizer,
    template: Template | None,
    window: int | None = None,
) -> Iterator[ItemPaths]:
    """The paths of each item, in order. `template`: the chat's, the same for all models of a
    series; None for plain text. `window`: that of the model in tokens; an item of which one answer
    is longer is refused whole, never cut.

    Raises TemplateError where the template cannot be used at all, UserError where it closes no turn
    and the tokenizer names no end of text.
    """
    maker = _Maker(tokenizer, template, window)
    waiting = iter(items)
    while some := list(islice(waiting, _TOGETHER)):
        yield from maker.made(some)


def prompts_of(made: Iterable[ItemPaths]) -> list[TokenPaths]:
    """What an engine scores: the paths of all items that have some, one after another."""
    return [paths for one in made for paths in one.paths]


def count_refused(made: Iterable[ItemPaths]) -> dict[Why, int]:
    """How many items are refused, by kind."""
    return dict(Counter(one.refused.kind for one in made if one.refused is not None))


@dataclass(frozen=True, slots=True)
class _Texts:
    """An item as text: its prompt, its answers, and the end of turn behind them that is read, empty
    where the end of text closes them."""

    prompt: Pieces
    answers: tuple[Pieces, ...]
    mark: str


class _Maker:
    def __init__(self, tokenizer: Tokenizer, template: Template | None, window: int | None) -> None:
        self._tokenizer, self._template, self._window = tokenizer, template, window
        self._control = frozenset(tokenizer.control)
        self._of_frames: dict[str, list[int]] = {}
        self._marks: dict[tuple[str, str], str] = {}
        self._end: int | None = None
        if template is not None:
            template.takes_system  # noqa: B018 - its own faults are those of no item

    def made(self, items: Sequence[Item]) -> list[ItemPaths]:
        """The paths of some items."""
        found: list[_Texts | Refused] = [self._texts(one) for one in items]
        asked = [
            pieces
            for one in found
            if isinstance(one, _Texts)
            for pieces in (one.prompt, *(self._whole(one, answer) for answer in one.answers))
        ]
        encoded = iter(self._encoded(asked))
        made = []
        for item, one in zip(items, found, strict=True):
            if isinstance(one, Refused):
                made.append(ItemPaths(item, refused=one))
                continue
            prompt, *wholes = [next(encoded) for _ in range(1 + len(one.answers))]
            made.append(self._paths(item, prompt, wholes, one.mark))
        return made

    def _whole(self, texts: _Texts, answer: Pieces) -> Pieces:
        mark = (Piece(texts.mark, False),) if texts.mark else ()
        return (*texts.prompt, *answer, *mark)

    def _texts(self, item: Item) -> _Texts | Refused:
        if self._template is None:
            answers = tuple((Piece(one, True),) for one in item.answers)
            return _Texts((Piece(f"{item.asked}\n\n", True),), answers, "")
        own_bos = self._tokenizer.special.get("bos_token")
        try:
            printed = self._template.turns(item.prompt, item.answers, own_bos)
        except TemplateError as fault:
            return Refused("template", str(fault))
        return _Texts(printed.prompt, printed.answers, self._mark(printed))

    def _mark(self, printed: Printed) -> str:
        """What of a template's text behind an answer is read: up to the first token that is one for
        this tokenizer and ends the turn, not only what the template opens right before the answer;
        else its letters; empty where it is white space."""
        before, closing = printed.prompt[-1].text, printed.closing
        if (before, closing) not in self._marks:
            self._marks[before, closing] = closing[: self._end_of_turn(before, closing)]
        return self._marks[before, closing]

    def _end_of_turn(self, before: str, closing: str) -> int:
        end = len(closing.rstrip())
        here = [text for text in self._tokenizer.special_texts if text.strip() in closing[:end]]
        places = sorted((closing.find(text), -len(text)) for text in here if text.strip())
        last = None
        for start, length in places:
            text = closing[start : start - length]
            if start < 0 or len(self._tokenizer.encode([text])[0]) != 1:
                continue
            last = start - length
            if not opened_before(text, before):
                break
        return end if last is None else last

    def _encoded(self, texts: Sequence[Pieces]) -> list[Ids]:
        """The ids of each text, tokenised as one, with the tokenizer's own BOS once. Control tokens
        in people's words are letters; where a text has none but the template's, as nearly always,
        the tokenizer reads it as it is."""
        strings = ["".join(piece.text for piece in pieces) for pieces in texts]
        made = []
        for pieces, ids in zip(texts, self._tokenizer.encode(strings), strict=True):
            own = [one for piece in pieces if not piece.words for one in self._framed(piece.text)]
            if [one for one in ids if one in self._control] != own:
                ids = self._as_letters(pieces)
            made.append(with_bos(ids, self._tokenizer.bos))
        return made

    def _framed(self, frame: str) -> list[int]:
        """The control tokens of what a template prints."""
        if frame not in self._of_frames:
            ids = self._tokenizer.encode([frame])[0]
            self._of_frames[frame] = [one for one in ids if one in self._control]
        return self._of_frames[frame]

    def _as_letters(self, pieces: Pieces) -> list[int]:
        marks = free_marks([piece.text for piece in pieces])
        marked = Marked(self._tokenizer, self._tokenizer.literal(), marks)
        texts = (piece.text if piece.words else marked.mark(piece.text) for piece in pieces)
        return marked.encode(["".join(texts)])[0]

    def _paths(self, item: Item, prompt: Ids, wholes: list[Ids], mark: str) -> ItemPaths:
        if not mark:
            wholes = [(*whole, self._end_of_text()) for whole in wholes]
        start = common(prompt, [whole[:-1] for whole in wholes])
        if not start:
            why = f"there is no token before the answer to {item.asked[:40]!r}"
            return ItemPaths(item, refused=Refused("no_token", why))
        made = tuple(
            TokenPaths(
                prompt[:start],
                (whole[start:-1],),
                (False,),
                whole[-1:],
                token_boundary=start < len(prompt),
                response=0,
            )
            for whole in wholes
        )
        empty = next((at for at, one in enumerate(made) if not one.paths[0]), None)
        if empty is not None:
            why = f"the tokenizer makes no token of the answer {item.answers[empty][:40]!r}"
            return ItemPaths(item, refused=Refused("no_token", why))
        longest = max(one.length for one in made)
        if self._window is not None and longest > self._window:
            why = f"{longest:,} tokens, the model's window is {self._window:,}"
            return ItemPaths(item, refused=Refused("too_long", why))
        return ItemPaths(item, made)

    def _end_of_text(self) -> int:
        if self._end is None:
            text = self._tokenizer.special.get("eos_token")
            ids = [] if text is None else self._tokenizer.encode([text])[0]
            if len(ids) != 1:
                said = "none" if text is None else repr(text)
                raise UserError(
                    f"Nothing ends an answer here: the tokenizer's end of text is {said}, not one "
                    "token; give a chat template that closes an assistant's turn, with --template."
                )
            self._end = ids[0]
        return self._end
