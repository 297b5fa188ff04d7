"""One token per byte: the tokenizer of the mock models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tremble.tokenization.trunk import Ids

BOS = 256
VOCABULARY = 257


class ByteTokenizer:
    """One token per UTF-8 byte, and a BOS where asked for."""

    def __init__(self, bos: bool = True, template: str | None = None) -> None:
        self._bos: Ids = (BOS,) if bos else ()
        self._literal = False
        self.template = template

    @property
    def key(self) -> str:
        return f"bytes, BOS {self._bos}" + (", literal" if self._literal else "")

    @property
    def bos(self) -> Ids:
        return self._bos

    @property
    def special(self) -> Mapping[str, str]:
        return {"bos_token": "<bos>"}

    @property
    def special_texts(self) -> Sequence[str]:
        return ["<bos>"]

    @property
    def control(self) -> frozenset[int]:
        return frozenset({BOS})

    @property
    def added(self) -> frozenset[int]:
        return frozenset()

    def literal(self) -> ByteTokenizer:
        other = ByteTokenizer(bool(self._bos), self.template)
        other._literal = True
        return other

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = []
        for text in texts:
            head, mark, rest = text.partition("<bos>")
            special = [BOS] if mark and not head and not self._literal else []
            encoded.append(special + list((rest if special else text).encode()))
        return encoded

    def encode_ends(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        made = []
        for text, ids in zip(texts, self.encode(texts), strict=True):
            ends = [
                end
                for at, letter in enumerate(text)
                for end in (*[-1] * (len(letter.encode()) - 1), at + 1)
            ]
            lead = len(ends) - len(ids)  # BOS is one token and several letters
            made.append((ids, ends[lead:]))
        return made

    def pieces(self) -> Sequence[str]:
        return [chr(byte) for byte in range(256)] + ["<bos>"]

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(index for index in ids if index < 256).decode(errors="replace")
