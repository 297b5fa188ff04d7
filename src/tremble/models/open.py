"""From a model's name to its tokenizer, window, identity and precision; no weights are loaded."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.errors import MissingExtra, ModelUnavailable, UserError
from tremble.models.device import check_device
from tremble.models.files import ModelFiles, Notify, check_weights, content_hash, find
from tremble.models.mock import MockModel, is_mock
from tremble.models.spec import ModelSpec, RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.text import one_line
from tremble.tokenization.options import Tokenizer


@dataclass(frozen=True, slots=True)
class Opened:
    """A model's tokenizer and window (tokens, None where unbounded), without its weights."""

    tokenizer: Tokenizer
    window: int | None
    quantised: str | None


def open_tokenizer(spec: ModelSpec, options: RunOptions, notify: Notify) -> Opened:
    """The tokenizer and the window of a model.

    Raises UserError where the model cannot be found or its tokenizer cannot be read.
    """
    if is_mock(spec.id):
        mock = _mock(spec)
        return Opened(mock.tokenizer, mock.window, None)
    files = find(spec, notify, weights=False)
    tokenizer, config = tokenizer_and_config(spec, files, options)
    return Opened(tokenizer, window_of(config), _precision(files, options))


def weights_precision(spec: ModelSpec, options: RunOptions, notify: Notify) -> str | None:
    """What was done to a model's published weights, None for nothing."""
    return None if is_mock(spec.id) else _precision(find(spec, notify, weights=False), options)


def model_identity(spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
    """What identifies a model's numbers; no weights are loaded.

    That is engine, weights, adapter and dtype, and `quantise` where weights are quantised.
    """
    if is_mock(spec.id):
        return _mock(spec).identity()
    check_device(options)
    files = find(spec, notify, weights=False)
    if spec.adapter is not None and importlib.util.find_spec("peft") is None:
        raise MissingExtra(f"The adapter {spec.adapter!r}", "adapters")
    adapter = None if spec.adapter is None else content_hash(_adapter_files(spec.adapter))
    identity = {
        "engine": options.engine,
        **files.identity,
        "adapter": adapter,
        "dtype": options.dtype,
    }
    # Only where asked for: studies scored without it keep their keys.
    return identity if options.quantise is None else {**identity, "quantise": options.quantise}


def _mock(spec: ModelSpec) -> MockModel:
    return MockModel(spec.id)


def is_trusted(spec: ModelSpec, options: RunOptions) -> bool:
    """Code that comes with a model runs only where the user named that model for it."""
    return spec.id in options.remote_code


def tokenizer_and_config(
    spec: ModelSpec, files: ModelFiles, options: RunOptions
) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer

    trust = is_trusted(spec, options)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(files.folder, trust_remote_code=trust)
            tokenizer = AutoTokenizer.from_pretrained(files.folder, trust_remote_code=trust)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"The model {spec.id!r} needs code of its own; if you trust it, add it to "
                "remote_code in [run]."
            ) from error
        raise ModelUnavailable(
            f"The configuration or tokenizer of {spec.id!r} cannot be read ({one_line(error)}); "
            "check that the folder is complete."
        ) from error
    return HubTokenizer(tokenizer), config


def _precision(files: ModelFiles, options: RunOptions) -> str | None:
    """What was done to the published weights, None for nothing."""
    if options.quantise is None:
        return files.quantised
    now = f"quantised to {options.quantise} when loaded"
    return now if files.quantised is None else f"{now}, from {files.quantised}"


def _adapter_files(adapter: str) -> list[Path]:
    """The configuration and the safetensors of an adapter folder."""
    folder = Path(adapter).expanduser()
    if not (folder / "adapter_config.json").is_file():
        raise UserError(
            f"No adapter_config.json in {adapter!r}; give the folder of a LoRA adapter."
        )
    return [folder / "adapter_config.json", *check_weights(folder)]


def window_of(config: Any) -> int | None:
    text = config.get_text_config()
    found = getattr(text, "max_position_embeddings", None)
    return int(found) if isinstance(found, int) and found > 0 else None


@contextmanager
def quiet() -> Iterator[None]:
    """transformers prints bars and warnings of its own; what matters is raised or recorded."""
    from transformers.utils import logging

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
