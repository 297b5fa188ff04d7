"""Tests of contrasts: by hand, against scipy and statsmodels, matrices and known variances."""

from __future__ import annotations

import importlib.util
import math
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as scipy_stats

from tremble.stats.inference import arms, contrasts
from tremble.stats.inference.arms import Points
from tremble.stats.inference.contrasts import contrast
from tremble.stats.inference.effects import Effects, Over

ROOT = Path(__file__).parents[3]
OVER: tuple[Over, ...] = ("people and items", "people")


def test_two_people_and_two_texts_by_hand() -> None:
    """Both people answer both texts of each arm. Treated: 1 0 / 1 1, control: 0 0 / 1 0.

    Means 3/4 and 1/4, effect 1/2. People's means 1/2 and 1 treated, 0 and 1/2 in control: each
    person's difference is 1/2, V_people 0. Texts' means treated 1 and 1/2: variance 1/8 of two, by
    2 is 1/16; control 1/2 and 0 likewise: V_items 1/8. What is left of each cell after both means
    is 1/4 in size: 4/16 over one degree of freedom, over 4 cells 1/16, in both arms: V_cells 1/8.
    So V is max(V_people, V_items, 0) = 1/8, of texts alone with Welch's 2 degrees of freedom.
    """
    values = np.array([[1.0, 0, 1, 1, 0, 0, 1, 0]])
    person, item, arm = np.array([0, 0, 1, 1] * 2), np.array([0, 1] * 4), np.arange(8) // 4
    points = Points(values, person, item + 2 * arm)
    found = contrast(points, arm, (1, -1)).of(0)
    assert (found.value, found.variance, found.df) == pytest.approx((0.5, 1 / 8, 2))
    assert found.high == pytest.approx(0.5 + scipy_stats.t.ppf(0.975, 2) / math.sqrt(8))
    # Over these texts: each person moves the effect by nothing, so there is no interval.
    assert contrast(points, arm, (1, -1), "people").of(0).low is None


def dense(points: Points, arm: np.ndarray, signs: np.ndarray) -> tuple[float, float, float]:
    """V_people, V_items and V_cells of the first series, by loops over (people, items) tables."""
    x, people, items = points.values[:, 0], points.people, points.items
    assert items is not None
    shape = (len(signs), int(people.max()) + 1, int(items.max()) + 1)
    weight, moved = np.zeros(shape), np.zeros(shape)
    for a in range(len(signs)):
        inside = np.flatnonzero(arm == a)
        w = points.weights[inside] / points.weights[inside].sum()
        for k, share in zip(inside, w, strict=True):
            weight[a, people[k], items[k]] += share
            moved[a, people[k], items[k]] += share * (x[k] - w @ x[inside])
    by_person, by_item = moved.sum(axis=2), moved.sum(axis=1)
    of_person, of_item = weight.sum(axis=2), weight.sum(axis=1)
    v_people = ((signs @ (by_person / np.sqrt(1 - of_person))) ** 2).sum()
    v_items = ((signs @ (by_item / np.sqrt(1 - of_item))) ** 2).sum()
    left = np.zeros(shape[1:])
    for a, p, i in product(*map(range, shape)):
        lost = (1 - (of_person[a] ** 2).sum()) * (1 - (of_item[a] ** 2).sum())
        part = moved[a, p, i] - of_item[a, i] * by_person[a, p] - of_person[a, p] * by_item[a, i]
        left[p, i] += signs[a] * part / math.sqrt(lost)
    return float(v_people), float(v_items), float((left**2).sum())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("coefficients", [(1, -1), (1, -1, -1, 1)])
def test_any_layout_is_that_of_dense_tables(seed: int, coefficients: tuple[int, ...]) -> None:
    """People and items in several arms, pairs that meet twice, points in no arm, weights."""
    rng = np.random.default_rng(seed)
    n, number = 150, len(coefficients)
    person, item, arm = rng.integers(0, 9, n), rng.integers(0, 7, n), rng.integers(-1, number, n)
    if seed % 3 == 1:
        item += 7 * np.maximum(arm, 0)  # items of one arm each
    if seed % 3 == 2:
        person += 9 * np.maximum(arm, 0)
    values = rng.normal(size=(3, n)) + rng.normal(0, 3, 99)[person] + rng.normal(0, 3, 99)[item]
    points = Points(values, person, item, rng.uniform(0.5, 2, n))
    found = contrast(points, arm, coefficients)
    v_people, v_items, v_cells = dense(points, arm, np.array(coefficients, float))
    expected = max(v_people, v_items, v_people + v_items - v_cells)
    assert found.variance[0] == pytest.approx(expected, rel=1e-10)
    # Influences are in the order of people, then items.
    size = points.number[0]
    assert np.sum(found.influence[0, :size] ** 2) == pytest.approx(v_people, rel=1e-10)
    assert np.sum(found.influence[0, size:] ** 2) == pytest.approx(v_items, rel=1e-10)
    means = [
        np.average(values[2, arm == a], weights=points.weights[arm == a]) for a in range(number)
    ]
    assert found.value[2] == pytest.approx(np.dot(coefficients, means), rel=1e-10)


