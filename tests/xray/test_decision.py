"""One decision looked at closely: the study's own prompts and numbers, and what stands beside."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import mistake, tremble, write_study
from tests.support.stored import change_scores
from tests.support.toys import TEMPLATE, save_tiny
from tests.support.xrays import OTHER, OWN, look
from tremble.api.results import analyze_study
from tremble.datasets.base import Notes
from tremble.datasets.demo import load
from tremble.decisions.jsonl import decision_to_json
from tremble.tokenization.options import TokenPaths


def shown_paths(reading: dict[str, Any]) -> TokenPaths:
    """What was scored, out of the ids that are shown alone."""
    return TokenPaths(
        tuple(token["id"] for token in reading["tokens"]),
        tuple(tuple(t["id"] for t in option["tokens"]) for option in reading["options"]),
        tuple(option["closed"] for option in reading["options"]),
        tuple(reading["closing"]),
        reading["join"],
        reading["reading"],
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A scored study of two tiny models, own prompts, and a lottery shown in both orders."""
    folder = tmp_path_factory.mktemp("xray")
    save_tiny(folder / "base", "Llama", 1, template=None)
    save_tiny(folder / "aligned", "Qwen3", 2, template=TEMPLATE)
    lottery = next(d for d in load(folder, Notes()) if d.family == "lottery")
    path = write_study(
        folder,
        [OWN, OTHER, decision_to_json(lottery)],
        base=str(folder / "base"),
        aligned=str(folder / "aligned"),
    )
    assert tremble("run", path, "--out", folder / "s")[0] == 0
    return folder


@pytest.mark.parametrize("id_", ["game-1/alice", "game-1/bob", "demo/lottery"])
def test_ids_and_numbers_are_those_of_the_study(study: Path, id_: str) -> None:
    lines = [json.loads(line) for line in (study / "mine.jsonl").read_text().splitlines()]
    whole = next(line["id"] for line in lines if line["id"].startswith(id_))
    scores = analyze_study(study / "s")[1].filter(pl.col("decision") == whole)
    readings = look(study / "s", id_, presentation="all")["readings"]
    assert len(readings) == scores.height == (4 if "lottery" in id_ else 2)
    for reading in readings:
        row = scores.filter(
            pl.col("model") == reading["model"],
            pl.col("presentation") == reading["presentation"],
        ).row(0, named=True)
        assert (reading["format"], reading["row_key"]) == (row["format"], row["row_key"])
        assert shown_paths(reading).key() == row["row_key"]
        assert [option["key"] for option in reading["options"]] == row["keys"]
        now = [option["logprob"] for option in reading["options"]]
        assert now == pytest.approx(row["logprobs"], abs=1e-4)
        assert reading["mass"] == pytest.approx(row["mass"], abs=1e-4)
        assert reading["first_mass"] == pytest.approx(row["first_mass"], abs=1e-4)
        assert reading["stored"]["logprobs"] == row["logprobs"]
        assert reading["stored"]["same_prompt"]
        assert not reading["stored"]["differs"]
        for option in reading["options"]:
            assert option["prediction"] == pytest.approx(option["probability"] / reading["mass"])
            parts = [token["logprob"] for token in option["tokens"]]
            parts += [option["closing_logprob"]] if option["closed"] else []
            assert math.fsum(parts) == pytest.approx(option["logprob"], abs=1e-4)


def test_twins_stand_side_by_side_by_presentation(study: Path) -> None:
    readings = look(study / "s", "demo/lottery", presentation="all")["readings"]
    assert [(r["presentation"], r["roles"], r["format"]) for r in readings] == [
        (0, ["base"], "plain"),
        (0, ["aligned"], "chat"),
        (1, ["base"], "plain"),
        (1, ["aligned"], "chat"),
    ]
    one, other = ([o["key"] for o in readings[i]["options"]] for i in (0, 2))
    assert one == other[::-1]
    assert (
        readings[0]["text"]
        == "\n\n".join(part for part in (readings[0]["system"], readings[0]["user"]) if part)
        + "\n"
        + readings[0]["opening"]
    )
    only = look(study / "s", "demo/lottery", presentation=1)["readings"]
    assert only == readings[2:]
    first = look(study / "s", "demo/lottery")
    assert first["readings"] == readings[:2]
    assert first["notes"] == [
        "Presentation 0 of 2; the others are 1; choose with --presentation N, or all."
    ]


