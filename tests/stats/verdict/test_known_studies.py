"""Studies of known truth, one for each row of the table by which the verdict is given."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import tremble
from tests.support.constructed import Pool, crossed, pool, rated, verdict_of

pytestmark = pytest.mark.slow

CONTRAST = '[[contrast]]\nby = "stakes"\ncontrol = "low"'
YES_NO = [{"key": "yes", "label": "yes"}, {"key": "no", "label": "no"}]
SCALE = [{"key": str(n), "label": str(n), "value": n} for n in range(1, 6)]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return pool(tmp_path_factory.mktemp("two"), YES_NO)


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return pool(tmp_path_factory.mktemp("five"), SCALE, 4000)


def spread(middle: float, items: int, width: float = 0.6) -> np.ndarray:
    return middle + width * (np.arange(items) + 0.5 - items / 2) / items


def arms_at(
    of: Pool, low: float, high: float, items: int = 30, width: float = 0.6
) -> dict[str, list[int]]:
    """Prompts of which the model's mean prediction is `low` and `high`."""
    places = of.nearest(np.concatenate([spread(m, items, width) for m in (low, high)]))
    return {"low": places[:items], "high": places[items:]}


def shifted(**moves: float) -> Any:
    """People choose the first option with the model's probability, moved by so much in an arm."""

    def chance(arm: str, shares: np.ndarray) -> np.ndarray:
        p = np.clip(shares[:, 0] + moves.get(arm, 0.0), 0.01, 0.99)
        return np.column_stack([p, 1 - p])

    return chance


