"""The cost of passes, found again from their times."""

from __future__ import annotations

import pytest

from tremble.engines.cost import Cost, Work, fit


def test_the_cost_of_passes_is_found_again() -> None:
    true = Cost(token=1e-3, pair=2e-7, row=2e-3, one_pass=0.05)
    works = [Work(100, 5_000, 3), Work(2000, 900_000, 50), Work(700, 90_000, 70), Work(50, 40, 1)]
    works += [Work(w.tokens * 2, w.pairs * 3, w.rows + 9) for w in works]
    found = fit([(work, true.seconds(work)) for work in works])
    assert found is not None
    unseen = Work(20_000, 10**7, 400, passes=12)
    assert found.seconds(unseen) == pytest.approx(true.seconds(unseen), rel=1e-3)
    assert fit([]) is None
    one = fit([(Work(100, 5000, 10), 2.0)])
    assert one is not None
    assert one.seconds(Work(100, 5000, 10)) == pytest.approx(2.0)
