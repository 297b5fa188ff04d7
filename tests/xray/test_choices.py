"""What of a decision is looked at: models, formats, wordings, presentations; and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import mistake, tremble, write_study
from tests.support.toys import save_tiny
from tests.support.xrays import LONG, OTHER, OWN, look
from tremble.api.results import analyze_study
from tremble.datasets.base import Notes
from tremble.datasets.demo import load
from tremble.decisions.jsonl import write
from tremble.report.tables.xray import notes
from tremble.study.data import decisions_of
from tremble.study.taken import Part


def test_models_formats_and_readings_can_be_chosen(tmp_path: Path) -> None:
    path = write_study(tmp_path, [OTHER])
    [one] = look(path, "game-1/bob", "mock:b", format="plain")["readings"]
    assert (one["model"], one["format"]) == ("mock:b", "plain")
    assert one["text"] == 'Bob?\n{"decision": "'
    chat = look(path, "game-1/bob", "mock:a", format="chat")["readings"]
    assert [(r["model"], r["template"]) for r in chat] == [("mock:a", "mock:b")]  # the twin's
    [data] = look(tmp_path / "mine.jsonl", "game-1/bob", "mock:b", reading="next_token")["readings"]
    assert (data["format"], data["roles"], data["stored"]) == ("chat", [], None)
    assert [len(option["tokens"]) for option in data["options"]] == [1, 1]
    [demo] = look("demo", "demo/repeated_matrix/1/PD/r2", "mock", format="plain")["readings"]
    decision = next(d for d in load(tmp_path, Notes()) if d.id == "demo/repeated_matrix/1/PD/r2")
    assert [option["key"] for option in demo["options"]] == [o.key for o in decision.options]


@pytest.mark.slow
def test_another_history_comes_from_the_same_data_as_in_a_study(tmp_path: Path) -> None:
    drawn = [d for d in load(tmp_path, Notes()) if d.family == "repeated_matrix"][:60]
    path = write_study(tmp_path)
    write(drawn, tmp_path / "mine.jsonl")
    text = path.read_text("utf-8").replace("[[pair]]", 'controls = ["other_history"]\n[[pair]]')
    path.write_text(text, "utf-8")
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    scores = analyze_study(tmp_path / "s")[1].filter(
        pl.col("formulation") == "standard+other_history", pl.col("model") == "mock:a"
    )
    fits = scores.filter(pl.col("error").is_null())["decision"].to_list()
    assert len({d.cluster for d in drawn}) > 1 and fits
    more: dict[str, Any] = {"formulation": "standard+other_history"}
    for id_ in fits[:3]:
        for reading in look(tmp_path / "s", id_, **more)["readings"]:
            assert reading["stored"]["same_prompt"] and not reading["stored"]["differs"]
    first = next(d.id for d in drawn if not d.visible())
    said = mistake("xray", path, first, "--formulation", "standard+other_history")
    assert (
        "is not applicable to the decision" in said and "choose another with --formulation" in said
    )


def test_many_presentations_and_wordings_take_few_lines(tmp_path: Path) -> None:
    """One game in both orders and under other letters."""
    game = next(d for d in load(tmp_path, Notes()) if d.family == "repeated_matrix")
    path = write_study(tmp_path)
    write([game], tmp_path / "mine.jsonl")
    wordings = '["standard", "minimal", "observer", "expert", "naive"]'
    text = path.read_text("utf-8").replace(
        "[[pair]]",
        f'counterbalance = ["order", "labels"]\nformulations = {wordings}\n[[pair]]',
    )
    path.write_text(text, "utf-8")
    found, every = look(path, game.id), look(path, game.id, presentation="all")
    assert {reading["formulation"] for reading in every["readings"]} == {"standard"}
    assert len(found["readings"]) == 2 and len(every["readings"]) > 8
    for reading in every["readings"]:
        reading["warning"] = (
            f"The text before the label ends in a letter: {reading['presentation']}."
        )
    told = notes(every)
    assert told == [
        "4 other wordings of the study (minimal, observer, expert, ...); --formulation shows one.",
        "The text before the label ends in a letter: 0. Prompts with such a token boundary: "
        f"{len(every['readings'])}.",
    ]


@pytest.mark.slow
def test_mistakes_get_one_sentence(tmp_path: Path) -> None:
    path = write_study(tmp_path, [OWN, OTHER, LONG])
    data = tmp_path / "mine.jsonl"

    def said(*arguments: Any) -> str:
        return mistake("xray", *arguments)

    assert "did you mean 'game-1/bob'?" in said(path, "game-1/bop")
    assert "the first are 'game-1/alice'" in said(path, "zzz")
    assert (
        "2 decisions have an id that begins with 'game-1/'; give more of it: 'game-1/alice'"
        in said(path, "game-1/")
    )
    assert "did you mean 'demo'?" in said("dem", "x")
    assert "--model" in said(data, "game-2")
    assert "no model 'mock:c'; did you mean 'mock:" in said(path, "game-2", "--model", "mock:c")
    assert "did you mean 'chat'?" in said(path, "game-2", "--format", "chatt")
    assert "did you mean 'standard'?" in said(path, "game-2", "--formulation", "standart")
    assert "has no presentation 1; it has: 0." in said(path, "game-2", "--presentation", 1)
    assert "has no presentation both; it has: 0." in said(path, "game-2", "--presentation", "both")
    assert "joint or next_token" in said(path, "game-2", "--reading", "both")
    assert "--out" in said(data, "game-2", "--out", tmp_path, "--model", "mock")
    assert "none' does not exist; give" in said(path, "game-2", "--out", tmp_path / "none")
    assert "not a study folder" in said(tmp_path, "game-2")
    assert "--template" in said(path, "game-2", "--format", "plain", "--template", "gemma")
    assert "nope.jinja" in said(path, "game-2", "--template", "nope.jinja")


def test_a_twin_that_cannot_be_had_leaves_the_other(tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "config.json").write_text("{}")
    path = write_study(tmp_path, [OTHER], base=str(tmp_path / "nowhere"), aligned="mock:b")
    found = look(path, "game-1/bob")
    assert [reading["model"] for reading in found["readings"]] == ["mock:b"]
    assert "nowhere is skipped" in found["notes"][0]
    assert "nowhere" in mistake("xray", path, "game-1/bob", "--model", tmp_path / "nowhere")


def test_an_id_that_begins_another_is_found(tmp_path: Path) -> None:
    path = write_study(tmp_path, [{**OTHER, "id": "r1"}, {**OTHER, "id": "r"}, LONG])
    assert look(path, "r")["decision"]["id"] == "r"
    assert look(path, "gam")["decision"]["id"] == "game-2"


def test_a_note_says_what_the_study_does_not_hold(tmp_path: Path) -> None:
    path = write_study(tmp_path, [{**OWN, "id": str(n), "prompt": f"{n}?"} for n in range(6)])
    asked = path.read_text()

    def said(study: str, id_: str, *models: str, **more: Any) -> list[str]:
        path.write_text(study)
        return look(path, id_, *models, **more)["notes"]

    part = asked.replace("[[pair]]", "sample = 2\n[[pair]]", 1)
    path.write_text(part)
    held = {decision.id for decision in decisions_of("mine.jsonl", path.parent, Part(sample=2))}
    assert len(held) == 2
    for id_ in map(str, range(6)):
        note = [] if id_ in held else ["Not in the study's sample (sample = 2)."]
        assert said(part, id_) == note
    gone = "Not in the study: dropped by include or exclude"
    only = asked + '[[exclude]]\nmodel = "mock:b"\n'
    assert said(only, "0") == [f"{gone} of mock:b, chat."]
    assert said(only, "0", "mock:a") == []
    assert said(only, "0", "mock:b") == [f"{gone}."]
    only = asked + '[[include]]\nformulation = "standard"\n'
    assert said(only, "0", formulation="observer") == []


@pytest.mark.parametrize("made_up", [True, False])
def test_stored_labels_are_those_that_are_scored_where_spellings_count(
    made_up: bool, tmp_path: Path, one_thread: None
) -> None:
    models = {}
    if not made_up:
        save_tiny(tmp_path / "base", "Llama", 1, template=None)
        models = {"base": str(tmp_path / "base"), "aligned": "mock:b"}
    records = [OWN, {**OTHER, "options": ["accept", "refuse"], "choice": "accept"}]
    path = write_study(tmp_path, records, **models)
    path.write_text(path.read_text().replace("[[pair]]", 'spellings = "all"\n[[pair]]', 1))
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    for id_ in ("game-1/alice", "game-1/bob"):
        readings = look(tmp_path / "s", id_)["readings"]
        assert len(readings) == 2
        for reading in readings:
            assert reading["stored"]["same_prompt"] and not reading["stored"]["differs"]
            assert reading["mass"] < reading["spelled"]["mass"]
