"""The further tables: from the same rows as the first four, wired to what they are named for."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from typer.testing import CliRunner

from tests.support.counterparts import PAIR, people
from tests.support.stat_frames import decision, loop_r, score
from tests.support.studies import run, study_file
from tremble.api.results import analyze_study, further_analysis
from tremble.commands.program import app
from tremble.errors import UserError
from tremble.report.tables.further import cell, further_layout
from tremble.stats.filters import Filters
from tremble.stats.tables.analysis import analyze
from tremble.stats.tables.further import FURTHER, OF_TRAINING, further_tables
from tremble.stats.tables.uncertainty import vote_table
from tremble.store.schemas import DECISIONS, SCORES


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    scores, decisions = people()
    analysis = analyze(scores, decisions, [PAIR], Filters(min_r=0.1))
    tables = further_tables(analysis, {"base": ("Toys", 2.0)}, resamples=999)
    return {"scores": scores, "decisions": decisions, "analysis": analysis, **tables}


def test_every_table_is_made_and_can_be_written_as_json(found: dict[str, Any]) -> None:
    tables = {name: found[name] for name in FURTHER}
    assert json.loads(json.dumps(tables, allow_nan=False)) == tables
    empty = [name for name, rows in tables.items() if not rows]
    # These games have two options, a history, no topology, are shown once, under no control; only
    # their labels were read.
    nothing = ["distributions", "topology", "presentations", "controls", "spellings"]
    of_sessions = ["responses", "misalignment", "positions", "personas"]
    assert sorted(empty) == sorted(["worth", *nothing, *of_sessions, *OF_TRAINING])


def test_intervals_hold_the_r_of_the_first_table(found: dict[str, Any]) -> None:
    r = {row["model"]: row["r"] for row in found["analysis"].models}
    assert len(found["intervals"]) == 2
    for row in found["intervals"]:
        assert row["r"] == pytest.approx(r[row["model"]])
        assert row["low"] < row["r"] < row["high"]
        assert (row["points"], row["decisions"], row["clusters"]) == (240, 240, 40)
        # Six choices of one person are fewer than six people's, more than one person's.
        independent = 2 * 1.96 * (1 - row["r"] ** 2) / math.sqrt(240)
        assert 0.8 * independent < row["high"] - row["low"] < 2.6 * independent


def test_the_difference_is_that_of_the_pair_and_missing_scores_leave_both_out(
    found: dict[str, Any],
) -> None:
    (pair,) = found["analysis"].pairs
    (row,) = found["differences"]
    assert row["difference"] == pytest.approx(pair["r_base"] - pair["r_aligned"])
    assert row["p"] == row["p_holm"] == row["p_bh"] < 0.05
    assert row["low"] > 0
    scores = found["scores"].filter(
        ~((pl.col("model") == "aligned") & pl.col("decision").str.starts_with("7/"))
    )
    again = analyze(scores, found["decisions"], [PAIR])
    tables = further_tables(again, names=["differences", "intervals"])
    (less,) = tables["differences"]
    assert (less["points"], less["decisions"], less["clusters"]) == (234, 234, 39)
    assert [row["decisions"] for row in tables["intervals"]] == [240, 234]


def test_options_are_points_of_one_decision() -> None:
    drawn = np.random.default_rng(3)
    shares = drawn.dirichlet([2, 2, 2], size=24).round(2).tolist()
    plain = {"keys": ["yes", "no", "maybe"], "target": None, "config": "{}", "presentations": 1}
    decisions = pl.DataFrame(
        [decision(f"d{i}", rates=one, **plain) for i, one in enumerate(shares)], schema=DECISIONS
    )
    scores = pl.DataFrame(
        [
            score(f"d{i}", [0.2 + 0.1 * drawn.random() for _ in one], model=model)
            for i, one in enumerate(shares)
            for model in ("base", "aligned")
            if (i, model) != (5, "base")
        ],
        schema=SCORES,
    )
    analysis = analyze(scores, decisions, [PAIR])
    found = further_tables(analysis, names=["intervals", "differences"])
    # 24 problems of three options; the base model lacks one of them.
    sizes = {row["model"]: (row["points"], row["decisions"]) for row in found["intervals"]}
    assert sizes == {"base": (69, 23), "aligned": (72, 24)}
    assert [(row["points"], row["decisions"]) for row in found["differences"]] == [(69, 23)]
    # Where theory says something of all but two of them, its tables say so of its points.
    silent = [None if i < 2 else [0.5, 0.3, 0.2] for i in range(24)]
    theory = decisions.with_columns(normative=pl.Series(silent, dtype=pl.List(pl.Float64)))
    of_theory = replace(analysis, evidence=replace(analysis.evidence, decisions=theory))
    both = further_tables(of_theory, names=["theory", "theory_pairs"], resamples=99)
    notes = {row["model"]: row["note"] for row in both["theory"]}
    notes["both"] = both["theory_pairs"][0]["note"]
    held = {"base": (21, 63), "aligned": (22, 66), "both": (21, 63)}
    for side, (problems, options) in held.items():
        said = f"one point per option of {problems} problems with more ({options})"
        assert said in notes[side].split("; ")


def test_r_of_the_average_can_lie_outside_of_those_of_single_presentations() -> None:
    """People: 1, 1, 0, 0. Each presentation adds what place adds, +.2 and -.2 by turns: the
    average has it no more and is right but for its scale."""
    knows, place = [0.6, 0.6, 0.4, 0.4], [0.3, -0.3, 0.3, -0.3]
    did = [1.0, 1.0, 0.0, 0.0]
    decisions = pl.DataFrame(
        [
            decision(f"d{i}", choice="yes" if y else "no", config="{}", presentations=2)
            for i, y in enumerate(did)
        ],
        schema=DECISIONS,
    )
    shown = [[p + sign * x for p, x in zip(knows, place, strict=True)] for sign in (1, -1)]
    scores = pl.DataFrame(
        [
            score(f"d{i}", [p, 1 - p], presentation=number)
            for number, values in enumerate(shown)
            for i, p in enumerate(values)
        ],
        schema=SCORES,
    )
    (row,) = further_tables(analyze(scores, decisions), names=["presentations"])["presentations"]
    single = [loop_r(values, did) for values in shown]
    assert (row["r_lowest"], row["r_highest"]) == pytest.approx((min(single), max(single)))
    assert row["r"] == pytest.approx(1) and row["r_highest"] < 0.5
    (table,) = further_layout({"presentations": [row]})
    assert "it can lie outside that range" in table.caption


def test_p_is_adjusted_over_families_of_games_too() -> None:
    """One pair, two families: the smaller p counts twice (Holm), the larger stands."""
    parts = [people(seed=seed) for seed in (1, 2)]
    renamed = [pl.lit(f"{name}/") + pl.col("decision") for name in "ab"]
    games = ["repeated_matrix", "bargaining"]
    scores, decisions = (
        pl.concat(
            part[place].with_columns(decision=name, family=pl.lit(game))
            for part, name, game in zip(parts, renamed, games, strict=True)
        )
        for place in (0, 1)
    )
    found = further_tables(
        analyze(scores, decisions, [PAIR]), names=["differences"], resamples=999
    )["differences"]
    low, high = sorted(found, key=lambda row: row["p"])
    assert 0 < low["p"] < high["p"] <= 0.5
    assert low["p_holm"] == pytest.approx(2 * low["p"])
    assert high["p_holm"] == pytest.approx(max(high["p"], 2 * low["p"]))
    assert low["p_bh"] == pytest.approx(min(2 * low["p"], high["p"]))


def test_breakdowns_add_up_to_the_whole(found: dict[str, Any]) -> None:
    stakes = [row for row in found["parameter"] if row["parameter"] == "stakes"]
    assert [row["value"] for row in stakes if row["family"] == "repeated_matrix"] == ["high", "low"]
    assert all(row["pairs"] == 1 for row in stakes)
    rounds = [row for row in found["round"] if row["parameter"] == "round"]
    assert len({row["value"] for row in rounds}) == 6
    (group,) = [
        row
        for row in found["groups"]
        if row["group"] == "model family" and row["family"] == "repeated_matrix"
    ]
    assert group["value"] == "Toys"


def test_theory_is_held_against_the_decisions_it_speaks_of(found: dict[str, Any]) -> None:
    for row in found["theory"]:
        assert (row["n"], row["undecided"]) == (40, 200)
        assert row["r"] is None  # theory says one and the same
        assert row["note"]


def pair(base: str, difference: float, family: str = "bargaining") -> dict[str, Any]:
    return {
        "base": base,
        "aligned": f"{base}-it",
        "mode": "native",
        "formulation": "standard",
        "family": family,
        "r_base": 0.5 + difference,
        "r_aligned": 0.5,
        "kept": True,
        "winner": "base" if difference > 0 else "aligned",
    }


def test_siblings_have_one_vote() -> None:
    """Four families: one with ten siblings in favour of aligned, three of one pair each."""
    rows = [pair(f"big{i}", -0.1) for i in range(10)] + [pair(f"m{i}", 0.1) for i in range(3)]
    catalogue = {f"big{i}": ("Big", 1.0) for i in range(10)}
    found = {row["test"]: row for row in vote_table(rows, catalogue) if row["family"] != "all"}
    votes = found["family votes"]
    assert (votes["n"], votes["pairs"], votes["direction"], votes["statistic"]) == (
        (4, 13, "base", 3)
    )
    assert votes["p"] == pytest.approx(stats.binomtest(3, 4, alternative="greater").pvalue)
    assert votes["p_two_sided"] == pytest.approx(stats.binomtest(3, 4).pvalue)
    assert votes["p_holm"] == pytest.approx(votes["p_two_sided"])
    assert found["mixed"]["p_two_sided"] == found["mixed"]["p"]
    assert found["mixed"]["mean"] > 0
    assert found["mixed"]["sided"] == "two"


def test_adjusted_p_of_votes_are_those_of_two_sided_tests() -> None:
    """Against scipy's two-sided tests and statsmodels' adjustments: the side was not named
    beforehand, so one that the data named cannot be tested on one side alone."""
    made = {
        "bargaining": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        "persuasion": [-0.1, -0.2, -0.3, -0.4, -0.5, 0.05],
        "negotiation": [0.1, -0.2, 0.35],
    }
    rows = [
        pair(f"m{i}", difference, family)
        for family, differences in made.items()
        for i, difference in enumerate(differences)
    ]
    found = [row for row in vote_table(rows, {}) if row["family"] != "all"]
    for test in ("family votes", "family wilcoxon"):
        here = {row["family"]: row for row in found if row["test"] == test}
        expected = {
            family: stats.binomtest(sum(x > 0 for x in differences), len(differences)).pvalue
            if test == "family votes"
            else stats.wilcoxon(differences, method="exact").pvalue
            for family, differences in made.items()
        }
        for family, p in expected.items():
            assert here[family]["sided"] == "one"
            assert here[family]["p_two_sided"] == pytest.approx(p)
            assert here[family]["p"] == pytest.approx(p / 2) or p == 1
        for name, method in (("p_holm", "holm"), ("p_bh", "fdr_bh")):
            adjusted = multipletests(list(expected.values()), method=method)[1]
            assert [here[family][name] for family in expected] == pytest.approx(list(adjusted))


def test_all_is_no_further_test_to_adjust_for() -> None:
    rows = [pair(f"m{i}", 0.1, family) for i in range(8) for family in ("bargaining", "persuasion")]
    found = [row for row in vote_table(rows, {}) if row["test"] == "family votes"]
    p = {row["family"]: row["p"] for row in found}
    holm = {row["family"]: row["p_holm"] for row in found}
    assert p["bargaining"] == pytest.approx(0.5**8)
    assert holm["bargaining"] == pytest.approx(2 * 2 * 0.5**8)
    assert holm["all"] is None
    assert p["all"] == pytest.approx(0.5**8)  # eight model families, not sixteen pairs


@pytest.mark.slow
def test_an_unknown_table_is_named_and_nothing_is_printed(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    shown = CliRunner().invoke(app, ["analyze", str(out), "--table", "ceilings,interval"])
    assert shown.exit_code == 2
    assert not shown.stdout
    assert "There is no table 'interval'; did you mean 'intervals'" in shown.stderr
    whole = CliRunner().invoke(app, ["analyze", str(out), "--json"])
    assert whole.exit_code == 0
    assert set(json.loads(whole.stdout)) == {
        *("notes", "models", "pairs", "tests", "baselines"),
        *FURTHER,
    }
    analysis, *_ = analyze_study(out)
    with pytest.raises(UserError, match="no table 'interval'"):
        further_analysis(analysis, ["interval"])


def test_a_study_without_pairs_still_has_intervals() -> None:
    scores, decisions = people(10, 3)
    found = further_tables(analyze(scores, decisions), resamples=200)
    assert len(found["intervals"]) == 2
    assert found["differences"] == found["votes"] == found["sweep"] == []


def test_further_tables_are_laid_out_by_their_columns() -> None:
    rows: list[dict[str, Any]] = [
        {"model": "m", "format": "plain", "family": "repeated_matrix", "n": 1200, "p": 0.0004},
        {"model": "k", "format": "chat", "family": "lottery", "n": None, "p": None},
    ]
    (table,) = further_layout({"intervals": rows})
    assert [(column.name, column.number) for column in table.columns] == [
        ("Family", False),
        ("n", True),
        ("p", True),
    ]
    assert [(section.heading, section.rows) for section in table.sections] == [
        ("m · plain", [["repeated matrix", "1,200", "< .001"]]),
        ("k · chat", [["lottery", "–", "–"]]),
    ]
    assert cell("n", 38.4333) == "38.4"
    assert cell("r", -0.5) == "-.50"
