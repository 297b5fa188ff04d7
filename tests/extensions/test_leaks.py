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
