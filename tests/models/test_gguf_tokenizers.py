"""Tokenizers of GGUF files: what is one token and what is cut, by the names that files give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from tests.support.gguf_cases import converted, saved
from tests.support.gguf_files import as_gguf, sentencepiece

TINY: dict[str, Any] = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("folder") / "llama", "llama", **TINY)


def tokenizer_of(file: Path) -> Any:
    return AutoTokenizer.from_pretrained(converted(file, file.parent / f"made-{file.stem}"))


# By hand: GPT-2 keeps digits together, Llama 3 takes three at a time from the left, Qwen 2 and
# SmolLM one; SmolLM cuts at every digit first, so that what stands before one is a text of its own.
CUT: list[tuple[str, str, list[str]]] = [
    ("gpt-2", "you have 1000 dollars", ["you", " have", " 1000", " dollars"]),
    ("llama-bpe", "you have 1000 dollars", ["you", " have", " ", "100", "0", " dollars"]),
    ("dbrx", "you have 1000 dollars", ["you", " have", " ", "100", "0", " dollars"]),
    ("qwen2", "you have 1000 dollars", ["you", " have", " ", *"1000", " dollars"]),
    ("smollm", "you have 1000 dollars", ["you", " have", " ", *"1000", " dollars"]),
    ("gpt-2", "round\n\n1000", ["round", "\n", "\n", "1000"]),
    ("smollm", "round\n\n1000", ["round", "\n\n", *"1000"]),
    ("falcon", "it's 12345 of 1000", ["it", "'", "s", " ", "123", "45", " of", " ", "100", "0"]),
]


@pytest.mark.parametrize(("pre", "text", "expected"), CUT)
def test_texts_are_cut_as_the_pre_tokenizer_says(
    pre: str, text: str, expected: Sequence[str], folder: Path, tmp_path: Path
) -> None:
    file = as_gguf(folder, tmp_path / "model.gguf", {"tokenizer.ggml.pre": pre})
    cut = tokenizer_of(file).backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
    assert [piece.replace("Ġ", " ").replace("Ċ", "\n") for piece, _ in cut] == expected


@pytest.mark.parametrize(
    ("pre", "said", "marked"),
    [
        ("llama-bpe", None, True),
        ("llama-bpe", False, False),
        ("gpt-2", None, False),
        ("gpt-2", True, True),
    ],
)
def test_the_beginning_is_marked_where_the_file_says_so(
    pre: str, said: bool | None, marked: bool, folder: Path, tmp_path: Path
) -> None:
    """And where it says nothing, as the pre-tokenizer's models do."""
    fields = {"tokenizer.ggml.pre": pre, "tokenizer.ggml.add_bos_token": said}
    ids = tokenizer_of(as_gguf(folder, tmp_path / "model.gguf", fields))("you")["input_ids"]
    assert (ids[0] == 0) == marked


def test_what_is_one_token_is_not_merged_anew(folder: Path, tmp_path: Path) -> None:
    """Llama 3 has tokens that no merges lead to."""
    from transformers import PreTrainedTokenizerFast

    plain = PreTrainedTokenizerFast.from_pretrained(folder)
    tokens = plain.convert_ids_to_tokens(list(range(len(plain))))
    tokens[100] = "xyz"
    for pre, expected in (("llama-bpe", ["xyz"]), ("dbrx", ["x", "y", "z"])):
        fields = {
            "tokenizer.ggml.pre": pre,
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.add_bos_token": False,
        }
        made = tokenizer_of(as_gguf(folder, tmp_path / f"{pre}.gguf", fields))
        assert made.tokenize("xyz") == expected


@pytest.mark.parametrize(
    ("space", "text", "expected"),
    [
        (None, "ab ab,10", ["▁ab", "▁ab", ",", "10"]),
        (True, " ab", ["▁", "▁ab"]),
        (True, "ab</s>ab", ["▁ab", "</s>", "▁ab"]),
        (False, "ab ab", ["ab", "▁ab"]),
        (False, " ab", ["▁ab"]),
    ],
)
def test_a_space_comes_first_where_the_file_says_so(
    space: bool | None, text: str, expected: list[str], folder: Path, tmp_path: Path
) -> None:
    tokenizer = tokenizer_of(as_gguf(folder, tmp_path / "model.gguf", sentencepiece(space)))
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<s>", *expected]