@pytest.mark.parametrize("reads", [3, 12])
@pytest.mark.parametrize("shared", [True, False])
def test_the_variance_is_right_on_average(reads: int, shared: bool) -> None:
    """20 people who read some or all of 12 items in one version each: the mean over 3,000 samples
    of effects of people (sd 1), items (1) and answers (1) against the variance that these give."""
    rng = np.random.default_rng(5)
    people, items, count = 20, 12, 3000
    read = [rng.choice(items, reads, replace=False) for _ in range(people)]
    person, item = np.arange(people).repeat(reads), np.concatenate(read)
    arm = (person + item) % 2 if shared else item % 2
    signs = np.where(arm == 0, 1 / np.sum(arm == 0), -1 / np.sum(arm == 1))
    truth = float(np.sum(signs**2))
    values = rng.normal(size=(count, len(person)))
    for codes, number in ((person, people), (item, items)):
        for a in (0, 1):  # effects of its own in each arm
            truth += np.sum(np.bincount(codes, signs * (arm == a), number) ** 2)
            values += (rng.normal(size=(count, number)))[:, codes] * (arm == a)
    found = contrast(Points(values, person, item), arm, (1, -1))
    assert found.value.var() == pytest.approx(truth, rel=0.1)
    assert found.variance.mean() == pytest.approx(truth, rel=0.05)


def test_where_one_kind_explains_all_the_test_is_that_kinds() -> None:
    """Random answers to random items: in some samples the variance is that by people or that by
    items, and then all is as with this one kind of cluster."""
    rng = np.random.default_rng(8)
    person, item = rng.integers(0, 15, 120), rng.integers(0, 8, 120)
    values, arm = rng.normal(size=(200, 120)), rng.integers(0, 2, 120)
    both = contrast(Points(values, person, item), arm, (1, -1))
    alone = [contrast(Points(values, kind), arm, (1, -1)) for kind in (person, item)]
    larger = np.maximum(alone[0].variance, alone[1].variance)
    assert (both.variance >= larger * (1 - 1e-12)).all()
    for one in alone:
        same = np.isclose(both.variance, one.variance, rtol=1e-12)
        assert same.sum() > 10
        assert both.df[same] == pytest.approx(one.df[same])
    crossed = ~np.isclose(both.variance, larger, rtol=1e-12)
    assert (both.df[crossed] < alone[0].df[crossed]).all()


