"""Option paths: joins, shared tokens, closings, BOS. Each test is a known error of other tools."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tests.support.toys import GreedyTokenizer, bpe_tokenizer
from tremble.engines.mock import MockEngine
from tremble.errors import UserError
from tremble.models.byte_tokenizer import BOS, ByteTokenizer
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import (
    TokenPaths,
    boundary_warning,
    option_paths,
    terminator_character,
    with_bos,
)


def words(tokenizer: GreedyTokenizer, paths: TokenPaths) -> tuple[str, list[list[str]]]:
    """The prefix as text, and each path as its tokens' texts."""
    return tokenizer.decode(paths.prefix), [
        [tokenizer.words[token] for token in path] for path in paths.paths
    ]


def test_a_token_that_spans_the_join_is_scored_whole_and_marked() -> None:
    tokenizer = GreedyTokenizer([" yes", " no", "Answer", ":"])
    (paths,) = option_paths(tokenizer, [("Answer: ", ["yes", "no"])])
    assert words(tokenizer, paths) == ("Answer:", [[" yes"], [" no"]])
    assert paths.token_boundary


def test_a_join_for_one_option_moves_the_start_for_all() -> None:
    tokenizer = GreedyTokenizer([" yes", "Answer", ":"])
    (paths,) = option_paths(tokenizer, [("Answer: ", ["yes", "no"])])
    assert words(tokenizer, paths) == ("Answer:", [[" yes"], [" ", "n", "o"]])
    assert paths.token_boundary


def test_without_a_merge_the_answer_starts_after_the_context() -> None:
    tokenizer = GreedyTokenizer(["yes", "no"])
    (paths,) = option_paths(tokenizer, [("Say ", ["yes", "no"])])
    assert words(tokenizer, paths) == ("Say ", [["yes"], ["no"]])
    assert not paths.token_boundary


def test_tokens_that_options_share_count_in_the_mass() -> None:
    tokenizer = GreedyTokenizer(["Option", " J", " F"])
    (paths,) = option_paths(tokenizer, [("Choose ", ["Option J", "Option F"])])
    assert words(tokenizer, paths)[1] == [["Option", " J"], ["Option", " F"]]
    assert len(paths.nodes()) == 2  # the answer start, and after "Option"


def test_shared_tokens_enter_the_mass_as_brute_force_says() -> None:
    engine = MockEngine(next_token=_distribution)
    (paths,) = option_paths(engine.tokenizer, [("Choose ", ["Option J", "Option F"])])
    (row,) = engine.score([paths])
    for label, found in zip(["Option J", "Option F"], row.logprobs, strict=True):
        text = (BOS, *b"Choose ")
        expected = 0.0
        for byte in label.encode():
            expected += math.log(_distribution(text)[byte])
            text = (*text, byte)
        assert found == pytest.approx(expected, abs=1e-12)
    assert row.first_mass == pytest.approx(_distribution((BOS, *b"Choose "))[ord("O")])


def _distribution(ids: tuple[int, ...]) -> np.ndarray:
    """A made-up byte model: known probabilities that depend on everything before."""
    weights = np.random.default_rng(hash(ids) % 2**32).gamma(0.3, size=257) + 1e-9
    return weights / weights.sum()


def test_a_label_that_begins_another_is_closed_by_every_token_that_starts_with_the_quote() -> None:
    tokenizer = GreedyTokenizer(['"}', '"\n', '"', "yes", " please", "no"])
    context = '{"decision": "'
    (paths,) = option_paths(tokenizer, [(context, ["yes", "yes please", "no"])])
    assert paths.terminated == (True, False, False)
    terminator = [tokenizer.words[token] for token in paths.terminator]
    assert set(terminator) == {'"}', '"\n', '"'}


def test_the_closing_is_the_sum_over_its_tokens() -> None:
    engine = MockEngine(next_token=_distribution)
    context = '{"decision": "'
    (paths,) = option_paths(engine.tokenizer, [(context, ["yes", "yes please"])])
    (row,) = engine.score([paths])
    ids = (BOS, *context.encode())
    expected = 0.0
    for byte in b'yes"':
        expected += math.log(_distribution(ids)[byte])
        ids = (*ids, byte)
    assert row.logprobs[0] == pytest.approx(expected, abs=1e-12)


def test_no_closing_is_demanded_where_no_label_begins_another() -> None:
    (paths,) = option_paths(ByteTokenizer(), [('{"decision": "', ["accept", "reject"])])
    assert paths.terminated == (False, False)
    assert paths.nodes()[-1] == tuple(b"rejec")  # the last letter's probability is the last read


def test_closings_can_be_asked_for() -> None:
    asked = [('{"decision": "', ["accept", "reject"])]
    (paths,) = option_paths(ByteTokenizer(), asked, terminator="always")
    assert paths.terminated == (True, True)


