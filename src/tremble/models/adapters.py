"""LoRA adapters, merged into the weights of their model."""

from __future__ import annotations

from typing import Any

from tremble.disk.paths import path_of
from tremble.errors import MissingExtra, ModelUnavailable
from tremble.text import one_line


def with_adapter(model: Any, adapter: str) -> Any:
    """The model with a LoRA adapter merged into its weights."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra(f"The adapter {adapter!r}", "adapters") from error
    try:
        return PeftModel.from_pretrained(model, str(path_of(adapter))).merge_and_unload()
    except Exception as error:
        raise ModelUnavailable(
            f"The adapter {adapter!r} cannot be merged into its model ({one_line(error)}); "
            "check that it was trained on this one."
        ) from error
