"""Tests over pairs, against loops over every pattern."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from tremble.stats.inference.significance import binomial, significance_table, wilcoxon


@pytest.mark.parametrize(("wins", "losses"), [(1, 0), (5, 1), (7, 7), (21, 9), (75, 4)])
def test_binomial_is_the_upper_tail_counted_out(wins: int, losses: int) -> None:
    n = wins + losses
    want = sum(math.comb(n, k) for k in range(wins, n + 1)) / 2**n
    assert binomial(wins, losses) == pytest.approx(want)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-6, 6).filter(bool), min_size=1, max_size=9))
def test_wilcoxon_is_the_share_of_sign_patterns_at_least_as_large(values: list[int]) -> None:
    """Sizes are often tied, and share their mean rank then."""
    d = np.array(values) / 1000
    sizes = [abs(v) for v in values]
    ranks = [sum(o < v for o in sizes) + (sum(o == v for o in sizes) + 1) / 2 for v in sizes]
    observed = sum(r for r, v in zip(ranks, d, strict=True) if v > 0)
    patterns = list(itertools.product((0, 1), repeat=len(d)))
    larger = sum(sum(itertools.compress(ranks, p)) >= observed for p in patterns)
    statistic, p, method = wilcoxon(d)
    assert (statistic, method) == (observed, "exact")
    assert p == pytest.approx(larger / len(patterns))


def test_many_differences_use_the_normal_approximation() -> None:
    d = np.arange(1, 52) * np.where(np.arange(51) % 3, 1, -1) / 1000
    found = scipy_stats.wilcoxon(d, alternative="greater", method="approx")
    assert wilcoxon(d) == (found.statistic, found.pvalue, "normal approximation")


def pair_row(family: str, base: float, aligned: float, kept: bool = True) -> dict[str, Any]:
    return {
        "mode": "native",
        "formulation": "standard",
        "family": family,
        "r_base": base,
        "r_aligned": aligned,
        "kept": kept,
    }


def test_families_and_the_pool_of_the_four() -> None:
    pairs = [
        pair_row("bargaining", 0.5, 0.1),
        pair_row("bargaining", 0.4, 0.2),
        pair_row("bargaining", 0.1, 0.9, kept=False),
        pair_row("bargaining", 0.4, 0.4),
        pair_row("negotiation", 0.1, 0.4),
        pair_row("lottery", 0.1, 0.9),
    ]
    found = {(row["family"], row["test"]): row for row in significance_table(pairs)}
    row = found["bargaining", "binomial"]
    assert (row["direction"], row["n"], row["statistic"], row["p"]) == ("base", 2, 2, 0.25)
    assert row["note"] == "base 2 : aligned 0, 1 tied"
    row = found["all", "binomial"]
    assert (row["direction"], row["n"], row["statistic"], row["p"]) == ("base", 3, 2, 0.5)
    # Differences .4, .2, -.3: ranks 3 and 1 for base; of eight sign patterns 4, 5, 6 and 3 + 1
    # reach 4: {4: {3,1}}, {5: {3,2}}, {6: all}.
    row = found["all", "wilcoxon"]
    assert (row["statistic"], row["p"]) == (4, 3 / 8)
    row = found["lottery", "wilcoxon"]
    assert (row["direction"], row["statistic"], row["p"]) == ("aligned", 1, 0.5)


@pytest.mark.parametrize(
    ("pairs", "note"),
    [
        ([pair_row("lottery", 0.5, 0.1)], "no pairs"),
        ([pair_row("bargaining", 0.5, 0.1, kept=False)], "no pair kept of 1"),
        ([pair_row("bargaining", 0.5, 0.5)], "only ties (1)"),
        (
            [pair_row("bargaining", 0.5, 0.1), pair_row("persuasion", 0.1, 0.2)],
            "tied at 1 : 1, no direction to test",
        ),
    ],
)
def test_without_a_direction_p_is_null_and_says_why(pairs: list[dict[str, Any]], note: str) -> None:
    pooled = [row for row in significance_table(pairs) if row["family"] == "all"]
    assert [row["test"] for row in pooled] == ["binomial", "wilcoxon"]
    for row in pooled:
        assert (row["p"], row["statistic"], row["direction"], row["note"]) == (
            None,
            None,
            None,
            note,
        )
