"""Prompts on trunks: the plan against sequences written out, and engines against single prompts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shared_prefix import assert_equal, pair_of, scored, some_paths
from tests.support.trunks import alone, made_sessions, sessions, walk
from tremble.engines.base import Score
from tremble.engines.memory import Room
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix import tree_attention, units
from tremble.engines.shared_prefix.layout import leaving
from tremble.engines.shared_prefix.self_check import checked_prompts, compare, scored_alone
from tremble.engines.shared_prefix.stream import Plan
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Stretch, Trunk


@settings(deadline=None)
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


@settings(deadline=None)
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


@settings(deadline=None)
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


def long_session(tokens: int, reads: int, seed: int = 1) -> list[TokenPaths]:
    """One trunk with a read every so many tokens, every second of which leaves it."""
    trunk = Trunk(np.random.default_rng(seed).integers(20, 400, tokens, np.uint32))
    stops = np.linspace(10, tokens - 4, reads).astype(int).tolist()
    return [
        TokenPaths(Stretch(trunk, stop, (3, 4) if number % 2 else ()), ((1,), (2,)), (False, False))
        for number, stop in enumerate(stops)
    ]


def test_a_long_trunk_is_planned_at_once() -> None:
    """Written out, these are 40 million tokens."""
    began = perf_counter()
    plan = Plan(long_session(40_000, 2_000))
    assert plan.tokens > 40_000_000 > 900 * plan.distinct
    assert plan.distinct < 40_000 + 2 * 1000
    assert perf_counter() - began < 5


def test_a_check_of_a_long_trunk_takes_what_the_stream_pays_for() -> None:
    prompts = long_session(33_000, 2_000)
    plan = Plan(prompts)
    chosen = [prompts[index] for index in plan.sample(8)]
    lengths = sorted(p.length for p in chosen)
    assert plan.checked_tokens(0) == 2048
    assert lengths[-1] == max(p.length for p in prompts if p.length <= 2048)
    assert len(chosen) >= 6
    assert sum(lengths[:-1]) <= 2048
    assert {bool(p.prefix.rest) for p in chosen if isinstance(p.prefix, Stretch)} == {True, False}


def test_a_check_of_a_long_trunk_reaches_beyond_a_window_that_its_session_outgrows() -> None:
    """Wherever its reads lie: what is as long is the beginning of a prompt, if there is none."""
    prompts = long_session(33_000, 2_000)
    plan = Plan(prompts)
    assert plan.checked_tokens(4_000) == 8_000
    assert plan.checked_tokens(33_000) == 2048  # a window that no token reaches
    for reads in (prompts, [p for p in prompts if not 900 < p.length < 10_000], prompts[-9:]):
        plan = Plan(reads)
        sample = checked_prompts(plan, reads, 4_000)
        assert max(p.length for p in sample) == 8_000
        assert sample[-1].length <= 8_000  # a branch of one of them
    whole = Plan(alone(p) for p in prompts[:40])
    assert whole.checked_tokens(0) == whole.longest  # on no trunk


def test_a_check_of_many_sessions_takes_longer_prompts() -> None:
    many = [p for seed in range(8) for p in long_session(33_000, 50, seed)]
    assert 2048 < Plan(many).checked_tokens(0) <= 8192


def test_trunks_are_checked_though_longer_prompts_were() -> None:
    _, engine, said = pair_of("Llama")
    prompts = many_sessions(5)
    list(engine.score([alone(p) for p in prompts if p.length > 60][:4]))
    assert len(said) == 1
    list(engine.score(prompts))
    assert len(said) == 2
    list(engine.score(prompts))
    assert len(said) == 2


def test_a_response_of_one_token_is_read_behind_it_too() -> None:
    paths = TokenPaths((1, 2), ((3,),), (False,), (4,), response=0)
    assert [path for path, found in walk(Plan([paths]), 9, 9) if found] == [(1, 2), (1, 2, 3)]
    assert replace(paths, response=None).nodes() == [()]
    with pytest.raises(IndexError):
        Stretch(Trunk([1]), 1)[1]


def many_sessions(seed: int) -> list[TokenPaths]:
    """Three trunks far beyond a window of eight tokens, with twenty prompts each, and others."""
    random = Random(seed)
    prompts = made_sessions(random, 3, 120, 20, full=True)
    prompts += [alone(p) for p in made_sessions(random, 2, 20, 4)]
    random.shuffle(prompts)
    return prompts


def singly(engine: ReferenceEngine, prompts: Sequence[TokenPaths]) -> list[Score]:
    """Every prompt written out and in a call of its own."""
    found = [score for p in prompts for score in engine.score([alone(p)])]
    return [replace(score, index=index) for index, score in enumerate(found)]


def assert_same(found: Sequence[Score], expected: Sequence[Score]) -> None:
    assert_equal(found, expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.response is None) == (other.response is None)
        if one.response is not None and other.response is not None:
            values = (one.response.logprob, one.response.closing)
            wanted = (other.response.logprob, other.response.closing)
            assert values == pytest.approx(wanted, abs=1e-5)
            assert one.response.tokens == other.response.tokens


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("apart", [4, 1024])
@pytest.mark.parametrize(
    "architecture", ["Llama", "Gemma3Text", "Gemma2", "GptOss", "Llama4", "GPT2"]
)
def test_trunks_are_scored_as_single_prompts(
    architecture: str, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices of 50 tokens, whose units of 16 attend to their trunk with or without a mask."""
    monkeypatch.setattr(units, "UNIT", 16)
    monkeypatch.setattr(units, "APART", apart)
    monkeypatch.setitem(tree_attention.BUNDLE, "cpu", 1 + (apart == 4))
    reference, shared, _ = pair_of(architecture, Room(50, 9))
    prompts = many_sessions(apart)
    expected = singly(reference, prompts)
    assert_same(scored(shared, prompts), expected)
    report = shared.report()
    assert report["path"] == "shared"
    assert report["computed_tokens"] == Plan(prompts).distinct < report["tokens"] / 3
    assert_same(scored(reference, prompts), expected)