@pytest.mark.parametrize("over", OVER)
def test_large_studies_take_the_same_way(over: Over, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that are sorted and matrices that are sparse, against those of small studies."""
    rng = np.random.default_rng(9)
    person, item, arm = rng.integers(0, 30, 90), rng.integers(0, 9, 90), rng.integers(-1, 2, 90)
    values = rng.normal(size=(2, 90))
    small = contrast(Points(values, person, item), arm, (1, -1), over)
    monkeypatch.setattr(arms, "_LOOKED_UP", 0)
    monkeypatch.setattr(contrasts, "_DENSE", 0)
    large = contrast(Points(values, person, item), arm, (1, -1), over)
    for name in ("value", "variance", "df", "p", "influence"):
        assert getattr(large, name) == pytest.approx(getattr(small, name), rel=1e-10)


def within(found: Effects) -> list[float]:
    """Of the first series."""
    return [float(getattr(found, name)[0]) for name in ("value", "df", "low", "p")]


def test_texts_that_all_read_are_the_one_sample_test() -> None:
    """Of each person's contrast of four arms: within people, over these very texts."""
    rng = np.random.default_rng(1)
    table = rng.normal(size=(13, 4, 2)) + rng.normal(0, 5, (4, 2)) + rng.normal(0, 2, (13, 1, 1))
    person, arm, text = (codes.ravel() for codes in np.indices(table.shape))
    points = Points(table.reshape(1, -1), person, 2 * arm + text)
    signs = (1, -1, -1, 1)
    found = contrast(points, arm, signs, "people")
    own = table.mean(axis=2) @ signs
    theirs = scipy_stats.ttest_1samp(own, 0)
    low = theirs.confidence_interval().low
    expected = [own.mean(), 12, low, theirs.pvalue]
    assert within(found) == pytest.approx(expected, rel=1e-10)


def test_texts_of_one_reading_each_are_strata() -> None:
    """Everyone reads one text: the sum of W^2 s^2 / n over texts, with Welch's and Satterthwaite's
    degrees of freedom; a text by itself in each arm is Welch's test."""
    rng = np.random.default_rng(2)
    sizes = [[5, 9, 6], [8, 4]]
    values, text, arm, parts, dfs, means = [], [], [], [], [], []
    for a, of_arm in enumerate(sizes):
        for k, n in enumerate(of_arm):
            x = rng.normal(3 * k, 1 + k, n)
            values.append(x)
            text += [3 * a + k] * n
            arm += [a] * n
            share = n / sum(of_arm)
            parts.append(share**2 * x.var(ddof=1) / n)
            dfs.append(n - 1)
            means.append((1, -1)[a] * share * x.mean())
    points = Points(np.concatenate(values)[None], np.arange(len(text)), np.array(text))
    found = contrast(points, np.array(arm), (1, -1), "people")
    total = sum(parts)
    df = total**2 / sum(v**2 / d for v, d in zip(parts, dfs, strict=True))
    error = math.sqrt(total)
    value = sum(means)
    reach, p = scipy_stats.t.ppf(0.975, df), 2 * scipy_stats.t.sf(abs(value) / error, df)
    expected = [value, df, value - reach * error, p]
    assert within(found) == pytest.approx(expected, rel=1e-10)
    alone = np.isin(text, [0, 3])
    first, second = values[0], values[3]
    welch = scipy_stats.ttest_ind(first, second, equal_var=False)
    found = contrast(points, np.where(alone, arm, -1), (1, -1), "people")
    low = welch.confidence_interval().low
    expected = [first.mean() - second.mean(), welch.df, low, welch.pvalue]
    assert within(found) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_texts_that_some_read_are_bell_and_mccaffreys_by_matrices(seed: int) -> None:
    """CR2 of the regression on a mean for each text in each arm, clusters people, by matrices."""
    rng = np.random.default_rng(seed)
    cells = [(p, t) for p in range(9) for t in range(5) if rng.random() < 0.6]
    person, text = np.array(cells).T
    arm = (text > 1).astype(int)
    y = rng.normal(size=len(cells)) + person + 3.0 * text
    design = (text[:, None] == np.arange(5)).astype(float)
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    rest = y - hat @ y
    # From texts' means to the effect: each text's share of its arm.
    share = design.sum(axis=0) / np.bincount(arm)[np.array([0, 0, 1, 1, 1])]
    share *= np.array([1, 1, -1, -1, -1])
    variance = 0.0
    for p in range(9):
        own = np.flatnonzero(person == p)
        spectrum, vectors = np.linalg.eigh(np.eye(len(own)) - hat[np.ix_(own, own)])
        root = vectors @ np.diag(spectrum**-0.5) @ vectors.T
        bread = np.linalg.inv(design.T @ design) @ design[own].T
        variance += float(share @ bread @ root @ rest[own]) ** 2
    found = contrast(Points(y[None], person, text), arm, (1, -1), "people")
    assert found.variance[0] == pytest.approx(variance, rel=1e-10)
    fit = sm.OLS(y, design).fit()
    assert found.value[0] == pytest.approx(float(fit.params @ share), rel=1e-10)


def test_texts_of_one_reader_are_taken_together() -> None:
    """Two such texts of an arm are one stratum, so that the variance is that of their people; one
    such text takes the whole arm."""
    rng = np.random.default_rng(3)
    y = rng.normal(size=12)
    text, arm = np.array([0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]), np.arange(12) // 6
    found, merged = (
        contrast(Points(y[None], np.arange(12), codes), arm, (1, -1), "people")
        for codes in (text, np.where(text == 1, 0, text))
    )
    assert within(found) == pytest.approx(within(merged), rel=1e-12)
    text[1] = 2
    lone = contrast(Points(y[None], np.arange(12), text), arm, (1, -1), "people")
    welch = scipy_stats.ttest_ind(y[:6], y[6:], equal_var=False)
    assert lone.note is None and lone.p[0] == pytest.approx(welch.pvalue, rel=1e-10)


@pytest.mark.parametrize("over", OVER)
def test_names_order_and_company_are_nothing(over: Over) -> None:
    """Other codes, another order of points, more series, more points in no arm: the same."""
    rng = np.random.default_rng(4)
    n = 200
    person, item, arm = rng.integers(0, 12, n), rng.integers(0, 8, n), rng.integers(-1, 2, n)
    x, weights = rng.normal(size=(2, n)), rng.uniform(1, 2, n)
    found = contrast(Points(x, person, item, weights), arm, (1, -1), over)
    order = rng.permutation(n)
    who, what = (rng.permutation(30)[codes][order] for codes in (person, item))
    twisted = contrast(Points(x[:, order], who, what, weights[order]), arm[order], (1, -1), over)
    back = contrast(Points(x, person, item, weights), np.where(arm < 0, -1, 1 - arm), (1, -1), over)
    kept = arm >= 0
    part = contrast(
        Points(x[1:, kept], person[kept], item[kept], 7 * weights[kept]), arm[kept], (1, -1), over
    )
    for name in ("value", "variance", "df", "low", "high", "p"):
        ours = getattr(found, name)
        assert getattr(twisted, name) == pytest.approx(ours, rel=1e-9)
        assert getattr(part, name)[0] == pytest.approx(ours[1], rel=1e-9)
    assert back.low == pytest.approx(-found.high, rel=1e-9)
    assert back.df == pytest.approx(found.df, rel=1e-9)


def test_a_model_of_fixed_texts_has_no_error() -> None:
    """Its prediction is the text's, so people alone cannot move it, nor change the difference's."""
    rng = np.random.default_rng(6)
    person, text = np.divmod(np.arange(80), 4)
    model, people = rng.random(4)[text], rng.random(80)
    points = Points(np.stack([people, model, model - people]), person, text)
    found = contrast(points, text // 2, (1, -1), "people")
    assert found.of(1).variance is None and found.note is None
    assert found.variance[2] == pytest.approx(found.variance[0], rel=1e-10)
    assert found.value[2] == pytest.approx(found.value[1] - found.value[0])


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "contrast_coverage", ROOT / "benchmarks" / "contrast_coverage.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["contrast_coverage"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("treatment", ["within", "between"])
@pytest.mark.parametrize("place", ["both arms", "one arm"])
def test_intervals_hold_the_truth(benchmark: ModuleType, treatment: str, place: str) -> None:
    """400 simulations of 95% have 91 to 98.5% (.999)."""
    design = benchmark.Design(treatment, place, "4", 20, True)
    shares = benchmark.covered(design, 400, seed=1)
    assert ((shares[:3] >= 0.91) & (shares[:3] <= 0.99)).all()
    if place == "one arm":  # where people alone promise too much
        assert (shares[3:] < 0.9).all()
    texts = benchmark.Design(treatment, place, "1", 4, True)
    assert 0.91 <= benchmark.texts_covered(texts, 400, seed=1)[0] <= 0.985


def test_the_truth_of_the_benchmark_is_that_of_many(benchmark: ModuleType) -> None:
    """Means over 3,000 studies of 60 people and 40 items, within four of their standard errors."""
    design = benchmark.Design("within", "one arm", "all", 40, True, "near 1")
    rng = np.random.default_rng(1)
    places = benchmark.layout(design, rng)
    made = benchmark.simulate(design, places, 3000, rng)
    for values, true in zip((made.chosen, made.predicted), benchmark.truth(design), strict=True):
        effects = values[:, places[2] == 1].mean(axis=1) - values[:, places[2] == 0].mean(axis=1)
        assert abs(effects.mean() - true) < 4 * effects.std() / math.sqrt(3000)
    few = benchmark.Design("between", "one arm", "1", 4, True)
    places = benchmark.layout(few, rng)
    made = benchmark.simulate(few, places, 3000, rng)
    chosen = made.chosen
    away = chosen[:, places[2] == 1].mean(axis=1) - chosen[:, places[2] == 0].mean(axis=1)
    away -= made.of_texts
    assert abs(away.mean()) < 4 * away.std() / math.sqrt(3000)


def test_the_benchmark_prints_its_tables(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["contrast_coverage.py", "--quick"])
    benchmark.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    heads = [line for line in rows if line.startswith(("| treatment", "| error of base"))]
    assert len(heads) == 3 and len(rows) > 50
    for table in ("within people | 12 | both arms | all | yes", "between people | 1 | one arm"):
        assert any(table in row for row in rows)
