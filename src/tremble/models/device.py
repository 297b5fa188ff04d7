"""Devices, dtypes and quantisers: what can be had on this machine, and how weights get there."""

from __future__ import annotations

import importlib.util
from logging import ERROR, getLogger
from typing import Any

from tremble.errors import MissingExtra, UserError
from tremble.models.spec import RunOptions
from tremble.text import did_you_mean

DTYPES = ("float32", "bfloat16", "float16")


def check_device(options: RunOptions, table: str = "run") -> None:
    """Raises UserError where the dtype, device or quantiser asked for cannot be had. `table`: where
    the user's file has the device."""
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
            f'set device = "cpu" in [{table}], or leave it out.'
        )


def _unusable(device: str) -> str | None:
    """Why a device cannot be used on this machine, None where it can."""
    if device == "cpu":
        return None
    kind, _, number = device.partition(":")
    if device not in ("auto", "mps") and (
        kind != "cuda" or (number and not number.isdecimal()) or device.endswith(":")
    ):
        return "the possible devices are cpu, cuda, cuda:0 and so on, mps and auto"
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
        return f"torch sees {count} here, up to cuda:{count - 1}"
    return None


def _check_quantiser(options: RunOptions) -> None:
    if options.quantise not in ("8bit", "4bit"):
        raise UserError(f"There is no quantise = {options.quantise!r}; use 8bit or 4bit.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtra(f"quantise = {options.quantise!r}", "quantised")
    if options.device == "mps":
        raise UserError(
            f"quantise = {options.quantise!r} does not work on the device 'mps'; "
            'set device = "cpu", or leave quantise out.'
        )


def device_map(options: RunOptions) -> Any:
    """Weights go straight to their device, never by way of main memory as a whole."""
    if options.device == "cpu" and options.quantise is None:
        return None
    return "auto" if options.device == "auto" else {"": options.device}


def quantiser(options: RunOptions) -> Any:
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
