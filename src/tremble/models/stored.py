"""The weights of a model as they lie on this machine: how many each module has, and whether two
models have the same ones. Nothing is loaded, downloaded or converted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from math import prod
from pathlib import Path
from typing import BinaryIO

from tremble.disk.paths import is_file, path_of
from tremble.errors import UserError
from tremble.models.embedded import EMBEDDED, place_of_embedded
from tremble.models.files import loaded_weights, tensors_in
from tremble.models.gguf import SUFFIX, place_of_file
from tremble.models.gguf_header import read_header
from tremble.models.open import source_of
from tremble.models.spec import ModelSpec

_BLOCK = 1 << 22  # bytes that are compared at a time
# What llama.cpp calls the modules of a layer, and what transformers does in nearly all models.
_OF_GGUF = {
    **{f"attn_{name}": f"self_attn.{name}_proj" for name in "qkv"},
    "attn_output": "self_attn.o_proj",
    **{f"ffn_{name}": f"mlp.{name}_proj" for name in ("gate", "up", "down")},
}


def folder_of(spec: ModelSpec) -> Path | None:
    """The folder with the safetensors of a model, of a packed one once it was converted. None where
    there is none on this machine."""
    place, _ = _packed(spec)
    if place is not None:
        return place if place.is_dir() else None
    here = source_of(spec.id).here(spec)
    return None if here is None or here.packed else path_of(here.spec.id)


def weights_of_modules(spec: ModelSpec) -> Mapping[str, int] | None:
    """How many weights each module of a model has that is on this machine, by the headers of its
    files; of a packed one that was not converted the modules that have the usual names. None where
    that cannot be told."""
    with suppress(UserError, OSError, ValueError):
        folder, (_, file) = folder_of(spec), _packed(spec)
        if folder is not None:
            return {
                name.removesuffix(".weight"): prod(tensor.shape)
                for path in loaded_weights(folder)
                for name, tensor in tensors_in(path).items()
                if not tensor.whole_numbers  # packed: several weights are one
            }
        if file is not None:
            return {
                f"model.layers.{found[1]}.{_OF_GGUF[found[2]]}": tensor.elements
                for name, tensor in read_header(file).tensors.items()
                if (found := re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name))
                and found[2] in _OF_GGUF
            }
    return None


def same_weights(one: Path, other: Path) -> bool | None:
    """Whether two folders hold the same weights. None where that is not known: names, shapes or
    precisions of their tensors differ, as those of one model saved in two ways may."""
    if one.resolve() == other.resolve():
        return True
    try:
        mine, theirs = _tensors(one), _tensors(other)
        if {name: kind for name, (kind, *_) in mine.items()} != {
            name: kind for name, (kind, *_) in theirs.items()
        }:
            return None
        with ExitStack() as opened:
            files = {
                path: opened.enter_context(path.open("rb"))
                for path in {place[1] for place in (*mine.values(), *theirs.values())}
            }
            return all(
                mine_block == other_block
                for name in mine
                for mine_block, other_block in zip(
                    _blocks(files[mine[name][1]], *mine[name][2:]),
                    _blocks(files[theirs[name][1]], *theirs[name][2:]),
                    strict=True,
                )
            )
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return None


_Place = tuple[tuple[str, tuple[int, ...]], Path, int, int]  # dtype and shape, file, start, bytes


def _tensors(folder: Path) -> dict[str, _Place]:
    """Where the tensors of a folder lie, by name; the header of a file is a length and JSON."""
    found: dict[str, _Place] = {}
    for path in loaded_weights(folder):
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
        for name, held in header.items():
            if name != "__metadata__":
                start, end = held["data_offsets"]
                kind = held["dtype"], tuple(held["shape"])
                found[name] = kind, path, 8 + length + start, end - start
    return found


def _blocks(stream: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    for at in range(0, size, _BLOCK):
        stream.seek(start + at)
        yield stream.read(min(_BLOCK, size - at))


def _packed(spec: ModelSpec) -> tuple[Path | None, Path | None]:
    """Where the converted form of a packed model is kept, made or not, and its .gguf file."""
    if spec.id in EMBEDDED:
        return place_of_embedded(spec.id) or (None, None)
    path = path_of(spec.id)
    if path.suffix.lower() == SUFFIX and is_file(path):
        return place_of_file(path), path
    return None, None
