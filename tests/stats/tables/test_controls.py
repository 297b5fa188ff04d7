"""The table of controls against hand computation, the verdict under it, and a study with both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support.counterparts import people
from tests.support.stat_frames import loop_r, score
from tests.support.studies import parts, run, scores, study_file
from tremble.api.results import analyze_study, further_analysis
from tremble.commands.program import app
from tremble.errors import UserError
from tremble.prompts.controls import CONTROLS
from tremble.report.page.study import not_scored
from tremble.report.tables.answers import NO_CONTROLS, controls_missing
from tremble.stats.tables.analysis import analyze, evidence_of
from tremble.stats.tables.controls import control_table, without_the_game
from tremble.stats.tables.further import further_tables
from tremble.stats.verdict.ranking import Best, Standing
from tremble.stats.verdict.ranking_table import ranking_row, ranking_table
from tremble.store.schemas import SCORES
from tremble.study.file import read_study
from tremble.study.notes import caveats

PEOPLE, DECISIONS = people(60, 6, seed=3)
Y = (DECISIONS["choice"] == "yes").to_numpy().astype(float)
DRAWN = np.random.default_rng(5)
KNOWS = np.clip(0.2 + 0.6 * Y + 0.1 * DRAWN.normal(size=len(Y)), 0.02, 0.98)
GUESSES = DRAWN.uniform(0.1, 0.9, len(Y))

OF_FORMULATIONS = ("measures", "differences", "formulation", "presentations", "sweep", "controls")


def scored(
    p: np.ndarray, control: str | None = None, skip: int = 0, mass: float = 1.0
) -> pl.DataFrame:
    """Scores of the model "m" for all but the first `skip` decisions."""
    name = "standard" if control is None else f"standard+{control}"
    rows = [
        score(id_, [value * mass, (1 - value) * mass], family="repeated_matrix", formulation=name)
        for id_, value in zip(DECISIONS["decision"][skip:], p[skip:], strict=True)
    ]
    return pl.DataFrame(rows, schema=SCORES)


def verdict(*frames: pl.DataFrame) -> dict[str, Any]:
    (row,) = ranking_table(evidence_of(pl.concat(frames), DECISIONS), resamples=999)
    return row


def of_good(own: dict[str, Any], controls: list[dict[str, Any]]) -> dict[str, Any]:
    """The row of a model whose r of `own` would be a "yes", beside these controls."""
    own = {**own, "points": 400, "decisions": 400, "clusters": 60, "se": 0.1, "note": None}
    ceiling = {"ceiling": own["low"] + 0.05, "n": 400}
    best = Best("majority", None, np.zeros(400), 0)
    over = {name: own[name] for name in ("low", "high", "se")} | {"estimate": own["r"]}
    return ranking_row(Standing(own, ceiling, best, over, without_the_game(own, controls)))


def test_the_loss_by_hand() -> None:
    frames = scored(KNOWS), scored(GUESSES, "no_rules", 30, 0.5), scored(KNOWS, "renamed")
    rows = control_table(evidence_of(pl.concat(frames), DECISIONS), resamples=999)
    bare, other = rows
    assert [row["control"] for row in rows] == ["no_rules", "renamed"]
    assert {(row["model"], row["format"], row["formulation"]) for row in rows} == {
        ("m", "plain", "standard")
    }
    # Five people have no score without the rules: both r are those of the other 55.
    r, under = (loop_r(list(p[30:]), list(Y[30:])) for p in (KNOWS, GUESSES))
    assert bare["n"] == 330
    assert bare["r"] == pytest.approx(r) and bare["r_control"] == pytest.approx(under)
    assert bare["loss"] == pytest.approx(r - under)
    assert bare["low"] < bare["loss"] < bare["high"] and bare["low"] > 0.5
    assert (bare["mass"], bare["mass_control"]) == (pytest.approx(1), pytest.approx(0.5))
    assert (other["n"], other["loss"]) == (360, 0)


def test_what_makes_no_difference_between_decisions_has_no_r() -> None:
    analysis = analyze(
        pl.concat([scored(KNOWS), scored(np.full(len(Y), 0.4), "no_history")]), DECISIONS
    )
    (row,) = further_tables(analysis, names=["controls"], resamples=99)["controls"]
    assert (row["r_control"], row["loss"], row["note"]) == (None, None, "constant prediction")
    assert row["r"] == pytest.approx(loop_r(list(KNOWS), list(Y)))


@pytest.mark.slow
def test_the_verdict_falls_where_the_game_is_not_needed() -> None:
    alone = verdict(scored(KNOWS))
    assert (alone["verdict"], alone["control"], alone["r_control"]) == ("in part", None, None)
    assert controls_missing([alone]) == NO_CONTROLS
    held = verdict(scored(KNOWS), scored(GUESSES, "no_rules"))
    told = {"control": "no_rules", "n_control": 360, "r_control": held["r_control"]}
    assert alone["n_control"] is None and alone | told == held
    assert held["r_control"] == pytest.approx(loop_r(list(GUESSES), list(Y)))
    assert controls_missing([held]) == ""
    near = np.clip(KNOWS + 0.02 * DRAWN.normal(size=len(Y)), 0.01, 0.99)
    fallen = verdict(scored(KNOWS), scored(GUESSES, "no_rules"), scored(near, "other_history"))
    assert (fallen["verdict"], fallen["control"]) == ("not shown", "other_history")
    assert fallen["why"].startswith("the model may be as good without the game: r is .9")
    assert "under the control other_history and .9" in fallen["why"]
    # Names and letters are none of the game: to keep r without them is as it should be.
    assert verdict(scored(KNOWS), scored(near, "renamed")) == alone
    assert verdict(scored(KNOWS), scored(near, "shuffled_history")) == alone
    # A handful of decisions is no ground to judge by.
    assert verdict(scored(KNOWS), scored(near, "no_rules", skip=len(Y) - 24)) == alone


def test_a_control_of_fewer_decisions_is_held_against_r_on_the_same() -> None:
    """The model knows the first 180 decisions and guesses at the others; only the others have a
    score without the rules, and a worse one."""
    half = len(Y) // 2
    mixed = np.concatenate([KNOWS[:half], GUESSES[half:]])
    p = np.concatenate([KNOWS[:half], 1 - KNOWS[half:]])
    row = verdict(scored(mixed), scored(p, "no_rules", skip=half))
    assert (row["decisions"], row["n_control"]) == (2 * half, half)
    assert row["r_control"] == pytest.approx(loop_r(list(p[half:]), list(Y[half:])))
    assert row["r"] == pytest.approx(loop_r(list(mixed), list(Y)))
    # r of .8 (.6 to .9) here, .3 on the decisions of the control, where .2 is left: the loss of .1
    # is less than what r is sure to, although .2 lies far below .6; a loss of .25 is not.
    run = {"model": "m", "format": "plain", "formulation": "standard", "family": "lottery"}
    before = {**run, "r": 0.8, "low": 0.6, "high": 0.9}
    assert of_good(before, [])["verdict"] == "yes"
    for loss, expected in ((0.1, "not shown"), (0.25, "yes")):
        tried = {**run, "control": "other_history", "n": 50, "r": 0.3, "r_control": 0.3 - loss}
        tried |= {"loss": loss, "low": 0.01, "high": 0.4}
        after = of_good(before, [tried])
        assert (after["verdict"], after["n_control"]) == (expected, 50)


@pytest.mark.parametrize(
    ("family", "takes_the_game_away"),
    [
        ("lottery", {"other_history"}),  # gambles stand on the table, not in the rules
        ("one_shot_matrix", {"other_history"}),
        ("repeated_matrix", {"no_history", "no_rules", "neutral_rules", "other_history"}),
        ("bargaining", {"no_rules", "neutral_rules", "other_history"}),  # the offer stays
    ],
)
def test_which_controls_take_the_game_away(family: str, takes_the_game_away: set[str]) -> None:
    run = {"model": "m", "format": "plain", "formulation": "standard", "family": family}
    before = {**run, "r": 0.5, "low": 0.3, "high": 0.7}
    assert of_good(before, [])["verdict"] == "yes"
    cases = [  # r under the control, its loss and the interval of that; whether it may be as good
        (0.1, 0.05, -0.1, 0.2, True),
        (0.3, 0.2, 0.1, 0.3, True),
        (0.1, 0.4, 0.2, 0.6, False),
        (0.1, 0.4, None, None, False),
    ]
    for control in CONTROLS:
        for r_control, loss, low, high, as_good in cases:
            tried = {**run, "control": control, "n": 30, "r": 0.5, "r_control": r_control}
            tried |= {"loss": loss, "low": low, "high": high}
            after = of_good(before, [tried])
            counts = control in takes_the_game_away
            assert after["control"] == (control if counts else None)
            assert after["verdict"] == ("not shown" if as_good and counts else "yes")
            few = of_good(before, [{**tried, "n": 29}])
            assert (few["verdict"], few["control"]) == ("yes", None)


@pytest.mark.slow
def test_a_study_adds_controls_and_leaves_every_other_table(data: Path) -> None:
    out = data / "out"
    assert run(study_file(data), out) == 0
    analysis, *_ = analyze_study(out)
    first, further = analysis.to_json(), further_analysis(analysis, OF_FORMULATIONS)
    written = parts(out)
    assert further.pop("controls") == []
    names = ["no_history", "other_history", "renamed"]
    assert run(study_file(data, controls=names), out) == 0
    after = parts(out)
    assert {path: after[path] for path in written} == written
    folders = {path.parent.name for path in out.rglob("part-*")}
    assert folders >= {"standard.plain", *(f"standard+{name}.plain" for name in names)}
    again, *_ = analyze_study(out)
    assert again.to_json() == first
    tables = further_analysis(again, OF_FORMULATIONS)
    rows = tables.pop("controls")
    assert tables == further
    assert {row["formulation"] for row in rows} == {"standard"}
    found = {(row["family"], row["control"]) for row in rows}
    assert {("lottery", "renamed"), ("repeated_matrix", "no_history")} <= found
    assert ("lottery", "no_history") not in found
    # What does not fit is counted, and is no failure.
    frame = scores(out).filter(pl.col("formulation") == "standard+no_history")
    missing = frame.filter(pl.col("error").is_not_null())
    assert missing.filter(pl.col("family") == "lottery").height == 2 * 2 * 5
    # A lottery is shown in both orders and to two models: one decision all the same.
    lost = missing["decision"].n_unique()
    total = frame["decision"].n_unique()
    why = "nothing had happened before this decision"
    assert (
        f"The control no_history is not applicable to {lost} of {total} decisions of mine.jsonl: "
        f"{why}; they are missing under that control."
    ) in caveats(out)
    assert not any("The wording" in note for note in caveats(out))
    assert {row["error"] for row in not_scored(analyze_study(out)[1])} >= {
        f"the control does not fit: {why}"
    }
    n = {row["n"] for row in rows if (row["family"], row["control"]) == ("lottery", "renamed")}
    assert n == {5}
    told = CliRunner().invoke(app, ["verdict", str(out), "--json"])
    assert {row["control"] for row in json.loads(told.stdout)} <= {*names, None}
    assert CliRunner().invoke(app, ["export", str(out), "--to", "parquet"]).exit_code == 0
    table = pl.read_parquet(out / "export" / "trial.parquet")
    assert set(table["formulation"]) == {"standard", *(f"standard+{name}" for name in names)}
    assert run(study_file(data), out) == 0  # without them again: only the standard is in force
    assert set(scores(out)["formulation"]) == {"standard"}


def test_controls_of_a_study_file(data: Path) -> None:
    study = read_study(study_file(data, controls=["no_rules", "renamed"]))
    assert study.controls == ("no_rules", "renamed")
    assert read_study(study_file(data)).controls == ()
    for wrong, sentence in (
        ({"controls": ["no_histry"]}, "controls holds 'no_histry'; it must be one of"),
        ({"controls": "no_rules"}, "must be a list of texts"),
        ({"formulations": ["standard+no_rules"]}, "holds 'standard+no_rules', a wording joined"),
    ):
        with pytest.raises(UserError, match=sentence.replace("+", r"\+")):
            read_study(study_file(data, **wrong))


@pytest.mark.slow
def test_another_reading_is_scored_beside_as_a_control(data: Path) -> None:
    out, alone = data / "both", data / "alone"
    assert run(study_file(data, reading=["joint", "next_token"]), out) == 0
    assert run(study_file(data, reading="next_token"), alone) == 0
    names = ["decision", "model", "presentation"]
    beside = scores(out).filter(pl.col("formulation") == "standard+next_token").sort(names)
    there = scores(alone).sort(names)
    assert beside.height == there.height > 0
    assert beside["row_key"].to_list() == there["row_key"].to_list()
    assert beside["logprobs"].to_list() == there["logprobs"].to_list()
    joint = scores(out).filter(pl.col("formulation") == "standard")
    assert joint.height == there.height
    assert not set(joint["row_key"]) & set(there["row_key"])
    analysis, *_ = analyze_study(out)
    assert {row["formulation"] for row in analysis.models} == {"standard"}
    rows = further_analysis(analysis, ["controls"])["controls"]
    assert {row["control"] for row in rows} == {"next_token"}
