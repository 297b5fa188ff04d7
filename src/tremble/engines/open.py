"""From a model's name to an engine with its weights in memory, and back to free memory."""

from __future__ import annotations

import gc
import sys

from tremble.engines.base import Engine
from tremble.engines.registry import check_engine, open_with
from tremble.models.files import Notify
from tremble.models.open import source_of
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
    return open_with(name, source.ready(spec, options, notify), options, notify)


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
