"""The header of a GGUF file, read before anything is made of it.

A reader that believes what it claims goes through lists of 2**60 values, or builds a billion
layers. Here no list may be longer than the file, and no size larger than a model can be.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tremble.models.limits import over_limit

_LONGEST_KEY = 65_535  # bytes, as the format has it
_MOST_VALUES = 5_000_000  # of all lists; vocabulary, scores and merges have up to two million
_MOST_TENSORS = 1_000_000
_DEEPEST = 4  # lists in lists
_MOST_DIMENSIONS = 8
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS[12] = "d"
_TEXT, _LIST = 8, 9
_LONGEST_KEPT = 10_000  # values of a list; layers have one each, a vocabulary is not kept

# What is advised for a damaged file, and for one that is sound but not understood.
AGAIN = "download or convert it again"
ANOTHER_FORM = "give the folder or hub name that the file was converted from instead"

Value = int | float | bool | str | tuple[int | float | bool, ...] | None


class Refused(ValueError):
    """A file that is sound, and cannot be read rightly: what it `said` of it is the predicate of a
    sentence ("lacks the tensor 'output_norm.weight'"), and the `cure` its end."""

    def __init__(self, said: str, cure: str) -> None:
        super().__init__(said)
        self.said, self.cure = said, cure


class Stored(NamedTuple):
    """A tensor: how many elements, the number of its type, and its first byte in the data."""

    elements: int
    type: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """Fields by their names, with None for lists of texts and very long ones; the tensors by their
    names, in their order; how many bytes of the file the `data` of all tensors have."""

    fields: Mapping[str, Value]
    tensors: Mapping[str, Stored]
    data: int

    @property
    def architecture(self) -> str:
        return str(self.fields.get("general.architecture", ""))

    def of_architecture(self) -> dict[str, Value]:
        """The fields whose names begin with the architecture's, without that beginning."""
        start = f"{self.architecture}."
        return {k.removeprefix(start): v for k, v in self.fields.items() if k.startswith(start)}


def read_header(path: Path) -> Header:
    """The header of a file. Raises ValueError, its text a part of a sentence, for one that cannot
    be true, and OSError."""
    with path.open("rb") as stream:
        return _Reader(stream, path.stat().st_size).read()


def _alignment(fields: Mapping[str, Value]) -> int:
    """Data begin at a multiple of so many bytes."""
    said = fields.get("general.alignment", 32)
    return said if isinstance(said, int) and said > 0 else 32


class _Reader:
    """Reads the header of an open file of `size` bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream, self.size = stream, size
        self.left = size  # bytes from here to the end
        self.order = "<"
        self.values = 0  # of all lists so far

    def read(self) -> Header:
        if self.take(4) != b"GGUF":
            raise ValueError("it does not begin like a GGUF file")
        if self.number("I") & 0xFFFF == 0:
            self.order = ">"
        tensors, entries = self.number("Q"), self.number("Q")
        if tensors > min(_MOST_TENSORS, self.left // 24):
            raise ValueError(f"it says that it has {tensors} tensors")
        if entries > self.left // 13:
            raise ValueError(f"it says that its header has {entries} entries")
        fields: dict[str, Value] = {}
        for _ in range(entries):
            key, value = self.entry()
            if key in fields:
                raise ValueError(f"it has {key[:100]!r} twice")
            fields[key] = value
        stored: dict[str, Stored] = {}
        for _ in range(tensors):
            name, tensor = self.tensor()
            if name in stored:
                raise ValueError(f"it has the tensor {name[:100]!r} twice")
            stored[name] = tensor
        elements = sum(tensor.elements for tensor in stored.values())
        if elements > 8 * self.size:  # the smallest quantisation takes more than a bit
            raise ValueError(f"it says that its tensors have {elements} elements")
        padding = -(self.size - self.left) % _alignment(fields)
        return Header(fields, stored, self.left - padding)

    def entry(self) -> tuple[str, Value]:
        """A key and its value. Sizes are those of keys that begin with an architecture."""
        key = self.text("its header", _LONGEST_KEY)
        value = self.value(key, self.number("I"))
        if isinstance(value, int | float) and key.partition(".")[0] not in ("general", "tokenizer"):
            why = over_limit(key.rpartition(".")[2], value)
            if why is not None:
                raise ValueError(f"it says that {key[:100]!r} is {value}, {why}")
        return key, value

    def value(self, key: str, kind: int, depth: int = 0) -> Value:
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            if depth == 0:
                return self.text(key)
            self.skip(self.length(key))
        elif kind == _LIST and depth < _DEEPEST:
            inner, length = self.number("I"), self.number("Q")
            each = struct.calcsize(_SCALARS[inner]) if inner in _SCALARS else 8
            self.values += length
            if length * each > self.left or self.values > _MOST_VALUES:
                raise ValueError(f"it says that {key[:100]!r} has {length} values")
            if inner in _SCALARS and length <= _LONGEST_KEPT:
                numbers = self.take(length * each)
                return struct.unpack(f"{self.order}{length}{_SCALARS[inner]}", numbers)
            if inner in _SCALARS:
                self.skip(length * each)
            else:
                for _ in range(length):
                    self.value(key, inner, depth + 1)
        else:
            raise ValueError(f"{key[:100]!r} is of an unknown kind")
        return None

    def tensor(self) -> tuple[str, Stored]:
        """A tensor with its name."""
        name = self.text("its list of tensors", _LONGEST_KEY)
        dimensions = self.number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"it says that a tensor has {dimensions} dimensions")
        elements = 1
        for _ in range(dimensions):
            elements *= self.number("Q")
        return name, Stored(elements, self.number("I"), self.number("Q"))

    def text(self, where: str, most: int | None = None) -> str:
        return self.take(self.length(where, most)).decode(errors="replace")

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
