"""The methods of a study: facts against its files, read by other means; words against facts."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.bibtex import entries
from tests.support.commands import mistake, tremble
from tests.support.places import ROOT
from tests.support.stored import change_record
from tests.support.studies import run, study_file
from tests.support.toys import save_tiny
from tremble import __version__
from tremble.api.methods import methods_facts
from tremble.report.tables.methods import paragraph
from tremble.report.tables.provenance import provenance_layout
from tremble.text import decimal

GOLDEN = ROOT / "tests" / "golden" / "study_0_1_0"
STUDY = """
[[pair]]
base = "mock:base"
aligned = "mock:aligned"
[[model]]
id = "mock:alone"
[[contrast]]
by = "frame"
control = "neutral"
[[exclude]]
model = "mock:alone"
formulation = "observer"
[[exclude]]
model = "mock:base"
family = "tip"
[verdict]
level = 0.12
"""


def records() -> list[dict[str, Any]]:
    """24 people on three texts each, and four answers of another family."""
    frames = ["neutral", "gain", "neutral"]
    made = [
        {
            "id": f"{person}/{text}",
            "participant": str(person),
            "prompt": f"Text {text}. Yes or no, as JSON?",
            "options": ["yes", "no"],
            "choice": ["yes", "no"][(person + text) % 2],
            "config": {"frame": frames[text]},
        }
        for person in range(24)
        for text in range(3)
    ]
    for one in range(4):
        made.append({**made[one], "id": f"tip/{one}", "family": "tip"})
    return made


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with something of every kind left out."""
    folder = tmp_path_factory.mktemp("methods")
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, records())), "utf-8")
    asked: dict[str, Any] = {
        "formulations": ["standard", "observer", "natural_language"],
        "formats": ["native", "plain"],
        "counterbalance": ["order"],
    }
    run(study_file(folder, STUDY, **asked), folder / "out")
    return folder / "out"


def manifests(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.rglob("manifest.json"))]


def rows(folder: Path) -> pl.DataFrame:
    parts = [pl.read_parquet(path) for path in sorted(folder.rglob("part-*.parquet"))]
    wanted = ["model", "format", "formulation", "decision", "error", "error_kind"]
    kept = [part.select(pl.col(*wanted[:5], "^error_kind$").cast(pl.String)) for part in parts]
    return pl.concat(kept, how="diagonal")


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from numbers(held)
    elif isinstance(value, list):
        for held in value:
            yield from numbers(held)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for held in [*value, *value.values()]:
            yield from texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from texts(held)


def unfounded(text: str, facts: dict[str, Any]) -> list[str]:
    """Numbers of a text that are none of the facts'."""
    named = {one for one in texts(facts) if re.search(r"\d", one)}
    named |= {one[:8] for one in named if re.fullmatch("[0-9a-f]{40}", one)}
    for one in sorted(named, key=len, reverse=True):
        text = text.replace(one, "")
    known = {
        form
        for number in numbers(facts)
        for form in (
            f"{number:,}",
            f"{number:g}",
            f"{number:.1e}",
            f"{number:.2g}",
            f"{number:.0%}",
            decimal(number),
        )
    }
    text = text.replace("float32", "").replace("SHA-256", "")
    found = re.findall(r"(?<!\w)\d[\d,]*(?:\.\d+)?(?:e-\d+)?%?|(?<!\w)\.\d+", text)
    return [one for one in found if one.rstrip(",") not in known]


def test_counts_are_those_of_the_files(study: Path) -> None:
    facts, held, scored = methods_facts(study), manifests(study), rows(study)
    assert facts["counts"] == {
        "decisions": len(records()),
        "families": 2,
        "models": 3,
        "cells": len(held),
        "templates": len({(m["template"] or {}).get("text") for m in held} - {None}),
        "prompts": scored.height,
        "responses": 0,
        "without_options": 0,
    }
    assert {one["family"]: one["decisions"] for one in facts["families"]} == {
        "custom": 72,
        "tip": 4,
    }
    custom = facts["families"][0]
    assert (custom["people"], custom["people_are"], custom["items"]) == (24, "participants", 3)
    assert custom["resampled"] == [
        {"what": "participants", "number": 24},
        {"what": "items", "number": 3},
    ]
    # With three texts nothing can be said of others.
    assert custom["no_interval"] is not None


