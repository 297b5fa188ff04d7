"""Headers of GGUF files that claim what cannot be, written byte by byte after the format."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest

from tests.support.gguf_files import Value, header, tensor, text
from tremble.models.gguf_header import read_header

SOUND: dict[str, Value] = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 64,
    "llama.rope.freq_base": struct.pack("<If", 6, 1e4),
    "llama.attention.head_count_kv": struct.pack("<IIQ3i", 9, 5, 3, 4, 0, 4),
    "tokenizer.ggml.tokens": ["<s>", "", "é" * 100],
    "tokenizer.ggml.scores": struct.pack("<IIQ2f", 9, 6, 2, 0.5, -1.0),
    "tokenizer.ggml.add_bos_token": struct.pack("<IB", 7, 1),
    "nested": struct.pack("<IIQIQ2B", 9, 9, 1, 0, 2, 7, 8),
    "signed": struct.pack("<Iq", 11, -5),
}


def checked(folder: Path, content: bytes) -> None:
    path = folder / "a.gguf"
    path.write_bytes(content)
    read_header(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_sound_header_passes(order: str, tmp_path: Path) -> None:
    plain: dict[str, Value] = {"general.architecture": "llama", "llama.block_count": 2}
    entries = SOUND if order == "<" else plain
    tensors = tensor("a", 4, 8, order=order) + tensor("b", order=order)
    content = header(entries, tensors, order, tensor_count=2) + b"\0" * 256
    checked(tmp_path, content)


def test_wherever_it_is_cut_off(tmp_path: Path) -> None:
    content = header(SOUND, tensor("a", 4, 8), tensor_count=1)
    for length in range(0, len(content), 7):
        with pytest.raises(ValueError, match="it "):
            checked(tmp_path, content[:length])


HUGE = 2**60
LIES = {
    "no GGUF": (b"GGML" + b"\0" * 40, "does not begin like a GGUF file"),
    "tensors": (header(SOUND, tensor_count=HUGE), f"it has {HUGE} tensors"),
    "entries": (header({}, kv_count=HUGE), f"header has {HUGE} entries"),
    "layers": (header({"llama.block_count": 10**9}), "'llama.block_count' is 1000000000, which is"),
    "no layers": (header({"llama.block_count": 0}), "'llama.block_count' is 0, which is less"),
    "wide": (header({"llama.embedding_length": 2**31}), "'llama.embedding_length' is 2147483648"),
    "half": (header({"x.block_count": struct.pack("<If", 6, 2.5)}), "is 2.5, which is not a whole"),
    "heads": (header({"x.attention.head_count": 2**31}), "'x.attention.head_count' is 2147483648"),
    "experts": (header({"x.expert_count": 10**8}), "'x.expert_count' is 100000000"),
    "vocabulary": (header({"x.vocab_size": 2**32 - 1}), "'x.vocab_size' is 4294967295"),
    "key": (header({}, struct.pack("<Q", HUGE) + b"\0" * 99, kv_count=1), f"has {HUGE} bytes"),
    "text": (header({"a": struct.pack("<IQ", 8, HUGE)}), f"a text of 'a' has {HUGE} bytes"),
    "list": (header({"a": struct.pack("<IIQ", 9, 0, HUGE)}), f"'a' has {HUGE} values"),
    "texts": (header({"a": struct.pack("<IIQ", 9, 8, HUGE)}), f"'a' has {HUGE} values"),
    "long list": (
        header({"a": struct.pack("<IIQ", 9, 0, 6_000_000) + b"\0" * 6_000_000}),
        "'a' has 6000000 values",
    ),
    "lists in lists": (
        header({"a": struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 100_000}),
        "'a' is of an unknown kind",
    ),
    "kind": (header({"a": struct.pack("<I", 77)}), "'a' is of an unknown kind"),
    "dimensions": (
        header({}, text("t") + struct.pack("<I", 10**6), tensor_count=1) + b"\0" * 99,
        "has 1000000 dimensions",
    ),
    "elements": (header({}, tensor("t", HUGE), tensor_count=1), f"have {HUGE} elements"),
    "product": (header({}, tensor("t", 2**40, 2**40), tensor_count=1), f"have {2**80} elements"),
    "same data": (
        header({}, b"".join(tensor(f"t{i}", 1000) for i in range(99)), tensor_count=99),
        "have 99000 elements",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_is_said_and_not_done(lie: str, tmp_path: Path) -> None:
    content, reason = LIES[lie]
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
