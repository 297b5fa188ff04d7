"""What the header of a GGUF file claims, before anything is made of it.

A reader that believes it goes through lists of 2**60 values, or builds a billion layers. Here no
list may be longer than the file, and no size larger than a model can be.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from tremble.models.limits import over_limit

_LONGEST_KEY = 65_535  # bytes, as the format has it
_MOST_VALUES = 5_000_000  # of all lists; vocabulary, scores and merges have up to two million
_MOST_TENSORS = 1_000_000
_DEEPEST = 4  # lists in lists
_MOST_DIMENSIONS = 8
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS[12] = "d"
_TEXT, _LIST = 8, 9


def check_header(path: Path) -> None:
    """Raises ValueError, its text a part of a sentence, for a header that cannot be true."""
    with path.open("rb") as stream:
        _Header(stream, path.stat().st_size).check()


class _Header:
    """The header of an open file of `size` bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream, self.size = stream, size
        self.left = size  # bytes from here to the end
        self.order = "<"
        self.values = 0  # of all lists so far

    def check(self) -> None:
        if self.take(4) != b"GGUF":
            raise ValueError("it does not begin as a GGUF file")
        if self.number("I") & 0xFFFF == 0:
            self.order = ">"
        tensors, entries = self.number("Q"), self.number("Q")
        if tensors > min(_MOST_TENSORS, self.left // 24):
            raise ValueError(f"it says that it has {tensors} tensors")
        if entries > self.left // 13:
            raise ValueError(f"it says that its header has {entries} entries")
        for _ in range(entries):
            self.entry()
        elements = sum(self.tensor() for _ in range(tensors))
        if elements > 8 * self.size:  # the smallest quantisation takes more than a bit
            raise ValueError(f"it says that its tensors have {elements} elements")

    def entry(self) -> None:
        """A key and its value. Sizes are those of keys that begin with an architecture."""
        key = self.take(self.length("its header", _LONGEST_KEY)).decode(errors="replace")
        value = self.value(key, self.number("I"))
        if value is not None and key.partition(".")[0] not in ("general", "tokenizer"):
            why = over_limit(key.rpartition(".")[2], value)
            if why is not None:
                raise ValueError(f"it says that {key[:100]!r} is {value}, {why}")

    def value(self, key: str, kind: int, depth: int = 0) -> float | None:
        """A number; None for texts and lists, which are passed over."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            self.skip(self.length(key))
        elif kind == _LIST and depth < _DEEPEST:
            inner, length = self.number("I"), self.number("Q")
            each = struct.calcsize(_SCALARS[inner]) if inner in _SCALARS else 8
            self.values += length
            if length * each > self.left or self.values > _MOST_VALUES:
                raise ValueError(f"it says that {key[:100]!r} has {length} values")
            if inner in _SCALARS:
                self.skip(length * each)
            else:
                for _ in range(length):
                    self.value(key, inner, depth + 1)
        else:
            raise ValueError(f"{key[:100]!r} is of an unknown kind")
        return None

    def tensor(self) -> int:
        """How many elements a tensor has."""
        self.skip(self.length("its list of tensors"))
        dimensions = self.number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"it says that a tensor has {dimensions} dimensions")
        elements = 1
        for _ in range(dimensions):
            elements *= self.number("Q")
        self.skip(12)  # its type and its place
        return elements

    def length(self, where: str, most: int | None = None) -> int:
        """The length of a text, in bytes; `where` it stands."""
        length = self.number("Q")
        if length > (self.left if most is None else min(most, self.left)):
            raise ValueError(f"it says that a text of {where[:100]!r} has {length} bytes")
        return length

    def number(self, form: str) -> int:
        (number,) = struct.unpack(self.order + form, self.take(struct.calcsize(form)))
        return number  # type: ignore[no-any-return]

    def take(self, length: int) -> bytes:
        content = self.stream.read(length)
        self.left -= length
        if len(content) < length:
            raise ValueError("it is cut off in its header")
        return content

    def skip(self, length: int) -> None:
        self.left -= length
        if self.left < 0:
            raise ValueError("it is cut off in its header")
        self.stream.seek(length, 1)
