"""Few prompts read by many people, and people who are not named, through the command line."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import mistake, refused, tremble, write_study
from tests.support.places import ROOT

pytestmark = pytest.mark.slow


def choices(
    people: int, prompts: int, named: bool = True, seed: int = 1, **more: Any
) -> list[dict[str, Any]]:
    """Everybody reads every prompt once and chooses; some are more for yes than others."""
    rng = np.random.default_rng(seed)
    leaning, hard = rng.normal(size=people), rng.normal(size=prompts)
    return [
        {
            "prompt": f"Offer {prompt}: take it?",
            "options": ["yes", "no"],
            "choice": "yes" if rng.normal() < leaning[person] + hard[prompt] else "no",
            **({"participant": f"p{person}"} if named else {}),
            **more,
        }
        for person in range(people)
        for prompt in range(prompts)
    ]


def study_of(folder: Path, records: list[dict[str, Any]], also: str = "") -> Path:
    path = write_study(folder, records)
    text = path.read_text("utf-8").replace("[[pair]]", f"{also}\n[[pair]]", 1)
    path.write_text(text, "utf-8")
    return path


def ran(folder: Path, records: list[dict[str, Any]], also: str = "") -> Path:
    code, _, said = tremble("run", study_of(folder, records, also), "--out", folder / "out")
    assert code == 0, said
    return folder / "out"


def verdicts(out: Path) -> list[dict[str, Any]]:
    code, text, said = tremble("verdict", out, "--json")
    assert code == 0, said
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def analysed(out: Path, *tables: str) -> dict[str, Any]:
    code, text, said = tremble("analyze", out, "--json", *tables)
    assert code == 0, said
    found: dict[str, Any] = json.loads(text)
    return found


def test_people_who_are_not_named_get_a_note_and_no_verdict(tmp_path: Path) -> None:
    """12 people x 30 choices, without ids."""
    records = choices(12, 30, named=False)
    out = ran(tmp_path, records)
    for row in verdicts(out):
        assert row["verdict"] == "cannot say"
        assert row["why"] == (
            "for 360 choices neither participant nor game is known; name them, or set "
            "one_decision_each = true in [study] if nobody made two decisions"
        )
    found = analysed(out, "--table", "intervals")
    assert any("For 360 single choices neither participant nor game" in n for n in found["notes"])
    assert all("neither participant nor game" in row["note"] for row in found["intervals"])
    # As the file then says, nobody made two, and the same run scores nothing anew.
    study = study_of(tmp_path, records, "one_decision_each = true")
    code, _, said = tremble("run", study, "--out", out)
    assert (code, said.count("everything is already scored")) == (0, 2)
    assert all("participant" not in row["why"] for row in verdicts(out))
    found = analysed(out, "--table", "intervals")
    assert not any("neither participant" in note for note in found["notes"])
    assert all(row["note"] is None for row in found["intervals"])
    # And with names people and prompts are crossed: 12 people are too few.
    named = tmp_path / "named"
    named.mkdir()
    for row in verdicts(ran(named, choices(12, 30))):
        assert (row["verdict"], row["why"]) == (
            "cannot say",
            "12 people on 30 items, too few for a verdict",
        )


def test_people_who_read_one_prompt_are_people(tmp_path: Path) -> None:
    """Nor is it the model's fault that every prediction of one prompt is the same."""
    out = ran(tmp_path, choices(12, 1))
    said = "12 people on only one item (an interval needs 5 items)"
    assert {(row["verdict"], row["why"]) for row in verdicts(out)} == {("cannot say", said)}
    found = analysed(out, "--table", "intervals,levels")
    assert {row["note"] for row in found["intervals"]} == {said}
    for row in found["levels"]:
        assert (row["n"], row["over"]) == (12, "people") and row["low"] < row["high"]
        assert row["note"].startswith("for these texts only; 12 people, fewer than 20")


