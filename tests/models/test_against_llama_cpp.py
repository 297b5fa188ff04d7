"""GGUF files as llama.cpp itself reads them, where it is installed: the same numbers and tokens.

It is no dependency, since compiling it takes minutes: `pip install llama-cpp-python` for these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.support.gguf_cases import LLAMA, SOUND, converted, folder_and_file, saved
from tests.support.gguf_files import as_gguf, sentencepiece
from tremble.models.gguf_tokenizer import SPLITS

llama_cpp: Any = pytest.importorskip(
    "llama_cpp", reason="llama-cpp-python is not installed, against which GGUF files are checked"
)
pytestmark = pytest.mark.slow


TEXTS = [
    "I have 1000 dollars, you have 12345.67; round 2 of 10.",
    "Round\n\n2. offer:  3 of 2026\r\n\r\n    end   ",
    "It's THEY'RE we'll don't I'M x'd 'stop",
    "MixedCaseWords HTTPServer iPhone naïve Straße ÉCOLE",
    "a  1 \n12\t\t345 ½ cup 10² ٣٤٥ 六七八 漢字かな交じり文 русский текст",
    '{"decision": "accept"} <b>$5</b> #1 @you 50% a/b\\c ~^`|',
    "  leading and trailing  ",
    "1 22 333 4444 55555 666666 7777777",
]


NOT_THERE = {
    "phi3 with a window": "llama.cpp says that it leaves the window of Phi-3 out",
    "biases of qwen3": "llama.cpp does not know them",
}
# Where llama.cpp takes every letter but a to z for a large one, tokenizer.json does not.
CASES = ("tekken", "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2")
# Whose activation llama.cpp looks up in a table of half precision.
LOOKED_UP = ("gemma2", "gemma3_text", "gpt2", "starcoder2")


def opened(file: Path, **arguments: Any) -> Any:
    return llama_cpp.Llama(str(file), verbose=False, n_threads=1, **arguments)


@pytest.mark.parametrize("name", SOUND)
def test_llama_cpp_computes_the_same_numbers(name: str, tmp_path: Path) -> None:
    if name in NOT_THERE:
        pytest.skip(NOT_THERE[name])
    _, file = folder_and_file(name, tmp_path)
    converted(file, tmp_path / "made")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "made", dtype=torch.float32).eval()
    ids = torch.randint(2, 250, (1, 200), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model(ids).logits[0].log_softmax(-1)
    own = opened(file, logits_all=True, n_ctx=256, n_batch=256, type_k=0, type_v=0)
    own.eval(ids[0].tolist())
    got = torch.tensor(np.array(own.scores[:200])).log_softmax(-1)
    assert float((got - expected).abs().max()) < (3e-3 if SOUND[name][0] in LOOKED_UP else 1e-5)


@pytest.mark.parametrize("pre", sorted(SPLITS))
def test_llama_cpp_splits_the_same(pre: str, tmp_path: Path) -> None:
    """A vocabulary whose merges know no words and no numbers: only the split keeps them apart."""
    folder = saved(
        tmp_path / "folder",
        "llama",
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        texts=TEXTS,
    )
    file = as_gguf(folder, tmp_path / "model.gguf", {"tokenizer.ggml.pre": pre})
    converted(file, tmp_path / "made")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "made")
    own = opened(file, vocab_only=True)
    for text in TEXTS:
        if pre in CASES and not text.isascii():
            continue
        expected = own.tokenize(text.encode(), add_bos=False, special=False)
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == expected
        begun = own.tokenize(text.encode(), add_bos=True, special=False)  # as the file says
        assert tokenizer(text)["input_ids"] == begun


@pytest.mark.parametrize("space", [None, True, False])
def test_llama_cpp_puts_a_space_before_the_same_texts(space: bool | None, tmp_path: Path) -> None:
    folder = saved(tmp_path / "folder", "llama", **LLAMA)
    file = as_gguf(folder, tmp_path / "model.gguf", sentencepiece(space))
    converted(file, tmp_path / "made")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "made")
    own = opened(file, vocab_only=True)
    for text in ("ab", "ab ab", " ab", "  ab  10,10", "ab\n\n10", "é"):
        begun = own.tokenize(text.encode(), add_bos=True, special=False)
        assert tokenizer(text)["input_ids"] == begun
