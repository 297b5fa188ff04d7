"""Packages that are broken, share a name, changed or went away: the rest works."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commands import mistake, tremble
from tests.support.extensions import example, installed, on_path
from tests.support.studies import parts
from tremble.extensions.digest import digest_of
from tremble.extensions.entries import GROUPS, entries
from tremble.extensions.extensions import Extensions, Unfit
from tremble.store.study_folder import Store

STUDY = """
[study]
name = "s"
data = ["dictator_demo"]
formulations = ["calm"]
[[model]]
id = "mock:a"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "s.toml"
    path.write_text(STUDY, "utf-8")
    return path


def broken(folder: Path, source: str, points: str, name: str = "faulty") -> Path:
    return installed(folder, {"faulty_module.py": source}, points, name=name)


def test_what_cannot_be_loaded_is_a_warning_in_lists_and_an_error_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "[tremble.datasets]\nbad = faulty_module\nodd = json:dumps\ngone = nowhere_at_all:x\n"
    site = broken(tmp_path / "site", "import math\nmath.sqrt(-1)\n", points)
    on_path(monkeypatch, site, example(tmp_path / "other"))
    code, out, error = tremble("data", "list")
    assert code == 0 and "dictator_demo" in out and "bad" not in out.split()
    sentences = error.splitlines()
    assert len(sentences) == 3 and all("of the package faulty 1.0" in one for one in sentences)
    assert "ValueError: math domain error, faulty_module.py line 2" in error
    assert "json:dumps must be a module or an object with CARD" in error
    assert "nowhere_at_all" in error and "Traceback" not in error
    assert "cannot be loaded" in mistake("data", "show", "bad")
    assert "must be" in mistake("data", "import", "odd", tmp_path, "--out", tmp_path / "o.jsonl")
    assert tremble("data", "dates")[0] == 0


def test_a_name_that_tremble_has_stays_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = (
        "[tremble.datasets]\ndemo = faulty_module\n[tremble.tables]\nmodels = faulty_module\n"
        "[tremble.families]\nlottery = faulty_module:CARD\n"
    )
    on_path(monkeypatch, broken(tmp_path / "site", "raise RuntimeError\n", points))
    code, out, error = tremble("data", "list")
    assert code == 0 and out.count("\ndemo") <= 1
    assert error.splitlines() == [
        "tremble: warning: The data set 'demo' of the package faulty 1.0 is not used: tremble has "
        "its own 'demo'."
    ]
    from tremble.games.base import family

    assert family("lottery").both_orders


