"""Several contrasts together: lines through their effects, and which of two twins is nearer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.support.treatments import Built, factorial, yes
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.contrasts import ContrastTables
from tremble.stats.tables.effect_agreement import effect_errors_table, effects_table


def many(seed: int = 2, size: int = 60) -> Built:
    """Seven versions of a text against one reference; two models, one of which exaggerates."""
    rng = np.random.default_rng(seed)
    true = {"reference": 0.5} | {f"v{i}": 0.5 + 0.05 * (i - 3) for i in range(7)}
    built = Built()
    for version, share in true.items():
        for person in range(size):
            built.add(
                {"version": version},
                version,
                {"near": share, "far": 0.5 + 2 * (share - 0.5), "half": share},
                participant=f"{version} {person}",
                choice=yes(bool(rng.random() < share)),
            )
    return built


def test_effects_together() -> None:
    made = ContrastTables(many().evidence(), [Contrast(("version",), ("reference",))])
    rows, table = made.rows(), effects_table(made)
    assert [row["model"] for row in table] == ["near", "far", "half"]
    near, far, _ = table
    own = [row for row in rows if row["model"] == "far"]
    people, effect = (np.array([row[name] for row in own]) for name in ("people", "effect"))
    assert far["contrasts"] == 7
    assert far["r"] == pytest.approx(np.corrcoef(people, effect)[0, 1])
    # The same effects twice as large: half the slope, the same intercept.
    for name in ("slope", "slope_low", "slope_high", "york"):
        assert far[name] == pytest.approx(near[name] / 2, rel=1e-6), name
    assert far["intercept"] == pytest.approx(near["intercept"])
    # Noise off: of one text each, the variance of a difference is Welch's, p(1-p)/(n-1) an arm.
    shares = [row["people"] for row in own]
    assert near["rmse"] < far["rmse"]
    v = _version_variances(many())
    expected = np.mean((effect - people) ** 2 - v)
    assert far["rmse"] == pytest.approx(np.sqrt(expected))
    none = max(0.0, float(np.mean(np.array(shares) ** 2 - v)))
    assert far["rmse_none"] == pytest.approx(np.sqrt(none))


def test_reliability_of_one_text_each_leaves_out_the_control_s_error() -> None:
    """Other people in each version: errors are Welch's, that of the reference all effects have."""
    built = many()
    made = ContrastTables(built.evidence(), [Contrast(("version",), ("reference",))])
    effects = np.array([row["people"] for row in made.rows() if row["model"] == "near"])
    own = np.array([shares.var(ddof=1) / len(shares) for shares in _chosen(built)[1:]])
    row = effects_table(made)[0]
    assert row["reliability"] == pytest.approx(1 - own.mean() / effects.var(ddof=1))
    assert row["r_corrected"] == pytest.approx(min(1, row["r"] / np.sqrt(row["reliability"])))


def test_reliability_over_people_and_items_is_that_of_these_very_texts() -> None:
    """Everybody reads twelve items in all six versions: a person's effects are theirs, and their
    spread over people is all the error there is, whatever items do."""
    rng = np.random.default_rng(4)
    versions, items, people = 6, 12, 40
    lean = rng.normal(0, 0.6, (versions, items)) + np.linspace(-0.5, 0.5, versions)[:, None]
    own = rng.normal(0, 0.5, (people, 1, 1))
    chose = rng.random((people, versions, items)) < 1 / (1 + np.exp(-(lean + own)))
    built = Built()
    for (person, version, item), flag in np.ndenumerate(chose):
        built.add(
            {"version": f"v{version}"},
            f"{version} {item}",
            {"m": float(0.5 + 0.1 * lean[version, item])},
            participant=f"p{person}",
            item=f"i{item}",
            choice=yes(bool(flag)),
        )
    made = ContrastTables(built.evidence(), [Contrast(("version",), ("v0",))])
    assert {row["over"] for row in made.rows()} == {"people and items"}
    of_each = chose.mean(axis=2)[:, 1:] - chose.mean(axis=2)[:, :1]  # (people, effects)
    covariance = np.cov(of_each.T) / people
    k = versions - 1
    error = (np.trace(covariance) - covariance.sum() / k) / (k - 1)
    (row,) = effects_table(made)
    expected = 1 - error / of_each.mean(axis=0).var(ddof=1)
    assert row["reliability"] == pytest.approx(expected, rel=1e-6)
    assert row["note"] is None


def test_texts_with_one_reader_each_leave_the_luck_of_people_unknown() -> None:
    built = Built()
    rng = np.random.default_rng(1)
    for version in range(6):
        for person in range(20):
            name = f"{version} {person}"
            said = yes(bool(rng.random() < 0.3 + 0.08 * version))
            built.add(
                {"version": version}, name, {"m": rng.random()}, participant=name, choice=said
            )
    (row,) = effects_table(ContrastTables(built.evidence(), [Contrast(("version",), ("0",))]))
    assert (row["reliability"], row["r_corrected"]) == (None, None)
    assert "no reliability: 40 texts with only one reader" in row["note"]


def _chosen(built: Built) -> list[np.ndarray]:
    chosen: dict[str, list[float]] = {}
    for row in built.decisions:
        version = json.loads(row["config"])["version"]
        chosen.setdefault(version, []).append(float(row["choice"] == "yes"))
    return [np.array(values) for values in chosen.values()]


def _version_variances(built: Built) -> np.ndarray:
    reference, *versions = (x.var(ddof=1) / len(x) for x in _chosen(built))
    return np.array(versions) + reference


def test_without_a_common_control_lines_go_through_the_origin() -> None:
    made = ContrastTables(many().evidence(), [Contrast(("version",))])
    table = effects_table(made)
    assert all(row["intercept"] is None for row in table)
    assert all("lines through the origin" in row["note"] for row in table)
    assert table[1]["slope"] == pytest.approx(table[0]["slope"] / 2, rel=1e-6)


def test_below_five_contrasts_nothing_is_said_of_all() -> None:
    made = ContrastTables(factorial().evidence(), [Contrast(("stakes",), ("1",))])
    assert effects_table(made) == []


def test_errors_of_two_twins_are_over_what_both_have_scored() -> None:
    built = many(size=400)
    lacking = [row for row in built.scores if row["model"] == "half"]
    for row in lacking[::3]:
        row["error"] = "broken"
    made = ContrastTables(built.evidence(), [Contrast(("version",), ("reference",))])
    twins = [
        Comparison("near", "far", "plain", "plain", "plain"),
        Comparison("far", "near", "plain", "plain", "plain"),
        Comparison("near", "half", "plain", "plain", "plain"),
        Comparison("near", "absent", "plain", "plain", "plain"),
    ]
    one, turned, same = effect_errors_table(made, twins)
    effects = {row["model"]: row for row in effects_table(made)}
    assert one["rmse_base"] == pytest.approx(effects["near"]["rmse"])
    assert one["rmse_aligned"] == pytest.approx(effects["far"]["rmse"])
    assert one["difference"] == pytest.approx(one["rmse_base"] - one["rmse_aligned"])
    assert one["low"] <= one["difference"] <= one["high"] < 0  # base is nearer, surely
    # Turned around it is the same with the other sign.
    assert [turned["low"], turned["high"]] == pytest.approx([-one["high"], -one["low"]])
    # Equal predictions on equal decisions: no difference at all.
    assert (same["contrasts"], same["difference"]) == (7, 0.0)
    assert same["rmse_base"] == same["rmse_aligned"]
