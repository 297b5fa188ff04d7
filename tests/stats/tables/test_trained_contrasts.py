"""Contrasts at checkpoints: over the decisions that all have scored, and against the tables of
pairs, which get there in another way."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.support.trainings import record
from tests.support.treatments import Built, yes
from tremble.report.tables.further import further_layout
from tremble.report.tables.training import pivots
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.analysis import Analysis
from tremble.stats.tables.contrasts import ContrastTables
from tremble.stats.tables.effect_agreement import effect_errors_table
from tremble.stats.tables.further import further_tables

Row = dict[str, Any]
MODELS = ("/w/base", "/w/-1", "/w/-2")
CONTRAST = Contrast(("version",), ("reference",))
NAMES = ["checkpoint_contrasts", "checkpoint_effects"]


def treated(lost: int | None = None, size: int = 60) -> Built:
    """Seven versions against a reference: the base knows people's shares, checkpoints exaggerate;
    the last has no score of decision `lost`."""
    rng = np.random.default_rng(2)
    true = {"reference": 0.5} | {f"v{i}": 0.5 + 0.05 * (i - 3) for i in range(7)}
    built = Built()
    for version, share in true.items():
        for person in range(size):
            says = [0.5 + by * (share - 0.5) + 0.001 * (person % 3) for by in (1, 2, 3)]
            models: dict[str, float | None] = dict(zip(MODELS, says, strict=True))
            if len(built.decisions) == lost:
                models[MODELS[-1]] = None
            built.add(
                {"version": version},
                version,
                models,
                participant=f"{version} {person}",
                choice=yes(bool(rng.random() < share)),
            )
    return built


def series(built: Built) -> Analysis:
    evidence = built.evidence()
    made = Analysis([], [], [], [], evidence=evidence, contrasts=[CONTRAST])
    return dataclasses.replace(made, trajectory=record(steps=len(MODELS)))


def means(built: Built, version: str, model: str, without: int | None) -> tuple[float, float]:
    """People's share of yes and a model's mean probability in a version."""
    at = [
        n
        for n, row in enumerate(built.decisions)
        if f'"{version}"' in row["config"] and n != without
    ]
    chosen = [built.decisions[n]["choice"] == "yes" for n in at]
    by_name = {
        row["decision"]: np.exp(row["logprobs"][0]) / np.exp(row["logprobs"]).sum()
        for row in built.scores
        if row["model"] == model
    }
    said = [by_name[built.decisions[n]["decision"]] for n in at]
    return float(np.mean(chosen)), float(np.mean(said))


@pytest.mark.parametrize("lost", [None, 70])
def test_effects_are_over_the_decisions_that_all_checkpoints_have(lost: int | None) -> None:
    built = treated(lost)
    rows = further_tables(series(built), names=NAMES)["checkpoint_contrasts"]
    assert len(rows) == 7 * len(MODELS)
    for row in rows:
        pairs = [means(built, name, row["model"], lost) for name in (row["level"], "reference")]
        people, effect = (pairs[0][side] - pairs[1][side] for side in (0, 1))
        assert row["people"] == pytest.approx(people)
        assert row["effect"] == pytest.approx(effect, abs=1e-6)
        assert row["difference"] == pytest.approx(effect - people, abs=1e-6)
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        here = lost is not None and row["level"] == "v0"
        assert row["n"] == 120 - here
        assert ("1 decision of these arms not scored" in (row["note"] or "")) == here


def test_distances_from_people_are_those_of_pairs() -> None:
    built = treated()
    analysis = series(built)
    rows = further_tables(analysis, names=NAMES)["checkpoint_effects"]
    made = ContrastTables(analysis.evidence, [CONTRAST])
    for place, row in enumerate(rows):
        assert (row["checkpoint"], row["contrasts"]) == (place, 7)
        mine = [
            (one["people"], one["effect"]) for one in made.rows() if one["model"] == MODELS[place]
        ]
        assert row["effects_r"] == pytest.approx(np.corrcoef(np.transpose(mine))[0, 1])
        if place:
            comparison = Comparison(MODELS[0], MODELS[place], "plain", "plain", "plain")
            (pair,) = effect_errors_table(made, [comparison])
            assert rows[0]["effects_rmse"] == pytest.approx(pair["rmse_base"])
            assert row["effects_rmse"] == pytest.approx(pair["rmse_aligned"])
            assert row["difference"] == pytest.approx(-pair["difference"])
            assert (row["low"], row["high"]) == pytest.approx((-pair["high"], -pair["low"]))
    assert rows[0]["effects_rmse"] < rows[1]["effects_rmse"] < rows[2]["effects_rmse"]


def test_a_checkpoint_without_scores_in_a_format_leaves_a_reason() -> None:
    built = treated()
    others = [row for row in built.scores if row["model"] != MODELS[-1]]
    built.scores += [{**row, "format": "chat"} for row in others]
    analysis = series(built)
    rows = further_tables(analysis, names=NAMES)
    chat = [row for row in rows["checkpoint_effects"] if row["format"] == "chat"]
    assert {row["note"] for row in chat} == {
        "a checkpoint of the run has no scores in this format and wording"
    }
    assert {row["format"] for row in rows["checkpoint_contrasts"]} == {"plain"}


def test_studies_without_contrasts_have_no_rows_and_columns_show_the_others() -> None:
    analysis = series(treated())
    without = dataclasses.replace(analysis, contrasts=())
    assert further_tables(without, names=NAMES) == {name: [] for name in NAMES}
    tables = further_tables(analysis, names=NAMES)
    (pivot,) = pivots(tables)
    (section,) = (one for one in pivot.sections if "effects of treatments" in one.heading)
    labels = [row[0] for row in section.rows]
    assert labels == ["Contrasts", "Effects r", "Effects RMSE", "Effects RMSE none"]
    assert all(label.casefold() in pivot.caption.casefold() for label in labels)
    assert "sessions" not in pivot.caption and "g:" not in pivot.caption
    for table in further_layout(tables):
        assert table.sections and "/w/" not in str(table)


def test_effects_that_people_hardly_have_are_said_to_be_noise() -> None:
    """Less noise, both errors are 0 there: that is no agreement."""
    rng = np.random.default_rng(7)
    built = Built()
    for version in ("reference", *(f"v{i}" for i in range(7))):
        for person in range(20):
            built.add(
                {"version": version},
                version,
                dict.fromkeys(MODELS, 0.5 + 0.0001 * len(built.decisions)),
                participant=f"{version} {person}",
                choice=yes(bool(rng.random() < 0.5)),
            )
    rows = further_tables(series(built), names=NAMES)["checkpoint_effects"]
    assert [row["effects_rmse_none"] for row in rows] == [0.0] * len(MODELS)
    assert {row["note"] for row in rows} == {
        "people's effects are not larger than noise, so distances from them say little"
    }
