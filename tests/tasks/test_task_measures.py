"""Measures of a task against formulas written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tremble.engines.base import ResponseScore, Score
from tremble.errors import UserError
from tremble.tasks import task_measures as tm
from tremble.tasks.task_file import Item
from tremble.tasks.task_paths import ItemPaths, Refused
from tremble.tokenization.options import TokenPaths

NAN = math.nan


def sums(*items: tuple[tuple[float, float, float], ...]) -> tm.Sums:
    """Of each item its sides, as (log-probability, closing, tokens)."""
    held = np.array(items, np.float64).transpose(2, 0, 1)
    return tm.Sums(held[0], held[1], held[2])


# chosen, rejected: totals (-3, -5), (-4, -4), (-9, -2), (-2.5, -6), and one without a score.
MODEL = sums(
    ((-2.0, -1.0, 2), (-4.5, -0.5, 4)),
    ((-3.5, -0.5, 3), (-3.0, -1.0, 1)),
    ((-8.0, -1.0, 9), (-1.0, -1.0, 1)),
    ((-2.0, -0.5, 4), (-5.5, -0.5, 4)),
    ((-1.0, -1.0, 2), (NAN, NAN, NAN)),
)
# totals (-4, -4), (-3, -6), (-9, -2), (-3, -5)
REFERENCE = sums(
    ((-3.0, -1.0, 2), (-3.0, -1.0, 4)),
    ((-2.0, -1.0, 3), (-5.0, -1.0, 1)),
    ((-8.5, -0.5, 9), (-1.5, -0.5, 1)),
    ((-2.0, -1.0, 4), (-4.0, -1.0, 4)),
    ((-1.0, -1.0, 2), (-1.0, -1.0, 2)),
)


def about(measure: tm.Measure) -> tuple[int, int, int, int]:
    return measure.counted, measure.missing, measure.apart, measure.ties


def test_loss_is_per_token_of_answer_and_end_of_turn() -> None:
    loss = tm.loss(MODEL)
    # the chosen answers: 3 + 4 + 9 + 2.5 + 2 nat over 3 + 4 + 10 + 5 + 3 tokens
    assert loss.value == pytest.approx(20.5 / 25)
    assert about(loss) == (5, 0, 0, 0)
    assert loss.num.tolist() == [3, 4, 9, 2.5, 2]
    assert loss.den.tolist() == [3, 4, 10, 5, 3]
    shown = sums(((-2.0, -1.0, 2),), ((NAN, NAN, NAN),))
    assert tm.loss(shown).value == pytest.approx(1.0)
    assert about(tm.loss(shown)) == (1, 1, 0, 0)
    assert list(tm.measures(shown)) == ["loss"]


def test_accuracies_and_margin() -> None:
    found = tm.measures(MODEL)
    assert found["accuracy"].value == (1 + 0.5 + 0 + 1) / 4
    assert about(found["accuracy"]) == (4, 1, 0, 1)
    assert found["accuracy"].num.tolist() == [1, 0.5, 0, 1, 0]
    assert found["accuracy"].den.tolist() == [1, 1, 1, 1, 0]
    # per token: -1 and -1; -1 and -2; -.9 and -1; -.5 and -1.2
    assert found["accuracy_per_token"].value == (0.5 + 1 + 1 + 1) / 4
    assert about(found["accuracy_per_token"]) == (4, 1, 0, 1)
    assert found["margin"].value == pytest.approx((2 + 0 - 7 + 3.5) / 4)
    assert "dpo_loss" not in found


def test_accuracy_by_length() -> None:
    found = tm.measures(MODEL)
    shorter, longer = found["accuracy_shorter"], found["accuracy_longer"]
    assert (shorter.value, about(shorter)) == (1.0, (1, 1, 3, 0))  # the first item
    assert (longer.value, about(longer)) == (0.25, (2, 1, 2, 1))  # the second, a tie, and the third
    assert tm.equally_long(MODEL) == 1


def test_dpo_loss_and_implicit_accuracy() -> None:
    # rewards over beta: 1 - -1, -1 - 2, 0 - 0, .5 - -1
    differences = [2.0, -3.0, 0.0, 1.5]
    for beta in (0.1, 1.0):
        by_hand = [-math.log(1 / (1 + math.exp(-beta * one))) for one in differences]
        loss = tm.dpo_loss(MODEL, REFERENCE, beta)
        assert loss.value == pytest.approx(sum(by_hand) / 4, abs=1e-9)
        assert loss.num.tolist() == pytest.approx([*by_hand, 0], abs=1e-9)
        assert about(loss) == (4, 1, 0, 0)
    accuracy = tm.implicit_accuracy(MODEL, REFERENCE)
    assert accuracy.value == (1 + 0 + 0.5 + 1) / 4
    assert about(accuracy) == (4, 1, 0, 1)


def test_a_model_that_is_its_reference() -> None:
    found = tm.measures(REFERENCE, REFERENCE, beta=0.5)
    assert found["dpo_loss"].value == pytest.approx(math.log(2), abs=1e-12)
    assert found["implicit_accuracy"].value == 0.5
    assert found["implicit_accuracy"].ties == 5


def test_large_differences_neither_overflow_nor_vanish() -> None:
    far = sums(((-1e5, 0.0, 9), (-1.0, 0.0, 9)), ((-1.0, 0.0, 9), (-1e5, 0.0, 9)))
    near = sums(((-1.0, 0.0, 9), (-1.0, 0.0, 9)), ((-1.0, 0.0, 9), (-1.0, 0.0, 9)))
    loss = tm.dpo_loss(far, near, beta=1.0)
    assert loss.num[0] == pytest.approx(1e5 - 1, rel=1e-12)
    assert 0 <= loss.num[1] < 1e-300


def test_an_answer_without_any_probability() -> None:
    none = sums(((-math.inf, 0.0, 1), (-1.0, 0.0, 1)), ((-math.inf, 0.0, 1), (-math.inf, 0.0, 1)))
    accuracy = tm.accuracy(none)
    assert (accuracy.value, about(accuracy)) == (0.25, (2, 0, 0, 1))
    assert about(tm.margin(none)) == (1, 1, 0, 0)
    assert tm.margin(none).value == -math.inf


def test_nothing_counts() -> None:
    empty = sums(((NAN, NAN, NAN), (NAN, NAN, NAN)))
    for measure in tm.measures(empty, empty).values():
        assert math.isnan(measure.value)
        assert about(measure) == (0, 1, 0, 0)


@pytest.mark.parametrize("beta", [0.0, -1.0, NAN, math.inf])
def test_a_beta_that_is_none(beta: float) -> None:
    with pytest.raises(UserError, match=f"beta is {beta!r}; it must be a number above 0"):
        tm.dpo_loss(MODEL, REFERENCE, beta)


def test_sums_that_do_not_fit() -> None:
    one = np.zeros((3, 2))
    with pytest.raises(ValueError, match="shapes"):
        tm.Sums(one, one, np.zeros((3, 1)))
    with pytest.raises(ValueError, match="of the reference"):
        tm.dpo_loss(MODEL, tm.Sums(one, one, one))


def test_sums_of_scores() -> None:
    def item(name: str) -> Item:
        return Item(name, "c", (("user", "U"),), ("A", "B"))

    path = TokenPaths((1,), ((2,),), (False,), (3,), response=0)
    made = [
        ItemPaths(item("a"), (path, path)),
        ItemPaths(item("b"), refused=Refused("too_long", "9 tokens")),
        ItemPaths(item("c"), (path, path)),
    ]
    scores = [
        Score(3, response=ResponseScore(-7.0, -0.7, 7, True)),
        Score(0, response=ResponseScore(-1.0, -0.1, 1, True)),
        Score(1, error="not a number"),
        Score(2, response=ResponseScore(-5.0, -0.5, 5, False)),
    ]
    found = tm.sums_of(made, scores)
    expected = [[-1.0, NAN], [NAN, NAN], [-5.0, -7.0]]
    assert np.array_equal(found.logprob, expected, equal_nan=True)
    assert np.array_equal(found.closing, np.array(expected) / 10, equal_nan=True)
    assert np.array_equal(found.tokens, -np.array(expected), equal_nan=True)
    assert (tm.accuracy(found).counted, tm.accuracy(found).missing) == (1, 2)
