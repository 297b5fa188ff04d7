"""GGUF files against the folders whose weights they hold: the same numbers, or one sentence.

The files are written as llama.cpp's converter writes them (tests/support/gguf_files.py); what is
expected is what transformers makes of the folder.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.support.gguf_cases import (
    LLAMA,
    LLAMA3,
    SOUND,
    converted,
    folder_and_file,
    furthest,
    rope_freqs,
    saved,
)
from tests.support.gguf_files import as_gguf
from tremble.errors import ModelUnavailable
from tremble.models import gguf as source
from tremble.models.gguf_header import Refused, read_header


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_gives_the_numbers_of_its_folder(name: str, tmp_path: Path) -> None:
    folder, file = folder_and_file(name, tmp_path)
    assert furthest(folder, converted(file, tmp_path / "made")) < 1e-5


def test_the_factors_of_llama_3_become_its_own_configuration(tmp_path: Path) -> None:
    """64 frequencies, divided by what Llama 3.1 and 3.2 divide them by."""
    for factor in (8.0, 32.0):
        rope = {**LLAMA3, "factor": factor}
        arguments = {**LLAMA, "head_dim": 128, "rope_parameters": rope}
        folder = saved(tmp_path / f"{factor}", "llama", **arguments)
        file = as_gguf(folder, tmp_path / f"{factor}.gguf", {}, rope_freqs(folder))
        converted(file, tmp_path / f"made-{factor}")
        made = json.loads((tmp_path / f"made-{factor}" / "config.json").read_text())
        assert made["rope_parameters"] == rope


def test_biases_that_a_file_lacks_are_none(tmp_path: Path) -> None:
    """Only queries have some, which llama.cpp turns as it turns their weights."""
    folder = saved(tmp_path / "folder", "llama", **LLAMA, attention_bias=True)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("k_proj.bias", "v_proj.bias", "o_proj.bias")):
                parameter.zero_()
    model.save_pretrained(folder)
    lacking = {
        f"blk.{layer}.attn_{name}.bias": None for layer in (0, 1) for name in ("k", "v", "output")
    }
    converted(as_gguf(folder, tmp_path / "model.gguf", {}, lacking), tmp_path / "made")
    assert furthest(folder, tmp_path / "made") < 1e-5


# Fields, and tensors, of a file, and what is said of it.
ODD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a tensor is missing": (
        {},
        {"blk.1.attn_q.weight": None},
        "lacks the tensor 'blk.1.attn_q.weight'",
    ),
    "tensors are missing": (
        {},
        {"blk.1.ffn_up.weight": None, "output_norm.weight": None},
        "lacks the tensor 'blk.1.ffn_up.weight' (and 1 more)",
    ),
    "a layer too many": (
        {".block_count": 1},
        {},
        "has the tensor 'blk.1.attn_norm.weight' (and 8 more), which transformers",
    ),
    "no epsilon": (
        {".attention.layer_norm_rms_epsilon": None},
        {},
        "lacks the field 'llama.attention.layer_norm_rms_epsilon'",
    ),
    "no number of heads": (
        {".attention.head_count": None},
        {},
        "lacks the field 'llama.attention.head_count'",
    ),
    "a strange tensor": (
        {},
        {"blk.0.attn_q_norm.weight": np.ones(8, np.float32)},
        "has the tensor 'blk.0.attn_q_norm.weight', which transformers does not use",
    ),
    "another shape": (
        {".feed_forward_length": 64},
        {},
        "has the tensor 'blk.0.ffn_down.weight' (and 5 more) in a shape that does not",
    ),
    "a part": (
        {"split.no": 0, "split.count": 2, "split.tensors.count": 21},
        {"blk.1.attn_q.weight": None},
        "is part 1 of 2",
    ),
    "an adapter": (
        {"general.type": "adapter", "adapter.type": "lora"},
        {},
        "does not contain a language model (its 'general.type' is 'adapter')",
    ),
    "a number is scaled": (
        {".logit_scale": 0.25},
        {},
        "holds the field 'llama.logit_scale' = 0.25, which tremble does not understand",
    ),
    "a list": (
        {".rope.dimension_sections": [2, 2, 0, 0]},
        {},
        "holds the field 'llama.rope.dimension_sections' = (2, 2, 0, 0), which tremble does not",
    ),
    "a window": (
        {".attention.sliding_window": 8},
        {},
        "holds the field 'llama.attention.sliding_window' = 8, which",
    ),
    "experts": ({".expert_count": 8}, {}, "holds the field 'llama.expert_count' = 8, which"),
    "not causal": (
        {".attention.causal": False},
        {},
        "holds the field 'llama.attention.causal' = False, which",
    ),
    "attention of another scale": (
        {".attention.scale": 0.5},
        {},
        "holds the field 'llama.attention.scale' = 0.5, which",
    ),
    "partly turned": (
        {".rope.dimension_count": 4},
        {},
        "holds the field 'llama.rope.dimension_count' = 4, which",
    ),
    "turned in a way unheard of": (
        {".rope.scaling.type": "spiral", ".rope.scaling.factor": 2.0},
        {},
        "holds the field 'llama.rope.scaling.type' = 'spiral', which",
    ),
    "turned less by a logarithm": (
        {
            ".rope.scaling.type": "yarn",
            ".rope.scaling.factor": 2.0,
            ".rope.scaling.yarn_log_multiplier": 0.1,
        },
        {},
        "holds the field 'llama.rope.scaling.yarn_log_multiplier' = 0.10000000149011612, which",
    ),
    "factors of another number": (
        {},
        {"rope_freqs.weight": np.ones(3, np.float32)},
        "holds the tensor 'rope_freqs.weight', which tremble does not understand",
    ),
    "short factors alone": (
        {},
        {"rope_factors_short.weight": np.ones(4, np.float32)},
        "holds the tensor 'rope_factors_short.weight', which tremble does not understand",
    ),
    "a field of nobody": ({"xielu.beta": 0.5}, {}, "holds the field 'xielu.beta' = 0.5, which"),
    "texts in small letters": (
        {"tokenizer.ggml.normalizer.lowercase": True},
        {},
        "holds the field 'tokenizer.ggml.normalizer.lowercase' = True, which",
    ),
    "another pre-tokenizer": (
        {"tokenizer.ggml.pre": "afmoe"},
        {},
        "has the pre-tokenizer 'afmoe', which tremble does not know",
    ),
    "the default": (
        {"tokenizer.ggml.pre": "default"},
        {},
        "has the pre-tokenizer 'default', which tremble does not know",
    ),
    "no pre-tokenizer": (
        {"tokenizer.ggml.pre": None},
        {},
        "has no pre-tokenizer ('tokenizer.ggml.pre')",
    ),
    "another tokenizer": (
        {"tokenizer.ggml.model": "rwkv"},
        {},
        "has the tokenizer 'rwkv', which tremble does not know",
    ),
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("folder") / "llama", "llama", **LLAMA)


@pytest.mark.parametrize("name", ODD)
def test_what_would_be_lost_or_made_up_is_refused(name: str, llama: Path, tmp_path: Path) -> None:
    fields, tensors, said = ODD[name]
    file = as_gguf(llama, tmp_path / "model.gguf", fields, tensors)
    with pytest.raises(Refused) as refused:
        converted(file, tmp_path / "made")
    assert refused.value.said.startswith(said)


def test_a_file_that_ends_too_soon_is_cut_off_within_a_tensor(llama: Path, tmp_path: Path) -> None:
    """Wherever that is: the last tensor ends with the file."""
    file = as_gguf(llama, tmp_path / "model.gguf")
    whole = file.read_bytes()
    header = read_header(file)
    last = max(header.tensors, key=lambda name: header.tensors[name].offset)
    for lost in (1, 4, len(whole) // 3):
        file.write_bytes(whole[:-lost])
        with pytest.raises(Refused, match="is cut off within the tensor") as refused:
            converted(file, tmp_path / "made")
        if lost < 5:
            assert repr(last) in refused.value.said
    file.write_bytes(whole[:50])
    with pytest.raises(Refused, match=r"is damaged \(it says|is damaged \(it is cut off in"):
        converted(file, tmp_path / "made")


def test_two_tensors_in_one_place_are_refused(llama: Path, tmp_path: Path) -> None:
    file = as_gguf(llama, tmp_path / "model.gguf")
    content = file.read_bytes()
    stored = read_header(file).tensors
    first, second = sorted(stored, key=lambda name: stored[name].offset)[:2]
    # Behind its name: the number of dimensions, each of them, its type, its first byte.
    at = content.index(second.encode()) + len(second)
    (dimensions,) = struct.unpack_from("<I", content, at)
    place = at + 4 + 8 * dimensions + 4
    assert struct.unpack_from("<Q", content, place) == (stored[second].offset,)
    file.write_bytes(content[:place] + struct.pack("<Q", 0) + content[place + 8 :])
    with pytest.raises(Refused, match="in the same place") as refused:
        converted(file, tmp_path / "made")
    assert first in refused.value.said


def test_gemma_3_without_its_window_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "folder", "gemma3_text", **LLAMA, sliding_window=8)
    file = as_gguf(folder, tmp_path / "model.gguf", {".attention.sliding_window": None})
    with pytest.raises(Refused, match=r"lacks the field 'gemma3\.attention\.sliding_window'"):
        converted(file, tmp_path / "made")


def test_a_refusal_is_one_sentence_with_a_cure(llama: Path, tmp_path: Path) -> None:
    """From the process that converts to the user; nothing stays in the cache."""
    parts = {"split.no": 0, "split.count": 2, "split.tensors.count": 21}
    file = as_gguf(llama, tmp_path / "m-00001-of-00002.gguf", parts)
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        patched.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
        with pytest.raises(ModelUnavailable) as refused:
            source.converted_file(file, print, True)
    assert str(refused.value) == (
        f"The GGUF file {str(file)!r} is part 1 of 2; join the parts with llama.cpp: "
        "llama-gguf-split --merge FIRST-PART.gguf WHOLE.gguf."
    )
    assert list((tmp_path / "cache").iterdir()) == []
