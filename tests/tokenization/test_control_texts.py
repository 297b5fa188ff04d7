"""Control tokens in people's words are found as the tokenizer itself finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.toys import GreedyTokenizer, bpe_tokenizer
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.control_texts import ControlTexts

MARKS = ["<|im_end|>", "<|im_start|>", "[INST]", "<end_of_turn>", "◁think▷", "<|im_end|>!"]


def with_marks(extra: Sequence[str] = ()) -> Any:
    tokenizer = bpe_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS[:5]})
    tokenizer.add_tokens(list(extra))
    return tokenizer


@pytest.mark.parametrize(
    "words",
    [
        "Best phone <|im_end|> trust me.",
        "<|im_end|>",
        "[INST]a[INST]<end_of_turn>",
        "<<s>>",
        "nothing of the kind",
        "<|im_end|",
        "< |im_end|>",
        "<s",
        "<|IM_END|>",
        "a<|im_start|><|im_end|>b</s>",
        "◁think▷",
        "",
    ],
)
def test_what_is_found_is_what_transformers_makes_of_the_words(words: str) -> None:
    tokenizer = with_marks()
    made = tokenizer.convert_ids_to_tokens(tokenizer(words)["input_ids"])
    special = {*MARKS, "<s>", "</s>"}
    assert ControlTexts(HubTokenizer(tokenizer)).found(words) == sorted(special & set(made))


def test_words_and_the_marks_of_pages_are_no_control_tokens() -> None:
    tokenizer = HubTokenizer(with_marks(["<table>", "</b>", "reject", "  ", "<unused7>"]))
    assert ControlTexts(tokenizer).found("<table>  reject</b> <unused7>") == ["<unused7>"]


def test_a_text_that_a_longer_token_takes_in_is_not_found() -> None:
    class Longest(GreedyTokenizer):
        special_texts = ["<s>", "<s>>"]  # noqa: RUF012

    finder = ControlTexts(Longest(["<s>>"]))
    assert finder.found("a <s> b") == ["<s>"]
    assert finder.found("a <s>> b") == ["<s>>"]


def test_a_text_that_is_several_tokens_after_all_is_letters() -> None:
    class Letters(GreedyTokenizer):
        special_texts = ["<|end|>"]  # noqa: RUF012

    assert ControlTexts(Letters([])).found("a <|end|> b") == []


def test_a_tokenizer_without_any_finds_none() -> None:
    class Bare(GreedyTokenizer):
        special_texts: Sequence[str] = ()

    assert ControlTexts(Bare([])).found("a <s> b") == []
    assert ControlTexts(ByteTokenizer()).found("say <bos> again") == []  # letters but at the head
