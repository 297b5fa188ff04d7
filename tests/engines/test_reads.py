"""Reads: what a score needs, as data, and the score out of what was read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from tests.support.shared_prefix import some_paths
from tremble.engines.base import TOP
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
