"""Wordings and controls of packages that show what the person could not see are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import mistake, tremble
from tests.support.extensions import installed, on_path

HEAD = """
import itertools
from dataclasses import replace
from tremble.prompts.conversation import NotApplicable, Telling
from tremble.prompts.formulations import standard
from tremble.prompts.parts import headed
COUNT = itertools.count()
"""
WORDING = (
    "def x(d, presentation=0, told=None):\n    return headed(standard(d, presentation, told), {})"
)
CONTROL = "def x(d, others):\n    return Telling({})"
SEEN = "lambda seen: replace(seen, role={})"


def study(
    source: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> Path:
    points = f"[tremble.{kind}]\nleaky = leaky_module:x\n"
    site = installed(tmp_path / "site", {"leaky_module.py": HEAD + source}, points, name="faulty")
    on_path(monkeypatch, site)
    path = tmp_path / "s.toml"
    key = "formulations" if kind == "wordings" else "controls"
    path.write_text(
        f'[study]\nname = "s"\ndata = ["demo"]\nfamilies = ["{family}"]\n{key} = ["leaky"]\n'
        '[[model]]\nid = "mock:a"\n',
        "utf-8",
    )
    return path


RULES = "rules=lambda words, seen: [str({})]"
LEAKS = [
    ("wordings", WORDING.format("str(d.choice)"), "bargaining", "the choice"),
    ("wordings", WORDING.format("str(d.rates)"), "lottery", "what people chose"),
    (
        "wordings",
        WORDING.format("str(d.game.events[-1].data)"),
        "bargaining",
        "what happened later",
    ),
    ("wordings", WORDING.format("str(d.breakdown)"), "bargaining", "a parameter of the data"),
    ("wordings", WORDING.format("d.breakdown['Stakes']"), "bargaining", "a parameter of"),
    ("controls", CONTROL.format(RULES.format("d.choice")), "bargaining", "the choice"),
    ("controls", CONTROL.format(RULES.format("d.game.events")), "bargaining", "happened later"),
    ("wordings", WORDING.format("str(next(COUNT))"), "bargaining", "gives two texts"),
]


@pytest.mark.parametrize(("kind", "source", "family", "what"), LEAKS)
def test_what_a_person_could_not_see_is_not_shown(
    kind: str,
    source: str,
    family: str,
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = study(source, kind, tmp_path, monkeypatch, family)
    said = mistake("run", path, "--out", tmp_path / "s")
    assert f"{kind[:-1]} 'leaky' of the package faulty 1.0 " in said
    assert what in said and "decision 'demo/" in said
    assert not (tmp_path / "s" / "scores").exists()


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("wordings", WORDING.format("str(len(d.visible())) + str(d.parameters)")),
        ("controls", CONTROL.format(RULES.format("seen.events"))),
        ("controls", CONTROL.format("lambda seen: others.in_place_of(d, seen)")),
    ],
)
def test_what_a_person_saw_may_be_shown(
    kind: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(source, kind, tmp_path, monkeypatch, "bargaining")
    code, _, error = tremble("run", path, "--out", tmp_path / "s")
    assert code == 0, error


@pytest.mark.parametrize("control", ["no_rules", "renamed", "other_history"])
def test_a_wording_is_looked_at_under_controls_of_tremble(
    control: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the wording alone dropped from the study."""
    path = study(WORDING.format("str(d.choice)"), "wordings", tmp_path, monkeypatch, "bargaining")
    only = '[[exclude]]\nformulation = "leaky"\ncontrol = "none"\n'
    written = path.read_text("utf-8").replace("[[model]]", f'controls = ["{control}"]\n[[model]]')
    path.write_text(written + only, "utf-8")
    said = mistake("plan", path)
    assert "wording 'leaky' of the package faulty 1.0 shows the choice in the decision" in said


def test_a_wording_is_looked_at_under_a_control_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(WORDING.format("str(d.choice)"), "wordings", tmp_path, monkeypatch, "bargaining")
    only = '[[exclude]]\nformulation = "leaky"\ncontrol = "none"\n'
    own = '[[control]]\nname = "brief"\nrules = "A game."\n'
    written = path.read_text("utf-8").replace("[[model]]", 'controls = ["brief"]\n[[model]]')
    path.write_text(written + own + only, "utf-8")
    assert "shows the choice in the decision" in mistake("plan", path)


@pytest.mark.parametrize(
    ("prints", "what"), [("d.choice", "the choice"), ("d.game.events[-1].data", "later")]
)
def test_a_look_at_other_games_hides_nothing(
    prints: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "def x(d, others):\n"
        "    others.games(d.family)\n"
        f"    return Telling(rules=lambda words, seen: [*words.rules(seen), str({prints})])"
    )
    path = study(source, "controls", tmp_path, monkeypatch, "bargaining")
    said = mistake("plan", path)
    assert "control 'leaky' of the package faulty 1.0 shows " in said and what in said


def test_xray_shows_no_text_that_a_study_would_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(WORDING.format("str(d.choice)"), "wordings", tmp_path, monkeypatch, "bargaining")
    said = mistake("xray", path, "demo/bargaining/39FE7832F0183A13/r4", "--formulation", "leaky")
    assert "wording 'leaky' of the package faulty 1.0 shows the choice in the decision" in said
