"""Contrasts against hand computation and scipy: effects, what an interval covers, refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from tests.support.treatments import Built, factorial, one_text_each, welch, yes
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.contrasts import CONTRAST_COLUMNS, contrast_rows

TREATED = Contrast(("condition",), ("control",))


def numbers(row: dict[str, Any], *names: str) -> list[float]:
    return [row[name] for name in names]


def test_one_decision_a_person_and_text_is_welch_s_test() -> None:
    built, people, model = one_text_each()
    (row,) = contrast_rows(built.evidence(), [TREATED])
    value, low, high, _ = welch(people[1], people[0])
    assert numbers(row, "people", "people_low", "people_high") == pytest.approx([value, low, high])
    value, low, high, _ = welch(model[1], model[0])
    assert numbers(row, "effect", "low", "high") == pytest.approx([value, low, high])
    value, low, high, p = welch(model[1] - people[1], model[0] - people[0])
    found = numbers(row, "difference", "difference_low", "difference_high", "p")
    assert found == pytest.approx([value, low, high, p])
    assert row["people"] < 0 < row["effect"]  # the wrong sign is there to be seen
    assert (row["n"], row["people_n"], row["items"], row["note"]) == (80, 80, 80, None)
    assert row["mass"] == pytest.approx(0.9)
    about = ("dataset", "contrast", "level", "control", "outcome", "over")
    assert [row[name] for name in about] == [
        "toy",
        "condition",
        "treated",
        "control",
        "yes",
        "people and items",
    ]
    assert set(CONTRAST_COLUMNS) <= set(row)
    assert row["p_holm"] == row["p"]


@pytest.mark.parametrize("texts", [1, 4])
def test_fixed_texts_leave_the_model_without_error(texts: int) -> None:
    """Below five texts in an arm only people vary; with one text an arm that is Welch's test."""
    rng = np.random.default_rng(3)
    built = Built()
    people: dict[str, list[float]] = {"control": [], "treated": []}
    said = {"control": [0.4, 0.5, 0.6, 0.9][:texts], "treated": [0.7, 0.3, 0.2, 0.6][:texts]}
    for condition, base in (("control", 0.4), ("treated", 0.7)):
        for person in range(30):
            chose = bool(rng.random() < base)
            people[condition].append(float(chose))
            text = person % texts
            built.add(
                {"condition": condition},
                f"{condition} {text}",
                {"m": said[condition][text]},
                participant=f"{condition} {person}",
                choice=yes(chose),
            )
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert row["over"] == "people"
    assert (row["low"], row["high"]) == (None, None)
    shares = {c: [s[person % texts] for person in range(30)] for c, s in said.items()}
    effect = np.mean(shares["treated"]) - np.mean(shares["control"])
    assert row["effect"] == pytest.approx(effect)
    assert row["difference"] == pytest.approx(effect - row["people"])
    ends = [effect - row["people_high"], effect - row["people_low"]]
    assert numbers(row, "difference_low", "difference_high") == pytest.approx(ends)
    if texts == 1:
        value, low, high, _ = welch(*(np.array(people[c]) for c in ("treated", "control")))
        found = numbers(row, "people", "people_low", "people_high")
        assert found == pytest.approx([value, low, high])
        # p: the same t test of the difference.
        error = (high - low) / 2 / scipy_stats.t.ppf(0.975, _df(people))
        t = abs(row["difference"]) / error
        assert row["p"] == pytest.approx(2 * scipy_stats.t.sf(t, _df(people)))
    assert row["items"] == 2 * texts


def _df(people: dict[str, list[float]]) -> float:
    """Welch's degrees of freedom."""
    v = [float(np.var(x, ddof=1)) / len(x) for x in people.values()]
    below = [part**2 / (len(x) - 1) for part, x in zip(v, people.values(), strict=True)]
    return sum(v) ** 2 / sum(below)


def rates(n: int | None, problems: int = 2, sd: float | None = None) -> Built:
    built = Built()
    for condition, shift in (("control", 0.0), ("treated", 0.2)):
        for i in range(problems):
            rate = 0.3 + 0.1 * i / problems + shift + 0.02 * (i % 2) * bool(shift)
            built.add(
                {"condition": condition},
                f"{condition} {i}",
                {"m": 0.5 - shift / 2 + 0.01 * i},
                rates=[rate, 1 - rate],
                n=n,
                rate_sd=sd,
            )
    return built


@pytest.mark.parametrize("sd", [None, 0.3])
def test_rates_of_few_problems_have_the_variance_of_their_people(sd: float | None) -> None:
    (row,) = contrast_rows(rates(50, sd=sd).evidence(), [TREATED])
    shares = [0.3, 0.35, 0.5, 0.57]
    each = [(p * (1 - p) if sd is None else sd**2) / 50 for p in shares]
    variance = sum(each) / 4  # each weighs a half
    df = variance**2 / sum((v / 4) ** 2 / 49 for v in each)
    reach = scipy_stats.t.ppf(0.975, df) * variance**0.5
    effect = (0.5 + 0.57) / 2 - (0.3 + 0.35) / 2
    found = numbers(row, "people", "people_low", "people_high")
    assert found == pytest.approx([effect, effect - reach, effect + reach])
    assert (row["over"], row["people_n"], row["items"]) == ("people", 200, 4)


def test_rates_of_many_problems_vary_as_these_do() -> None:
    built = rates(50, problems=8)
    (row,) = contrast_rows(built.evidence(), [TREATED])
    shares = np.array([d["rates"][0] for d in built.decisions]).reshape(2, 8)
    value, low, high, _ = welch(shares[1], shares[0])
    found = numbers(row, "people", "people_low", "people_high")
    assert found == pytest.approx([value, low, high])
    assert row["over"] == "people and items"


