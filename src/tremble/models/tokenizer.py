"""A Hugging Face tokenizer as tremble uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from hashlib import blake2b
from threading import Lock
from typing import Any

from tremble.disk.paths import why
from tremble.disk.temporary import system_folder, temporary_folder
from tremble.errors import ModelUnavailable
from tremble.tokenization.options import bos_of
from tremble.tokenization.trunk import Ids

# Where transformers turns texts into ids; a tokenizer class may have its own way.
_STEPS = ("__call__", "_encode_plus", "_batch_encode_plus", "_call_one")
# What a literal tokenizer changes of one that it shares with others is changed for one call.
_LENT = Lock()


class HubTokenizer:
    """A transformers tokenizer as tremble uses it."""

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.model_max_length = int(1e30)  # the window is checked elsewhere, with a cure
        self.inner = tokenizer
        self._literal = False
        self._fast: Any = None
        bare = self.encode(["x"])[0]
        self._bos = bos_of(tokenizer("x")["input_ids"], bare)
        # From here on the inner tokenizer neither cuts nor pads: the calls above saw to that.
        self._fast = _plain_fast(tokenizer)

    @cached_property
    def key(self) -> str:
        """A hash of the serialised tokenizer; of a slow one, of the files it saves itself to.

        A class that came with the model may do anything: its key fits no other tokenizer, and
        none that is opened later.
        """
        digest = blake2b(digest_size=16)
        kind = type(self.inner)
        digest.update(repr((kind.__module__, kind.__qualname__, self._bos)).encode())
        if any(
            c.__module__.split(".")[0] not in ("builtins", "transformers") for c in kind.__mro__
        ):
            digest.update(os.urandom(16))
        digest.update(repr(getattr(self.inner, "split_special_tokens", None)).encode())
        backend = getattr(self.inner, "backend_tokenizer", None)
        if backend is not None:
            digest.update(backend.to_str().encode())
        else:
            for name, content in _saved(self.inner):
                digest.update(name.encode() + b"\0" + content)
        if self._literal:
            digest.update(b"literal")
        return digest.hexdigest()

    @property
    def bos(self) -> Ids:
        return self._bos

    @property
    def special(self) -> Mapping[str, str]:
        named = self.inner.special_tokens_map
        return {name: str(text) for name, text in named.items() if not isinstance(text, list)}

    @property
    def special_texts(self) -> Sequence[str]:
        return sorted({*self.inner.all_special_tokens, *self.inner.get_added_vocab()})

    @property
    def template(self) -> str | None:
        template = self.inner.chat_template
        if isinstance(template, dict):
            template = template.get("default")
        return None if template is None else str(template)

    @cached_property
    def ids(self) -> int:
        """How many rows a model needs for all of its tokens: their numbers may have gaps."""
        return max(self.inner.get_vocab().values(), default=-1) + 1

    def used_from(self, rows: int) -> dict[int, str]:
        """The tokens from that number on that any text may come to hold: the ordinary vocabulary,
        what every text begins with, and special tokens that the template prints (Gemma 3 has one
        for pictures, which its models of text have no row for). Other added tokens come from
        their own text alone, and the prompts that hold one are known by it."""
        added = self.inner.added_tokens_decoder
        special = set(self.inner.all_special_ids)
        special |= {at for at, token in added.items() if token.special}
        printed = self.template or ""
        return {
            number: text
            for text, number in self.inner.get_vocab().items()
            if number >= rows
            and (
                number in self._bos
                or (number not in added and number not in special)
                or (number in special and text in printed)
            )
        }

    @cached_property
    def control(self) -> frozenset[int]:
        return _special(self.inner) - {self.inner.unk_token_id}

    @cached_property
    def added(self) -> frozenset[int]:
        decoder, special = self.inner.added_tokens_decoder, _special(self.inner)
        return frozenset(
            at for at, token in decoder.items() if at not in special and token.content.strip()
        )

    def literal(self) -> HubTokenizer:
        other = copy(self)
        other.__dict__.pop("key", None)
        other._literal = True
        return other

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        with self._as_letters():
            if self._fast is not None:
                batch = self._fast.encode_batch_fast(list(texts), add_special_tokens=False)
                encoded = [encoding.ids for encoding in batch]
            else:
                # Only a tokenizer of the Rust library keeps the other added tokens then.
                letters = {"split_special_tokens": True} if self._splits else {}
                encoded = self.inner(list(texts), add_special_tokens=False, **letters)["input_ids"]
        if self._literal:
            return [self._spelt(ids, None)[0] for ids in encoded]
        return encoded

    def encode_ends(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]] | None:
        # Unigram chooses among all ways to cut a text: where two are equally likely, which one wins
        # may hang on the far end, so that a part says nothing certain of the whole.
        if self._fast is None or type(self._fast.model).__name__ == "Unigram":
            return None
        with self._as_letters(whole_offsets=True):
            batch = self._fast.encode_batch(list(texts), add_special_tokens=False)
        encoded = [(encoding.ids, _ends(encoding.offsets)) for encoding in batch]
        return [self._spelt(*one) for one in encoded] if self._literal else encoded

    @property
    def _splits(self) -> bool:
        """Whether transformers is told to take control tokens for letters."""
        return self._literal and hasattr(self.inner, "backend_tokenizer")

    @contextmanager
    def _as_letters(self, whole_offsets: bool = False) -> Iterator[None]:
        """For one call: control tokens in a text are letters, if they are to be, and offsets have
        the white space that belongs to a token, which GPT-2's post-processor cuts off."""
        fast, inner = self._fast, self.inner
        with _LENT:
            if fast is None:
                trie = getattr(inner, "tokens_trie", None) if self._literal else None
                if trie is not None:
                    inner.tokens_trie = _without_special(trie, inner)
                try:
                    yield
                finally:
                    if trie is not None:
                        inner.tokens_trie = trie
                return
            flag, last = fast.encode_special_tokens, fast.post_processor
            try:
                fast.encode_special_tokens = flag or self._literal
                if whole_offsets and last is not None:
                    fast.post_processor = None
                yield
            finally:
                fast.encode_special_tokens = flag
                if whole_offsets and last is not None:
                    fast.post_processor = last

    def _spelt(self, ids: list[int], ends: list[int] | None) -> tuple[list[int], list[int]]:
        """Control tokens that a vocabulary of words has as words (Unigram), in single letters."""
        ends = ends or []
        if self.control.isdisjoint(ids):
            return ids, ends
        spelt: list[int] = []
        spelt_ends: list[int] = []
        for at, one in enumerate(ids):
            letters = self._letters(one) if one in self.control else [one]
            spelt += letters
            if ends:
                spelt_ends += [*[-1] * (len(letters) - 1), ends[at]]
        return spelt, spelt_ends

    def _letters(self, control: int) -> list[int]:
        text = str(self.inner.convert_ids_to_tokens(control))
        vocabulary, unknown = self._vocabulary, self.inner.unk_token_id
        found = [vocabulary.get(letter, unknown) for letter in text]
        return [one for one in found if one is not None]

    @cached_property
    def _vocabulary(self) -> Mapping[str, int]:
        vocabulary: Mapping[str, int] = self.inner.get_vocab()
        return vocabulary

    def pieces(self) -> Sequence[str]:
        pieces: Sequence[str] = self.inner.convert_ids_to_tokens(list(range(len(self.inner))))
        return pieces

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.inner.decode(list(ids)))


