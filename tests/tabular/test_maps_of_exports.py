"""A map for each tool's exports, and the decisions that whoever made them wrote down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.tables import a_map
from tremble.api.check import import_decisions
from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import load_table

EXPORTS = Path(__file__).parent / "exports"
OTREE = {
    "participant": "participant.code",
    "outcome": "ultimatum.{round}.player.accepted",
    "options": [{"key": "accept", "cells": ["1"]}, {"key": "reject", "cells": ["0"]}],
    "columns": {"offer": "ultimatum.{round}.group.offer"},
    "config": {"stakes": "session.config.stakes", "frame": "ultimatum.{round}.player.frame"},
    "prompt": "{% for past in history %}{{ past.round }}: {{ past.offer }}, {{ past.choice }}.\n"
    "{% endfor %}{{ round }}: {{ offer }}?",
}
JSPSYCH = {
    "rows": {"task": ["choice"]},
    "participant": "subject",
    "outcome": "response",
    "round": "round",
    "options": [{"key": "safe", "cells": [0]}, {"key": "risky", "cells": [1]}],
    "config": ["frame"],
    "prompt": "{{ safe }} for sure, or 100 with a chance of one half?",
}
PSYCHOPY = {
    "participant": "participant",
    "outcome": "key_resp.keys",
    "options": ["left", "right"],
    "order": "trials.thisN",
    "config": ["frame"],
    "prompt": "{{ history|length }}: {{ safe }}?",
}
QUALTRICS = {
    "participant": "ResponseId",
    "outcome": "Q2",
    "options": ["Program A", "Program B"],
    "config": ["condition"],
    "prompt": "{{ question }}",
}
SOSCI = {
    "participant": "CASE",
    "options": [{"key": "a", "cells": ["1"]}, {"key": "b", "cells": ["2"]}],
    "config": ["RG01"],
    "prompt": "{{ question }}",
}
FRAME = {
    "participant": "id",
    "outcome": "choice",
    "options": ["safe", "risky"],
    "config": ["frame"],
    "prompt": "Safe or risky?",
}
SPSS = {**FRAME, "options": ["accept", "reject"], "config": ["cond"]}
FINISHED = {"Status": ["Survey Preview"], "Finished": ["False"], "Q3": ["Sometimes", "Never", ""]}


@pytest.mark.parametrize(
    ("name", "task", "top"),
    [
        ("otree/all_apps_wide.csv", OTREE, {}),
        ("jspsych/people", JSPSYCH, {}),
        ("jspsych/people_csv", JSPSYCH, {}),
        ("jspsych/all.jsonl", JSPSYCH, {}),
        ("psychopy/data", PSYCHOPY, {"drop": {"trials.thisN": [""]}}),
        ("qualtrics/answers.csv", QUALTRICS, {"drop": FINISHED}),
        ("qualtrics/answers.xlsx", QUALTRICS, {"drop": FINISHED}),
        ("spss/study.sav", SPSS, {}),
        ("spss/study.dta", SPSS, {}),
        ("r/write_csv.csv", FRAME, {}),
        ("r/write_csv2.csv", FRAME, {"file": {"decimal": ","}}),
        ("r/write_csv2_cp1252.csv", FRAME, {"file": {"encoding": "cp1252"}}),
        ("pandas/to_csv.csv", FRAME, {}),
        ("pandas/to_json.json", FRAME, {}),
    ],
)
def test_the_decisions_are_those_that_were_logged(
    name: str, task: dict[str, Any], top: dict[str, Any], tmp_path: Path
) -> None:
    written = json.loads((EXPORTS / name.partition("/")[0] / "decisions.json").read_text("utf-8"))
    map_ = map_from(a_map(task, keep_ids=True, **top), "map.toml")
    found = list(load_table(EXPORTS / name, map_, Notes(), "mine"))
    import_decisions(iter(found), tmp_path / "mine.jsonl")
    cells = {option.key: option.cells[0] for option in map_.tasks[0].options}
    numbered = "round" in {*task, *(["round"] if "{round}" in task["outcome"] else [])}
    told = [
        (d.participant, d.round if numbered else None, condition(d), cells[d.choice or ""])
        for d in found
    ]
    expected = [
        (
            one["participant"],
            one["round"] if numbered else None,
            sorted(map(str, held(one["condition"]))),
            one["outcome"],
        )
        for one in written
    ]
    assert sorted(told, key=repr) == sorted(expected, key=repr)


def condition(decision: Decision) -> list[str]:
    return sorted(map(str, decision.config.values()))


def held(condition: Any) -> Any:
    return condition.values() if isinstance(condition, dict) else [condition]


def test_prompts_of_otree_have_the_rounds_before() -> None:
    found = list(
        load_table(EXPORTS / "otree/all_apps_wide.csv", map_from(a_map(OTREE)), Notes(), "m")
    )
    of_one = [d for d in found if d.participant == found[0].participant]
    lines = (of_one[-1].prompt or "").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["1", "2", "3"]
    assert all(line.endswith((", accept.", ", reject.")) for line in lines[:-1])
    assert of_one[0].prompt == lines[0].partition(",")[0] + "?"


def test_the_question_of_qualtrics_is_the_prompt() -> None:
    map_ = map_from(a_map(QUALTRICS, drop=FINISHED))
    notes = Notes()
    for decision in load_table(EXPORTS / "qualtrics/answers.csv", map_, notes, "m"):
        assert decision.prompt == "A disease threatens 600 people.\nWhich program do you choose?"
    assert notes.dropped["Status is 'Survey Preview'"] >= 1


def test_two_questions_of_sosci_are_two_tasks() -> None:
    first, second = ({**SOSCI, "family": name, "outcome": name} for name in ("A101", "A102"))
    content = a_map(first, second, keep_ids=True, file={"header_rows": 2, "missing": ["-9"]})
    content["drop"] = {"FINISHED": [0], "MODE": ["debug", "pretest"]}
    found = list(load_table(EXPORTS / "sosci/data.csv", map_from(content), Notes(), "m"))
    told = {(d.participant, d.family, d.config["RG01"], d.choice) for d in found}
    written = json.loads((EXPORTS / "sosci/decisions.json").read_text("utf-8"))
    assert told == {
        (
            one["participant"],
            f"A10{one['round']}",
            int(one["condition"]),
            "ab"[int(one["outcome"]) - 1],
        )
        for one in written
    }
    assert len(found) == len(written)
