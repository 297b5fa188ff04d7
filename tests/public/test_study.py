"""Studies made in Python: the same as from a file, resumed, refused without a trace."""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tremble as tr
from tests.support.commands import tremble
from tests.support.public_records import records
from tests.support.record_lines import write_lines
from tests.support.studies import parts
from tremble.engines.mock import MockEngine
from tremble.public.progress import NotebookLine, notebook_display
from tremble.store.study_folder import Store
from tremble.study.file import study_from
from tremble.study.schema import SCHEMA

PAIR = [("mock:base", "mock:aligned")]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(tr.UserError) as error:
        call()
    assert "\n" not in str(error.value) and "--out" not in str(error.value)
    return str(error.value)


def mine(count: int = 12) -> tr.Decisions:
    return tr.read_decisions(records(count), dataset="mine")


@pytest.mark.slow
def test_a_study_of_arguments_is_that_of_its_file(here: Path) -> None:
    write_lines(here / "mine.jsonl", *records(4))
    study = tr.Study(
        "trial",
        data=["demo", "mine.jsonl"],
        pairs=[("mock:base", "mock:aligned"), {"base": "mock:c", "aligned": "mock:d"}],
        models=["mock:e", {"id": "mock:base", "template": "gemma"}],
        contrasts=["frame=neutral", "frame:stakes=neutral:0", {"by": "stakes", "control": 2}],
        formulations=["standard", "observer"],
        families="custom",
        sample=30,
        reading=["joint", "next_token"],
        one_decision_each=True,
        memory="4 GB",
        level=0.2,
        too_long="missing",
        exclude=[{"model": "mock:e", "formulation": ["observer"]}],
    )
    path = here / "trial.toml"
    path.write_text(
        """
[study]
name = "trial"
data = ["demo", "mine.jsonl"]
formulations = ["standard", "observer"]
families = "custom"
sample = 30
reading = ["joint", "next_token"]
one_decision_each = true
[run]
memory = "4 GB"
too_long = "missing"
[verdict]
level = 0.2
[[pair]]
base = "mock:base"
aligned = "mock:aligned"
[[pair]]
base = "mock:c"
aligned = "mock:d"
[[model]]
id = "mock:e"
[[model]]
id = "mock:base"
template = "gemma"
[[contrast]]
by = "frame"
control = "neutral"
[[contrast]]
by = ["frame", "stakes"]
control = ["neutral", 0]
[[contrast]]
by = "stakes"
control = 2
[[exclude]]
model = "mock:e"
formulation = ["observer"]
"""
    )
    asked, written = study._asked, tr.read_study(path)._asked
    for name in asked.__dataclass_fields__:
        if name not in ("text", "folder", "file"):
            assert getattr(asked, name) == getattr(written, name), name
    assert (here / asked.folder).resolve() == written.folder
    again = study_from(study.text, path)  # the text says all of it
    assert again.models == written.models and again.contrasts == written.contrasts


def test_every_key_of_a_study_file_is_a_keyword() -> None:
    own = {key.name for key in SCHEMA if key.table in ("study", "run", "verdict")}
    assert len(own) == sum(key.table in ("study", "run", "verdict") for key in SCHEMA)
    several = {"include", "exclude", "wordings", "own_controls"}
    assert set(tr.StudyOptions.__annotations__) == own - {"name", "data"} | several
    assert typing.get_type_hints(tr.StudyOptions)["sample"] is int


