"""Prompts on trunks: the plan against sequences written out, and engines against single prompts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shared_prefix import some_paths
from tests.support.trunks import alone, sessions, walk
from tremble.engines.shared_prefix.layout import leaving
from tremble.engines.shared_prefix.stream import Plan
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Stretch, Trunk


@given(sessions(), st.lists(some_paths(), max_size=3), st.integers(1, 9), st.integers(1, 3))
def test_every_node_is_read_once_behind_its_own_path(
    on_trunks: list[TokenPaths], others: list[TokenPaths], tokens: int, rows: int
) -> None:
    prompts = [*others, *on_trunks]
    plan = Plan(prompts)
    walked = list(walk(plan, tokens, rows))
    reads = [((p, n), path) for path, found in walked for p, n in found]
    assert len(reads) == len(dict(reads))
    assert dict(reads) == {
        (index, number): (*p.prefix, *node)
        for index, p in enumerate(prompts)
        for number, node in enumerate(p.nodes())
    }
    assert plan.pairs == sum(len(path) for path, _ in walked)
    assert plan.rows == sum(bool(found) for _, found in walked)
    assert plan.longest == max(p.length for p in prompts)
    singles = Plan([alone(p) for p in prompts])
    assert (plan.tokens, plan.pairs_alone) == (singles.tokens, singles.pairs_alone)
    assert plan.distinct >= singles.distinct
    tokens_of, pairs_of, rows_of = (share.sum() for share in plan.shares())
    assert (tokens_of, pairs_of, rows_of) == (plan.distinct, plan.pairs, plan.rows)


@given(sessions(trunks=1))
def test_of_one_trunk_no_token_is_computed_twice(prompts: list[TokenPaths]) -> None:
    paths = [path for path, _ in walk(Plan(prompts), 5, 2)]
    assert len(paths) == len(set(paths)) == Plan([alone(p) for p in prompts]).distinct


def test_what_trunks_begin_with_is_computed_once() -> None:
    """Three people under the same six tokens, each asked there already, two of whom go on alike."""
    begin = [1, 2, 3, 4, 5, 6]
    trunks = [Trunk([*begin, *rest]) for rest in ([7, 8, 9], [7, 8, 1], [0, 8, 9])]
    asked = [
        TokenPaths(Stretch(trunk, stop, rest), ((11,), (12,)), (False, False))
        for trunk in trunks
        for stop, rest in ((4, ()), (5, (3,)), (9, ()))
    ]
    assert Plan(asked).distinct == 6 + 1 + 3 + 1 + 3


@given(sessions(), st.lists(some_paths(), max_size=5))
def test_the_depths_that_the_stream_comes_back_to(
    on_trunks: list[TokenPaths], others: list[TokenPaths]
) -> None:
    plan = Plan([*on_trunks, *others])
    depths = [plan.depth(place) for place in range(plan.distinct)]
    assert plan.slice(0, plan.distinct).depths.tolist() == depths
    for place in range(plan.distinct + 1):
        lows = list(itertools.accumulate(depths[place:], min)) or [0]
        assert plan.onward(place) == list(dict.fromkeys(lows))


def test_what_of_a_rest_lies_along_the_trunk_is_the_trunk() -> None:
    trunk = Trunk([5, 6, 7, 8])
    assert leaving(Stretch(trunk, 1), (6, 7)) == (3, ())
    assert leaving(Stretch(trunk, 1, (6,)), (9, 7)) == (2, (9, 7))
    assert leaving(Stretch(trunk, 3, (8,)), (9,)) == (4, (9,))


def long_session(tokens: int, reads: int) -> list[TokenPaths]:
    """One trunk with a read every so many tokens, every second of which leaves it."""
    trunk = Trunk(np.random.default_rng(1).integers(20, 400, tokens))
    stops = np.linspace(10, tokens - 4, reads).astype(int).tolist()
    return [
        TokenPaths(
            Stretch(trunk, stop, (3, 4) if number % 2 else ()), ((1,), (2,)), (False, False)
        )
        for number, stop in enumerate(stops)
    ]


def test_a_long_trunk_is_planned_at_once() -> None:
    """Written out, these are 40 million tokens."""
    began = perf_counter()
    plan = Plan(long_session(40_000, 2_000))
    assert plan.tokens > 40_000_000 > 900 * plan.distinct
    assert plan.distinct < 40_000 + 2 * 1000
    assert perf_counter() - began < 5


def test_a_check_of_a_long_trunk_takes_its_longest_prompt_and_short_ones() -> None:
    prompts = long_session(33_000, 2_000)
    chosen = [prompts[index] for index in Plan(prompts).sample(8)]
    lengths = sorted(p.length for p in chosen)
    assert lengths[-1] == max(p.length for p in prompts)
    assert len(chosen) >= 6
    assert sum(lengths[:-1]) <= 8192
    assert {bool(p.prefix.rest) for p in chosen if isinstance(p.prefix, Stretch)} == {True, False}


def test_a_response_of_one_token_is_read_behind_it_too() -> None:
    paths = TokenPaths((1, 2), ((3,),), (False,), (4,), response=0)
    assert [path for path, found in walk(Plan([paths]), 9, 9) if found] == [(1, 2), (1, 2, 3)]
    assert replace(paths, response=None).nodes() == [()]
    with pytest.raises(IndexError):
        Stretch(Trunk([1]), 1)[1]