def test_a_score_that_moved_and_data_that_changed_are_said(study: Path, tmp_path: Path) -> None:
    mine = tmp_path / "copy"
    shutil.copytree(study, mine)
    moved = pl.col("logprobs").list.eval(pl.element() + 2e-4)
    change_scores(mine / "s", lambda rows: rows.with_columns(moved))
    stored = look(mine / "s", "game-1/bob")["readings"][0]["stored"]
    assert stored["differs"]
    assert stored["max_abs_diff"] == pytest.approx(2e-4, abs=5e-5)
    more = {**OTHER, "options": ["accept", "haggle", "reject"], "target": "accept"}
    text = (mine / "mine.jsonl").read_text().replace(json.dumps(OTHER), json.dumps(more))
    (mine / "mine.jsonl").write_text(text)
    stored = look(mine / "s", "game-1/bob")["readings"][0]["stored"]
    assert (stored["same_prompt"], stored["logprobs"]) == (False, None)
    out = tremble("xray", mine / "s", "game-1/bob")[1]
    assert "ANOTHER PROMPT" in out
    (mine / "mine.jsonl").unlink()
    assert "mine.jsonl" in mistake("xray", mine / "s", "game-1/bob")


def test_the_choice_stands_in_no_prompt_and_after_all_of_them(tmp_path: Path) -> None:
    path = write_study(tmp_path, [OWN])
    found = look(path, "game-1/alice")
    assert found["people"]["choice"] == "zebra"
    for reading in found["readings"]:
        pieces = "".join(token["piece"] for token in reading["tokens"])
        for text in (reading["text"], reading["system"], reading["user"], pieces):
            assert "zebra" not in text
    out = tremble("xray", path, "game-1/alice")[1]
    assert out.rindex("Never shown to a model") < out.rindex("choice: zebra")
    assert out.rindex("answer starts") < out.rindex("Never shown to a model")
    assert "\x1b[31m" not in out
    assert "\\u001b[31m" in out
    assert "[/red]" in out


@pytest.mark.parametrize("printed", ["", "<bos>"])
def test_bos_is_shown_once_also_where_the_template_prints_it(tmp_path: Path, printed: str) -> None:
    path = write_study(tmp_path, [OTHER])
    (tmp_path / "t.jinja").write_text(printed + "{{ messages[0]['content'] }}")
    more: dict[str, Any] = {"format": "chat", "template": str(tmp_path / "t.jinja")}
    for reading in look(path, "game-1/bob", **more)["readings"]:
        marks = [token["mark"] for token in reading["tokens"]]
        assert marks[0] == "bos"
        assert marks.count("bos") == 1


def test_a_mock_without_probabilities_of_tokens_shows_none(tmp_path: Path) -> None:
    reading = look(write_study(tmp_path, [OTHER]), "game-1/bob")["readings"][0]
    assert reading["mass"] == pytest.approx(0.9)
    assert {t["logprob"] for o in reading["options"] for t in o["tokens"]} == {None}


def test_baselines_and_theory_stand_beside(tmp_path: Path) -> None:
    """Three choices of one family, two of them the target: the majority says two thirds."""
    records = [
        {**OTHER, "id": str(n), "choice": c, "target": "accept"}
        for n, c in enumerate(["accept", "accept", "reject"])
    ]
    path = write_study(tmp_path, records)
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    found = look(path, "2", out=tmp_path / "s")
    assert found["baselines"]["majority"] == pytest.approx(2 / 3)
    assert found["theory"]["why"] == "no game that tremble knows"
    assert found["readings"][0]["stored"]["same_prompt"]


def test_spellings_stand_beside_the_labels(study: Path, tmp_path: Path) -> None:
    text = (study / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.jsonl").write_bytes((study / "mine.jsonl").read_bytes())
    (tmp_path / "all.toml").write_text(
        text.replace("[study]\n", '[study]\nspellings = "all"\n'), encoding="utf-8"
    )
    assert tremble("run", tmp_path / "all.toml", "--out", tmp_path / "s")[0] == 0
    scores = analyze_study(tmp_path / "s")[1].filter(pl.col("decision") == "game-1/bob")
    for reading in look(tmp_path / "s", "game-1/bob")["readings"]:
        row = scores.row(by_predicate=pl.col("model") == reading["model"], named=True)
        assert reading["stored"]["same_prompt"] and not reading["stored"]["differs"]
        assert reading["spelled"]["mass"] == pytest.approx(row["mass"], rel=1e-4)
        assert reading["mass"] == pytest.approx(row["mass_exact"], rel=1e-4)
        assert row["mass"] > row["mass_exact"]
        assert {one["text"] for one in reading["spelled"]["texts"][1]} & {"Reject", " reject"}
