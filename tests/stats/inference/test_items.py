"""What so many items, people and kinds of cluster allow to be said."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest

from tests.support.places import ROOT
from tremble.stats.frames.clusters import Kind
from tremble.stats.inference.bootstrap import difference_interval, r_interval
from tremble.stats.inference.intervals import units_of


def crossed(people: int, items: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, list[Kind]]:
    """Predictions by item that know something, choices, and who read what: everybody all."""
    rng = np.random.default_rng(seed)
    person, item = np.divmod(np.arange(people * items), items)
    hard = rng.normal(size=items)[item]
    y = (rng.normal(size=people)[person] + hard + rng.normal(size=len(item)) > 0).astype(float)
    x = hard + 0.5 * rng.normal(size=items)[item]
    return x, y, [Kind(person), Kind(item, "items")]


@pytest.mark.parametrize(
    ("items", "note", "few", "marked"),
    [
        (
            4,
            "60 people on only 4 items (an interval needs 5 items)",
            "4 items, fewer than 10",
            None,
        ),
        (6, "too few items to generalise: 6 items, fewer than 10", "6 items, fewer than 10", None),
        (9, "too few items to generalise: 9 items, fewer than 10", "9 items, fewer than 10", None),
        (10, "only 10 items, fewer than 20: interval rough", None, "only 10 items"),
        (19, "only 19 items, fewer than 20: interval rough", None, "only 19 items"),
        (20, None, None, None),
    ],
)
def test_what_so_many_items_allow(
    items: int, note: str | None, few: str | None, marked: str | None
) -> None:
    x, y, kinds = crossed(60, items)
    found = r_interval(x, y, kinds, resamples=200)
    assert (found.low is None, found.note, found.clusters) == (items < 5, note, min(items, 60))
    assert found.units is not None
    if few is None:
        assert found.units.few is None
    else:
        assert found.units.few == f"too few items to generalise: {few}"
    if few is None and marked is not None:
        assert (found.units.marked or "").startswith(marked)
    difference = difference_interval(x, 0.5 * x + x[::-1], y, kinds, resamples=200)
    assert difference.low is None or items >= 5
    assert str(difference.note).startswith(str(note))


def test_one_item_that_has_nearly_all_decisions_is_worth_one() -> None:
    """400 decisions about one of 20 items and 5 about each other one: 495^2 / (400^2 + 19 * 25)."""
    item = np.concatenate([np.zeros(400, int), np.repeat(np.arange(1, 20), 5)])
    person = np.arange(len(item)) % 45
    found, _ = units_of([Kind(person), Kind(item, "items")])
    assert found.items is not None
    assert found.items.equal == pytest.approx(495**2 / (400**2 + 19 * 25))
    assert found.few == (
        "too few items to generalise: 20 items of unequal size, equivalent to 2 of equal size, "
        "fewer than 10"
    )


def test_items_within_people_are_taken_along_and_people_within_items_too() -> None:
    person, item = np.divmod(np.arange(60 * 10), 10)
    own, levels = units_of([Kind(person), Kind(np.arange(600), "items")])
    assert (own.items, own.people.number, len(levels)) == (None, 60, 1)
    split, levels = units_of([Kind(np.arange(600)), Kind(item, "items")])
    assert split.items is not None
    assert (split.items.number, split.people.number, len(levels)) == (10, 600, 1)


def test_of_three_kinds_that_cross_the_two_with_the_fewest_count() -> None:
    """By clusters of equal size: 30 sessions of which one has two thirds are worth 2."""
    rng = np.random.default_rng(5)
    person, item = np.divmod(np.arange(60 * 20), 20)
    session = np.where(rng.random(1200) < 2 / 3, 0, rng.integers(1, 30, 1200))
    x, y = rng.normal(size=1200), rng.normal(size=1200)
    three = [Kind(person), Kind(session), Kind(item, "items")]
    found = r_interval(x, y, three, resamples=300)
    two = r_interval(x, y, [three[1], three[2]], resamples=300)
    assert (found.low, found.high) == (two.low, two.high) != (None, None)
    assert "3 kinds of clusters cross; only the two with the fewest clusters count" in str(
        found.note
    )
    assert "kinds" not in str(two.note)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "items_coverage", ROOT / "benchmarks" / "items_coverage.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["items_coverage"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("items", [10, 20])
def test_a_model_of_noise_is_rarely_told_from_nothing(benchmark: ModuleType, items: int) -> None:
    """200 simulations of 5% have 1 to 11% (.999); over people alone most are "shown"."""
    both, people = benchmark.left_out(items, 1.0, simulations=200, resamples=200, seed=1)
    assert 0.01 <= both <= 0.11
    assert people > 0.4
