"""Studies that lack something: every table that can be made is made, the rest is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import mistake, tremble
from tests.support.stored import change_decisions, change_record, change_scores
from tests.support.studies import PAIR, run, study_file
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import jsonl
from tremble.errors import UserError
from tremble.stats.tables.further import FURTHER
from tremble.store.study_folder import Store
from tremble.study.notes import caveats

pytestmark = pytest.mark.slow

BASE, ALIGNED = "mock:base", "mock:aligned"
SECOND = '[[pair]]\nbase = "mock:base"\naligned = "mock:second"\n'
FIRST = {"notes", "models", "pairs", "tests", "baselines"}
COUNT = 120


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """120 rounds of repeated games, played by people of the embedded data."""
    drawn = sample(list(load(tmp_path, Notes())), {"repeated_matrix": COUNT}, seed=1)
    jsonl.write(drawn, tmp_path / "mine.jsonl")
    return tmp_path


def scored(folder: Path, text: str = PAIR) -> Path:
    run(study_file(folder, text), folder / "out")
    return folder / "out"


def drop_job(out: Path, model: str) -> None:
    jobs = [job for job in Store(out).read_run()["jobs"] if job["model"] != model]
    change_record(out, {"jobs": jobs})


def analysed(out: Path, *more: str, code: int = 0) -> dict[str, Any]:
    """Every table as JSON."""
    shown, text, said = tremble("analyze", out, "--table", "all", "--json", *more)
    assert (shown, "Traceback" in said) == (code, False), said
    found: dict[str, Any] = json.loads(text)
    assert set(found) - {"by"} == FIRST | set(FURTHER)
    assert all(isinstance(found[name], list) for name in FURTHER)
    return found


def model_row(found: dict[str, Any], model: str) -> dict[str, Any]:
    (row,) = (row for row in found["models"] if row["model"] == model)
    return row


def test_a_study_that_is_whole(data: Path) -> None:
    found = analysed(scored(data))
    (pair,) = found["pairs"]
    assert pair["r_base"] is not None
    assert [model_row(found, name)["missing"] for name in (BASE, ALIGNED)] == [0, 0]


def test_one_twin_is_missing(data: Path) -> None:
    out = scored(data, PAIR + SECOND)
    drop_job(out, ALIGNED)
    found = analysed(out)
    lacking, whole = found["pairs"]
    assert (lacking["aligned"], lacking["r_base"], lacking["winner"]) == (ALIGNED, None, None)
    assert lacking["why"] == "no decision scored by both"
    assert whole["r_aligned"] is not None
    assert [row["aligned"] for row in found["differences"]] == ["mock:second"]
    assert {row["model"] for row in found["intervals"]} == {BASE, "mock:second"}
    (wins,) = (row for row in found["formulation"] if row["family"] == "repeated_matrix")
    assert wins["pairs"] == 2  # counted, not dropped in silence
    assert wins["note"].startswith("no decision scored by both (1)")


def test_the_only_twin_is_missing(data: Path) -> None:
    out = scored(data)
    drop_job(out, ALIGNED)
    found = analysed(out)
    assert found["pairs"][0]["why"] == "no decision scored by both"
    assert len(found["intervals"]) == 1
    assert found["differences"] == []


def test_nothing_is_scored(data: Path) -> None:
    out = scored(data)
    for model in (BASE, ALIGNED):
        change_scores(out, lambda part: part.clear(), model)
    found = analysed(out)
    assert tremble("analyze", out, "--table", "all")[0] == 0
    assert found["intervals"] == found["measures"] == []
    assert [row["n"] for row in found["baselines"] if row["baseline"] == "majority"] == [COUNT]


def test_twins_are_scored_on_different_decisions(data: Path) -> None:
    out = scored(data)
    ids = pl.read_parquet(next((out / "decisions").glob("*")))["decision"].to_list()
    halves = {BASE: ids[:70], ALIGNED: ids[50:]}
    for model, kept in halves.items():

        def only(rows: pl.DataFrame, kept: list[str] = kept) -> pl.DataFrame:
            return rows.filter(pl.col("decision").is_in(kept))

        change_scores(out, only, model)
    found = analysed(out)
    for model in halves:
        row = model_row(found, model)
        assert (row["n"], row["missing"]) == (70, COUNT - 70)
    (difference,) = found["differences"]
    assert difference["points"] == 20  # the decisions that both have
    assert found["pairs"][0]["why"] == "n = 20, below 30"
    change_scores(out, lambda p: p.filter(~pl.col("decision").is_in(ids[:70])), ALIGNED)
    found = analysed(out)
    assert found["pairs"][0]["why"] == "no decision scored by both"
    assert found["differences"] == []


def test_predictions_are_constant(data: Path) -> None:
    out = scored(data)
    even = pl.lit([-1.0, -1.0], pl.List(pl.Float64))
    change_scores(out, lambda part: part.with_columns(logprobs=even), BASE)
    found = analysed(out)
    row = model_row(found, BASE)
    assert (row["r"], row["n"], row["missing"]) == (None, COUNT, 0)
    assert "constant prediction" in row["note"]
    assert found["pairs"][0]["why"] == "constant prediction of base"
    constant, varied = found["intervals"]
    assert (constant["r"], constant["low"], constant["note"]) == (None, None, "constant prediction")
    assert varied["low"] is not None
    assert found["differences"][0]["note"] == "constant prediction"
    assert {row["note"] for row in found["added"] if row["model"] == BASE} >= {
        "the model is constant"
    }


def test_people_all_did_the_same(data: Path) -> None:
    out = scored(data)
    change_decisions(out, lambda frame: frame.with_columns(choice="target"))
    found = analysed(out)
    assert all(row["r"] is None for row in found["models"])
    assert "choices are the target option" in found["models"][0]["note"]
    assert {row["note"] for row in found["intervals"]} == {"one outcome only"}
    assert found["pairs"][0]["winner"] is None
    assert found["ceilings"][0]["ceiling"] is None


def test_two_decisions(data: Path) -> None:
    drawn = list(jsonl.read(data / "mine.jsonl"))
    jsonl.write(drawn[:2], data / "mine.jsonl")
    found = analysed(scored(data))
    assert {row["r"] for row in found["models"]} == {None}
    assert "fewer than 3 points" in found["models"][0]["note"]
    assert {row["note"] for row in found["intervals"]} == {"fewer than 3 points"}
    assert "fewer than 3 points" in found["pairs"][0]["why"]


def test_missing_scores_are_counted(data: Path) -> None:
    out = scored(data)
    first = pl.int_range(pl.len()) < 30
    lacking = {
        "error": pl.when(first).then(pl.lit("too long")).otherwise("error"),
        "logprobs": pl.when(~first).then("logprobs"),
        "mass": pl.when(~first).then("mass"),
    }
    change_scores(out, lambda part: part.with_columns(**lacking), BASE)
    found = analysed(out)
    assert (model_row(found, BASE)["n"], model_row(found, BASE)["missing"]) == (COUNT - 30, 30)
    assert model_row(found, ALIGNED)["missing"] == 0
    assert found["differences"][0]["points"] == COUNT - 30


def test_a_breakdown_of_ones_own_choice(data: Path) -> None:
    out = scored(data)
    found = analysed(out, "--by", "game", "--by", "round")
    assert list(found["by"]) == ["game", "round"]
    pairs = found["by"]["game"]["pairs"]
    assert {row["value"] for row in pairs} == {"BoS", "PD"}
    assert sum(row["n"] for row in pairs) == COUNT
    assert all(row["mass_base"] == pytest.approx(0.9) for row in pairs)
    assert sum(row["pairs"] for row in found["by"]["game"]["wins"]) == 2
    _, text, _ = tremble("analyze", out, "--by", "game")
    assert "r and mass by game" in text
    assert "Wins by game" in text
    # Its own tables alone, as with --table; the notes are where all tables are.
    assert not any(title in text for title in ("Models", "Tests over pairs", "Baselines"))
    assert caveats(out) and not any(note in text for note in caveats(out))
    assert found["notes"] == caveats(out)
    text = tremble("analyze", out, "--by", "game", "--json")[1]
    assert json.loads(text).keys() == FIRST | {"by"}


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_unknown_name_is_said_before_anything_is_printed(
    data: Path, form: tuple[str, ...]
) -> None:
    out = scored(data)
    said = mistake("analyze", out, "--by", "game", "--by", "gaem", *form)
    assert said == "tremble: There is no breakdown 'gaem'; did you mean 'game'?"
    said = mistake("analyze", out, "--by", "colour", *form)
    assert (
        "There is no breakdown 'colour'; choose from: dataset, family, formulation, game, " in said
    )
    assert "parameter" not in said  # of which none is called so
    said = mistake("analyze", out, "--table", "theory,ceiling", "--by", "game", *form)
    assert said == "tremble: There is no table 'ceiling'; did you mean 'ceilings'?"


def test_a_table_that_fails_leaves_the_others_alone(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = scored(data)

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr("tremble.stats.tables.further.ceiling_table", broken)
    code, text, said = tremble("analyze", out, "--table", "all", "--json")
    found = json.loads(text)
    sentence = found.pop("ceilings")
    assert code == 1
    assert "ZeroDivisionError: nothing to divide by" in sentence
    log = Path(sentence.split("details are in ")[1].rstrip("."))
    assert "Traceback" in log.read_text()
    log.unlink()
    assert set(found) == (FIRST | set(FURTHER)) - {"ceilings"}
    assert all(isinstance(rows, list) for rows in found.values())
    assert "Traceback" not in said
    code, text, said = tremble("analyze", out, "--table", "ceilings,theory")
    assert code == 1
    assert "nothing to divide by" in text
    assert FURTHER["theory"] in text
    Path(said.split("details are in ")[1].strip().rstrip(".")).unlink()


def test_a_table_refused_for_what_the_data_lack(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = scored(data)

    def refused(*_: Any, **__: Any) -> Any:
        raise UserError("The data lack it; add it.")

    monkeypatch.setattr("tremble.stats.tables.further.ceiling_table", refused)
    code, text, said = tremble("analyze", out, "--table", "all", "--json")
    assert (code, json.loads(text)["ceilings"]) == (1, "The data lack it; add it.")
    assert "tremble: The data lack it; add it.\n" in said
    code, text, _ = tremble("analyze", out, "--table", "ceilings")
    assert code == 2
    assert "The data lack it; add it." in text


def test_data_with_games_of_one_family_are_pooled_and_a_note_says_so(data: Path) -> None:
    own = {"family": "repeated_matrix", "dataset": "own", "options": ["J", "F"], "choice": "J"}
    lines = [json.dumps({**own, "id": f"own{n}", "prompt": f"{n}?"}) for n in range(40)]
    (data / "other.jsonl").write_text("\n".join(lines))
    out = data / "out"
    run(study_file(data, PAIR, data=["mine.jsonl", "other.jsonl"]), out)
    note = "repeated_matrix: mine.jsonl and other.jsonl are analysed together"
    assert [x for x in caveats(out) if "together" in x] == [
        f"{note}; `--by dataset` shows the data sets separately."
    ]
    found = json.loads(tremble("analyze", out, "--by", "dataset", "--json")[1])
    counts = {row["value"]: row["n"] for row in found["by"]["dataset"]["pairs"]}
    assert counts.pop("own") == 40
    assert sum(counts.values()) == COUNT
