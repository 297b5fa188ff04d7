"""From a model's name to its tokenizer, and to an engine with its weights."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from tremble.engines.base import Engine
from tremble.engines.mock import MockEngine
from tremble.errors import ModelUnavailable, UserError
from tremble.models.adapters import with_adapter
from tremble.models.device import device_map, quantiser
from tremble.models.files import ModelFiles, Notify, find
from tremble.models.mock import is_mock
from tremble.models.open import (
    is_trusted,
    model_identity,
    quiet,
    tokenizer_and_config,
    window_of,
)
from tremble.models.spec import ModelSpec, RunOptions
from tremble.text import one_line


def open_engine(spec: ModelSpec, options: RunOptions, notify: Notify) -> Engine:
    """An engine with the model's weights in memory.

    Raises ModelUnavailable where the weights cannot be had or read, do not belong to the
    configuration, or do not fit into memory; UserError for wrong options and names.
    """
    if is_mock(spec.id):
        return MockEngine(spec.id)
    identity = model_identity(spec, options, notify)
    files = find(spec, notify)
    tokenizer, config = tokenizer_and_config(spec, files, options)
    from tremble.engines.memory import free_bytes
    from tremble.engines.reference import ReferenceEngine

    def reference(how: RunOptions) -> ReferenceEngine:
        model = _model(spec, files, how, config)
        if spec.adapter is not None:
            model = with_adapter(model, spec.adapter)
        return ReferenceEngine(model, tokenizer, identity, window_of(config), how.batch)

    opened = reference(options)
    if options.engine == "reference":
        return opened

    def exact() -> ReferenceEngine:
        """The model in float32, where there is room for it beside the other."""
        # Four-bit weights are stored two in a byte.
        packed = 2 if options.quantise == "4bit" else 1
        weights = 4 * packed * sum(part.numel() for part in opened.model.parameters())
        if free_bytes(opened.device) < 1.3 * weights:
            raise UserError(f"there is no room for its {weights / 1e9:.1f} GB in float32 as well")
        return reference(replace(options, dtype="float32", quantise=None))

    SharedEngine = import_module("tremble.engines.shared_prefix.engine").SharedEngine

    lossless = options.dtype == "float32" and options.quantise is None
    shared: Engine = SharedEngine(
        opened, notify, options.memory, None if lossless else exact, compile=options.compile
    )
    return shared


def give_memory_back() -> None:
    """Return what a model held to the machine, once nothing refers to it any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    from tremble.engines.memory import give_freed_memory_back

    give_freed_memory_back()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _model(spec: ModelSpec, files: ModelFiles, options: RunOptions, config: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    from tremble.engines.memory import free_bytes, is_out_of_memory

    if options.device == "cpu" and options.quantise is None:
        # A processor's memory is promised without limit, and the system ends whoever uses it.
        stored = getattr(config, "dtype", None)
        wide = getattr(torch, options.dtype).itemsize / getattr(stored, "itemsize", 4)
        needed = wide * sum(path.stat().st_size for path in files.folder.glob("*.safetensors"))
        if needed > free_bytes(torch.device("cpu")):
            raise _too_large(spec, options)
    try:
        with quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                files.folder,
                config=config,
                dtype=getattr(torch, options.dtype),
                use_safetensors=True,
                trust_remote_code=is_trusted(spec, options),
                output_loading_info=True,
                device_map=device_map(options),
                quantization_config=quantiser(options),
            )
    except Exception as error:
        if is_out_of_memory(error):
            raise _too_large(spec, options) from error
        raise ModelUnavailable(
            f"The model {spec.id!r} cannot be loaded ({one_line(error)}); check that its folder "
            "is complete and its architecture known to the installed transformers."
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelUnavailable(
            f"The weights of {spec.id!r} lack {len(missing)} tensors that its configuration "
            f"names ({missing[0]} first); copy or download them again."
        )
    return model


def _too_large(spec: ModelSpec, options: RunOptions) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model {spec.id!r} does not fit into the memory of the device "
        f"{options.device!r} in {options.dtype}; in [run], set a smaller dtype, quantise, "
        'or device = "auto" for all GPUs and main memory together.'
    )