def test_models_and_templates_are_those_of_the_manifests(study: Path) -> None:
    facts, held = methods_facts(study), manifests(study)
    for one in facts["models"]:
        mine = [m for m in held if m["model"] == one["name"]]
        assert one["kind"] == "made up"
        assert {one["dtype"]} == {m["identity"]["dtype"] for m in mine} == {"float64"}
        assert {*one["formats"]} == {m["format"] for m in mine}
        assert one["paths"] == ["mock"]
    assert [(one["name"], one["roles"]) for one in facts["models"]] == [
        ("mock:base", ["base"]),
        ("mock:aligned", ["aligned"]),
        ("mock:alone", []),
    ]
    dates = {m["template"]["date"] for m in held if m["template"]}
    assert {one["date"] for one in facts["templates"]} == dates
    for one in facts["templates"]:
        assert any(one["key"] in path.name for path in study.glob("scores/*/*/*"))
    assert facts["versions"]["tremble"] == [__version__]
    assert facts["versions"]["polars"] == [held[0]["versions"]["polars"]]


def test_what_is_left_out_is_counted_as_in_the_files(study: Path) -> None:
    out, scored = methods_facts(study)["left_out"], rows(study)
    kinds = dict(scored.drop_nulls("error_kind").group_by("error_kind").len().iter_rows())
    assert {*kinds} == {"wording_not_applicable"} and out["failed"] == []
    lost = scored.filter(error_kind="wording_not_applicable")
    assert out["not_applicable_decisions"] == lost["decision"].n_unique() == 76
    assert len(out["not_applicable"]) == lost["formulation"].n_unique() == 1
    assert out["exclude"] == [
        {"model": "mock:alone", "formulation": "observer"},
        {"model": "mock:base", "family": "tip"},
    ]
    # base plain; aligned chat and plain; alone chat and plain: five readers of three wordings.
    assert (out["cells"], out["cells_left_out"], out["cells_in_part"]) == (15, 2, 3)
    assert out["absent"] == {} and out["unfinished"] == []


def test_settings_come_from_the_study_file(study: Path) -> None:
    facts = methods_facts(study)
    assert facts["margins"]["level"] == 0.12
    assert facts["contrasts"] == [{"by": ["frame"], "control": ["neutral"], "family": None}]
    asked = facts["asked"]
    assert asked["formats"] == ["native", "plain"]
    assert asked["formulations"] == ["standard", "observer", "natural_language"]
    assert (asked["reading"], asked["closing"], asked["too_long"]) == ("joint", "auto", "error")
    words = paragraph(facts)
    for said in ("frame (control: neutral)", "level .12", "as plain"):
        assert said in words


def test_every_number_in_the_words_is_a_fact(study: Path) -> None:
    facts = methods_facts(study)
    assert unfounded(paragraph(facts), facts) == []
    assert unfounded("We asked 77,123 people.", facts) == ["77,123"]
    block = " ".join(
        cell
        for section in provenance_layout(facts).sections
        for row in section.rows
        for cell in row
    )
    assert unfounded(block, facts) == []


def test_a_model_that_could_not_be_had_is_named_with_the_reason(
    study: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(study, tmp_path / "out"))
    change_record(out, {"absent": {"acme/gone": "The model 'acme/gone' is gated."}})
    facts = methods_facts(out)
    (gone,) = [one for one in facts["models"] if one["name"] == "acme/gone"]
    assert (gone["absent"], gone["kind"]) == ("The model 'acme/gone' is gated.", None)
    assert "Unavailable models, which are missing here: acme/gone." in paragraph(facts)
    assert not any("acme" in one["cites"] for one in facts["citations"])


