"""The verdict: what it says of models whose worth is known, and where it must not speak."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support.counterparts import people
from tests.support.stat_frames import decision, score
from tests.support.studies import run, study_file
from tremble.commands.program import app
from tremble.stats.metrics.correlation import pearson
from tremble.stats.tables.analysis import evidence_of
from tremble.stats.verdict.ranking import MARGIN, beside_ceiling, best_baseline
from tremble.stats.verdict.ranking_table import ranking_table
from tremble.store.schemas import DECISIONS, SCORES
from tremble.text import decimal


def verdicts(scores: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, dict[str, Any]]:
    rows = ranking_table(evidence_of(scores, decisions), resamples=999)
    return {row["model"]: row for row in rows}


def scored(decisions: pl.DataFrame, model: str, p: np.ndarray) -> pl.DataFrame:
    rows = [
        score(name, [value, 1 - value], family="repeated_matrix", model=model)
        for name, value in zip(decisions["decision"], p, strict=True)
    ]
    return pl.DataFrame(rows, schema=SCORES)


def test_models_of_known_worth() -> None:
    _, decisions = people(60, 6, seed=3)
    y = (decisions["choice"] == "yes").to_numpy().astype(float)
    drawn = np.random.default_rng(5)
    repeated = np.where(decisions["round"].to_numpy() == 1, 0.5, np.roll(y, 1))
    last = np.clip(repeated, 0.01, 0.99)
    models = {
        "oracle": np.clip(0.2 + 0.6 * y + 0.1 * drawn.normal(size=len(y)), 0.02, 0.98),
        "echo": np.clip(last + 0.02 * drawn.normal(size=len(y)), 0.005, 0.995),
        "noise": drawn.uniform(0.1, 0.9, len(y)),
        "against": np.clip(0.5 - 0.1 * (last - 0.5) + 0.3 * drawn.normal(size=len(y)), 0.02, 0.98),
        "contrary": np.clip(0.8 - 0.6 * y + 0.1 * drawn.normal(size=len(y)), 0.02, 0.98),
    }
    found = verdicts(pl.concat([scored(decisions, m, p) for m, p in models.items()]), decisions)
    said = {model: (row["verdict"], row["why"].split(":")[0]) for model, row in found.items()}
    assert said == {
        "oracle": ("in part", "better than last_choice; the noise ceiling is unknown"),
        "echo": ("not shown", "last_choice may be as good as the model"),
        "noise": ("not shown", "r may be zero (95% interval"),
        "contrary": ("no", "r is negative (95% interval"),
        "against": ("no", "last_choice predicts people better"),
    }
    row = found["against"]
    assert row["low"] < 0 < row["high"] and row["over_high"] < 0
    row = found["noise"]
    shown = row["why"].split("an r of ")[1].split(" ")[0]
    assert float(shown) == pytest.approx(2.8 * (row["high"] - row["low"]) / (2 * 1.96), rel=0.15)
    row = found["oracle"]
    assert row["r"] == pytest.approx(pearson(models["oracle"], y)[0])
    assert row["r_baseline"] == pytest.approx(pearson(repeated, y)[0])
    assert row["over"] == pytest.approx(row["r"] - row["r_baseline"])
    # 1.96 + 0.84 standard errors; the interval is about 2 x 1.96 of them wide.
    width = (row["over_high"] - row["over_low"]) / (2 * 1.96)
    assert row["smallest"] == pytest.approx(2.8 * width, rel=0.15)


def test_few_people_allow_no_verdict() -> None:
    scores, decisions = people(12, 6)
    for row in verdicts(scores, decisions).values():
        assert (row["verdict"], row["decisions"], row["clusters"]) == ("cannot say", 72, 12)
        assert row["why"] == "72 decisions of 12 participants, too few for a verdict"


def own_study(each: int, prompts: int, alone: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """A family of one's own without games: `each` people read every prompt, `alone` one of theirs.
    Decisions, and what is true of each."""
    drawn = np.random.default_rng(2)
    truth = np.concatenate([np.repeat(np.linspace(0.02, 0.98, prompts), each), drawn.random(alone)])
    did = drawn.random(len(truth)) < truth
    rows = [
        decision(
            f"d{i}",
            family="custom",
            participant=f"p{i}",
            choice="yes" if yes else "no",
            config="{}",
            presentations=1,
            numbers=json.dumps({"read": i // each if i < each * prompts else f"own {i}"}),
        )
        for i, yes in enumerate(did)
    ]
    return pl.DataFrame(rows, schema=DECISIONS), truth


def of_oracle(decisions: pl.DataFrame, truth: np.ndarray) -> dict[str, Any]:
    scores = scored(decisions, "oracle", truth)
    return verdicts(scores.with_columns(family=pl.lit("custom")), decisions)["oracle"]


def test_a_constant_baseline_adds_nothing_and_less_data_say_less() -> None:
    """The same perfect model of 120 prompts, read by 40 people each, and of 24, by two."""
    much, little = of_oracle(*own_study(40, 120)), of_oracle(*own_study(2, 24))
    for row in (much, little):
        assert (row["baseline"], row["r_baseline"]) == ("majority", None)
        assert (row["over"], row["over_low"], row["over_high"]) == (
            (row["r"], row["low"], row["high"])
        )
    assert much["verdict"] == "yes"
    assert much["low"] >= much["ceiling"] - MARGIN
    assert much["why"] == (
        "better than majority, which is constant here, and r is at most .10 below the noise "
        f"ceiling of {decimal(much['ceiling'])}: its interval begins at {decimal(much['low'])}"
    )
    assert little["low"] < little["ceiling"] - MARGIN < little["ceiling"] < little["high"]
    assert little["verdict"] == "in part"
    assert little["why"].endswith(
        f"r may lie up to {decimal(little['ceiling'] - little['low'])} below the noise ceiling of "
        f"{decimal(little['ceiling'])}, so it is not shown to be within .10 of it"
    )


def test_a_ceiling_of_fewer_points_is_said() -> None:
    row = of_oracle(*own_study(40, 24, alone=40))
    assert row["points"] == 1000
    assert row["verdict"] == "in part"  # although r is near the ceiling of those 960
    assert row["why"].endswith("is known for 960 of the 1,000 points only")


@pytest.mark.parametrize(
    ("low", "high", "ceiling", "verdict", "why"),
    [
        (0.02, 0.86, 0.80, "in part", "r may lie up to .78 below the noise ceiling of .80"),
        (
            0.71,
            0.79,
            0.80,
            "yes",
            "at most .10 below the noise ceiling of .80: its interval begins at .71",
        ),
        (0.40, 0.60, 0.80, "in part", "but r is .20 to .40 below the noise ceiling of .80"),
        (0.40, 0.60, None, "in part", "the noise ceiling is unknown"),
        # A quarter of a low ceiling: else anything above zero would be near it.
        (0.02, 0.11, 0.12, "in part", "not shown to be within .03"),
        (0.10, 0.11, 0.12, "yes", "at most .03 below the noise ceiling of .12"),
        (0.40, 0.60, 0.0, "in part", "choices are so noisy that the noise ceiling is 0"),
    ],
)
def test_how_far_below_the_ceiling(
    low: float, high: float, ceiling: float | None, verdict: str, why: str
) -> None:
    found = beside_ceiling(low, high, ceiling, "better")
    assert found[0] == verdict
    assert why in found[1]


def test_the_smallest_difference_is_as_wide_as_the_interval() -> None:
    # Five people: the interval reaches far more than 1.96 errors; what lies inside it is not shown.
    scores, decisions = people(5, 12)
    for row in verdicts(scores, decisions).values():
        half = (row["over_high"] - row["over_low"]) / 2
        assert half < row["smallest"] < half * 2.8 / 1.96


def test_no_variance_is_said() -> None:
    scores, decisions = people(30, 4)
    same = decisions.with_columns(choice=pl.lit("yes"))
    for row in verdicts(scores, same).values():
        assert (row["r"], row["verdict"], row["why"]) == (None, "cannot say", "one outcome only")


@pytest.mark.slow
def test_from_the_command_line(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    shown = CliRunner().invoke(app, ["verdict", str(out), "--family", "lottery", "--json"])
    assert shown.exit_code == 0
    rows = json.loads(shown.stdout)
    assert {row["family"] for row in rows} == {"lottery"}
    assert {row["model"] for row in rows} == {"mock:base", "mock:aligned"}
    assert CliRunner().invoke(app, ["verdict", str(out)]).exit_code == 0
    wrong = CliRunner().invoke(app, ["verdict", str(out), "--family", "lotery"])
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "tremble: The study has no family 'lotery'; did you mean 'lottery'?\n",
    )


def test_a_baseline_that_lacks_one_point_is_still_the_one_to_beat() -> None:
    y = np.tile([0.0, 1.0], 10)
    strong, weak = y + np.linspace(0, 0.1, 20), np.where(np.arange(20) % 3, y, 1 - y)
    strong[3] = np.nan
    best = best_baseline(np.linspace(0, 1, 20), y, {"strong": strong, "weak": weak})
    assert best is not None and (best.name, best.lacking) == ("strong", 1)
    known = ~np.isnan(strong)
    assert best.r == pytest.approx(np.corrcoef(strong[known], y[known])[0, 1])
    strong[:3] = np.nan  # four of twenty: too few are left
    best = best_baseline(np.linspace(0, 1, 20), y, {"strong": strong, "weak": weak})
    assert best is not None and best.name == "weak"
