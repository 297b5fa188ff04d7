"""The plan against a prefix tree built token by token."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared_prefix import some_paths
from tests.support.trunks import walk
from tremble.engines.shared_prefix.stream import Plan
from tremble.tokenization.options import TokenPaths

long_ids = st.sampled_from([0, 1, 255, 256, 65536, 262143])


prompt_lists = st.lists(some_paths() | some_paths(long_ids), max_size=12)


@given(prompt_lists, st.integers(1, 9), st.integers(1, 3))
@pytest.mark.slow
def test_every_distinct_token_once_and_every_node_read_once(
    prompts: list[TokenPaths], tokens: int, rows: int
) -> None:
    plan = Plan(prompts)
    needed = {
        (*p.prefix, *node)[:end]
        for p in prompts
        for node in p.nodes()
        for end in range(1, len(p.prefix) + len(node) + 1)
    }
    walked = list(walk(plan, tokens, rows))
    assert sorted(path for path, _ in walked) == sorted(needed)
    assert plan.distinct == len(needed)
    reads = {(prompt, node): path for path, found in walked for prompt, node in found}
    assert len(reads) == sum(len(found) for _, found in walked)
    assert reads == {
        (index, number): (*p.prefix, *node)
        for index, p in enumerate(prompts)
        for number, node in enumerate(p.nodes())
    }
    assert plan.rows == len(set(reads.values()))
    assert plan.pairs == sum(len(path) for path, _ in walked)


@given(prompt_lists)
@pytest.mark.slow
def test_shares_of_prompts_add_up_to_the_stream(prompts: list[TokenPaths]) -> None:
    """A prompt brings in what its sequences share with none before it in the sorted list of all."""
    plan = Plan(prompts)
    tokens, pairs, rows = (share.tolist() for share in plan.shares())
    assert (len(tokens), len(pairs), len(rows)) == (len(prompts),) * 3
    assert (sum(tokens), sum(pairs), sum(rows)) == (plan.distinct, plan.pairs, plan.rows)
    sequences = sorted(
        {
            ((*p.prefix, *node), index)
            for index, p in enumerate(prompts)
            for node in p.nodes()
            if not any(other != node and other[: len(node)] == node for other in p.nodes())
        }
    )
    assert plan.sequences == len(sequences)
    lengths = [len(ids) for ids, _ in sequences]
    assert plan.pairs_alone == sum(length * (length + 1) // 2 for length in lengths)
    seen: set[tuple[int, ...]] = set()
    expected = [0] * len(prompts)
    for ids, index in sequences:
        new = {ids[:end] for end in range(1, len(ids) + 1)} - seen
        expected[index] += len(new)
        seen |= new
    assert tokens == expected


@given(prompt_lists, st.randoms())
@pytest.mark.slow
def test_the_order_of_the_prompts_changes_nothing(
    prompts: list[TokenPaths], random: Random
) -> None:
    shuffled = list(prompts)
    random.shuffle(shuffled)
    one, other = Plan(prompts), Plan(shuffled)
    assert [path for path, _ in walk(one, 5, 2)] == [path for path, _ in walk(other, 5, 2)]


def test_counts_of_two_games_by_hand() -> None:
    """Rules 1 2 3; rounds 4 and 5, or 4 and 6; each opened by 7; one prompt given twice."""
    asked = [(1, 2, 3, 7), (1, 2, 3, 4, 7), (1, 2, 3, 4, 5, 7), (1, 2, 3, 4, 6, 7), (1, 2, 3, 7)]
    plan = Plan(TokenPaths(prefix, ((8,), (9,)), (False, False)) for prefix in asked)
    assert (plan.prompts, plan.tokens, plan.longest) == (5, 4 + 5 + 6 + 6 + 4, 6)
    # 1 2 3, then 7; then 4, 7; then 5 7 and 6 7
    assert (plan.distinct, plan.rows) == (3 + 1 + 2 + 2 + 2, 4)
    assert plan.pairs == (1 + 2 + 3 + 4) + (4 + 5) + (5 + 6) + (5 + 6)
    assert plan.slice(3, 5).depths.tolist() == [3, 4]


def test_a_sample_holds_the_longest_prompt_and_stays_small() -> None:
    lengths = [5, 9, 30, 8, 7] * 20
    prompts = [
        TokenPaths((*range(n), 400 + i), ((1,), (2,)), (False, False))
        for i, n in enumerate(lengths)
    ]
    sample = Plan(prompts).sample(8)
    assert 2 <= len(sample) <= 8
    assert any(lengths[index] == 30 for index in sample)
    assert all(one < other for one, other in itertools.pairwise(sample))
    assert Plan([]).sample(8) == []
