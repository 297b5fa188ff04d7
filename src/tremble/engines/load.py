"""From a model's name to its tokenizer, and to an engine with its weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.engines import Engine, ModelSpec, RunOptions
from tremble.engines.files import ModelFiles, Say, check_weights, content_hash, find
from tremble.engines.mock import MockEngine
from tremble.errors import MissingExtra, UserError, did_you_mean, one_line
from tremble.tokens import Tokenizer

ENGINES = ("transformers", "reference")
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Opened:
    """A model's tokenizer and window (tokens, None where unbounded), without its weights."""

    tokenizer: Tokenizer
    window: int | None
    quantised: str | None


def is_mock(model: str) -> bool:
    return model == "mock" or model.startswith("mock:")


def open_tokenizer(spec: ModelSpec, options: RunOptions, say: Say) -> Opened:
    """The tokenizer and the window of a model.

    Raises UserError where the model cannot be found or its tokenizer cannot be read.
    """
    if is_mock(spec.id):
        mock = _mock(spec)
        return Opened(mock.tokenizer, mock.window, None)
    files = find(spec, say, weights=False)
    tokenizer, config = _tokenizer_and_config(spec, files, options)
    return Opened(tokenizer, _window(config), files.quantised)


def check_device(options: RunOptions) -> None:
    """Raises UserError where the engine, the dtype or the device asked for cannot be had."""
    if options.engine not in ENGINES:
        raise UserError(
            f"There is no engine {options.engine!r}{did_you_mean(options.engine, list(ENGINES))}"
        )
    if options.dtype not in DTYPES:
        raise UserError(
            f"There is no dtype {options.dtype!r}{did_you_mean(options.dtype, list(DTYPES))}"
        )
    if options.device == "cpu":
        return
    try:
        import torch

        torch.empty(1, device=options.device)
    except (ImportError, RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f"The device {options.device!r} cannot be used on this machine; "
            'set device = "cpu" in [run].'
        ) from error


def model_identity(spec: ModelSpec, options: RunOptions, say: Say) -> dict[str, Any]:
    """What identifies a model's numbers: engine, weights, adapter, dtype; no weights are loaded."""
    if is_mock(spec.id):
        return _mock(spec).identity()
    check_device(options)
    files = find(spec, say, weights=False)
    adapter = None if spec.adapter is None else content_hash(_adapter_files(spec.adapter))
    return {"engine": options.engine, **files.identity, "adapter": adapter, "dtype": options.dtype}


def open_engine(spec: ModelSpec, options: RunOptions, say: Say) -> Engine:
    """An engine with the model's weights in memory.

    Raises UserError where the weights cannot be read, or do not belong to the configuration.
    """
    if is_mock(spec.id):
        return _mock(spec)
    identity = model_identity(spec, options, say)
    files = find(spec, say)
    tokenizer, config = _tokenizer_and_config(spec, files, options)
    import torch

    from tremble.engines.memory import room_in
    from tremble.engines.reference import ReferenceEngine
    from tremble.engines.shared import SharedEngine

    model = _model(spec, files, options, config)
    if spec.adapter is not None:
        model = _with_adapter(model, spec.adapter)
    model = model.to(torch.device(options.device))
    reference = ReferenceEngine(model, tokenizer, identity, _window(config), options.batch)
    if options.engine == "reference":
        return reference
    return SharedEngine(reference, say, room_in(model, None))


def _mock(spec: ModelSpec) -> MockEngine:
    return MockEngine(spec.id)


def _trusted(spec: ModelSpec, options: RunOptions) -> bool:
    """Code that comes with a model runs only where the user named that model for it."""
    return spec.id in options.remote_code


def _tokenizer_and_config(
    spec: ModelSpec, files: ModelFiles, options: RunOptions
) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer

    from tremble.engines.hub_tokenizer import HubTokenizer

    trust = _trusted(spec, options)
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(files.folder, trust_remote_code=trust)
            tokenizer = AutoTokenizer.from_pretrained(files.folder, trust_remote_code=trust)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"The model {spec.id!r} needs code of its own; if you trust it, add it to "
                "remote_code in [run]."
            ) from error
        raise UserError(
            f"The configuration or tokenizer of {spec.id!r} cannot be read ({one_line(error)}); "
            "check that the folder is complete."
        ) from error
    return HubTokenizer(tokenizer), config


def _model(spec: ModelSpec, files: ModelFiles, options: RunOptions, config: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with _quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                files.folder,
                config=config,
                dtype=getattr(torch, options.dtype),
                use_safetensors=True,
                trust_remote_code=_trusted(spec, options),
                output_loading_info=True,
            )
    except Exception as error:
        raise UserError(
            f"The model {spec.id!r} cannot be loaded ({one_line(error)}); check that its folder "
            "is complete and its architecture known to the installed transformers."
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(
            f"The weights of {spec.id!r} lack {len(missing)} tensors that its configuration "
            f"names ({missing[0]} first); copy or download them again."
        )
    return model


def _with_adapter(model: Any, adapter: str) -> Any:
    """The model with a LoRA adapter merged into its weights."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra(f"The adapter {adapter!r}", "adapters") from error
    return PeftModel.from_pretrained(model, adapter).merge_and_unload()


def _adapter_files(adapter: str) -> list[Path]:
    """The configuration and the safetensors of an adapter folder."""
    folder = Path(adapter).expanduser()
    if not (folder / "adapter_config.json").is_file():
        raise UserError(
            f"No adapter_config.json in {adapter!r}; give the folder of a LoRA adapter."
        )
    return [folder / "adapter_config.json", *check_weights(folder)]


def _window(config: Any) -> int | None:
    text = config.get_text_config()
    found = getattr(text, "max_position_embeddings", None)
    return int(found) if isinstance(found, int) and found > 0 else None


@contextmanager
def _quiet() -> Iterator[None]:
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
