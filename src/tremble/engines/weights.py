"""The weights of a model, read into memory by transformers."""

from __future__ import annotations

from typing import Any

import torch

from tremble.engines import memory
from tremble.errors import ModelUnavailable
from tremble.models.adapters import with_adapter
from tremble.models.device import device_map, quantiser
from tremble.models.from_files import is_trusted, quiet
from tremble.models.open import ReadyModel
from tremble.models.spec import ModelSpec, RunOptions
from tremble.text import one_line


def load_weights(model: ReadyModel, options: RunOptions) -> Any:
    """A model of transformers with its weights, and its adapter merged into them.

    Raises ModelUnavailable where the weights cannot be read, do not belong to the configuration,
    or do not fit into memory.
    """
    loaded = _loaded(model, options)
    adapter = model.spec.adapter
    return loaded if adapter is None else with_adapter(loaded, adapter)


def _loaded(ready: ReadyModel, options: RunOptions) -> Any:
    from transformers import AutoModelForCausalLM

    spec, config = ready.spec, ready.config
    assert ready.files is not None  # made-up models have an engine of their own
    folder = ready.files.folder
    if options.device == "cpu" and options.quantise is None:
        # A processor's memory is promised without limit, and the system ends whoever uses it.
        stored = getattr(config, "dtype", None)
        wide = getattr(torch, options.dtype).itemsize / getattr(stored, "itemsize", 4)
        needed = wide * sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        if needed > memory.free_bytes(torch.device("cpu")):
            raise _too_large(spec, options)
    try:
        with quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=getattr(torch, options.dtype),
                use_safetensors=True,
                trust_remote_code=is_trusted(spec, options),
                output_loading_info=True,
                device_map=device_map(options),
                quantization_config=quantiser(options),
            )
    except Exception as error:
        if memory.is_out_of_memory(error):
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
