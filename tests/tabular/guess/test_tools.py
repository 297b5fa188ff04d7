"""Maps guessed for exports of survey tools, against the decisions noted when they were made."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.tabular.guess.registry import first_map
from tremble.tabular.maps.map_file import Map, map_from
from tremble.tabular.rows.load import load_table

EXPORTS = Path(__file__).parents[1] / "exports"
Did = tuple[str | None, str, str]  # who, the condition, the outcome's cell


def imported(path: Path) -> tuple[Map, list[Decision]]:
    """The guessed map, and its decisions with people under the names of the file."""
    text = first_map(path, "map.toml").text
    map_ = map_from(tomllib.loads("keep_ids = true\n" + text))
    return map_, list(load_table(path, map_, Notes(), "mine"))


def found(path: Path, families: set[str], condition: Callable[[Decision], Any]) -> list[Did]:
    map_, decisions = imported(path)
    cells = {
        (task.family, option.key): option.cells[0] for task in map_.tasks for option in task.options
    }
    return sorted(
        (str(one.participant), str(condition(one)), cells[one.family, str(one.choice)])
        for one in decisions
        if one.family in families
    )


def written(name: str) -> list[Did]:
    noted = json.loads((EXPORTS / name / "decisions.json").read_text("utf-8"))
    return sorted((one["participant"], str(one["condition"]), one["outcome"]) for one in noted)


def frame(decision: Decision) -> Any:
    return decision.config.get("frame", decision.config.get("cond"))


def both(decision: Decision) -> Any:
    return {"stakes": decision.config["stakes"], "frame": decision.config["frame"]}


@pytest.mark.parametrize(
    ("name", "families", "condition"),
    [
        ("otree/all_apps_wide.csv", {"ultimatum"}, both),
        ("jspsych/people", {"response"}, frame),
        ("jspsych/people_csv", {"choice"}, frame),
        ("jspsych/all.jsonl", {"response"}, frame),
        ("jspsych/joined.json", {"response"}, frame),
        ("psychopy/data", {"keys"}, frame),
        ("qualtrics/answers.csv", {"q2"}, lambda one: one.config["condition"]),
        ("qualtrics/answers.xlsx", {"q2"}, lambda one: one.config["condition"]),
        ("sosci/data.csv", {"a101", "a102"}, lambda one: one.config["RG01"]),
        ("sosci/data_excel.csv", {"a101", "a102"}, lambda one: one.config["RG01"]),
        ("spss/study.sav", {"choice"}, frame),
        ("spss/study.dta", {"choice"}, frame),
        ("r/write_csv.csv", {"choice"}, frame),
        ("r/write_csv2.csv", {"choice"}, frame),
        ("r/write_csv2_cp1252.csv", {"choice"}, frame),
        ("pandas/to_csv.csv", {"choice"}, frame),
        ("pandas/to_json.json", {"choice"}, frame),
        ("pandas/records.json", {"choice"}, frame),
    ],
)
def test_decisions_of_exports(
    name: str, families: set[str], condition: Callable[[Decision], Any]
) -> None:
    assert found(EXPORTS / name, families, condition) == written(name.partition("/")[0])


def test_one_app_of_otree_has_all_but_the_settings_of_sessions() -> None:
    _, decisions = imported(EXPORTS / "otree" / "ultimatum.csv")
    noted = json.loads((EXPORTS / "otree" / "decisions.json").read_text("utf-8"))
    expected = [(one["participant"], one["round"], one["condition"]["frame"]) for one in noted]
    made = [(one.participant, one.round, one.config["frame"]) for one in decisions]
    assert sorted(made, key=str) == sorted(expected, key=str)


def test_rounds_of_otree_have_their_history() -> None:
    _, decisions = imported(EXPORTS / "otree" / "all_apps_wide.csv")
    person = [one for one in decisions if one.participant == "bgb3awsd"]
    assert [one.round for one in person] == [1, 2, 3]
    assert "you chose" not in str(person[0].prompt)
    assert "Round 1, offer 5: you chose accept.\nRound 2, offer 1: you chose reject." in str(
        person[2].prompt
    )
    assert all(one.facts == {"age": 26} for one in person)
    assert all(one.role is None for one in person)  # proposers accept nothing


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("otree/all_apps_wide.csv", "an oTree export"),
        ("qualtrics/answers_values.tsv", "a Qualtrics export"),
        ("jspsych/people/s101.json", "jsPsych data"),
        ("psychopy/data/001_choices.csv", "PsychoPy data"),
        ("sosci/data_excel.csv", "SoSci Survey data"),
        ("spss/study.sav", "SPSS data"),
        ("spss/study.dta", "Stata data"),
        ("r/write_csv.csv", "a table"),
    ],
)
def test_who_wrote_it(name: str, tool: str) -> None:
    assert first_map(EXPORTS / name, "map.toml").draft.tool == tool


def test_previews_unfinished_and_failed_checks_of_qualtrics_are_left_out() -> None:
    draft = first_map(EXPORTS / "qualtrics" / "answers.csv", "m").draft
    assert draft.drop == {"Status": ["Survey Preview"], "Finished": ["False"], "Q3": ["Never"]}
    codes = first_map(EXPORTS / "qualtrics" / "answers_values.tsv", "m").draft
    assert codes.drop == {"Status": ["1"], "Finished": ["0"]}
    assert any("'Q3' seems to be an attention check" in text for text in codes.check)


def test_questions_become_the_prompt() -> None:
    shown = first_map(EXPORTS / "qualtrics" / "answers.csv", "m").trial.shown
    assert str(shown[0].prompt).startswith(
        "A disease threatens 600 people.\nWhich program do you choose?\n"
    )
    shown = first_map(EXPORTS / "jspsych" / "people", "m").trial.shown
    assert str(shown[0].prompt).startswith("You can win 10 for sure, or 100 with a chance of one")


def test_columns_that_name_people_are_told_and_never_used() -> None:
    made = first_map(EXPORTS / "qualtrics" / "answers.csv", "m")
    told = {column for column, _ in made.draft.private}
    assert {"IPAddress", "RecipientEmail", "LocationLatitude", "PROLIFIC_PID"} <= told
    used = [line for line in made.text.split("\n") if not line.startswith("#")]
    assert not any(column in line for line in used for column in told)
    assert "# Left out, because they seem to identify people: IPAddress (IP addresses)" in made.text


def test_a_file_without_decisions_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"no column that could be what people chose.*player\.age"):
        first_map(EXPORTS / "otree" / "about.csv", "m")
