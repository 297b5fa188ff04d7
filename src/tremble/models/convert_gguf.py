"""Turns one GGUF file into a folder with float32 safetensors weights and a tokenizer.

Run as a script, in a process of its own: reading GGUF needs about ten bytes of memory per
parameter, which is given back when the process ends.
"""

from __future__ import annotations

import functools
import gc
import sys
import warnings
from pathlib import Path


def convert(file: Path, target: Path) -> None:
    """Write config, weights and tokenizer of `file` into the new folder `target`."""
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
    model.save_pretrained(target, max_shard_size="300MB")
    del model
    gc.collect()
    AutoTokenizer.from_pretrained(**where).save_pretrained(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
