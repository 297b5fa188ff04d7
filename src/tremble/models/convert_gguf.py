"""Turns one GGUF file into a folder with float32 safetensors weights and a tokenizer.

Run as a script, in a process of its own: reading GGUF needs about ten bytes of memory per
parameter, which is given back when the process ends. It ends with whoever holds the other end of
its input. Where it fails, the last line that it prints is JSON: `reason`, a part of a sentence, and
`errno`, the system's number where the system refused to write or to give memory, else null; with a
`cure` the reason is the predicate of a sentence about the file, which is sound and not understood.
"""

from __future__ import annotations

import errno
import functools
import gc
import json
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tremble.disk.paths import why
from tremble.models.gguf_fields import check_whole, set_biases, set_fields
from tremble.models.gguf_header import AGAIN, Refused, read_header
from tremble.models.gguf_tensors import check_extent, check_tensors, rotary_factors
from tremble.models.gguf_tokenizer import check_tokenizer, split_as_named, tokenizer_arguments

# How what is written in Rust, as weights and tokenizers are, repeats what the system answered.
_RUST = re.compile(r"(?:.*: )?(?P<reason>.+) \(os error (?P<number>\d+)\)")


class _NotWritten(Exception):
    """The system refused to write."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.errno = number


def convert(file: Path, target: Path) -> None:
    """Write config, weights and tokenizer of `file` into the new folder `target`.

    Raises Refused for a file of which something would be lost, or made up; other exceptions for
    what cannot be read at all.
    """
    try:
        header = read_header(file)
    except ValueError as error:
        raise Refused(f"is damaged ({error})", AGAIN) from error
    check_whole(header)
    check_tokenizer(header)
    check_extent(header)
    import gguf
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    # transformers parses the file anew for configuration, weights and tokenizer; once is enough,
    # and most of the time goes there.
    gguf.GGUFReader = functools.cache(gguf.GGUFReader)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    config = AutoConfig.from_pretrained(**where)
    set_fields(header, config, rotary_factors(file, header))
    biases = set_biases(header, config)
    model, report = AutoModelForCausalLM.from_pretrained(
        **where,
        config=config,
        dtype=torch.float32,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # named by what follows
    )
    check_tensors(header, model, report, biases)
    # The weights are plain float32 by now; what is left of the quantiser only forbids saving.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    # Small shards and one thing after the other: saving copies a shard at a time.
    with _writing():
        model.save_pretrained(target, max_shard_size="300MB")
    del model
    gc.collect()
    tokenizer = AutoTokenizer.from_pretrained(**where, **tokenizer_arguments(header))

    def reloaded(tokenizer: Any) -> Any:
        for old in target.glob("*token*"):
            old.unlink()
        with _writing():
            tokenizer.save_pretrained(target)
        return AutoTokenizer.from_pretrained(target)

    split_as_named(header, tokenizer, reloaded)


@contextmanager
def _writing() -> Iterator[None]:
    """Tells the system's refusals to write from everything else that can fail."""
    try:
        yield
    except Exception as error:
        rust = _RUST.match(str(error))
        if isinstance(error, OSError) and error.errno is not None:
            raise _NotWritten(error.errno, why(error)) from error
        if rust is not None:
            raise _NotWritten(int(rust["number"]), rust["reason"]) from error
        raise


def reported(error: Exception) -> dict[str, Any]:
    """What the process says of a failure."""
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return {"reason": "Cannot allocate memory", "errno": errno.ENOMEM}
    if isinstance(error, Refused):
        return {"reason": error.said, "errno": None, "cure": error.cure}
    return {"reason": why(error), "errno": error.errno if isinstance(error, _NotWritten) else None}


def _end_with_parent() -> None:
    """Ends this process as soon as its input does: when whoever started it is no more."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as failure:
        sys.stdout.write(f"{json.dumps(reported(failure))}\n")
        sys.stdout.flush()
        sys.exit(1)
