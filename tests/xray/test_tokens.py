"""Tokens as they are shown: pieces, joins, special ones, log probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.toys import GreedyTokenizer, bpe_tokenizer
from tremble.engines.mock import MockEngine
from tremble.models.tokenizer import HubTokenizer
from tremble.report.tables.xray import printable, visible
from tremble.tokenization.options import option_paths
from tremble.xray.tokens import TokenReader, score


def test_a_second_bos_and_special_tokens_are_marked() -> None:
    tokenizer = GreedyTokenizer(["hello"], bos=True)
    reader = TokenReader(tokenizer)
    bos, hello = tokenizer.bos[0], 0
    assert [t["mark"] for t in reader.tokens((bos, hello, bos))] == ["bos", None, "bos"]
    plain = TokenReader(GreedyTokenizer(["hello"]))  # puts no BOS: only a first one is one
    assert [t["mark"] for t in plain.tokens((bos, hello, bos))] == ["bos", None, "special"]


def test_a_token_across_the_join_is_marked() -> None:
    """The context ends in a quote; before 'accept' the quote is part of the token '"acc'."""
    tokenizer = GreedyTokenizer(['"acc', "ept", "reject"], bos=True)
    text, labels = 'Say "', ["accept", "reject"]
    [paths] = option_paths(tokenizer, [(text, labels)])
    assert paths.token_boundary
    reader = TokenReader(tokenizer)
    assert [token["piece"] for token in reader.tokens(paths.prefix)] == ["<s>", *"Say "]
    assert [token["piece"] for token in reader.straddled(text, paths)] == ['"']
    found = [reader.path(paths, number, '"') for number in range(2)]
    assert [[(t["piece"], t["join"]) for t in tokens] for tokens in found] == [
        [('"acc', True), ("ept", False)],
        [('"', True), ("reject", False)],
    ]


def test_log_probabilities_of_tokens_are_the_models_own() -> None:
    """A model whose next token depends on the last one; 'yes' begins 'yes!', so both are closed
    by a quote."""

    def next_token(ids: tuple[int, ...]) -> np.ndarray:
        weights = np.arange(1.0, 258.0) + ids[-1]
        return weights / weights.sum()

    def log(token: int, before: int) -> float:
        return math.log((token + 1 + before) / (257 * 258 / 2 + 257 * before))

    engine = MockEngine(next_token=next_token)
    [paths] = option_paths(engine.tokenizer, [('Say "', ["yes", "yes!"])])
    row, parts = score(engine, paths)
    y, e, s, bang, quote = b'yes!"'
    start = [log(y, ord('"')), log(e, y), log(s, e)]
    assert parts is not None
    assert parts[0] == pytest.approx([*start, log(quote, s)])
    assert parts[1][:4] == pytest.approx([*start, log(bang, s)])
    assert [math.fsum(part) for part in parts] == pytest.approx(list(row.logprobs))


def test_pieces_are_the_text_with_bytes_by_name() -> None:
    """The toy's merges know no accents: an e with one is two bytes, shown by name."""
    reader = TokenReader(HubTokenizer(bpe_tokenizer()))
    for text in ("Answer: yes or no", "  two spaces\n\n", "</s>yes"):
        ids = reader.tokenizer.encode([text])[0]
        assert "".join(token["piece"] for token in reader.tokens(ids)) == text
    ids = reader.tokenizer.encode(["a\u00e9b"])[0]
    assert [token["piece"] for token in reader.tokens(ids)] == ["a", "\u00c3", "\u00a9", "b"]
    assert visible(" a\n\t\x1b\u202e") == "␣a↵⇥\\u001b\\u202e"
    assert printable(" a\n\u202e") == " a\n\\u202e"


def test_spaces_that_are_printed_only_behind_another_token_are_shown() -> None:
    """As SentencePiece decodes: a word alone loses its space. An added line end is not special."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<unk>": 0, "\u2581the": 1, "\u2581game": 2}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    inner.add_tokens([AddedToken("\n", normalized=False)])
    tokenizer = HubTokenizer(PreTrainedTokenizerFast(tokenizer_object=inner))
    assert tokenizer.decode([2]) == "game"
    found = TokenReader(tokenizer).tokens((1, 2, 3))
    assert [token["piece"] for token in found] == ["the", " game", "\n"]
    assert [token["mark"] for token in found] == [None, None, None]
