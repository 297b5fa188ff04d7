"""The package's face: light to import, and whole to whoever looks at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tremble
from tests.support.places import ROOT
from tremble.public.words import with_keywords

HEAVY = ("torch", "transformers", "polars", "numpy", "scipy", "jinja2", "rich", "typer", "altair")
_LOOK = f"""
import json, sys
import tremble
named = dir(tremble)
print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], named]))
"""
# Every public name, as a user's script would have it; what is commented is what mypy must refuse.
SCRIPT = """
import polars as pl
import tremble as tr

decisions: tr.Decisions = tr.read_decisions("mine.jsonl")
first: tr.Decision = decisions[0]
options: tuple[tr.Option, ...] = first.options
game: tr.Game | None = first.game
events: tuple[tr.Event, ...] = first.history
offers: tuple[tr.Offer, ...] = tr.read_offers("mine.jsonl")
found: tr.Check = tr.check(decisions)
sentences: list[str] = found.faults
how: tr.ScoreOptions = {"chat": True}
scored: tr.Scored = tr.score("mock:one", "Accept?", ["yes", "no"], **how)
mass: float | None = scored.mass
more: tr.StudyOptions = {"sample": 20, "formats": ["plain"]}
study: tr.Study = tr.Study("mine", data=decisions, pairs=[("a", "b")], contrasts=["x=y"], **more)
other: tr.Study = tr.read_study("mine.toml")
plan: tr.Plan = study.plan("runs/mine")
result: tr.Result = study.run("runs/mine", progress=False)
models: pl.DataFrame = result.models
verdict: tr.Verdict = tr.open_study("runs/mine").verdict(family="bargaining")
look: tr.XrayOptions = {"format": "plain"}
xray: tr.Xray = result.xray("mine/17", **look)
followed: tr.Result = tr.trajectory("runs/dpo", data=decisions, task="pairs.jsonl", keep=0.9)
trained: tr.Training = tr.align({"align": {"base": "a"}, "dpo": {"data": "pairs.jsonl"}})
again: tr.Training = tr.align("recipe.toml", "runs/dpo", progress=False)
steps: pl.DataFrame = trained.steps
ends: tr.Result = tr.trajectory(trained.folder)
version: str = tr.__version__
try:
    study.plan()
except tr.MissingExtra as error:
    print(error)
except tr.ModelUnavailable as error:
    print(error)
except (tr.UserError, tr.TrembleError) as error:
    print(error)
"""
WRONG = {
    "tr.Studies": "attr-defined",
    'tr.Study("mine", data="demo", samples=3)': "call-arg",
    'tr.Study("mine", data="demo", sample="3")': "arg-type",
    'tr.score("m", "p", ["a", "b"], chat="yes")': "arg-type",
    "tr.open_study(3)": "arg-type",
}


def test_importing_loads_no_library_and_shows_every_name() -> None:
    out = subprocess.run(
        [sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True
    ).stdout
    loaded, named = json.loads(out)
    assert loaded == []
    assert set(tremble.__all__) <= set(named)
    assert not [name for name in named if name.startswith("_") and not name.startswith("__")]
    assert {"Study", "Result", "UserError", "__version__", "read_decisions"} <= set(named)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Studies'"):
        _ = tremble.Studies  # type: ignore[attr-defined]
    assert tremble.Study is tremble.Study


def test_a_notebook_shows_a_mistake_as_one_sentence() -> None:
    """IPython asks an exception that has this method for what it shows."""
    with pytest.raises(tremble.UserError) as error:
        tremble.open_study("none")
    assert error.value._render_traceback_() == [f"tremble: {error.value}"]


def test_sentences_name_keywords_and_leave_commands_alone() -> None:
    for sentence, meant in (
        ("give another --out.", "give another out."),
        ("add --chat.", "add chat=True."),
        ("run `tremble data import x --out FILE`.", "run `tremble data import x --out FILE`."),
        ("give the --out of `tremble run`.", "give the --out of `tremble run`."),
        ("There is no file 'a--out'.", "There is no file 'a--out'."),
        ("There is no file '--out'.", "There is no file '--out'."),
        ("--model-size is new", "--model-size is new"),
    ):
        assert with_keywords(sentence) == meant


@pytest.mark.slow
def test_a_type_checker_sees_every_name(tmp_path: Path) -> None:
    missing = [name for name in tremble.__all__ if f"tr.{name}" not in SCRIPT]
    assert missing == []
    lines = SCRIPT.splitlines()
    lines += ["import typing", "if typing.TYPE_CHECKING:", *(f"    {one}" for one in WRONG)]
    script = tmp_path / "script.py"
    script.write_text("\n".join(lines) + "\n")
    # With the configuration and the cache of `make lint`, which comes before: all is read once.
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(script)]
    made = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    said = [line for line in made.stdout.splitlines() if ": error:" in line]
    assert len(said) == len(WRONG), made.stdout + made.stderr
    for line, (what, code) in zip(said, WRONG.items(), strict=True):
        assert f"[{code}]" in line, (what, line)