@pytest.mark.parametrize("text", ['a "b" \\c', "tab\tnewline\n", "\x7f\x01", "ünïcode 😀", "[x]"])
def test_any_text_goes_into_the_study_file_and_out(text: str) -> None:
    study = tr.Study("trial", data="demo", models=["mock"], remote_code=[text])
    assert study._asked.run.remote_code == (text,)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"format": ["plain"]}, "Study('s') has no argument 'format'; did you mean 'formats'?"),
        ({"formats": ["plan"]}, "Study('s'): formats holds 'plan'; it must be one of"),
        ({"sample": 0}, "Study('s'): sample in [study] is 0; it must be a whole number from 1"),
        ({"sample": {}}, "sample is {}, a dict; give texts, numbers, true or false, or lists"),
        ({"models": []}, "Study('s'): there is no model"),
        (
            {"pairs": ("mock:a", "mock:b")},
            "pairs holds 'mock:a'; give pairs of a base and an aligned model",
        ),
        ({"pairs": [("mock:a", "mock:a")]}, "base and aligned are both 'mock:a'"),
        ({"models": [{"name": "mock"}]}, "unknown key 'name' in [[model]]"),
        ({"contrasts": ["a:b:c"]}, "contrast 'a:b:c' cannot be read; write KEY"),
        ({"contrasts": [7]}, "contrast holds 7; give dicts with the keys by, control, family"),
        ({"exclude": ["x"]}, "exclude holds 'x'; give dicts with the keys model, data"),
        ({"name": "a/b"}, "name in [study] is 'a/b'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments: dict[str, Any], said: str) -> None:
    given = {"name": "s", "data": "demo", "models": ["mock"], **arguments}
    assert said in refusal(lambda: tr.Study(**given))


@pytest.mark.slow
def test_a_run_resumes_and_scores_nothing_twice(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = here / "runs" / "mine"
    first = tr.Study("mine", data=mine(), pairs=PAIR).run("runs/mine")
    before, jobs = parts(out), Store(out).read_run()["jobs"]
    written = (out / "data" / "mine.jsonl").stat().st_mtime_ns
    assert list(tr.read_decisions(out / "data" / "mine.jsonl")) == list(mine())

    def never(*_: Any) -> Any:
        raise AssertionError("scored again")

    with monkeypatch.context() as patched:
        patched.setattr(MockEngine, "score", never)
        again = tr.Study("mine", data=mine(), pairs=PAIR).run(out)
        # What the folder holds is a study file that the command runs, too.
        assert tremble("run", out / "study.toml", "--out", out)[0] == 0
        assert tr.read_study(out / "study.toml").run(out).models.equals(first.models)
    assert parts(out) == before
    assert Store(out).read_run()["jobs"] == jobs
    assert (out / "data" / "mine.jsonl").stat().st_mtime_ns == written
    assert again.models.equals(first.models)


def test_more_decisions_and_models_are_added_to_what_is_there(here: Path) -> None:
    tr.Study("mine", data=mine(6), models=["mock:one"]).run("out")
    result = tr.Study("mine", data=mine(9), models=["mock:one", "mock:two"]).run("out")
    assert result.models["n"].to_list() == [18, 18]
    # What stood in the place of the data may be a user's: it is kept.
    assert [path.name for path in sorted((here / "out" / "data").iterdir())] == [
        "mine.jsonl",
        "mine.jsonl.replaced",
    ]


@pytest.mark.slow
def test_paths_beside_objects_are_found_from_the_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "sub").mkdir()
    write_lines(
        here / "sub" / "other.jsonl", *(one | {"id": f"o{n}"} for n, one in enumerate(records(3)))
    )
    study = tr.Study("both", data=[mine(3), mine(2)[:1], "sub/other.jsonl"], models=["mock:one"])
    assert [Path(entry).name for entry in study._asked.data] == [
        "mine.jsonl", "mine-2.jsonl", "other.jsonl"
    ]  # fmt: skip
    study = tr.Study("both", data=[mine(3), "sub/other.jsonl"], models=["mock:one"])
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert study.run(here / "out").models["n"].to_list() == [12]
    assert tr.read_study(here / "out" / "study.toml").plan(here / "out").totals["scored"] == 12


def test_a_refused_study_leaves_nothing(here: Path) -> None:
    study = tr.Study("mine", data=mine(), models=["mock"], contrasts=["colour"])
    assert "colour" in refusal(lambda: study.run("out"))
    assert not (here / "out").exists()
    tr.Study("other", data="demo", models=["mock"], sample=2, families="lottery").run("out")
    before = sorted(here.rglob("*"))
    assert refusal(lambda: tr.Study("mine", data=mine(), models=["mock"]).run("out")) == (
        "'out' contains the study 'other', not 'mine'; give another out."
    )
    assert sorted(here.rglob("*")) == before


def test_a_run_that_breaks_before_the_first_score_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise tr.UserError("The weights cannot be read; mend them.")

    monkeypatch.setattr("tremble.study.run.score_jobs", broken)
    assert "cannot be read" in refusal(
        lambda: tr.Study("mine", data=mine(), models=["mock"]).run("out")
    )
    assert not (here / "out").exists()


@pytest.mark.slow
def test_a_plan_is_the_commands_and_writes_nothing(here: Path) -> None:
    study = tr.Study("mine", data=mine(), pairs=PAIR)
    plan = study.plan("out")
    assert list(here.iterdir()) == []
    mine().write(here / "data" / "mine.jsonl")
    (here / "mine.toml").write_text(study.text)
    code, out, _ = tremble("plan", "mine.toml", "--json")
    assert code == 0
    said = json.loads(out)
    assert plan.facts["models"] == said["models"] and plan.totals == said["totals"]
    assert plan.table("models")["model"].to_list() == ["mock:base", "mock:aligned"]
    assert plan.table("cannot").height == 0
    assert "Smallest" in repr(plan) and "mock:base" in plan._repr_html_()
    assert "did you mean 'models'" in refusal(lambda: plan.table("model"))
    study.run("out")
    assert study.plan("out").totals["scored"] == 48


@pytest.mark.slow
def test_nothing_is_printed(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = tr.Study("mine", data=mine(), pairs=PAIR)
    study.plan("out")
    result = study.run("out")
    assert result.notes[-1].startswith("Loading mock:aligned")
    result.report()
    result.verdict()
    result.xray("mine/loss3")
    tr.check(mine())
    tr.score("mock", "Keep?", ["yes", "no"])
    assert capfd.readouterr() == ("", "")


class _Display(ModuleType):
    """What is asked of IPython.display."""

    def __init__(self) -> None:
        super().__init__("IPython.display")
        self.lines: list[str] = []

    def HTML(self, text: str) -> str:
        return text

    def display(self, text: str, display_id: bool) -> _Display:
        assert display_id
        self.lines.append(text)
        return self

    def update(self, text: str) -> None:
        self.lines.append(text)


def test_a_notebook_shows_a_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, made, display = type("Shell", (), {"kernel": 1})(), ModuleType("IPython"), _Display()
    made.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", made)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    study = tr.Study("mine", data=mine(), models=["mock:<b>"])
    study.run("out", progress=False)
    assert display.lines == []
    study.run("other")
    assert "Rendering: 0 of 24 prompts" in display.lines[0]
    assert "mock:&lt;b&gt;: 24 of 24 prompts" in display.lines[-1]
    assert '<progress value="24" max="24">' in display.lines[-1]
    made.get_ipython = lambda: object()  # type: ignore[attr-defined]  # a terminal's IPython
    assert notebook_display() is None


def test_the_line_of_a_notebook_says_how_long_it_takes() -> None:
    now, lines = [0.0], list[str]()

    def show(line: str) -> Callable[[str], Any]:
        lines.append(line)
        return lines.append

    line = NotebookLine(show, lambda: now[0])
    line.start("mock", 100)
    line.measure(100)
    for _ in range(50):
        now[0] += 1
        line.advance(1)
    assert "50 of 100 prompts, about 50 s left" in lines[-1] or "about 51 s left" in lines[-1]
    quick = len(lines)
    line.advance(0)
    assert len(lines) == quick  # not more often than anybody looks


def test_a_terminal_has_a_bar_on_stderr_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tr.Study("mine", data=mine(), models=["mock:one"]).run("out")
    out, error = capsys.readouterr()
    assert out == "" and "mock:one" in error and "24/24" in error


def test_a_study_file_is_read_with_the_errors_of_the_command(here: Path) -> None:
    path = here / "s.toml"
    path.write_text('[study]\nname = "s"\ndata = ["nope.jsonl"]\n[[model]]\nid = "mock"\n')
    said = refusal(lambda: tr.read_study(path).run())
    assert f"tremble: {said}\n" == tremble("run", path)[2]
    assert "There is no study file" in refusal(lambda: tr.read_study(here / "none.toml"))