def test_a_moved_study_says_the_same(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is a folder of a model's name, no data, and nobody at home."""
    _, before, _ = tremble("methods", study)
    _, as_json, _ = tremble("methods", study, "--json")
    moved = Path(shutil.copytree(study, tmp_path / "elsewhere" / "other name"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mock:base").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "nowhere"))
    assert tremble("methods", moved)[1] == before
    assert tremble("methods", moved, "--json")[1] == as_json


def test_the_command_prints_all_three_parts_and_each_alone(study: Path) -> None:
    code, out, _ = tremble("methods", study)
    assert code == 0
    facts = json.loads(tremble("methods", study, "--json")[1])
    assert " ".join(facts["paragraph"].split()) in " ".join(out.split())
    cited = tremble("methods", study, "--bibtex")[1]
    assert cited == facts["bibtex"] and cited in out
    keys = [entry.key for entry in entries(cited)]
    assert keys == ["tremble", "shapira2026alignment", "data-mine"]
    assert "leave out one" in mistake("methods", study, "--bibtex", "--json")
    assert "not a study folder" in mistake("methods", study.parent)


@pytest.mark.slow
def test_the_page_ends_with_the_same(study: Path, tmp_path: Path) -> None:
    assert tremble("report", study, "--out", tmp_path / "page.html")[0] == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    end = page[page.index('id="for-papers"') :]
    words = re.sub(r"<[^>]*>", " ", end).replace("&#39;", "'").replace("&amp;", "&")
    assert paragraph(methods_facts(study)) in words
    assert "@misc{shapira2026alignment," in words
    assert 'href="#methods"' in page and 'id="methods"' in end


def test_prompts_too_long_and_checks_of_a_model_with_weights(tmp_path: Path) -> None:
    """Ten texts, two of them beyond the window, read by a small random model."""
    save_tiny(tmp_path / "tiny", "Llama")
    texts = [f"Take {one}? {'word ' * (2000 if one > 7 else 1)}Yes or no?" for one in range(10)]
    made = [
        {
            "id": str(at),
            "participant": str(at),
            "prompt": text,
            "options": ["yes", "no"],
            "choice": "no",
        }
        for at, text in enumerate(texts)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, made)), "utf-8")
    name = str(tmp_path / "tiny")
    tables = f"[[model]]\nid = {json.dumps(name)}\n[run]\ntoo_long = 'missing'\n"
    run(study_file(tmp_path, tables, formats=["plain"]), tmp_path / "out")
    facts, (held,) = methods_facts(tmp_path / "out"), manifests(tmp_path / "out")
    (model,) = facts["models"]
    check, cached = held["scoring"]["self_check"], held["scoring"]["cache_check"]
    assert check.pop("model") == name
    assert model["checks"]["self_check"] == check and check["max_difference"] is not None
    assert model["checks"]["cache_check"] == {
        "max_difference": max(cached["prefilled"], cached["stepped"]),
        "tolerance": cached["tolerance"],
    }
    assert (model["kind"], model["content_hash"]) == ("folder", held["identity"]["weights"])
    assert (model["window"], model["paths"]) == (held["limits"]["window"], ["shared"])
    (long,) = facts["left_out"]["failed"]
    assert (long["kind"], long["prompts"], long["decisions"]) == ("too_long", 2, 2)
    words = paragraph(facts)
    assert "2 prompts were longer than the model accepts and count as missing." in words
    assert f"at most {check['max_difference']:.1e} nat (tolerance {check['tolerance']:g})" in words
    assert unfounded(words, facts) == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    with tarfile.open(GOLDEN / "stored.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("name", ["wide", "shown", "sampled"])
def test_what_0_1_0_stored_is_read_and_the_rest_is_unknown(stored: Path, name: str) -> None:
    facts, held = methods_facts(stored / name), manifests(stored / name)
    assert facts["versions"]["tremble"] == ["0.1.0"]
    assert facts["versions"]["python"] == ["3.11.7"]
    assert facts["counts"]["cells"] == len(held)
    assert facts["counts"]["prompts"] == rows(stored / name).height
    accounts = [m["scoring"].get("self_check") for m in held if m["model"] == "models/base"]
    found = [one["max_difference"] for one in accounts if one is not None]
    (base,) = [one for one in facts["models"] if one["name"] == "models/base"]
    check = base["checks"]["self_check"]
    assert (check and check["max_difference"]) == max(found, default=None)
    assert base["checks"]["cache_check"] is None  # not there yet
    assert base["content_hash"] == "604eb69f7f74708c" and base["kind"] == "folder"
    words = paragraph(facts)
    assert unfounded(words, facts) == []
    assert "Scored with tremble 0.1.0, PyTorch 2.13.0+cpu" in words
    assert f"analysed with tremble {__version__}" in words
    assert "nan" not in words.lower() and "None" not in words


def test_without_the_study_file_its_settings_are_unknown(stored: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(stored / "sampled", tmp_path / "out"))
    (out / "study.toml").unlink()
    facts = methods_facts(out)
    assert facts["asked"]["formats"] is None and facts["asked"]["reading"] is None
    assert facts["asked"]["formulations"] == ["standard", "predict_human"]  # jobs know
    assert "unknown" in paragraph(facts)
    assert facts["left_out"]["sampled"]  # decisions know


@pytest.mark.parametrize("name", ["wide", "shown", "sampled"])
def test_entries_of_a_study_can_be_read_and_have_keys_of_their_own(stored: Path, name: str) -> None:
    found = entries(tremble("methods", stored / name, "--bibtex")[1])
    keys = [one.key for one in found]
    assert len(keys) == len(set(keys)) > 4
    assert {"tremble", "shapira2026alignment", "peterson2021"} <= set(keys)
    assert all(one.fields["title"] for one in found)


def test_the_example_of_the_page_is_what_is_printed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "methods.md").read_text("utf-8")
    (tmp_path / "example.toml").write_text(page.split("```toml\n")[1].split("```")[0], "utf-8")
    run(tmp_path / "example.toml", tmp_path / "out")
    shown = " ".join(page.split("<!-- example -->")[1].split("<!-- end -->")[0].split())
    printed = paragraph(methods_facts(tmp_path / "out"))
    # Versions are those of the machine.
    assert shown.partition(" Scored with")[0] == printed.partition(" Scored with")[0]
    assert " Scored with tremble" in shown