def test_a_label_that_begins_another_without_a_quote_is_refused() -> None:
    with pytest.raises(UserError, match=r"'1' is the beginning of another.*quote"):
        option_paths(ByteTokenizer(), [("How many: ", ["1", "10"])])


@pytest.mark.parametrize(
    ("context", "expected"),
    [('{"decision": "', '"'), ("Answer: ", None), ('He said "no".\nYou say: ', None), ("", None)],
)
def test_closing_character(context: str, expected: str | None) -> None:
    assert terminator_character(context) == expected


def test_labels_that_tokenise_alike_are_refused() -> None:
    tokenizer = GreedyTokenizer(["yes", "no"], lower=True)
    with pytest.raises(UserError, match="'yes' and 'YES' are the same tokens"):
        option_paths(tokenizer, [("Say ", ["yes", "YES"])])


def test_a_label_of_no_token_is_refused() -> None:
    class Dropping(GreedyTokenizer):
        def _encode(self, text: str) -> list[int]:
            return super()._encode(text.replace("~", ""))

    with pytest.raises(UserError, match="'~' gives no token"):
        option_paths(Dropping([]), [("Say ", ["~", "no"])])


def test_an_answer_with_nothing_before_it_is_refused() -> None:
    tokenizer = GreedyTokenizer(["abc", "abd"])
    with pytest.raises(UserError, match="There is no token before"):
        option_paths(tokenizer, [("a", ["bc", "bd"])])


def test_the_length_is_that_of_the_longest_sequence_computed() -> None:
    (paths,) = option_paths(ByteTokenizer(), [("Say ", ["yes", "no"])])
    assert paths.length == 1 + len("Say ye")  # the BOS, and all but the last letter
    (terminated,) = option_paths(ByteTokenizer(), [('Say "', ["yes", "no"])], terminator="always")
    assert terminated.length == 1 + len('Say "yes')


def test_next_token_reads_one_token_after_the_context_as_it_stands() -> None:
    tokenizer = GreedyTokenizer([" yes", " no", "Answer", ":", "yes", "no"])
    (paths,) = option_paths(tokenizer, [("Answer: ", ["yes", "no"])], "next_token")
    # The space stays a token of its own: the study's reading, and how it fails there.
    assert words(tokenizer, paths) == ("Answer: ", [["yes"], ["no"]])
    assert paths.token_boundary


def test_next_token_is_undefined_where_labels_share_their_first_token() -> None:
    tokenizer = GreedyTokenizer(["Option", " J", " F"])
    (paths,) = option_paths(tokenizer, [("Say ", ["Option J", "Option F"])], "next_token")
    assert paths.error is not None
    assert "share their first token" in paths.error
    (row,) = MockEngine().score([paths])
    assert row.error == paths.error
    assert row.logprobs == ()


def test_bos_is_what_the_tokenizer_itself_prepends_and_only_once() -> None:
    with_it, without = HubTokenizer(bpe_tokenizer(bos=True)), HubTokenizer(bpe_tokenizer())
    assert len(with_it.bos) == 1
    assert without.bos == ()  # defines a BOS, prepends none
    for tokenizer, printed in itertools.product((with_it, without), ("", "<s>")):
        (paths,) = option_paths(tokenizer, [(f"{printed}Answer: ", ["yes", "no"])])
        marks = [token for token in paths.prefix if tokenizer.decode([token]) == "<s>"]
        assert len(marks) == int(tokenizer is with_it or printed == "<s>")


def test_with_bos_never_doubles() -> None:
    assert with_bos([5, 6], (1,)) == (1, 5, 6)
    assert with_bos([1, 5], (1,)) == (1, 5)
    assert with_bos([5], ()) == (5,)


def test_a_trained_bpe_merges_across_the_join_and_paths_rebuild_the_text() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    labels = ["yes", "no"]
    (paths,) = option_paths(tokenizer, [("Answer: ", labels)])
    assert paths.token_boundary
    for label, path in zip(labels, paths.paths, strict=True):
        assert list(paths.prefix + path) == tokenizer.encode([f"Answer: {label}"])[0]


def test_the_row_key_depends_on_every_part() -> None:
    base = TokenPaths((1, 2), ((3,), (4,)), (False, False))
    others = [
        TokenPaths((1,), ((2, 3), (4,)), (False, False)),
        TokenPaths((1, 2), ((4,), (3,)), (False, False)),
        TokenPaths((1, 2), ((3,), (4,)), (True, False), (9,)),
        TokenPaths((1, 2), ((3,), (4,)), (False, False), reading="next_token"),
    ]
    assert len({base.key(), *(other.key() for other in others)}) == 5


@pytest.mark.parametrize("context", ["Answer: ", "the word"])
def test_a_join_in_a_letter_or_a_space_draws_a_warning_that_shows_it(context: str) -> None:
    warning = boundary_warning(context, "yes")
    assert warning is not None
    assert f"{context}|yes" in warning
    assert boundary_warning('{"decision": "', "yes") is None
