"""No answer is two labels, so the mass is never above one: refused, or shown by enumeration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.toys import GreedyTokenizer
from tremble.engines.mock import MockEngine
from tremble.errors import UserError
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.tokenization.options import NoTerminator, TokenPaths, option_paths
from tremble.tokenization.surface_form_paths import surface_form_paths

OPENED = '{"decision": "'


@pytest.mark.parametrize(
    ("context", "labels", "how"),
    [
        (OPENED, ["12", '12"'], "auto"),
        (OPENED, ['12"', "12"], "auto"),
        (OPENED, ["12", '12" long'], "always"),
        (OPENED, ["no", "12", '12"'], "auto"),
        ("You press <<", ["a", "a>"], "auto"),
        ("You press <<", ["a", "a>b", "c"], "always"),
    ],
)
def test_a_label_that_goes_on_with_what_ends_another_is_refused(
    context: str, labels: list[str], how: str
) -> None:
    asked = [(context, labels)]
    with pytest.raises(UserError, match=r"cannot be told apart, because the character . ends the"):
        option_paths(ByteTokenizer(), asked, terminator=how)  # type: ignore[arg-type]
    words = [(context, [(label, ()) for label in labels])]
    with pytest.raises(UserError, match="cannot be told apart"):
        surface_form_paths(ByteTokenizer(), words, terminator=how)  # type: ignore[arg-type]


def test_it_is_refused_alike_where_a_tokenizer_keeps_the_two_apart() -> None:
    """Twins must not differ in what they are asked."""
    with pytest.raises(UserError, match="cannot be told apart"):
        option_paths(GreedyTokenizer(['12"', "12"]), [(OPENED, ["12", '12"'])])


def test_a_quote_within_labels_that_begin_no_other_stays_allowed() -> None:
    (paths,) = option_paths(ByteTokenizer(), [(OPENED, ['a 27" one', 'a 32" one'])])
    assert paths.terminated == (False, False)


def test_a_label_that_begins_another_in_tokens_alone_is_terminated() -> None:
    tokenizer = GreedyTokenizer(["yes", " please"], lower=True)
    (paths,) = option_paths(tokenizer, [(OPENED, ["yes", "YES please"])])
    assert paths.terminated == (True, False)
    with pytest.raises(NoTerminator):
        option_paths(tokenizer, [("Say ", ["yes", "YES please"])])


def test_a_label_without_a_token_is_refused_in_the_first_token_reading_too() -> None:
    class Dropping(GreedyTokenizer):
        def _encode(self, text: str) -> list[int]:
            return super()._encode(text.replace("~", ""))

    with pytest.raises(UserError, match="'~' gives no token"):
        option_paths(Dropping([]), [("Say ", ["~", "no"])], "next_token")


class Tiny(GreedyTokenizer):
    """So few tokens that every answer can be written down."""

    def __init__(self, lower: bool) -> None:
        super().__init__([], lower=lower)
        self.words = ["a", "b", "ab", '"', '"a', ">", "<", 'b"', "A"]


ANSWER = 4  # tokens, one more than a label has
labels = st.lists(st.text('abA">', min_size=1, max_size=3), min_size=2, max_size=4, unique=True)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(['"', "b<<", "ab", 'a"']),
    labels,
    st.sampled_from(["auto", "always"]),
    st.booleans(),
    st.integers(0, 9),
)
@pytest.mark.slow
def test_every_answer_there_is_belongs_to_one_label_at_most(
    context: str, options: list[str], how: str, lower: bool, seed: int
) -> None:
    tokenizer = Tiny(lower)
    try:
        (paths,) = option_paths(tokenizer, [(context, options)], terminator=how)  # type: ignore[arg-type]
    except UserError:
        return
    assume(max(map(len, paths.paths)) < ANSWER)  # the boundary may lie before the context's end
    end = ">" if context.endswith("<<") else '"'

    @cache
    def next_token(before: tuple[int, ...]) -> np.ndarray:
        drawn = np.random.default_rng([seed, *before]).gamma(0.3, size=len(tokenizer.words)) + 1e-9
        return drawn / drawn.sum()

    (row,) = MockEngine(next_token=next_token).score([paths])
    mass = sum(math.exp(value) for value in row.logprobs if value is not None)
    held = 0.0
    for answer in itertools.product(range(len(tokenizer.words)), repeat=ANSWER):
        mine = labels_of(answer, paths, tokenizer.words, end)
        assert len(mine) <= 1, (answer, mine)
        if mine:
            held += math.prod(
                next_token(paths.prefix + answer[:at])[token] for at, token in enumerate(answer)
            )
    assert mass == pytest.approx(held, abs=1e-9)
    assert mass <= 1 + 1e-9


def labels_of(
    answer: tuple[int, ...], paths: TokenPaths, words: Sequence[str], end: str
) -> list[int]:
    """The labels that an answer is: its tokens go along a path and, where it must, the next one
    starts with what ends labels."""
    return [
        at
        for at, (path, terminated) in enumerate(zip(paths.paths, paths.terminated, strict=True))
        if answer[: len(path)] == path and (not terminated or words[answer[len(path)]][0] == end)
    ]