def _ends(offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Where tokens end, in characters; -1 where the next one has part of the same character, and at
    tokens of no characters."""
    ends = []
    following = [*offsets[1:], (1 << 60, 1 << 61)]
    for (start, end), (then, last) in zip(offsets, following, strict=False):
        ends.append(end if start < end <= then < last else -1)
    return ends


def _special(tokenizer: Any) -> frozenset[int]:
    """The tokens flagged special, and those that a tokenizer of Python names so without a flag."""
    flagged = (at for at, token in tokenizer.added_tokens_decoder.items() if token.special)
    return frozenset((*flagged, *tokenizer.all_special_ids))


def _without_special(trie: Any, tokenizer: Any) -> Any:
    """The texts that a tokenizer of Python takes out of a text first, without control tokens."""
    special = _special(tokenizer)
    decoder = tokenizer.added_tokens_decoder
    return type(trie)([token.content for at, token in decoder.items() if at not in special])


def _saved(tokenizer: Any) -> list[tuple[str, bytes]]:
    """The files, by name, that a tokenizer saves itself to.

    Raises ModelUnavailable where there is no room for them.
    """
    cure = "set TMPDIR to a folder you can write to"
    try:
        parent = system_folder()
        with temporary_folder(parent, "tremble-tokenizer", cure) as folder:
            tokenizer.save_pretrained(folder)
            paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
            return [(path.name, path.read_bytes()) for path in paths]
    except OSError as error:
        raise ModelUnavailable(
            f"The tokenizer {type(tokenizer).__name__!r} cannot be saved to a temporary folder "
            f"({why(error)}); {cure}."
        ) from error


def _plain_fast(tokenizer: Any) -> Any:
    """The Rust tokenizer, where transformers adds nothing to what it does, else None.

    Asked directly it leaves out the offsets, which cost a third of the time.
    """
    from transformers import PreTrainedTokenizerFast

    kind = type(tokenizer)
    plain = isinstance(tokenizer, PreTrainedTokenizerFast) and all(
        getattr(kind, step, None) is getattr(PreTrainedTokenizerFast, step, None) for step in _STEPS
    )
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return backend if plain and hasattr(backend, "encode_batch_fast") else None
