"""The verdict: what it says of models whose worth is known, and where it must not speak."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from stat_frames import score
from test_further import people
from test_study import data, run, study_file
from tremble.cli import app
from tremble.stats import analyze, pearson
from tremble.stats.verdict import verdict_table
from tremble.store import SCORES

__all__ = ["data"]


def verdicts(scores: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, dict]:
    found = analyze(scores, decisions)
    rows = verdict_table(found.predicted, found.points, decisions, found.said, resamples=999)
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
        "contrary": np.clip(0.8 - 0.6 * y + 0.1 * drawn.normal(size=len(y)), 0.02, 0.98),
    }
    found = verdicts(pl.concat([scored(decisions, m, p) for m, p in models.items()]), decisions)
    said = {model: (row["verdict"], row["why"].split(":")[0]) for model, row in found.items()}
    assert said == {
        "oracle": ("in part", "better than last_choice; the ceiling is unknown"),
        "echo": ("not shown", "last_choice may be as good"),
        "noise": ("no", "r may be zero"),
        "contrary": ("no", "r is negative"),
    }
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
        assert (row["verdict"], row["n"], row["clusters"]) == ("cannot say", 72, 12)
        assert row["why"] == "72 points of 12 participants or games"


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
