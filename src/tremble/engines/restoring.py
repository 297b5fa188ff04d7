"""A model as it was before an adapter: copies of what merging changes, put back bit for bit, and a
fingerprint of the whole model, by which it is seen whether that was all.

What an adapter may change cannot be told from its configuration: a file may hold any tensor of the
model whole, and peft loads it in its place. So nobody has to know: a model counts as restored where
its fingerprint is the one that it had when it was loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch.nn import functional

# Words of eight bytes that are summed at once: what stays in a processor's cache, and on a GPU what
# keeps it busy; and how many of them are a row.
_WORDS = {"cuda": 1 << 22}
_WORDS_ELSEWHERE = 1 << 17
_ROW = 1 << 8


class TensorPrint(NamedTuple):
    """What one name of a model stands for. `tied_to`: the first name of the same tensor; `sums`:
    of its bytes, by part."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    tied_to: str
    sums: tuple[int, ...]


class Fingerprint(NamedTuple):
    """What a model is: all parameters and buffers by name, and its configuration as text."""

    tensors: dict[str, TensorPrint]
    config: str


def fingerprint(model: Any) -> Fingerprint | None:
    """Of a model as it is; None where a tensor cannot be seen, since it lies on a disk, and where
    weights are quantised: merging puts other parameters in the place of these.

    Every byte is read once, and none is kept.
    """
    if getattr(model, "hf_quantizer", None) is not None:
        return None
    named = chain(
        model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
    )
    firsts: dict[tuple[object, ...], str] = {}
    prints: dict[str, TensorPrint] = {}
    keys: dict[torch.device, torch.Tensor] = {}
    for name, tensor in named:
        if tensor.is_meta:
            return None
        shape = tuple(tensor.shape)
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, shape, tensor.stride())
        first = firsts.setdefault(place, name)
        sums = prints[first].sums if first in prints else _sums(tensor.detach(), keys)
        prints[name] = TensorPrint(tensor.dtype, shape, first, sums)
    return Fingerprint(prints, str(model.config.to_dict()))


def _sums(tensor: torch.Tensor, keys: dict[torch.device, torch.Tensor]) -> tuple[int, ...]:
    """Of a tensor's bytes, in blocks of `_ROW` words of eight: all sums of rows and of columns,
    times `keys`, added up modulo 2^64, one number a part.

    A change of a single word, and of rows or columns that change places, is always in these sums;
    what is not has at least four words that make up for each other exactly. Two different lists of
    sums give one number with a probability of at most 2^-32 (multilinear hashing of words of 32
    bits with random keys of 64: Lemire & Kaser, 2014, Computer Journal 57, "Strongly universal
    string hashing is fast").
    """
    if tensor.device.type not in ("cpu", "cuda"):
        tensor = tensor.cpu()  # other devices lack some of what follows
    words = _WORDS.get(tensor.device.type, _WORDS_ELSEWHERE)
    if tensor.device not in keys:
        drawn = torch.Generator().manual_seed(0)  # the global one stays as it is
        count = 2 * (words // _ROW + _ROW)
        random = torch.randint(-(2**63), 2**63 - 1, (count,), generator=drawn)
        keys[tensor.device] = random.to(tensor.device)
    key = keys[tensor.device]
    sums = []
    for part in tensor.contiguous().reshape(-1).view(torch.uint8).split(8 * words):
        if len(part) % (8 * _ROW):
            part = functional.pad(part, (0, -len(part) % (8 * _ROW)))
        if part.storage_offset() % 8:
            part = part.clone()
        block = part.view(torch.int64).view(-1, _ROW)
        both = torch.cat([block.sum(1), block.sum(0)]).view(torch.int32)
        sums.append((both * key[: len(both)]).sum())
    return tuple(torch.stack(sums).tolist())


class Before:
    """Weights as they are before an adapter is merged into them, to be put back bit for bit: what
    was added cannot be subtracted again without rounding. The copies are in main memory."""

    def __init__(self, model: Any, parameters: Iterable[torch.nn.Parameter]) -> None:
        self._config = model.config
        self._tied = getattr(model.config, "tie_word_embeddings", None)  # peft corrects it
        self._copies = [(one, one.detach().to("cpu", copy=True)) for one in parameters]

    def put_back(self) -> None:
        with torch.no_grad():
            for parameter, copy in self._copies:
                parameter.copy_(copy)
        if self._tied is not None:
            self._config.tie_word_embeddings = self._tied
