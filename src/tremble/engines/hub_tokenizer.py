"""A Hugging Face tokenizer as tremble uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tremble.tokens import Ids, bos_of


class HubTokenizer:
    """A transformers tokenizer as tremble uses it."""

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.model_max_length = int(1e30)  # the window is checked elsewhere, with a cure
        self.inner = tokenizer
        bare = self.encode(["x"])[0]
        self._bos = bos_of(tokenizer("x")["input_ids"], bare)

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
        found = self.inner.chat_template
        if isinstance(found, dict):
            found = found.get("default")
        return None if found is None else str(found)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        encoded: list[list[int]] = self.inner(list(texts), add_special_tokens=False)["input_ids"]
        return encoded

    def pieces(self) -> Sequence[str]:
        pieces: Sequence[str] = self.inner.convert_ids_to_tokens(list(range(len(self.inner))))
        return pieces

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.inner.decode(list(ids)))
