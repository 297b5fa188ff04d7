"""Wordings and controls of a study file's own, from the file to the tables, with a fake model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tremble as tr
from tests.support.commands import mistake, tremble
from tests.support.own_studies import CALM, people, run, write
from tremble.errors import UserError
from tremble.prompts import own_trial
from tremble.prompts.formulations import FORMULATIONS
from tremble.store.study_folder import Store
from tremble.study.file import read_study

DONE = "mock:one: everything is already scored.\n"


def rows(folder: Path, name: str) -> pl.DataFrame:
    scores = Store(folder / "out").scores()
    return scores.filter(formulation=name).sort("decision")


def manifest(folder: Path, name: str) -> dict[str, Any]:
    (path,) = (folder / "out" / "scores").glob(f"*/*/{name}.*/manifest.json")
    made: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return made


def test_planned_scored_and_shown(tmp_path: Path) -> None:
    path = write(tmp_path)
    code, out, error = tremble("plan", path, "--out", tmp_path / "out", "--json")
    assert code == 0, error
    assert json.loads(out)["totals"]["rows"] == 48
    run(path)
    code, out, error = tremble("analyze", tmp_path / "out", "--json")
    assert code == 0, error
    measured = {(one["formulation"], one["n"]): one["r"] for one in json.loads(out)["models"]}
    assert set(measured) == {("standard", 24), ("calm", 24)}
    assert None not in measured.values()
    assert measured["standard", 24] != measured["calm", 24]
    shown = tremble("xray", tmp_path / "out", "d7", "--formulation", "calm")
    assert shown[0] == 0, shown[2]
    assert "Take 7 points? Say yes or no. Take your time." in shown[1]
    assert json.loads((tmp_path / "out/run.json").read_text())["study_file"] == path.read_text()
    assert manifest(tmp_path, "calm")["own"] == {
        "wording": {"template": "{{ prompt }} Take your time."}
    }
    assert "own" not in manifest(tmp_path, "standard")


def test_a_changed_template_is_scored_again_and_old_rows_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    run(path)
    first = rows(tmp_path, "calm")
    assert DONE in run(path)
    changed = path.read_text().replace("Take your time", "Hurry up")
    path.write_text(changed)
    assert "24 prompts to score" in run(path)
    second = rows(tmp_path, "calm")
    assert second.height == first.height == 24
    assert not set(second["row_key"]) & set(first["row_key"])
    assert manifest(tmp_path, "calm")["own"]["wording"]["template"].endswith("Hurry up.")
    # What only one decision's text is changed in: one more score, and the others' stay.
    path.write_text(changed.replace("Hurry up", "{{ 'Now!' if '7 ' in prompt else 'Hurry up.' }}"))
    path.write_text(path.read_text().replace("}}.", "}}"))
    assert "2 prompts to score" in run(path)  # 7 and 17
    third = rows(tmp_path, "calm")
    moved = third.filter(pl.Series(third["row_key"] != second["row_key"]))
    assert sorted(moved["decision"]) == ["d17", "d7"]
    # And back: what was scored once is not scored again.
    path.write_text(changed)
    assert DONE in run(path)
    assert rows(tmp_path, "calm").equals(second)


def test_the_manifest_has_the_text_of_today_where_it_prints_the_same(tmp_path: Path) -> None:
    path = write(tmp_path)
    run(path)
    path.write_text(path.read_text().replace("{{ prompt }}", "{# calm #}{{prompt}}"))
    assert DONE in run(path)
    own = manifest(tmp_path, "calm")["own"]
    assert own == {"wording": {"template": "{# calm #}{{prompt}} Take your time."}}


def test_controls_of_ones_own_rules_and_all(tmp_path: Path) -> None:
    own = (
        '[[wording]]\nname = "calm"\nsystem = "{{ rules }}\\n\\n{{ question }} {{ answer }}"\n'
        'template = "{{ history }}"\n[[control]]\nname = "brief"\nrules = "You play a game."\n'
        '[[exclude]]\nformulation = "c*m"\ncontrol = "no_*"\n'
    )
    study = {
        "data": ["demo"],
        "families": ["bargaining"],
        "controls": ["no_history", "brief"],
        "name": "t",
    }
    path = write(tmp_path, own, **study)
    run(path)
    names = set(Store(tmp_path / "out").scores()["formulation"])
    assert names == {
        *("standard", "standard+no_history", "standard+brief", "calm", "calm+brief"),
    }
    # This wording is the standard one in other words: the same prompts, and so the same numbers.
    for name in ("", "+brief"):
        usual, mine = rows(tmp_path, "standard" + name), rows(tmp_path, "calm" + name)
        assert usual["row_key"].to_list() == mine["row_key"].to_list()
    assert manifest(tmp_path, "standard+brief")["own"] == {"control": {"rules": "You play a game."}}
    assert set(manifest(tmp_path, "calm+brief")["own"]) == {"wording", "control"}
    code, out, error = tremble("analyze", tmp_path / "out", "--table", "controls")
    assert code == 0 and "brief" in out, error
    code, out, _ = tremble("methods", tmp_path / "out")
    text = " ".join(out.split())
    assert "The wording calm and the control brief are our own; the provenance holds" in text
    assert "own control brief: rules 'You play a game.'" in text
    assert "own wording calm: system '{{ rules }}\\n\\n{{ question }} {{ answer }}'" in text
    asked = json.loads(tremble("methods", tmp_path / "out", "--json")[1])["asked"]
    assert asked["own"]["controls"] == {"brief": {"rules": "You play a game."}}
    said = mistake("xray", path, "demo/bargaining", "--formulation", "calm+brif")
    assert said == "tremble: There is no control 'brif'; did you mean 'brief'?"
    path.write_text(path.read_text().replace('["standard", "calm"]', '"all"'))
    every = read_study(path).formulations
    assert every == (*FORMULATIONS, "calm")


def test_missing_facts_and_unknown_parts_are_counted(tmp_path: Path) -> None:
    records = people(12)
    for one in records[:4]:
        del one["person"]["age"]
    own = CALM.replace("Take your", "You are {{ facts.age }}. Take your")
    path = write(tmp_path, own, records)
    run(path)
    mine = rows(tmp_path, "calm")
    missing = mine.filter(mine["error"].is_not_null())
    assert sorted(missing["decision"]) == ["d0", "d1", "d2", "d3"]
    out = tremble("analyze", tmp_path / "out")[1]
    assert (
        "The wording calm is not applicable to 4 of 12 decisions of mine.jsonl: it uses facts.age, "
        "which is not in the record; they are missing in that wording."
    ) in " ".join(out.split())


FAULTS = {
    'name = "calm"': {
        'name = "observer"': "name in [[wording]] is 'observer', which is a built-in wording; give",
        'name = "no_rules"': "'no_rules', which is a built-in control; give it another name.",
        'name = "Joint"': "'Joint', which is a reading; give it another name.",
        'name = "all"': "'all', which is a word with a meaning in study files; give it "
        "another name.",
        'name = "ca+lm"': "name in [[wording]] is 'ca+lm'; give a name of letters (A to Z), digits",
        'name = "ca.lm"': "name in [[wording]] is 'ca.lm'; give a name of letters",
        'name = "caßlm"': "name in [[wording]] is 'caßlm'; give a name of letters",
        f'name = "{"c" * 61}"': "', which has 61 characters; give a name of at most 60.",
        'name = "clam"': "study.toml: there is no wording 'calm'; did you mean 'clam'?",
        'nam = "calm"': "unknown key 'nam' in [[wording]]; did you mean 'name'?",
        "": "name in [[wording]] is missing",
    },
    '"{{ prompt }} Take your time."': {
        "7": "template in [[wording]] is 7; it must be text in quotes.",
        '"{{ promt }}"': "template of the wording 'calm' uses 'promt', which is not a variable; "
        "did you mean 'prompt'?",
        '"a\\n\\n{% if %}"': "the template of the wording 'calm' is not a valid template (line 3: "
        "Expected an expression, got 'end of statement block'); correct it.",
        "\"{% include 'b' %}\"": "the template of the wording 'calm' includes another file "
        "(line 1); write its text here.",
        '"Yes?"': "does not name the option 'no' of the decision 'd",
        '"yes, no"': "contains nothing of the prompt of the decision 'd",
        '"{{ prompt }}{{ options }}"': 'it prints a list; write |join(", ") after it.',
        '"{{ prompt }}{{ none }}"': "it prints None; print only texts and numbers.",
        '"{{ prompt }}{{ prompt.upper }}"': "it prints a function; print only texts and numbers.",
        '"{{ prompt }}{{ facts.agee }}"': "the wording 'calm' uses facts.agee, which is in none "
        "of the records; did you mean 'age'?",
        '"{{ prompt }}{{ facts.did }}"': "the wording 'calm' uses facts.did, which is the choice "
        "itself in all 24 decisions of custom that have it; remove it from the template.",
    },
    '["standard", "calm"]': {
        '["standard"]': "the wording 'calm' in [[wording]] is not used; write formulations = "
        '["standard", "calm"] in [study], or remove this [[wording]].',
        '["calm", "standart"]': "study.toml: there is no wording 'standart'; did you mean "
        "'standard'?",
        '["calm", "cal"]': "study.toml: there is no wording 'cal'; did you mean 'calm'?",
        '["calm+no_rules"]': "formulations holds 'calm+no_rules', a wording joined to a "
        'control; give them separately, as formulations = ["calm"] and controls = ["no_rules"].',
    },
    "[[wording]]": {
        "[wording]": "wording must be written [[wording]], once for each entry.",
        '[[wording]]\nname = "CALM"\ntemplate = "x"\n[[wording]]': "'calm', which is the name of "
        "another wording or control; give it another name.",
        '[[control]]\nname = "brief"\nrules = "x"\n[[wording]]': "the control 'brief' in "
        '[[control]] is not used; write controls = ["brief"] in [study], or '
        "remove this [[control]].",
        '[[control]]\nname = "brief"\n[[wording]]': "the control 'brief' in [[control]] changes "
        "nothing; give it rules, history or both.",
        '[[control]]\nname = "calm"\nrules = "x"\n[[wording]]': "name in [[control]] is 'calm', "
        "which is the name of another wording or control; give it another name.",
        '[[control]]\nname = "b"\nrules = "{{ system }}"\n[[wording]]': "the template of the rules "
        "of the control 'b' uses 'system', which is not a variable; choose from: answer, facts, "
        "history, options, question, rules.",
    },
}


@pytest.mark.parametrize(
    ("there", "instead", "fault"),
    [(there, new, said) for there, some in FAULTS.items() for new, said in some.items()],
)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_fault_is_one_sentence(
    tmp_path: Path, command: str, there: str, instead: str, fault: str
) -> None:
    path = write(tmp_path)
    text = path.read_text("utf-8")
    assert text.count(there) == 1
    path.write_text(text.replace(there, instead), "utf-8")
    said = mistake(command, path, "--out", tmp_path / "out")
    assert fault in said
    assert "study.toml" in said or "study.toml: there is no wording" in said
    assert not (tmp_path / "out").exists()


def test_a_template_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_trial, "SECONDS", 1.0)
    loop = "{% for a in range(99999) %}" * 3 + "x" + "{% endfor %}" * 3
    path = write(tmp_path, CALM.replace("Take", f"{loop}Take"))
    said = mistake("plan", path)
    assert said.endswith("the template of the wording 'calm' does not end within 1 s; correct it.")


def test_a_fact_that_follows_the_choice_is_a_warning(tmp_path: Path) -> None:
    own = CALM.replace("Take", "{{ facts.code }} {{ facts.age }} Take")
    said = " ".join(run(write(tmp_path, own)).split())
    assert (
        "Warning: "
        + str(tmp_path / "study.toml")
        + ": the wording 'calm' uses facts.code, and each of its values goes with one choice "
        "only in all 24 decisions of custom; remove it if it says what was chosen."
    ) in said
    assert "facts.age" not in said
    # Of four decisions chance alone may do that, and where the rates of many people are.
    (tmp_path / "few").mkdir()
    assert "Warning" not in run(write(tmp_path / "few", own, people(4)))
    rated = [
        {key: held for key, held in one.items() if key not in ("choice", "participant")}
        | {"rates": {"yes": 0.5, "no": 0.5}, "n": 9}
        for one in people()
    ]
    (tmp_path / "rates").mkdir()
    assert "Warning" not in run(write(tmp_path / "rates", own, rated))


def test_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = tr.Study(
        "mine",
        data=tr.read_decisions(people()),
        models=["mock:one"],
        formulations=["standard", "calm"],
        wordings={"calm": {"template": '{{ prompt }}\n"Calm", now.'}},
    )
    result = study.run("out", progress=False)
    assert set(result.models["formulation"]) == {"standard", "calm"}
    assert manifest(tmp_path, "calm")["own"]["wording"]["template"] == '{{ prompt }}\n"Calm", now.'
    brief = tr.Study(
        "t",
        data="demo",
        models=["mock:one"],
        controls=["brief"],
        own_controls={"brief": {"rules": "Play."}},
    )
    assert '[[control]]\nname = "brief"\nrules = "Play."\n' in brief.text
    with pytest.raises(UserError, match=r"^wordings is \['calm'\]; give a dict from names to dic"):
        tr.Study("t", data="demo", models=["mock:one"], wordings=["calm"])  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"unknown key 'text' in \[\[wording\]\]"):
        tr.Study("t", data="demo", models=["mock:one"], wordings={"calm": {"text": "x"}})