def test_two_packages_with_one_name_have_neither(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = broken(tmp_path / "two", "", "[tremble.wordings]\ncalm = faulty_module:x\n")
    on_path(monkeypatch, example(tmp_path / "site"), second)
    sentence = mistake("run", study, "--out", tmp_path / "s")
    first, other = ("tremble-dictator 1.0", "faulty 1.0")
    assert any(
        sentence.endswith(
            f"The wording 'calm' is not used: {one} and {two} each add one with this name; "
            "uninstall all but one."
        )
        for one, two in ((first, other), (other, first))
    )
    study.write_text(STUDY.replace("calm", "standard"), "utf-8")
    assert tremble("run", study, "--out", tmp_path / "s")[0] == 0


@pytest.mark.parametrize("name", ["Calm", "1st", "a-b", "calm+x"])
def test_names_are_as_those_of_tremble(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = f"[tremble.wordings]\n{name} = faulty_module:x\n"
    on_path(monkeypatch, broken(tmp_path / "site", "x = print\n", points))
    known = Extensions("wording", (), lambda found, entry: found)
    assert known.names() == []
    assert known.troubles() == [
        f"The wording {name!r} of the package faulty 1.0 is not used: a name consists of small "
        "letters, digits and _ and begins with a letter."
    ]


def test_what_breaks_down_in_a_study_is_a_sentence_with_its_place(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = ('return headed(standard(decision, presentation, told), "Take your time.")', "1 / 0")
    on_path(monkeypatch, example(tmp_path / "site", change))
    sentence = mistake("run", study, "--out", tmp_path / "s")
    assert (
        "wording 'calm' of the package tremble-dictator 1.0 failed (ZeroDivisionError" in sentence
    )
    assert "dictator_example.py line" in sentence


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("10 / (10 + pie)", "pie"), "not between 0 and 1"),
        (('decisions.select("decision", prediction=10 / (10 + pie))', "1 / 0"), "ZeroDivision"),
        (
            ('decisions.select("decision", prediction=10 / (10 + pie))', "None"),
            "does not return a frame",
        ),
    ],
)
def test_a_baseline_that_breaks_down_says_why_and_the_others_are_there(
    change: tuple[str, str],
    why: str,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_path(monkeypatch, example(tmp_path / "site", change))
    assert tremble("run", study, "--out", tmp_path / "s")[0] == 0
    code, out, error = tremble("analyze", tmp_path / "s", "--json")
    assert code == 0, error
    rows = {row["baseline"]: row for row in json.loads(out)["baselines"]}
    assert rows["by_pie"]["r"] is None and why in rows["by_pie"]["note"]
    assert rows["majority"]["n"] == 40


def test_a_table_that_breaks_down_takes_no_other_with_it(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = example(tmp_path / "site", ('pl.col("family") == "dictator"', 'pl.col("no")'))
    on_path(monkeypatch, site)
    out = tmp_path / "s"
    assert tremble("run", study, "--out", out)[0] == 0
    code, shown, error = tremble("analyze", out, "--table", "given_by_pie,intervals", "--json")
    found = json.loads(shown)
    assert code == 1 and found["intervals"]
    assert "table 'given_by_pie' of the package tremble-dictator 1.0 failed" in error
    assert found["given_by_pie"] in error
    assert tremble("analyze", out, "--table", "given_by_pie")[0] == 2


HARM = """
import polars as pl
def predict(decisions):
    decisions.drop_in_place("choice")
    return decisions.select("decision", prediction=0.5)
class Drops:
    about = "Drops a column of what all tables are made from"
    @staticmethod
    def make(source):
        source.evidence.decisions.drop_in_place("choice")
        source.evidence.outcomes.drop_in_place("y") if "y" in source.evidence.outcomes else None
        source.analysis.models.clear()
        return [{"a": 1}]
class Exits:
    about = "Ends the process"
    make = staticmethod(lambda source: exit(3))
class Numbered:
    about = "Has keys that are no texts"
    make = staticmethod(lambda source: [{1: 2}])
def leaves(decisions):
    raise SystemExit(5)
"""


def test_what_a_package_drops_or_ends_harms_nobody_else(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, out = example(tmp_path / "site"), tmp_path / "s"
    on_path(monkeypatch, site)
    assert tremble("run", study, "--out", out)[0] == 0
    usual = json.loads(tremble("analyze", out, "--table", "intervals,levels", "--json")[1])
    rows = json.loads(tremble("analyze", out, "--json")[1])
    points = (
        "[tremble.baselines]\na_drops = faulty_module:predict\nz_leaves = faulty_module:leaves\n"
        "[tremble.tables]\na_drops = faulty_module:Drops\nb_exits = faulty_module:Exits\n"
        "c_keys = faulty_module:Numbered\n"
    )
    on_path(monkeypatch, site, broken(tmp_path / "two", HARM, points))
    tables = "a_drops,b_exits,c_keys,intervals,levels"
    code, shown, _ = tremble("analyze", out, "--table", tables, "--json")
    found = json.loads(shown)
    assert code == 1 and found["a_drops"] == [{"a": 1}]
    assert [found[name] for name in ("intervals", "levels")] == [
        usual["intervals"],
        usual["levels"],
    ]
    assert "SystemExit: 3" in found["b_exits"] and "[1], not all texts" in found["c_keys"]
    after = json.loads(tremble("analyze", out, "--json")[1])
    assert after["models"] == rows["models"] and after["tests"] == rows["tests"]
    baselines = {row["baseline"]: row for row in after["baselines"]}
    assert "SystemExit: 5" in baselines["z_leaves"]["note"]
    assert baselines["a_drops"]["n"] == 40
    for row in rows["baselines"]:
        assert baselines[row["baseline"]] == row


def test_a_changed_package_makes_prompts_again_and_scores_what_changed(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s"
    on_path(monkeypatch, example(tmp_path / "one"))
    tremble("run", study, "--out", out)
    first, prompts = parts(out), sorted((out / "prompts").glob("*"))
    tremble("run", study, "--out", out)
    assert (parts(out), sorted((out / "prompts").glob("*"))) == (first, prompts)
    # Another file, the same words: other prompts' tables with the same content, equal scores.
    on_path(monkeypatch, example(tmp_path / "two", ("Forty invented", "40 invented")))
    assert "whose files have changed since (digest now " in tremble("analyze", out)[1]
    tremble("run", study, "--out", out)
    assert "whose files have changed" not in tremble("analyze", out)[1]
    again = sorted((out / "prompts").glob("*"))
    assert parts(out) == first and not set(again) & set(prompts)
    # Other words: scored again.
    on_path(monkeypatch, example(tmp_path / "three", ("Take your time.", "Take all your time.")))
    assert "4 prompts to score" in tremble("run", study, "--out", out)[2]
    assert set(parts(out)) != set(first)


def test_a_newer_version_is_told_apart(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s"
    on_path(monkeypatch, example(tmp_path / "one"))
    tremble("run", study, "--out", out)
    on_path(monkeypatch, example(tmp_path / "two", version="2.0"))
    assert "now installed as version 2.0" in tremble("analyze", out)[1]
    # The prompts are equal, so nothing is scored; what is stored names the version of now.
    first = parts(out)
    tremble("run", study, "--out", out)
    assert parts(out) == first
    (manifest,) = [found for job in Store(out).jobs() if (found := job.manifest()) is not None]
    assert {one["version"] for one in manifest["extensions"]} == {"2.0"}
    shown = tremble("analyze", out)[1]
    assert "tremble-dictator 2.0" in shown and "now installed" not in shown
    assert "2.0" in " ".join(tremble("methods", out)[1].split())


def test_what_was_uninstalled_is_said_and_the_analysis_is_there(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s"
    on_path(monkeypatch, example(tmp_path / "site"))
    tremble("run", study, "--out", out)
    before = json.loads(tremble("analyze", out, "--json")[1])
    on_path(monkeypatch)
    code, shown, error = tremble("analyze", out)
    assert (code, error) == (0, "")
    assert "not installed now" in shown and "dictator" in shown and "by pie" not in shown
    after = json.loads(tremble("analyze", out, "--json")[1])
    assert after["models"] == before["models"] and after["theory"] == before["theory"]
    assert tremble("methods", out)[0] == 0
    assert tremble("report", out)[0] == 0
    assert "there is no wording 'calm'" in mistake("run", study, "--out", out)
    assert Store(out).scores().height == 40


def test_the_digest_is_of_every_file_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"faulty_module/__init__.py": "", "faulty_module/deep/data.csv": "1\n"}
    seen = set()
    for number, change in enumerate(
        [{}, {"faulty_module/deep/data.csv": "2\n"}, {"faulty_module/more.txt": ""}, {}]
    ):
        site = installed(tmp_path / str(number), {**files, **change}, "")
        (site / "faulty_module" / "__pycache__").mkdir()
        (site / "faulty_module" / "__pycache__" / "x.pyc").write_text(str(number))
        on_path(monkeypatch, site)
        seen.add(digest_of("faulty_module.deep", str(site)))
    assert len(seen) == 3  # the last is as the first
    shutil.rmtree(tmp_path / "0")
    assert digest_of("no_such_module_anywhere", "") == "unknown"


def test_listing_runs_no_code_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "".join(f"[{group}]\nown = faulty_module:x\n" for group in GROUPS.values())
    source = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    on_path(monkeypatch, broken(tmp_path / "site", source, points))

    def refuse(found: object, entry: object) -> object:
        raise Unfit("something else")

    for kind in GROUPS:
        known = Extensions(kind, (), refuse)
        assert known.names() == ["own"] and list(entries(kind)) == ["own"]
        assert known.origin("own") is not None
    assert not (tmp_path / "ran").exists()
    assert Extensions("table", (), refuse).troubles() and (tmp_path / "ran").exists()
