"""One of each kind, added by the example package, on the command line and in a study."""

from __future__ import annotations

import json
import re
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import mistake, tremble
from tests.support.extensions import EXAMPLE, MODULE, example, on_path
from tests.support.places import ROOT
from tremble.extensions.digest import digest_of
from tremble.store.study_folder import Store

ADDED = [
    ("dataset", "dictator_demo"),
    ("family", "dictator"),
    ("wording", "calm"),
    ("control", "hundredfold"),
]
STUDY = """
[study]
name = "s"
data = ["dictator_demo"]
formulations = ["standard", "calm"]
controls = ["hundredfold"]
[[pair]]
base = "mock:a"
aligned = "mock:b"
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study file with everything of the example, which is installed."""
    on_path(monkeypatch, example(tmp_path / "site"))
    path = tmp_path / "s.toml"
    path.write_text(STUDY, "utf-8")
    return path


@pytest.fixture
def scored(study: Path) -> Path:
    """The folder of that study."""
    out = study.parent / "s"
    assert tremble("run", study, "--out", out)[0] == 0
    return out


def said(*arguments: Any) -> str:
    code, out, error = tremble(*arguments)
    assert code == 0, error
    return out


def shares() -> dict[int, float]:
    """How often people of the example gave, by the amount, counted by hand from its rule: the
    second option where i % 3 times i % 4 is more than 1."""
    gave: dict[int, list[int]] = {}
    for i in range(40):
        gave.setdefault((10, 20, 40, 80)[i % 4], []).append(0 if (i % 3) * (i % 4) > 1 else 1)
    return {pie: sum(some) / len(some) for pie, some in gave.items()}


def test_a_data_set_is_listed_shown_and_imported(study: Path) -> None:
    listed = json.loads(said("data", "list", "--json"))
    assert "dictator_demo" in [card["name"] for card in listed]
    assert "Forty invented dictator games" in said("data", "show", "dictator_demo")
    out = study.parent / "mine.jsonl"
    said("data", "import", "dictator_demo", study.parent, "--out", out)
    assert len(out.read_text("utf-8").splitlines()) == 40
    assert "dictator" in said("data", "check", out)


def test_prompts_are_in_the_words_of_the_family_the_wording_and_the_control(study: Path) -> None:
    def texts(*more: str) -> str:
        # Amounts repeat every four people: 10, 20, 40, 80.
        return said("xray", "dictator_demo", "d3", "--model", "mock:a", "--json", *more)

    plain = texts()
    assert "You have $80." in plain and "give half of an amount" in plain
    assert "Take your time." not in plain
    assert "Take your time." in texts("--formulation", "calm")
    assert "You have $8,000." in texts("--formulation", "standard+hundredfold")


def test_a_study_is_planned_scored_and_analysed_with_all_of_it(study: Path, scored: Path) -> None:
    assert "dictator" in said("plan", study, "--out", study.parent / "other")
    assert "dictator" in said("probe", study)
    scores = Store(scored).scores()
    wordings = ["standard", "calm", "standard+hundredfold", "calm+hundredfold"]
    assert scores.height == 40 * 2 * 4  # decisions, models
    assert set(scores["formulation"]) == set(wordings)
    assert scores["error"].null_count() == scores.height
    found = json.loads(said("analyze", scored, "--json"))
    rows = [row for row in found["baselines"] if row["baseline"] == "by_pie"]
    assert [(row["family"], row["n"]) for row in rows] == [("dictator", 40)]
    expected = shares()
    assert {row["pie"]: row["gave"] for row in found["given_by_pie"]} == pytest.approx(expected)
    x = [10 / (10 + (10, 20, 40, 80)[i % 4]) for i in range(40)]
    y = [0.0 if (i % 3) * (i % 4) > 1 else 1.0 for i in range(40)]
    r = pl.DataFrame({"x": x, "y": y}).select(pl.corr("x", "y")).item()
    assert rows[0]["r"] == pytest.approx(r)


def test_tables_are_listed_and_carry_their_package(scored: Path) -> None:
    assert "given_by_pie: How often people gave" in said("analyze", scored, "--tables")
    shown = said("analyze", scored, "--table", "given_by_pie")
    assert "From the package tremble-dictator 1.0 (digest " in shown


