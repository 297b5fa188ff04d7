"""Whether an adapter can be put on a model, by the headers of their files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from tremble.errors import UserError
from tremble.models.adapters import Adapter
from tremble.models.files import tensors_in
from tremble.models.spec import ModelSpec, model_name

_TENSOR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def misfit(adapter: Adapter, base: ModelSpec, weights: Mapping[str, int]) -> str | None:
    """One sentence on why an adapter does not fit a model whose modules have so many `weights`.
    None where nothing is against it: modules by other names are left to those who load them."""
    for module, number in _changed(adapter).items():
        held = weights.get(module)
        if held is None and _beyond(module, weights):
            what = f"it changes {module!r}, which this model does not have"
        elif held is None or held == number:
            continue
        else:
            what = f"{module!r} has {held:,} weights there, and {number:,} where it was trained"
        return (
            f"The adapter {adapter.name!r} does not fit {model_name(base)!r}, because {what}; give "
            "the model that it was trained on with --base."
        )
    return None


def _changed(adapter: Adapter) -> dict[str, int]:
    """How many weights each module has that an adapter adds products of two matrices to."""
    sides: dict[str, dict[str, tuple[int, ...]]] = {}
    with suppress(UserError, OSError):
        for name, tensor in tensors_in(adapter.weights()).items():
            if (found := _TENSOR.fullmatch(name)) and _NUMBER.search(found[1]):
                sides.setdefault(found[1], {})[found[2]] = tensor.shape
    return {
        module: both["A"][1] * both["B"][0]
        for module, both in sides.items()
        if len(both) == 2 and all(len(shape) == 2 for shape in both.values())
    }


def _beyond(module: str, weights: Mapping[str, int]) -> bool:
    """Whether a module is of a layer behind the last one that has such a module."""
    number = _NUMBER.search(module)
    if number is None:
        return False
    before, after = re.escape(module[: number.start()]), re.escape(module[number.end() :])
    pattern = re.compile(rf"{before}(\d+){after}")
    layers = [int(found[1]) for name in weights if (found := pattern.fullmatch(name))]
    return bool(layers) and int(number[0]) > max(layers)
