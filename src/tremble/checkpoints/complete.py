"""Whether a checkpoint is whole, as far as its folder or the hub's list of its files says."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from tremble.errors import UserError
from tremble.models.adapters import Adapter, are_adapter
from tremble.models.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, check_weights, reading

_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_SHARD = re.compile(r"(.*-)(\d{5})(-of-)(\d{5})(\.safetensors)")
# What trainers store to go on later; none of it is a model.
_OF_TRAINER = ("optimizer", "scheduler", "rng_state", "training_args", "trainer_state", "scaler")


def holds_model(folder: Path) -> bool:
    """Whether a folder has a model or an adapter of its own, whole or not."""
    with reading(folder):
        return any((folder / name).is_file() for name in ("config.json", ADAPTER_CONFIG))


def why_not(name: str, folder: Path) -> tuple[bool, str | None]:
    """Whether a checkpoint's folder holds an adapter, and in one sentence why it cannot be used,
    None for a whole one. Of its weights, the headers and lengths are read."""
    names: set[str] = set()
    try:
        with reading(folder):
            names = {path.name for path in folder.iterdir()}
        adapter = are_adapter(names)
        lacks = lacking(name, names)
        if lacks is None and adapter:
            own = Adapter(name, folder)
            own.config()
            own.weights()
        elif lacks is None:
            check_weights(folder)
    except UserError as error:
        return are_adapter(names), str(error)
    return adapter, lacks


def lacking(name: str, files: Collection[str]) -> str | None:
    """In one sentence why a checkpoint with files of these names cannot be used; None where nothing
    in the names is against it."""
    kept = [file for file in files if not file.startswith(_OF_TRAINER)]
    adapter = are_adapter(kept)
    weights = [file for file in kept if file.endswith(".safetensors")]
    pickled = sorted(file for file in kept if file.endswith(_PICKLES))
    if adapter:
        weights = [file for file in weights if file == ADAPTER_WEIGHTS]
    else:
        weights = [file for file in weights if file != ADAPTER_WEIGHTS]
    if not weights and pickled:
        return (
            f"The checkpoint {name!r} has only pickled weights ({pickled[0]}), which tremble does "
            "not read; save it as safetensors."
        )
    if not weights and len(kept) < len(files):
        return (
            f"The checkpoint {name!r} has the state of a trainer but no weights; copy or save the "
            "model there too."
        )
    if not weights:
        return f"The checkpoint {name!r} has no weights; copy, download or save it again."
    if lost := _lost_shard(weights):
        return (
            f"The checkpoint {name!r} lacks {lost!r}, one of its files of weights; copy it again."
        )
    if not adapter and "config.json" not in kept:
        return (
            f"The checkpoint {name!r} has neither config.json nor {ADAPTER_CONFIG}; copy, download "
            "or save it again."
        )
    return None


def _lost_shard(weights: Collection[str]) -> str | None:
    """The first file that others of the same weights count and that is not there."""
    if "model.safetensors" in weights:
        return None
    for found in filter(None, map(_SHARD.fullmatch, sorted(weights))):
        before, _, of, number, end = found.groups()
        for place in range(1, int(number) + 1):
            if (name := f"{before}{place:05}{of}{number}{end}") not in weights:
                return name
    return None