def test_the_manifest_notes_and_methods_name_the_package(scored: Path) -> None:
    jobs = Store(scored).jobs()
    manifests = [manifest for job in jobs if (manifest := job.manifest()) is not None]
    everything = next(m for m in manifests if m["formulation"] == "calm+hundredfold")
    origins = everything["extensions"]
    assert [(one["kind"], one["name"]) for one in origins] == ADDED
    digests = {one["digest"] for one in origins}
    assert len(digests) == 1 and re.fullmatch("[0-9a-f]{32}", digests.pop())
    assert {(one["package"], one["version"]) for one in origins} == {("tremble-dictator", "1.0")}
    facts = json.loads(said("methods", scored, "--json"))
    named = [(one["kind"], one["name"]) for one in facts["extensions"]]
    assert set(named) == {*ADDED, ("baseline", "by_pie")}
    assert "The package tremble-dictator 1.0" in " ".join(said("methods", scored).split())
    (note,) = [line for line in said("analyze", scored).splitlines() if "From the package" in line]
    assert "baseline by_pie" in note and "not installed" not in note


def test_without_extensions_nothing_is_said_of_them(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('[study]\nname = "t"\ndata = ["demo"]\nsample = 4\n[[model]]\nid = "mock:a"\n')
    said("run", path, "--out", tmp_path / "t")
    assert all("extensions" not in (job.manifest() or {}) for job in Store(tmp_path / "t").jobs())
    assert "package" not in said("analyze", tmp_path / "t").split("Models")[0]


def test_all_wordings_are_those_of_tremble(study: Path) -> None:
    study.write_text(STUDY.replace('["standard", "calm"]', '"all"'), "utf-8")
    from tremble.study.file import read_study

    assert "calm" not in read_study(study).formulations


def test_a_misspelt_name_is_met_with_the_one_that_was_meant(study: Path) -> None:
    for right, wrong in (("calm", "calmm"), ("hundredfold", "hundredfolds")):
        study.write_text(STUDY.replace(f'"{right}"', f'"{wrong}"'), "utf-8")
        assert f"did you mean {right!r}" in mistake("run", study, "--out", study.parent / "x")
    assert "did you mean 'dictator_demo'" in mistake("data", "show", "dictator_dem")
    study.write_text(STUDY + '[run]\nengine = "evn"\n', "utf-8")
    assert "did you mean 'even'" in mistake("run", study, "--out", study.parent / "x")


def test_switched_off_none_is_there(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMBLE_NO_EXTENSIONS", "1")
    assert "controls holds 'hundredfold'" in mistake("run", study, "--out", study.parent / "x")
    assert "dictator_demo" not in said("data", "list")


def test_an_engine_scores_under_an_identity_with_its_package(study: Path) -> None:
    from tests.support.toys import save_tiny

    model = save_tiny(study.parent / "tiny", template=None)
    study.write_text(
        f'[study]\nname = "e"\ndata = ["dictator_demo"]\n[[model]]\nid = "{model}"\n'
        '[run]\nengine = "even"\n',
        "utf-8",
    )
    out = study.parent / "e"
    said("run", study, "--out", out)
    scores = Store(out).scores()
    assert scores["logprobs"].explode().to_list() == pytest.approx([-0.6931471805599453] * 80)
    (job,) = Store(out).jobs()
    manifest = job.manifest() or {}
    origin = manifest["identity"]["extension"]
    assert origin in manifest["extensions"] and origin["kind"] == "engine"
    assert origin["digest"] == digest_of(MODULE, str(study.parent / "site"))


def test_the_page_shows_the_example_as_it_is() -> None:
    page = (ROOT / "docs" / "extensions.md").read_text("utf-8")
    (module,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert module == (EXAMPLE / f"{MODULE}.py").read_text("utf-8")
    (project,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    shown = tomllib.loads(project)["project"]
    installed = ConfigParser()
    installed.read(EXAMPLE / "entry_points.txt")
    groups = {group: dict(installed[group]) for group in installed.sections()}
    assert shown["entry-points"] == groups and len(groups) == 7


@pytest.mark.parametrize(("table", "name"), [("wording", "calm"), ("control", "hundredfold")])
def test_a_wording_of_ones_own_cannot_take_the_name(study: Path, table: str, name: str) -> None:
    body = 'template = "{{ history }} {{ answer }}"' if table == "wording" else 'rules = "A game."'
    study.write_text(STUDY + f'[[{table}]]\nname = "{name}"\n{body}\n', "utf-8")
    said = mistake("plan", study)
    assert f"{name!r}, which is a {table} of an installed package; give it another name" in said
