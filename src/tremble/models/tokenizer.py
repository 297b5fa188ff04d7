"""A Hugging Face tokenizer as tremble uses it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

from tremble.disk.paths import why
from tremble.disk.temporary import system_folder, temporary_folder
from tremble.errors import ModelUnavailable
from tremble.tokenization.options import Ids, bos_of

# Where transformers turns texts into ids; a tokenizer class may have its own way.
_STEPS = ("__call__", "_encode_plus", "_batch_encode_plus", "_call_one")


class HubTokenizer:
    """A transformers tokenizer as tremble uses it."""

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.model_max_length = int(1e30)  # the window is checked elsewhere, with a cure
        self.inner = tokenizer
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

    @property
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

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        if self._fast is not None:
            batch = self._fast.encode_batch_fast(list(texts), add_special_tokens=False)
            return [encoding.ids for encoding in batch]
        encoded: list[list[int]] = self.inner(list(texts), add_special_tokens=False)["input_ids"]
        return encoded

    def pieces(self) -> Sequence[str]:
        pieces: Sequence[str] = self.inner.convert_ids_to_tokens(list(range(len(self.inner))))
        return pieces

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.inner.decode(list(ids)))


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