@pytest.mark.usefixtures("one_thread")
def test_layers_with_a_window_keep_their_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight tokens each of where the stream goes on and of where it comes back to; the other layer
    keeps the whole path."""
    _, shared, _ = pair_of("Gemma3Text", Room(50, 9))
    prompts = many_sessions(2)
    kept: list[list[int]] = []
    inner = shared.compute

    def compute(*given: object) -> object:
        answered, carry = inner(*given)  # type: ignore[arg-type]
        kept.append([one.key.shape[2] for one in carry])
        assert [one.length for one in carry] == [given[2][0]] * 2  # type: ignore[index]
        onward = given[2]
        wanted = {d for depth in onward for d in range(max(0, depth - 7), depth)}  # type: ignore
        assert len(wanted) >= kept[-1][0]
        return answered, carry

    monkeypatch.setattr(shared, "compute", compute)
    scored(shared, prompts)
    assert max(whole for _, whole in kept) > 80
    assert max(window for window, _ in kept) < 40


@pytest.mark.usefixtures("one_thread")
def test_the_reference_reads_a_trunk_in_one_pass() -> None:
    reference, _, _ = pair_of("Llama")
    trunk = Trunk([1, 2, 3, 1, 2, 1, 3, 3, 2])
    asked = [
        TokenPaths(Stretch(trunk, stop), ((said,),), (False,), (3,), response=0)
        for stop, said in ((3, 1), (5, 1), (8, 2))
    ]
    branch = TokenPaths(Stretch(trunk, 4, (0,)), ((1,), (2,)), (False, False))
    expected = singly(reference, [*asked, branch])
    rows: list[tuple[int, int]] = []
    reference.model.lm_head.register_forward_hook(lambda _, args, out: rows.append(out.shape[:2]))
    assert_same(scored(reference, [*asked, branch]), expected)
    assert rows == [(1, 6), (1, 1)]
    assert reference.efforts([*asked, branch]) == [4.0, 2.0, 3.0, 5.0]
    assert Plan([*asked, branch]).one_by_one() == (9 + 5, 45 + 15, 2)
    assert Plan([alone(p) for p in asked]).one_by_one() == (4 + 6 + 9, 10 + 21 + 45, 3)


def test_a_response_is_compared_too() -> None:
    reference, _, _ = pair_of("Llama")
    paths = TokenPaths((1, 2, 3), ((1,),), (False,), (3,), response=0)
    (score,) = reference.score([paths])
    assert score.response is not None
    for other in (
        replace(score, response=replace(score.response, closing=score.response.closing - 1)),
        replace(score, response=replace(score.response, logprob=score.response.logprob - 1)),
    ):
        assert compare([score], [other], 1e-4).max_difference == pytest.approx(1)
    assert compare([score], [replace(score, response=None)], 1e-4).why is not None


def test_what_is_checked_is_written_out_for_the_reference() -> None:
    prompts = long_session(9_000, 300)
    sample = checked_prompts(Plan(prompts), prompts)
    assert max(p.length for p in sample[:-1]) == Plan(prompts).checked_tokens(0)
    assert isinstance(sample[-1].prefix, Stretch)
    assert 0 < len(sample[-1].prefix.rest) <= 4096
    seen: list[TokenPaths] = []

    class Watched:
        def score(self, asked: Sequence[TokenPaths]) -> list[Score]:
            seen.extend(asked)
            assert len(asked) == 1
            return [Score(0, (float(len(asked[0].prefix)),))]

    scores = scored_alone(Watched(), sample)  # type: ignore[arg-type]
    assert [score.logprobs for score in scores] == [(float(len(p.prefix)),) for p in sample]
    assert [score.index for score in scores] == list(range(len(sample)))
    assert all(isinstance(p.prefix, tuple) for p in seen)
