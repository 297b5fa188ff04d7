"""LoRA adapters as files: what one is, what of it decides numbers, and on which model it was
trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    check_header,
    digest_of,
    read_json,
    reading,
    sha256_of,
)
from tremble.text import visible

# Settings of LoRA that peft takes whatever is not zero for.
_FLAGS = ("use_rslora", "use_dora", "fan_in_fan_out", "lora_bias")
# What a configuration says of where its model lies and how training went, which changes no number.
_BOOKKEEPING = (
    *("base_model_name_or_path", "revision", "inference_mode", "task_type", "auto_mapping"),
    *("peft_version", "lora_dropout"),
)


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter in a folder of this machine; `name` is the user's for it."""

    name: str
    folder: Path

    def config(self) -> Mapping[str, Any]:
        """Its configuration. Raises UserError where this is no adapter's folder, ModelUnavailable
        where its configuration is none or asks for what is not done."""
        path = self.folder / ADAPTER_CONFIG
        with reading(path):
            if not self.folder.is_dir():
                raise UserError(f"There is no adapter folder {str(self.folder)!r}; check the path.")
            if not path.is_file():
                raise UserError(
                    f"No adapter_config.json in {self.name!r}; give the folder of a LoRA adapter."
                )
        config = read_json(path)
        if not isinstance(config, dict):
            raise ModelUnavailable(
                f"{str(path)!r} does not contain a JSON object; copy or download it again."
            )
        if config.get("megatron_config"):  # names a module that peft imports
            raise ModelUnavailable(
                f"{str(path)!r} has a megatron_config, which tremble does not support; save the "
                "adapter without it."
            )
        for key in _FLAGS:
            if not isinstance(config.get(key), bool | None):
                raise ModelUnavailable(
                    f"{str(path)!r} has {key} = {visible(repr(config[key]))[:60]}, which is "
                    "neither true nor false; copy or download the adapter again."
                )
        return config

    def digest(self) -> str:
        """What identifies its numbers, 16 hexadecimal digits: its weights, and of its configuration
        what decides numbers. Where it lies, where its model lay and in which order names were
        written is no part of it.

        Raises as `config`, and ModelUnavailable where its weights are pickled, missing or damaged.
        """
        kept = {key: value for key, value in self.config().items() if key not in _BOOKKEEPING}
        weights = self.weights()
        with reading(weights):
            return digest_of({"config": _in_order(kept), "weights": sha256_of(weights)})

    def weights(self) -> Path:
        """Its file of weights. Raises ModelUnavailable where there is none to be read."""
        weights = self.folder / ADAPTER_WEIGHTS
        if not weights.is_file():
            pickled = self.folder / "adapter_model.bin"
            if pickled.is_file():
                raise ModelUnavailable(
                    f"The adapter {self.name!r} has only pickled weights ({pickled.name}), which "
                    "tremble does not read; save it as safetensors."
                )
            raise ModelUnavailable(
                f"The adapter {self.name!r} has no {ADAPTER_WEIGHTS!r}; copy or download it again."
            )
        check_header(weights)
        return weights


def is_adapter(folder: Path, weights: Callable[[], Collection[str]] = tuple) -> bool:
    """Whether a folder has an adapter and no model, by the names of its files (`are_adapter`);
    `weights` gives those that are not here, and is asked only where it matters."""
    with reading(folder):
        names = {path.name for path in folder.iterdir()}
    if {ADAPTER_CONFIG, "config.json"} <= names:
        names |= set(weights())
    return are_adapter(names)


def are_adapter(files: Collection[str]) -> bool:
    """Whether files of these names are an adapter and no model. Some trainers leave the
    configuration of the model beside an adapter; then its weights alone are there."""
    if ADAPTER_CONFIG not in files:
        return False
    weights = {name for name in files if name.endswith(".safetensors")}
    return "config.json" not in files or weights == {ADAPTER_WEIGHTS}


def _in_order(config: Mapping[str, Any]) -> str:
    """A configuration as text; peft writes names of modules in an order of the day, and goes by the
    order of patterns."""
    ordered = {}
    for key, value in config.items():
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = sorted(value)
        elif isinstance(value, dict):  # of patterns the first that fits counts
            value = list(value.items())
        ordered[key] = value
    return json.dumps(ordered, sort_keys=True)
