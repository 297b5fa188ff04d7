"""From a model's name to its tokenizer, and to an engine with its weights."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

from tremble.engines import Engine, ModelSpec, RunOptions
from tremble.engines.files import ModelFiles, Say, check_weights, content_hash, find
from tremble.engines.hub_tokenizer import HubTokenizer
from tremble.engines.mock import MockEngine
from tremble.errors import MissingExtra, ModelUnavailable, UserError, did_you_mean, one_line
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
    return Opened(tokenizer, _window(config), _precision(files, options))


def weights_precision(spec: ModelSpec, options: RunOptions, say: Say) -> str | None:
    """What was done to a model's published weights, None for nothing."""
    return None if is_mock(spec.id) else _precision(find(spec, say, weights=False), options)


def check_device(options: RunOptions) -> None:
    """Raises UserError where the engine, dtype, device or quantiser asked for cannot be had."""
    if options.engine not in ENGINES:
        raise UserError(
            f"There is no engine {options.engine!r}{did_you_mean(options.engine, list(ENGINES))}"
        )
    if options.dtype not in DTYPES:
        raise UserError(
            f"There is no dtype {options.dtype!r}{did_you_mean(options.dtype, list(DTYPES))}"
        )
    if options.quantise is not None:
        _check_quantiser(options)
    reason = _unusable(options.device)
    if reason is not None:
        raise UserError(
            f"The device {options.device!r} cannot be used: {reason}; "
            'set device = "cpu" in [run], or leave it out.'
        )


def _unusable(device: str) -> str | None:
    """Why a device cannot be used on this machine, None where it can."""
    if device == "cpu":
        return None
    kind, _, number = device.partition(":")
    if device not in ("auto", "mps") and (
        kind != "cuda" or (number and not number.isdecimal()) or device.endswith(":")
    ):
        return "a device is cpu, cuda, cuda:0 and so on, mps, or auto"
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    if device == "auto":
        if importlib.util.find_spec("accelerate") is None:
            return "accelerate, which spreads a model over devices, is not installed"
        return None
    if kind == "mps":
        return None if torch.backends.mps.is_available() else "torch sees no Apple GPU here"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        return f"torch {torch.__version__} sees no CUDA GPU here"
    if number and int(number) >= count:
        return f"torch sees {count} here, the last of them cuda:{count - 1}"
    return None


def _check_quantiser(options: RunOptions) -> None:
    if options.quantise not in ("8bit", "4bit"):
        raise UserError(f"There is no quantise = {options.quantise!r}; it is 8bit or 4bit.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtra(f"quantise = {options.quantise!r}", "quantised")
    if options.device == "mps":
        raise UserError(
            f"quantise = {options.quantise!r} does not work on the device 'mps'; "
            'set device = "cpu", or leave quantise out.'
        )


def model_identity(spec: ModelSpec, options: RunOptions, say: Say) -> dict[str, Any]:
    """What identifies a model's numbers; no weights are loaded.

    That is engine, weights, adapter and dtype, and `quantise` where weights are quantised.
    """
    if is_mock(spec.id):
        return _mock(spec).identity()
    check_device(options)
    files = find(spec, say, weights=False)
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


def open_engine(spec: ModelSpec, options: RunOptions, say: Say) -> Engine:
    """An engine with the model's weights in memory.

    Raises ModelUnavailable where the weights cannot be had or read, do not belong to the
    configuration, or do not fit into memory; UserError for wrong options and names.
    """
    if is_mock(spec.id):
        return _mock(spec)
    identity = model_identity(spec, options, say)
    files = find(spec, say)
    tokenizer, config = _tokenizer_and_config(spec, files, options)
    from tremble.engines.memory import free_bytes
    from tremble.engines.reference import ReferenceEngine

    def reference(how: RunOptions) -> ReferenceEngine:
        model = _model(spec, files, how, config)
        if spec.adapter is not None:
            model = _with_adapter(model, spec.adapter)
        return ReferenceEngine(model, tokenizer, identity, _window(config), how.batch)

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

    from tremble.engines.shared import SharedEngine

    lossless = options.dtype == "float32" and options.quantise is None
    return SharedEngine(
        opened, say, options.memory, None if lossless else exact, compile=options.compile
    )


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


def _mock(spec: ModelSpec) -> MockEngine:
    return MockEngine(spec.id)


def _trusted(spec: ModelSpec, options: RunOptions) -> bool:
    """Code that comes with a model runs only where the user named that model for it."""
    return spec.id in options.remote_code


def _tokenizer_and_config(
    spec: ModelSpec, files: ModelFiles, options: RunOptions
) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer

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
        raise ModelUnavailable(
            f"The configuration or tokenizer of {spec.id!r} cannot be read ({one_line(error)}); "
            "check that the folder is complete."
        ) from error
    return HubTokenizer(tokenizer), config


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
        with _quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                files.folder,
                config=config,
                dtype=getattr(torch, options.dtype),
                use_safetensors=True,
                trust_remote_code=_trusted(spec, options),
                output_loading_info=True,
                device_map=_device_map(options),
                quantization_config=_quantiser(options),
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


def _device_map(options: RunOptions) -> Any:
    """Weights go straight to their device, never by way of main memory as a whole."""
    if options.device == "cpu" and options.quantise is None:
        return None
    return "auto" if options.device == "auto" else {"": options.device}


def _quantiser(options: RunOptions) -> Any:
    if options.quantise is None:
        return None
    import torch
    from transformers import BitsAndBytesConfig

    if options.quantise == "8bit":
        # It says of every product that it computes in float16; docs/study_files.md says it once.
        getLogger("bitsandbytes.autograd").setLevel(ERROR)
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=getattr(torch, options.dtype),
    )


def _precision(files: ModelFiles, options: RunOptions) -> str | None:
    """What was done to the published weights, None for nothing."""
    if options.quantise is None:
        return files.quantised
    now = f"quantised to {options.quantise} when loaded"
    return now if files.quantised is None else f"{now}, from {files.quantised}"


def _with_adapter(model: Any, adapter: str) -> Any:
    """The model with a LoRA adapter merged into its weights."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra(f"The adapter {adapter!r}", "adapters") from error
    try:
        return PeftModel.from_pretrained(model, adapter).merge_and_unload()
    except Exception as error:
        raise ModelUnavailable(
            f"The adapter {adapter!r} cannot be merged into its model ({one_line(error)}); "
            "check that it was trained on this one."
        ) from error


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
