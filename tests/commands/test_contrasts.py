"""Contrasts through the command line: from the study file to JSON, without scoring anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import mistake, refused, tremble, write_study
from tests.support.stored import change_record
from tests.support.studies import parts
from tremble.engines.mock import MockEngine
from tremble.store.study_folder import Store

pytestmark = pytest.mark.slow

COLUMNS = (
    "model format formulation dataset family contrast level control outcome over people people_low "
    "people_high effect low high difference difference_low difference_high p p_holm same_sign n "
    "people_n items mass note"
)
FIRST = ["notes", "models", "pairs", "tests", "baselines"]
TREATED = '[[contrast]]\nby = "condition"\ncontrol = "control"\n'


def records(people: int = 20, texts: int = 6, **more: Any) -> list[dict[str, Any]]:
    """Half of the people read every text under one condition, half under the other."""
    rng = np.random.default_rng(4)
    return [
        {
            "prompt": f"Offer {text}, {'with' if person % 2 else 'without'} a fee: take it?",
            "options": ["yes", "no"],
            "choice": "yes" if rng.random() < (0.3 if person % 2 else 0.6) else "no",
            "participant": f"p{person}",
            "item": f"{text} {person % 2}",
            "config": {
                "condition": "fee" if person % 2 else "control",
                "amount": 10 * (text % 3),
                "coin": "ab"[person // 2 % 2],
                "place": "lab",
            },
            **more,
        }
        for person in range(people)
        for text in range(texts)
    ]


def study(folder: Path, tables: str = "", held: list[dict[str, Any]] | None = None) -> Path:
    path = write_study(folder, held or records(), base="mock:a", aligned="mock:b")
    path.write_text(path.read_text("utf-8") + tables, "utf-8")
    return path


def ran(folder: Path, tables: str = "") -> Path:
    code, _, said = tremble("run", study(folder, tables), "--out", folder / "out")
    assert code == 0, said
    return folder / "out"


def analysed(out: Path, *more: str) -> dict[str, Any]:
    code, text, said = tremble("analyze", out, "--json", *more)
    assert code == 0, said
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_columns_are_those_that_were_promised(tmp_path: Path) -> None:
    found = analysed(ran(tmp_path, TREATED))
    rows = found["contrasts"]
    assert [list(row) for row in rows] == [COLUMNS.split()] * 2
    assert [row["model"] for row in rows] == ["mock:a", "mock:b"]
    people = [r["choice"] == "yes" for r in records()]
    fee = np.array([r["config"]["condition"] == "fee" for r in records()])
    expected = np.mean(people, where=fee) - np.mean(people, where=~fee)
    for row in rows:
        assert row["people"] == pytest.approx(expected)
        assert row["people_low"] < expected < row["people_high"]
        assert (row["level"], row["control"], row["outcome"]) == ("fee", "control", "yes")
        assert (row["n"], row["people_n"], row["items"]) == (120, 20, 12)
        assert row["difference"] == pytest.approx(row["effect"] - row["people"])
    (errors,) = found["effect_errors"]
    assert (errors["base"], errors["aligned"], errors["contrasts"]) == ("mock:a", "mock:b", 1)
    assert found["effects"] == []


def test_what_a_model_says_is_what_was_stored(tmp_path: Path) -> None:
    """The effect from the scores in the folder, by hand."""
    out = ran(tmp_path, TREATED)
    rows = {row["model"]: row for row in analysed(out)["contrasts"]}
    fee = {f"mine/{i + 1}": r["config"]["condition"] == "fee" for i, r in enumerate(records())}
    for model in ("mock:a", "mock:b"):
        said: dict[bool, list[float]] = {True: [], False: []}
        for row in Store(out).scores().filter(model=model).iter_rows(named=True):
            shares = np.exp(row["logprobs"])
            said[fee[row["decision"]]].append(shares[row["keys"].index("yes")] / shares.sum())
        assert rows[model]["effect"] == pytest.approx(np.mean(said[True]) - np.mean(said[False]))


def test_a_contrast_added_to_a_scored_study_scores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ran(tmp_path)
    assert "contrasts" not in Store(out).read_run()
    assert "contrasts" not in analysed(out)
    before = parts(out)
    monkeypatch.setattr(MockEngine, "score", lambda *_: pytest.fail("something was scored"))
    assert ran(tmp_path, TREATED) == out
    assert parts(out) == before
    assert Store(out).read_run()["contrasts"] == [
        {"by": ["condition"], "control": ["control"], "family": None}
    ]
    # The same as the option says, without the file.
    asked = analysed(out, "--contrast", "condition=control")
    assert asked["contrasts"] == analysed(out)["contrasts"]
    assert ran(tmp_path) == out  # taken out of the file again
    assert "contrasts" not in Store(out).read_run()
    assert analysed(out, "--contrast", "condition=control")["contrasts"] == asked["contrasts"]


def test_the_option_stands_in_place_of_the_file(tmp_path: Path) -> None:
    out = ran(tmp_path, TREATED)
    found = analysed(out, "--contrast", "amount", "--contrast", "amount:condition=0:control")
    assert [*found] == [*FIRST, "contrasts", "effects", "effect_errors"]
    about = [(row["contrast"], row["level"], row["control"]) for row in found["contrasts"]]
    assert about[: len(about) // 2] == [
        ("amount", "0", "the rest"),
        ("amount", "10", "the rest"),
        ("amount", "20", "the rest"),
        ("amount:condition", "10:fee", "0:control"),
        ("amount:condition", "20:fee", "0:control"),
    ]
    assert len(found["effects"]) == 2
    code, text, _ = tremble("analyze", out, "--contrast", "amount=0")
    assert code == 0
    assert "Effects of treatments on people and on models" in text
    assert "Baselines" not in text


def test_a_study_with_contrasts_shows_them_beside_the_rest(tmp_path: Path) -> None:
    out = ran(tmp_path, TREATED)
    code, text, _ = tremble("analyze", out)
    assert code == 0
    assert text.index("Baselines") < text.index("Effects of treatments on people and on models")
    page = tmp_path / "page.html"
    pytest.importorskip("vl_convert")
    assert tremble("report", out, "--out", page)[0] == 0
    shown = page.read_text("utf-8")
    assert shown.index("Effects of treatments on people and on models") < shown.index(
        'id="intervals"'
    )


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        (
            'by = "konditionn"',
            "[[contrast]]: no decision has the config key 'konditionn'; did you mean 'condition'?",
        ),
        ('by = "condition"\ncontrol = "kontrol"', "did you mean 'control'?"),
        ('by = "place"', "'place' is 'lab' in every decision that has it"),
        ('by = "condition"\nfamily = "kustom"', "did you mean 'custom'?"),
        ('by = "coin"', "coin (b against a) reaches no prompt of custom: 12 of 12 prompts"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_scored(
    tmp_path: Path, tables: str, sentence: str
) -> None:
    path = study(tmp_path, f"[[contrast]]\n{tables}\n")
    said = refused(tmp_path, path)
    assert sentence in said and f"{path}, [[contrast]]: " in said
    planned = tremble("plan", path, "--out", tmp_path / "out")
    assert (planned[0], sentence in planned[2]) == (2, True)


def test_three_options_with_neither_value_nor_target(tmp_path: Path) -> None:
    held = [{**record, "options": ["yes", "no", "later"]} for record in records()]
    said = refused(tmp_path, study(tmp_path, TREATED, held))
    assert "give every option a value, or name a target" in said


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("konditionn", "did you mean 'condition'?"),
        ("condition=kontrol", "did you mean 'control'?"),
        ("place=lab", "'place' is 'lab' in every decision that has it"),
        ("coin=a", "coin (b against a) reaches no prompt of custom"),
        ("=x", "cannot be read; write KEY, KEY=CONTROL"),
        ("a:b:c", "cannot be read; write KEY, KEY=CONTROL"),
        ("condition:condition", "names 'condition' twice"),
        ("condition:amount=control", "has 1 value for 2 keys; give one for each"),
    ],
)
def test_an_option_that_cannot_be_had_is_one_sentence(
    tmp_path: Path, option: str, sentence: str
) -> None:
    out = ran(tmp_path)
    assert sentence in mistake("analyze", out, "--contrast", option)
    assert sentence in mistake("analyze", out, "--contrast", option, "--json")


def test_contrasts_of_a_record_that_the_data_no_longer_have(tmp_path: Path) -> None:
    """The other tables are made all the same, and the sentence stands in their place."""
    out = ran(tmp_path, TREATED)
    change_record(out, {"contrasts": [{"by": ["gone"], "control": None, "family": None}]})
    code, text, said = tremble("analyze", out, "--json")
    assert code == 1
    found = json.loads(text)
    assert "No decision has the config key 'gone'" in found["contrasts"]
    assert "No decision has the config key 'gone'" in said
    assert found["models"]


def test_by_shows_models_without_a_pair(tmp_path: Path) -> None:
    path = study(tmp_path)
    single = path.read_text("utf-8").partition("[[pair]]")[0] + '[[model]]\nid = "mock:a"\n'
    path.write_text(single, "utf-8")
    assert tremble("run", path, "--out", tmp_path / "out")[0] == 0
    by = analysed(tmp_path / "out", "--by", "condition")["by"]["condition"]
    assert (by["pairs"], by["wins"]) == ([], [])
    people = np.array([r["choice"] == "yes" for r in records()])
    for row in by["models"]:
        mine = np.array([r["config"]["condition"] == row["value"] for r in records()])
        assert row["n"] == mine.sum() == 60
        assert row["people"] == pytest.approx(people[mine].mean())
        assert 0 < row["prediction"] < 1
        assert row["mass"] == pytest.approx(0.9)
    code, text, _ = tremble("analyze", tmp_path / "out", "--by", "condition")
    assert code == 0
    assert "Shares, r and mass by condition" in text
    assert "No rows in" not in text


def test_a_wording_that_is_not_applicable_has_no_prompts_that_arms_share(tmp_path: Path) -> None:
    """Prompts of one's own have no words in `natural_language`; all of them would be one prompt."""
    path = study(tmp_path, TREATED)
    text = path.read_text("utf-8").replace("[study]\n", '[study]\nformulations = "all"\n')
    path.write_text(text, "utf-8")
    code, _, said = tremble("run", path, "--out", tmp_path / "out")
    assert code == 0, said
    rows = json.loads(tremble("analyze", tmp_path / "out", "--json")[1])["contrasts"]
    assert {row["formulation"] for row in rows if row["effect"] is not None} >= {"standard"}
