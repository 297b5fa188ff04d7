"""What sources share whose models are files: tokenizer, window, identity and precision."""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tremble.disk.paths import path_of
from tremble.errors import MissingExtra, ModelUnavailable, UserError
from tremble.models.device import check_device
from tremble.models.files import ModelFiles, Notify, check_weights, content_hash, reading
from tremble.models.limits import check_config
from tremble.models.open import Opened, ReadyModel
from tremble.models.spec import ModelSpec, RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.text import one_line


class FromFiles(ABC):
    """A source (see `open.ModelSource`) that has `owns`, and `locate` for its models' files."""

    made_up = False
    engine: str | None = None

    @abstractmethod
    def owns(self, name: str) -> bool: ...

    @abstractmethod
    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        """The files of a model that `owns` said is from here, brought here where need be."""

    def files(self, spec: ModelSpec, notify: Notify, weights: bool = True) -> ModelFiles:
        if (
            importlib.util.find_spec("transformers") is None
            or importlib.util.find_spec("torch") is None
        ):
            raise MissingExtra(f"The model {spec.id!r}", "torch")
        files = self.locate(spec, notify, weights)
        check_config(files.folder)
        return files

    def opened(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> Opened:
        files = self.files(spec, notify, weights=False)
        tokenizer, config = tokenizer_and_config(spec, files, options)
        return Opened(tokenizer, window_of(config), _precision(files, options))

    def precision(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> str | None:
        return _precision(self.files(spec, notify, weights=False), options)

    def identity(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
        check_device(options)
        files = self.files(spec, notify, weights=False)
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

    def ready(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> ReadyModel:
        identity = self.identity(spec, options, notify)
        files = self.files(spec, notify)
        tokenizer, config = tokenizer_and_config(spec, files, options)
        return ReadyModel(spec, tokenizer, window_of(config), identity, files, config)

    def missing_bytes(self, spec: ModelSpec) -> int | None:
        return 0


def is_trusted(spec: ModelSpec, options: RunOptions) -> bool:
    """Code that comes with a model runs only where the user named that model for it."""
    return spec.id in options.remote_code


def tokenizer_and_config(
    spec: ModelSpec, files: ModelFiles, options: RunOptions
) -> tuple[HubTokenizer, Any]:
    """A model's tokenizer and configuration, with code of its own where that is trusted.

    Raises UserError where it needs code that is not, ModelUnavailable for other failures.
    """
    from transformers import AutoConfig, AutoTokenizer

    trust = is_trusted(spec, options)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(files.folder, trust_remote_code=trust)
            inner = AutoTokenizer.from_pretrained(files.folder, trust_remote_code=trust)
            tokenizer = HubTokenizer(inner)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"The model {spec.id!r} needs code of its own; if you trust it, add it to "
                "remote_code in [run]."
            ) from error
        raise ModelUnavailable(
            f"The configuration or tokenizer of {spec.id!r} cannot be read "
            f"({_reason(error)}); check that the folder is complete."
        ) from error
    return tokenizer, config


def _reason(error: Exception) -> str:
    """A foreign error in one line; some name the key in the first line, its value in the next."""
    return one_line(Exception(" ".join(str(error).split()) or type(error).__name__))


def _precision(files: ModelFiles, options: RunOptions) -> str | None:
    """What was done to the published weights, None for nothing."""
    if options.quantise is None:
        return files.quantised
    now = f"quantised to {options.quantise} when loaded"
    return now if files.quantised is None else f"{now}, from {files.quantised}"


def _adapter_files(adapter: str) -> list[Path]:
    """The configuration and the safetensors of an adapter folder."""
    folder = path_of(adapter)
    config = folder / "adapter_config.json"
    with reading(config):
        if not config.is_file():
            raise UserError(
                f"No adapter_config.json in {adapter!r}; give the folder of a LoRA adapter."
            )
    return [config, *check_weights(folder)]


def window_of(config: Any) -> int | None:
    """The longest text that a model takes, in tokens; None where its configuration sets no end."""
    text = config.get_text_config()
    longest = getattr(text, "max_position_embeddings", None)
    return int(longest) if isinstance(longest, int) and longest > 0 else None


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