def answers(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("ranking", "levels", "effects", "distribution", "replace")
    return tuple(row[name] for name in names)


def test_1_all_is_right(two: Pool, tmp_path: Path) -> None:
    records = crossed(two, arms_at(two, 0.40, 0.55), shifted(), people=200)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert answers(row) == ("yes", "yes", "yes", None, "yes"), row
    assert row["verdict"] == row["ranking"]


def test_2_effects_of_the_wrong_sign_at_a_high_r(two: Pool, tmp_path: Path) -> None:
    """People .437 -> .353, model .437 -> .518."""
    arms = arms_at(two, 0.437, 0.518, items=40, width=0.8)
    records = rated(two, arms, shifted(high=0.353 - 0.518), people=200)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert (row["ranking"], row["effects"], row["replace"]) == ("yes", "no", "no"), row
    assert row["r"] == pytest.approx(0.94, abs=0.015) and row["ceiling"] > 0.98
    assert row["effects_why"].startswith(
        "the model moves in the wrong direction: stakes (high against low) moves people's share of "
        "'yes' by -.08 and the model's by +.08"
    )
    assert row["replace_why"] == "because of levels and effects"


def test_3_a_level_four_times_too_high_at_an_r_of_one(two: Pool, tmp_path: Path) -> None:
    """People's shares are a quarter of the model's, so that they rise and fall together."""
    places = two.nearest(np.linspace(0.05, 0.95, 60))

    def quarter(arm: str, shares: np.ndarray) -> np.ndarray:
        return np.column_stack([shares[:, 0] / 4, 1 - shares[:, 0] / 4])

    row = verdict_of(tmp_path, crossed(two, {"low": places}, quarter, people=200))
    means = np.corrcoef(two.shares[places, 0], two.shares[places, 0] / 4)[0, 1]
    assert means == pytest.approx(1)
    assert (row["levels"], row["replace"]) == ("no", "no"), row
    assert (
        row["ranking"] == "yes"
        and "the model's mean prediction is .500 and people's mean .1" in row["levels_why"]
    )


def test_4_without_a_contrast_at_most_in_part(two: Pool, tmp_path: Path) -> None:
    records = crossed(two, arms_at(two, 0.40, 0.55), shifted(), people=200)
    row = verdict_of(tmp_path, records)
    assert answers(row) == ("yes", "yes", None, None, "in part"), row
    assert row["replace_why"].endswith("add a [[contrast]] by stakes to the study file")


def test_5_the_right_sign_and_the_wrong_size(two: Pool, tmp_path: Path) -> None:
    """The model's effect is .30, people's .10: it exaggerates."""
    arms = arms_at(two, 0.35, 0.65, items=40)
    records = crossed(two, arms, shifted(low=0.10, high=-0.10), people=200)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert (row["levels"], row["effects"]) == ("yes", "in part"), row
    assert row["replace"] == "in part" and "effects: in part" in row["replace_why"]


def test_6_no_effect_of_people_is_clear(two: Pool, tmp_path: Path) -> None:
    """People have none, the model one of .20 with few items."""
    arms = arms_at(two, 0.40, 0.60, items=15)
    records = crossed(two, arms, shifted(low=0.10, high=-0.10), people=60)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert row["effects"] == "not shown", row
    assert "no effect on people is clearly different from 0: " in row["effects_why"]


def test_7_noise_shows_nothing(two: Pool, tmp_path: Path) -> None:
    """30 people, who choose as a coin falls, on items of which the model says this and that."""
    arms = {"low": list(range(12)), "high": list(range(12, 24))}

    def coin(arm: str, shares: np.ndarray) -> np.ndarray:
        return np.full_like(shares, 0.5)

    row = verdict_of(tmp_path, crossed(two, arms, coin, people=30), CONTRAST)
    assert answers(row) == ("not shown", "not shown", "not shown", None, "not shown"), row


def test_8_a_model_that_turns_people_round(two: Pool, tmp_path: Path) -> None:
    """r below zero."""

    def turned(arm: str, shares: np.ndarray) -> np.ndarray:
        return np.asarray(shares[:, ::-1])

    records = crossed(two, {"low": two.nearest(np.linspace(0.1, 0.9, 40))}, turned, people=60)
    row = verdict_of(tmp_path, records)
    assert (row["ranking"], row["replace"]) == ("no", "no"), row
    assert row["levels"] != "no" and row["replace_why"] == "because of ranking"


def test_9_few_texts_answer_for_themselves(two: Pool, tmp_path: Path) -> None:
    """Two texts an arm: no ranking; the contrast of these very texts has the wrong sign."""
    arms = arms_at(two, 0.437, 0.518, items=2)
    records = crossed(two, arms, shifted(high=0.353 - 0.518), people=400)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert (row["ranking"], row["effects"], row["replace"]) == ("cannot say", "no", "no"), row
    assert "for these texts" in row["effects_why"]
    right = crossed(two, arms, shifted(), people=400)
    row = verdict_of(tmp_path / "right", right, CONTRAST)
    assert (row["ranking"], row["replace"]) == ("cannot say", "cannot say"), row
    assert row["effects"] != "no"


def test_10_few_people_say_nothing(two: Pool, tmp_path: Path) -> None:
    records = crossed(two, arms_at(two, 0.40, 0.55), shifted(), people=12)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert answers(row) == ("cannot say", "cannot say", "cannot say", None, "cannot say"), row
    assert "12 people, fewer than 20" in row["effects_why"]
    nameless = [{k: v for k, v in one.items() if k != "participant"} for one in records]
    row = verdict_of(tmp_path / "nameless", nameless, CONTRAST)
    assert answers(row) == ("cannot say", "cannot say", "cannot say", None, "cannot say"), row
    assert "neither participant nor game is known" in row["effects_why"]


def test_10b_many_people_behind_few_rates(two: Pool, tmp_path: Path) -> None:
    """Twelve problems with 1,000 people each: too few for a ranking, not for a level."""
    records = rated(two, arms_at(two, 0.40, 0.55, items=6), shifted(), people=1000)
    row = verdict_of(tmp_path, records)
    assert (row["ranking"], row["levels"], row["replace"]) == ("cannot say", "yes", "cannot say")


def test_10c_a_model_that_knows_nothing_but_the_arm(two: Pool, tmp_path: Path) -> None:
    """Its effect does not vary, so it has no error: of the wrong sign it is wrong."""
    low, high = (int(np.abs(two.shares[:, 0] - p).argmin()) for p in (0.2, 0.8))
    arms = {"low": [low] * 20, "high": [high] * 20}

    def turned(arm: str, shares: np.ndarray) -> np.ndarray:
        p = np.linspace(0.5, 0.9, 20) if arm == "low" else np.linspace(0.3, 0.7, 20)
        return np.column_stack([p, 1 - p])

    records = crossed(two, arms, turned, people=60)
    for place, one in enumerate(records):  # another text an item, of the same prediction
        one["config"]["n"] = place // 60 % 20
    row = verdict_of(tmp_path, records, CONTRAST)
    assert (row["effects"], row["replace"]) == ("no", "no"), row


def test_11_distributions_that_are_alike(five: Pool, tmp_path: Path) -> None:
    places = five.nearest(np.linspace(0.02, 0.7, 40))
    alike = crossed(five, {"low": places}, lambda arm, shares: shares, people=200)
    row = verdict_of(tmp_path, alike)
    assert (row["levels"], row["distribution"], row["replace"]) == ("yes", "yes", "in part"), row


def test_12_the_same_mean_and_another_spread(five: Pool, tmp_path: Path) -> None:
    """People take the ends of the scale where the model takes its middle, and the other way round:
    equal means, other distributions."""
    values = np.arange(1.0, 6.0)

    def ends(arm: str, shares: np.ndarray) -> np.ndarray:
        mean = shares @ values
        high = (mean - 1) / 4
        made = np.zeros_like(shares)
        made[:, 0], made[:, -1] = 1 - high, high
        return made

    places = five.nearest(np.linspace(0.02, 0.5, 40))
    row = verdict_of(tmp_path, crossed(five, {"low": places}, ends, people=200))
    assert (row["levels"], row["distribution"], row["replace"]) == ("yes", "no", "no"), row
    assert "of the scale's range on average: more than .10" in row["distribution_why"]


def test_12b_a_distribution_that_may_be_near_enough_or_not(five: Pool, tmp_path: Path) -> None:
    """Three people in five choose at random."""

    def mixed(arm: str, shares: np.ndarray) -> np.ndarray:
        return np.asarray(0.4 * shares + 0.6 / 5)

    places = five.nearest(np.linspace(0.02, 0.7, 30))
    row = verdict_of(tmp_path, crossed(five, {"low": places}, mixed, people=60))
    assert row["distribution"] == "not shown", row


def test_13_the_level_may_be_near_enough_or_not(two: Pool, tmp_path: Path) -> None:
    records = crossed(two, arms_at(two, 0.4, 0.5), shifted(low=-0.05, high=-0.05), people=60)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert row["levels"] == "not shown", row
    assert row["replace"] in ("in part", "not shown")


def test_14_where_the_options_have_no_mass_the_prompt_is_at_fault(
    two: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same model with .0001 of the probability on the options: its shares are the same."""
    from tremble.engines.mock import MockEngine

    hashed = MockEngine._hashed

    def faint(self: Any, index: int, paths: Any) -> Any:
        from dataclasses import replace

        made = hashed(self, index, paths)
        logs = tuple(one + np.log(0.0001 / 0.9) for one in made.logprobs)
        return replace(made, logprobs=logs, first_mass=0.0001)

    monkeypatch.setattr(MockEngine, "_hashed", faint)
    records = crossed(two, arms_at(two, 0.40, 0.55), shifted(), people=60)
    row = verdict_of(tmp_path, records, CONTRAST)
    assert row["replace"] == "cannot say"
    assert row["replace_why"].startswith(
        "the options have only .0001 of the probability, too little for a conclusion (at least .80 "
        "is needed); the likeliest other answer is '?' (.05); "
    )
    code, text, _ = tremble("verdict", tmp_path / "out")
    assert code == 0 and "The options have only .0001 of the probability" in text.replace("\n", " ")


def test_the_numbers_of_a_sentence_are_those_of_the_rows(two: Pool, tmp_path: Path) -> None:
    """Means of the exported rows are those that the sentence on levels names."""
    records = crossed(two, arms_at(two, 0.40, 0.55), shifted(), people=60)
    row = verdict_of(tmp_path, records)
    code, _, said = tremble("export", tmp_path / "out", "--out", tmp_path / "t.csv")
    assert code == 0, said
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = {"the model's mean prediction is": "prediction", "people's mean": "outcome"}
    for name, column in names.items():
        mean = np.mean([float(one[column]) for one in rows])
        assert f"{name} {mean:.3f}".replace(" 0.", " .") in row["levels_why"]
