"""From a model's name to an engine with its weights in memory, and back to free memory."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from typing import Any

from tremble.engines.base import Engine
from tremble.engines.registry import EXTENSIONS, check_engine, open_with
from tremble.models.files import Notify
from tremble.models.open import model_identity, source_of
from tremble.models.spec import ModelSpec, RunOptions


def open_engine(spec: ModelSpec, options: RunOptions, notify: Notify) -> Engine:
    """An engine with the model's weights in memory: that of its source, else the one asked for.

    Raises ModelUnavailable where the weights cannot be had or read, do not belong to the
    configuration, or do not fit into memory; UserError for wrong options and names.
    """
    source = source_of(spec.id)
    if source.engine is None:
        check_engine(options.engine)
    name = source.engine or options.engine
    ready = source.ready(spec, options, notify)
    ready = replace(ready, identity={**ready.identity, **_of_package(spec, options)})
    return open_with(name, ready, options, notify)


def scored_identity(spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
    """What identifies the numbers of a model (`models.open.model_identity`), with the package of an
    engine that is not tremble's own under `extension`. Raises as that does."""
    return {**model_identity(spec, options, notify), **_of_package(spec, options)}


def _of_package(spec: ModelSpec, options: RunOptions) -> dict[str, Any]:
    """What the identity of a model says of the package that its engine comes from, if any."""
    if source_of(spec.id).engine is not None:
        return {}
    origin = EXTENSIONS.origin(options.engine)
    return {} if origin is None else {"extension": origin}


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
