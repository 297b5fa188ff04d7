"""Turns one GGUF file into a folder with float32 safetensors weights and a tokenizer.

Run as a script, in a process of its own: reading GGUF needs about ten bytes of memory per
parameter, which is given back when the process ends. It ends with whoever holds the other end of
its input. Where it fails, the last line that it prints is JSON: `reason`, a part of a sentence, and
`errno`, the system's number where the system refused to write or to give memory, else null.
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
from tremble.models.gguf_header import check_header

# How what is written in Rust, as weights and tokenizers are, repeats what the system answered.
_RUST = re.compile(r"(?:.*: )?(?P<reason>.+) \(os error (?P<number>\d+)\)")


class _Refused(Exception):
    """The system refused to write."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.errno = number


def convert(file: Path, target: Path) -> None:
    """Write config, weights and tokenizer of `file` into the new folder `target`."""
    check_header(file)
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    # transformers parses the file anew for configuration, weights and tokenizer; once is enough,
    # and most of the time goes there.
    gguf.GGUFReader = functools.cache(gguf.GGUFReader)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # The weights are plain float32 by now; what is left of the quantiser only forbids saving.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    # Small shards and one thing after the other: saving copies a shard at a time.
    with _writing():
        model.save_pretrained(target, max_shard_size="300MB")
    del model
    gc.collect()
    tokenizer = AutoTokenizer.from_pretrained(**where)
    with _writing():
        tokenizer.save_pretrained(target)


@contextmanager
def _writing() -> Iterator[None]:
    """Tells the system's refusals to write from everything else that can fail."""
    try:
        yield
    except Exception as error:
        rust = _RUST.match(str(error))
        if isinstance(error, OSError) and error.errno is not None:
            raise _Refused(error.errno, why(error)) from error
        if rust is not None:
            raise _Refused(int(rust["number"]), rust["reason"]) from error
        raise


def reported(error: Exception) -> dict[str, Any]:
    """What the process says of a failure."""
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return {"reason": "Cannot allocate memory", "errno": errno.ENOMEM}
    return {"reason": why(error), "errno": error.errno if isinstance(error, _Refused) else None}


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
