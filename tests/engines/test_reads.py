"""Reads: what a score needs, as data, and the score out of what was read."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given

from tests.support.shared_prefix import pair_of, some_paths
from tremble.engines.base import TOP, ResponseScore
from tremble.engines.memory import Room
from tremble.engines.mock import MockEngine
from tremble.engines.reads import Read, Values, reads_of, score_of
from tremble.tokenization.options import TokenPaths

PATHS = TokenPaths((9,), ((1,), (1, 2), (3,)), (True, False, False), (7, 8))


def test_the_reads_of_a_prompt_name_places_and_what_is_wanted_there() -> None:
    root, after = reads_of(PATHS)
    assert (root.place, set(root.tokens), root.summed, root.likeliest) == ((), {1, 3}, None, 8)
    assert after == Read((1,), (2,), (7, 8), 0)


@given(some_paths())
def test_every_node_is_read_once_in_the_order_of_the_stream(paths: TokenPaths) -> None:
    reads = reads_of(paths)
    assert [read.place for read in reads] == paths.nodes()
    assert [read.likeliest for read in reads if read.likeliest] == [TOP + len(paths.paths)]
    ends = {path for path, end in zip(paths.paths, paths.terminated, strict=True) if end}
    assert {read.place for read in reads if read.summed is not None} == ends


def test_a_score_is_put_together_out_of_values() -> None:
    values = {
        (): Values({1: -1.0, 3: -2.0}, None, [(1, -1.0), (5, -1.5), (3, -2.0)]),
        (1,): Values({2: -0.5}, -0.25),
    }
    score = score_of(PATHS, 4, values)
    assert (score.index, score.logprobs) == (4, (-1.25, -1.5, -2.0))
    assert score.first_mass == pytest.approx(math.exp(-1) + math.exp(-2))
    assert (score.other_token, score.other_logprob, len(score.top)) == (5, -1.5, 3)


def test_a_terminator_that_no_token_starts_with_has_no_probability() -> None:
    (root, after) = reads_of(TokenPaths((9,), ((1,), (1, 2)), (True, False), ()))
    assert root.summed is None
    assert after.summed == ()


def shares(**of: float) -> npt.NDArray[np.float64]:
    """Probabilities of the 257 tokens of a byte model; what is left is everyone's alike."""
    found = np.full(257, (1 - sum(of.values())) / 257)
    for text, share in of.items():
        found[ord(text)] += share
    return found


def test_how_likely_a_response_is_by_hand() -> None:
    """The response ab, closed by > or ]; a is the likeliest first token, b is not."""
    after = {"a": shares(b=0.5, a=0.25), "b": shares(b=0.25), "<": shares(a=0.5, b=0.25)}
    after["b"][[ord(">"), ord("]")]] += (0.125, 0.0625)
    after["b"] /= after["b"].sum()
    engine = MockEngine(next_token=lambda ids: after[chr(ids[-1])])
    closing = (ord(">"), ord("]"))
    alone = TokenPaths((ord("<"),), ((97, 98),), (False,), closing, response=0)
    options = TokenPaths((ord("<"),), ((98,), (97, 98)), (False, False), closing, response=1)
    first, second = math.log(0.5 + 0.25 / 257), math.log(0.5 + 0.25 / 257)
    least = 0.75 / 257
    ended = math.log((0.1875 + 2 * least) / (1 + 0.1875))
    for paths in (alone, options):
        (score,) = engine.score([paths])
        assert score.response is not None
        assert score.response.logprob == pytest.approx(first + second)
        assert score.response.closing == pytest.approx(ended)
        assert (score.response.tokens, score.response.likeliest) == (2, True)
    (other,) = engine.score([TokenPaths((ord("<"),), ((98,),), (False,), closing, response=0)])
    assert other.response is not None and not other.response.likeliest
    (without,) = engine.score([TokenPaths((ord("<"),), ((98,),), (False,))])
    assert without.response is None


@pytest.mark.usefixtures("one_thread")
def test_a_response_is_what_the_model_says_of_it() -> None:
    """Against float64 log-softmax of the logits of one pass over everything."""
    reference, shared, _ = pair_of("Llama")
    ids, path, closing = (5, 9, 2, 7), (4, 1, 6), (3, 8)
    paths = TokenPaths(ids, (path,), (False,), closing, response=0)
    with torch.inference_mode():
        logits = reference.model(torch.tensor([(*ids, *path)])).logits[0].double()
    logs = logits.log_softmax(dim=-1)
    said = sum(float(logs[3 + at, token]) for at, token in enumerate(path))
    expected = ResponseScore(
        said, float(logs[6, list(closing)].logsumexp(dim=0)), 3, int(logs[3].argmax()) == 4
    )
    for engine in (reference, shared):
        (score,) = engine.score([paths])
        found = score.response
        assert found is not None
        assert found.logprob == pytest.approx(expected.logprob, abs=1e-5)
        assert found.closing == pytest.approx(expected.closing, abs=1e-5)
        assert (found.tokens, found.likeliest) == (expected.tokens, expected.likeliest)


WHOLE = [
    TokenPaths((5, 9, 2, 7), ((4, 1, 6),), (False,), (3, 8), response=0, whole=True),
    TokenPaths((5, 9, 2, 7), ((4, 2),), (False,), (3, 8), response=0),
    TokenPaths((5, 9, 1), ((4, 2), (4,)), (False, True), (3,), whole=True),
    TokenPaths((5, 9, 1), ((4, 2), (7,)), (False, False)),
]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("rows", [1, 100])
def test_a_whole_distribution_is_that_of_a_pass_over_the_prompt(rows: int) -> None:
    reference, shared, _ = pair_of("Llama")
    shared._room = Room(3, rows)  # passes so short that the reads of a prompt lie in several
    for engine in (reference, shared):
        scores = sorted(engine.score(WHOLE), key=lambda one: one.index)
        for paths, score in zip(WHOLE, scores, strict=True):
            if not paths.whole:
                assert score.distribution is None
                continue
            with torch.inference_mode():
                logits = reference.model(torch.tensor([paths.prefix])).logits[0, -1].double()
            found = score.distribution
            assert found is not None and found.dtype == np.float32
            assert found == pytest.approx(logits.log_softmax(dim=-1).numpy(), abs=1e-5)
            assert found.base is None  # no view, which would keep all rows of a pass
        without = [replace(paths, whole=False) for paths in WHOLE]
        assert sorted(engine.score(without), key=lambda one: one.index) == scores


def test_the_row_key_does_not_hold_what_is_wanted_beside_the_score() -> None:
    assert WHOLE[0].key() == replace(WHOLE[0], whole=False).key()


def test_made_up_models_have_whole_distributions() -> None:
    asked = [TokenPaths((60,), ((97, 98),), (False,), (62,), response=0, whole=True)]
    known = shares(a=0.5, b=0.25)
    for engine in (MockEngine("mock:a"), MockEngine(next_token=lambda ids: known)):
        (score,) = engine.score(asked)
        (without,) = engine.score([replace(asked[0], whole=False)])
        assert score == without and without.distribution is None
        assert score.distribution is not None and score.distribution.shape == (257,)
        assert np.exp(score.distribution.astype(float)).sum() == pytest.approx(1)
        found = np.exp(score.distribution)
    assert found == pytest.approx(known)