@pytest.mark.parametrize("problems", [2, 8])
def test_rates_of_nobody_knows_how_many_have_no_interval(problems: int) -> None:
    (row,) = contrast_rows(rates(None, problems).evidence(), [TREATED])
    assert row["people"] is not None
    assert (row["people_low"], row["difference_low"], row["p"]) == (None, None, None)
    assert "the number of people behind a rate is not known" in row["note"]
    assert row["same_sign"] is None and row["people_n"] is None


def means(built: Built, model: str = "m") -> dict[tuple[str, str], tuple[float, float]]:
    """People's and the model's mean of each cell."""
    p = {
        row["decision"]: np.exp(row["logprobs"][0]) / 0.9
        for row in built.scores
        if row["model"] == model
    }
    cells: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in built.decisions:
        config = json.loads(row["config"])
        where = str(config["stakes"]), config["frame"]
        cells.setdefault(where, []).append((row["choice"] == "yes", p[row["decision"]]))
    return {k: (float(np.mean(v, 0)[0]), float(np.mean(v, 0)[1])) for k, v in cells.items()}


def test_an_interaction_is_a_difference_of_effects() -> None:
    built = factorial()
    rows = contrast_rows(built.evidence(), [Contrast(("stakes", "frame"), ("1", "gain"))])
    m = means(built)
    assert [(row["contrast"], row["level"], row["control"]) for row in rows] == [
        ("stakes:frame", "10:loss", "1:gain"),
        ("stakes:frame", "100:loss", "1:gain"),
    ]
    for row in rows:
        s = row["level"].split(":")[0]
        for side, name in enumerate(("people", "effect")):
            at_loss = m[s, "loss"][side] - m["1", "loss"][side]
            at_gain = m[s, "gain"][side] - m["1", "gain"][side]
            assert row[name] == pytest.approx(at_loss - at_gain)
        assert row["n"] == 48


def test_without_a_control_each_value_stands_against_the_rest() -> None:
    built = factorial()
    rows = contrast_rows(built.evidence(), [Contrast(("stakes",)), Contrast(("frame",))])
    m = means(built)
    mean = {s: np.mean([m[s, f][0] for f in ("gain", "loss")]) for s in ("1", "10", "100")}
    assert [(row["level"], row["control"]) for row in rows] == [
        ("1", "the rest"),
        ("10", "the rest"),
        ("100", "the rest"),
        ("loss", "gain"),  # of two values one against the other, once
    ]
    for row in rows[:3]:
        rest = np.mean([mean[s] for s in mean if s != row["level"]])
        assert row["people"] == pytest.approx(mean[row["level"]] - rest)
    loss, gain = (np.mean([m[s, f][0] for s in mean]) for f in ("loss", "gain"))
    assert rows[3]["people"] == pytest.approx(loss - gain)


def test_holm_is_within_a_run_and_family() -> None:
    built = factorial(models=("m", "k"))
    asked = [Contrast(("stakes",), ("1",)), Contrast(("frame",), ("gain",))]
    rows = contrast_rows(built.evidence(), asked)
    assert [row["model"] for row in rows] == ["m"] * 3 + ["k"] * 3
    for own in (rows[:3], rows[3:]):
        for name in ("", "people_", "effect_"):
            expected = multipletests([row[f"{name}p"] for row in own], method="holm")[1]
            assert [row[f"{name}p_holm"] for row in own] == pytest.approx(expected)
    # People's effects are the same beside every model, and so is the chance of their sign.
    shared = ("people", "people_low", "same_sign", "n")
    assert all(
        [one[name] for name in shared] == [other[name] for name in shared]
        for one, other in zip(rows[:3], rows[3:], strict=True)
    )
    assert all(0.5 <= row["same_sign"] <= 1 for row in rows)


def test_a_control_that_is_a_number_is_found_however_it_is_written() -> None:
    evidence = factorial().evidence()
    one, other = (contrast_rows(evidence, [Contrast(("stakes",), (c,))]) for c in ("1", "1.0"))
    assert one == other
    assert {row["control"] for row in other} == {"1"}


def test_people_s_effects_are_over_what_a_model_has_scored() -> None:
    built, people, model = one_text_each(size=20)
    keep = np.arange(20) % 4 > 0
    for number, row in enumerate(built.scores):
        if not keep[number % 20]:
            row["error"] = "broken"
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert row["people"] == pytest.approx(people[1, keep].mean() - people[0, keep].mean())
    assert row["effect"] == pytest.approx(model[1, keep].mean() - model[0, keep].mean())
    assert row["n"] == 30
    assert "10 decisions of these arms not scored" in row["note"]


def test_a_model_that_has_scored_nothing_of_an_arm_has_no_effect() -> None:
    built, *_ = one_text_each(size=10)
    for row in built.scores[:10]:
        row["error"] = "broken"
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert (row["people"], row["effect"], row["p"], row["n"]) == (None, None, None, 10)
    assert "no decision scored in an arm" in row["note"]


def test_values_are_the_outcome_where_options_have_them() -> None:
    built = Built()
    rng = np.random.default_rng(5)
    chosen: list[list[float]] = [[], []]
    for arm, condition in enumerate(("control", "treated")):
        for i in range(20):
            points = int(rng.integers(2))
            chosen[arm].append(7.0 if points else 3.0)
            built.add(
                {"condition": condition},
                f"{condition} {i}",
                {"m": float(rng.uniform(0.2, 0.8))},
                participant=f"{condition} {i}",
                choice=yes(bool(points)),
                values=[7.0, 3.0],
                target=None,
            )
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert row["people"] == pytest.approx(np.mean(chosen[1]) - np.mean(chosen[0]))
    assert (row["outcome"], row["scale"]) == ("value", 4.0)
