"""docs/start_to_end.md runs as it stands: its commands, its maps as guessed and as finished."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.support.commands import tremble
from tests.support.places import ROOT
from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.tabular.guess.registry import first_map
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import load_table

PAGE = (ROOT / "docs" / "start_to_end.md").read_text("utf-8")
EXPORTS = ROOT / "tests" / "tabular" / "exports"
FILES = {
    "oTree": EXPORTS / "otree" / "all_apps_wide.csv",
    "Qualtrics": EXPORTS / "qualtrics" / "answers.csv",
    "jsPsych": EXPORTS / "jspsych" / "people",
    "SPSS": EXPORTS / "spss" / "study.sav",
}


def section(tool: str) -> str:
    return PAGE.split(f"\n## {tool}\n")[1].split("\n## ")[0]


def blocks(tool: str, kind: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", section(tool), re.DOTALL | re.MULTILINE)
    return [text for here, text in found if here == kind]


def tomls(tool: str) -> list[str]:
    return blocks(tool, "toml")


def commands(tool: str) -> list[list[str]]:
    lines = [line for block in blocks(tool, "") for line in block.splitlines()]
    found = [shlex.split(line) for line in lines if line.startswith("tremble ")]
    return [words[1:] for words in found]


def decisions(tool: str, text: str) -> list[Decision]:
    return list(load_table(FILES[tool], map_from(tomllib.loads(text)), Notes(), "mine"))


@pytest.mark.slow
def test_otree_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command in its order, the map and the study file as the page has them."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(FILES["oTree"], tmp_path)
    _, finished, study = tomls("oTree")
    said = []
    for words in commands("oTree"):
        if "--map" in words:
            (tmp_path / "map.toml").write_text(finished, "utf-8")
        if words[0] == "plan":
            (tmp_path / "study.toml").write_text(study, "utf-8")
        code, out, error = tremble(*words)
        assert code == 0, error
        said.append(out)
    assert len(said) == 8
    guess, import_, check, plan, probe, _, verdict, page = said
    assert "Probability mass on the options" in probe
    assert str(tmp_path / "study" / "report" / "index.html") in page.replace("\n", "")
    assert "ultimatum: 18 decisions" in guess
    assert "18 decisions written to ultimatum.jsonl" in import_
    assert "You and another person share 10 points, three times." in check
    assert "18 decisions of 6 participants, too few for a verdict" in plan
    assert "Replace participants: cannot say." in verdict
    assert "frame (loss against gain)" in verdict
    noted = json.loads((EXPORTS / "otree" / "decisions.json").read_text("utf-8"))
    records = [json.loads(line) for line in Path("ultimatum.jsonl").read_text().splitlines()]
    assert sorted((one["round"], one["config"]["frame"], one["choice"]) for one in records) == (
        sorted(
            (one["round"], one["condition"]["frame"], {"1": "accept"}.get(one["outcome"], "reject"))
            for one in noted
        )
    )


@pytest.mark.parametrize("tool", FILES)
def test_the_map_as_guessed_is_the_guess(tool: str) -> None:
    made = tomllib.loads(first_map(FILES[tool], "map.toml").text)
    shown = tomllib.loads(tomls(tool)[0])
    assert shown["task"] == made["task"][: len(shown["task"])]
    assert {key: made.get(key) for key in ("file", "drop")} == {
        key: shown.get(key) for key in ("file", "drop")
    }
    assert f"tremble data import table {FILES[tool].name} --guess --out map.toml" in section(tool)


@pytest.mark.parametrize("tool", FILES)
def test_the_finished_map_imports_to_the_decisions_that_were_made(tool: str) -> None:
    made = decisions(tool, tomls(tool)[1])
    name = FILES[tool].parent.name
    noted = json.loads((EXPORTS / name / "decisions.json").read_text("utf-8"))
    words = {"1": "accept", "0": "reject"} if tool == "oTree" else {}
    words = {"0": "sure", "1": "gamble"} if tool == "jsPsych" else words
    expected = sorted(words.get(one["outcome"], one["outcome"]) for one in noted)
    assert sorted(str(one.choice) for one in made) == expected
    for decision in made:
        assert all(option.label in str(decision.prompt) for option in decision.options)


def test_what_the_pages_say_of_the_other_prompts() -> None:
    disease = decisions("Qualtrics", tomls("Qualtrics")[1])
    saved = [one for one in disease if "200 people will be saved" in str(one.prompt)]
    assert {one.config["condition"] for one in saved} == {"gain"}
    first = decisions("jsPsych", tomls("jsPsych")[1])[0]
    assert [option.label for option in first.options] == ["10 for sure", "the gamble"]
    assert "Do you choose 10 for sure or the gamble?" in str(first.prompt)
    offer = decisions("SPSS", tomls("SPSS")[1])[0]
    assert offer.config == {"frame": "gain", "offer": 2}
    assert str(offer.prompt).startswith("You can gain 2 of 10 points.\nDo you accept the offer?")
