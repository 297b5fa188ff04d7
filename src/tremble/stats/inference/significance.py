"""Tests over pairs: does one side win more often, and by more, than chance would have it?

As in Shapira et al. (2026), arXiv 2603.17218: a one-sided binomial test in the winner's direction
and a one-sided Wilcoxon signed-rank test on the differences of r. Both treat pairs as independent,
which siblings of one model family are not: the true p values are larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.filters import SLACK

CORE_FAMILIES = ("bargaining", "persuasion", "negotiation", "repeated_matrix")
ALL = "all"
_EXACT_UP_TO = 50


def direction(differences: np.ndarray) -> str | None:
    """The side with more wins, given r of base minus r of aligned; None where they are level."""
    base, aligned = int((differences > SLACK).sum()), int((differences < -SLACK).sum())
    if base == aligned:
        return None
    return "base" if base > aligned else "aligned"


def binomial(wins: int, losses: int) -> float:
    """P(at least `wins` of wins + losses) where either side wins with probability 1/2."""
    return float(scipy_stats.binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue)


def wilcoxon(differences: np.ndarray) -> tuple[float, float, str]:
    """(sum of ranks of positive differences, p that they tend to be positive, method).

    `differences` holds no zeros and is not empty. Up to 50 differences exact, tied sizes sharing
    their mean rank: the sum over all 2^n signs (Streitberg and Roehmel 1986), counted by sums;
    else the normal approximation without continuity correction.
    """
    sizes = np.abs(differences).round(12)  # what is equal but for the last bits is tied
    if len(sizes) > _EXACT_UP_TO:
        test = scipy_stats.wilcoxon(differences, alternative="greater", method="approx")
        return float(test.statistic), float(test.pvalue), "normal approximation"
    doubled = np.rint(2 * scipy_stats.rankdata(sizes)).astype(int)  # mean ranks are halves
    ways = np.zeros(int(doubled.sum()) + 1)
    ways[0] = 1.0
    for rank in doubled:
        ways[rank:] = ways[rank:] + ways[: len(ways) - rank]
    reached = int(doubled[differences > 0].sum())
    return reached / 2, float(ways[reached:].sum() / ways.sum()), "exact"


def significance_table(pairs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two rows (binomial, wilcoxon) per mode, formulation and family, and for 'all'.

    'all' pools the four repeated and bargaining-like families of Shapira et al. (2026). Only
    kept pairs count and ties count for neither side: n is what is left. The statistic is the number
    of the winner's wins, or the sum of the ranks of the differences in the winner's favour.
    Both p values are in the direction of the side with more wins; level sides have none.
    """
    rows = []
    for mode, formulation in dict.fromkeys((p["mode"], p["formulation"]) for p in pairs):
        here = [p for p in pairs if (p["mode"], p["formulation"]) == (mode, formulation)]
        for family in dict.fromkeys(p["family"] for p in here):
            rows += _tests([p for p in here if p["family"] == family], family)
        rows += _tests([p for p in here if p["family"] in CORE_FAMILIES], ALL)
        for row in rows:
            row.setdefault("mode", mode)
            row.setdefault("formulation", formulation)
    return rows


def _tests(pairs: Iterable[dict[str, Any]], family: str) -> list[dict[str, Any]]:
    pairs = list(pairs)
    kept = [p for p in pairs if p["kept"]]
    difference = np.array([p["r_base"] - p["r_aligned"] for p in kept], dtype=float)
    difference = difference[np.abs(difference) > SLACK]
    n, ties = len(difference), len(kept) - len(difference)
    side = direction(difference)
    base = int((difference > 0).sum())
    result: dict[str, tuple[float | None, float | None, str]] = {}
    if side is None:
        if not pairs:
            why = "no pairs"
        elif not kept:
            why = f"no pair kept of {len(pairs)}"
        elif not n:
            why = f"only ties ({ties})"
        else:
            why = f"tied at {base} : {base}, no direction to test"
        result = {"binomial": (None, None, why), "wilcoxon": (None, None, why)}
    else:
        count = f"base {base} : aligned {n - base}"
        if ties:
            count += f", {ties} tied"
        wins = base if side == "base" else n - base
        result["binomial"] = (wins, binomial(wins, n - wins), count)
        result["wilcoxon"] = wilcoxon(difference if side == "base" else -difference)
    return [
        {
            "family": family,
            "test": test,
            "direction": side,
            "n": n,
            "statistic": statistic,
            "p": p,
            "note": note,
        }
        for test, (statistic, p, note) in result.items()
    ]