@pytest.mark.parametrize(("prompts", "interval"), [(2, False), (4, False), (6, True)])
def test_few_prompts_name_no_winner_and_allow_no_verdict(
    tmp_path: Path, prompts: int, interval: bool
) -> None:
    """60 people who read two prompts gave p < .001: only people were resampled."""
    out = ran(tmp_path, choices(60, prompts))
    rows = verdicts(out)
    assert {row["verdict"] for row in rows} == {"cannot say"}
    assert all(f"{prompts} items" in row["why"] for row in rows)
    assert all((row["low"] is not None) == interval for row in rows)
    found = analysed(out, "--table", "differences")
    (pair,) = found["pairs"]
    assert (pair["winner"] is None, pair["kept"]) == (not interval, False)
    assert interval or pair["why"].endswith(f"{prompts} items, below 5")
    (difference,) = found["differences"]
    assert (difference["p"] is not None) == interval


def test_enough_items_have_a_verdict_which_is_marked_below_twenty(tmp_path: Path) -> None:
    for row in verdicts(ran(tmp_path, choices(40, 12))):
        assert row["verdict"] != "cannot say"
        assert row["why"].endswith("; only 12 items, fewer than 20, so intervals are rough")


def test_versions_of_an_item_are_one_item(tmp_path: Path) -> None:
    """Six items in two versions each are six, not twelve; the export says which."""
    records = [
        {**record, "item": str(i % 6), "config": {"version": i % 12 // 6}}
        for i, record in enumerate(choices(40, 12))
    ]
    out = ran(tmp_path, records)
    assert all("6 items" in row["why"] for row in verdicts(out))
    table = tmp_path / "table.csv"
    assert tremble("export", out, "--to", "csv", "--out", table)[0] == 0
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert {row["item"] for row in rows} == set("012345")
    assert len({row["cluster_game"] for row in rows}) == 6
    assert len({row["cluster_participant"] for row in rows}) == 40


def test_a_file_that_says_both_is_refused(tmp_path: Path) -> None:
    records = choices(2, 2)
    study = study_of(tmp_path, records, "one_decision_each = true")
    sentence = refused(tmp_path, study)
    assert "one_decision_each = true in [study], but the decision 'mine/1'" in sentence
    assert "of the participant 'p0'; leave one_decision_each out" in sentence
    assert "one_decision_each in [study] is 1; it must be true or false" in refused(
        tmp_path, study_of(tmp_path, choices(2, 2, named=False), "one_decision_each = 1")
    )
    assert "did you mean 'one_decision_each'" in refused(
        tmp_path, study_of(tmp_path, choices(2, 2, named=False), "one_decision = true")
    )


def test_an_item_over_two_texts_is_refused_by_a_study_and_by_the_check(tmp_path: Path) -> None:
    study = study_of(tmp_path, choices(2, 2, item="offer"))
    sentence = refused(tmp_path, study)
    assert "line 2: the item 'offer' has a different text than on line 1" in sentence
    assert "; give every text its own item, or say in config what differs." in sentence
    code, _, said = tremble("data", "check", tmp_path / "mine.jsonl")
    assert code == 2
    assert "the item 'offer' has a different text" in said
    assert "item is ['a']" in refused(tmp_path, study_of(tmp_path, choices(2, 2, item=["a"])))
    assert mistake("plan", study)


def test_the_first_record_of_the_page_names_its_person_and_is_sound(tmp_path: Path) -> None:
    (line,) = re.findall(
        r'^\{"participant".*\}$', (ROOT / "docs" / "data.md").read_text("utf-8"), re.M
    )
    assert {"participant", "prompt", "options", "choice"} == set(json.loads(line))
    (tmp_path / "mine.jsonl").write_text(line + "\n", "utf-8")
    code, said, warned = tremble("data", "check", tmp_path / "mine.jsonl")
    assert (code, warned) == (0, "")
    assert "1 valid decision, 0 invalid lines" in said
