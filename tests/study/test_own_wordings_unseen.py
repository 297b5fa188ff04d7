"""That wordings and controls of a study file's own show nothing that a person could not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.control_cases import CAMP
from tests.support.own_studies import run, write
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.prompts import own_wording
from tremble.prompts.own_facts import Facts
from tremble.prompts.parts import own_prompt

GAME = Game(
    "g1",
    "mine",
    "multi_issue",
    {
        **CAMP.rules,
        "private": {
            **CAMP.rules["private"],
            "b": {
                "priorities": {"High": "Food", "Medium": "Water", "Low": "Firewood"},
                "reasons": CAMP.rules["private"]["a"]["reasons"],
            },
        },
    },
    (
        Event("message", {"player": "b", "message": "Hello there"}),
        Event("message", {"player": "b", "message": "psst"}, seen={"b": 2}),
        Event(
            "deal",
            {
                "player": "b",
                "gets": {
                    "a": {"Food": 1, "Water": 2, "Firewood": 3},
                    "b": {"Food": 2, "Water": 1, "Firewood": 0},
                },
            },
        ),
        Event("decision", {"player": "a", "choice": "reject"}),
    ),
    person={"private": {"a": {"town": "Rome"}, "b": {"town": "Oslo"}}},
    config={"arm": "late"},
)
PLAYED = Decision(
    "g1/1",
    "mine",
    "multi_issue",
    (Option("accept", "accept"), Option("reject", "reject")),
    choice="reject",
    game=GAME,
    at=3,
    role="a",
    participant="one",
    config={"stake": 3},
)
ASKS = (
    '[[wording]]\nname = "calm"\nsystem = "{{ rules }} {{ question }} {{ answer }}"\n'
    'template = "{{ history }} {{ facts.town }}"\n'
)


def played(folder: Path, own: str = ASKS, **study: Any) -> Path:
    path = write(folder, own, formulations=["calm"], **study)
    jsonl.write([PLAYED], folder / "mine.jsonl")
    return path


@pytest.mark.parametrize(
    ("leak", "what"),
    [
        (lambda d: d.choice, "the choice"),
        (lambda d: d.config.get("stake"), "a parameter of the data"),
        (lambda d: d.game.config.get("arm"), "a parameter of the data"),
        (lambda d: d.game.events[d.at :][-1].data.get("text"), "what happened later"),
        (lambda d: d.game.events[1].data.get("message"), "a hidden event"),
        (lambda d: sorted(d.game.person["private"]), "what only others knew"),
        (lambda d: sorted(d.game.rules["private"]), "what only others knew"),
        (lambda d: [d.role, d.round, len(d.visible()), d.person], None),
    ],
)
def test_what_a_person_could_not_see_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leak: Any, what: str | None
) -> None:
    """A leak is planted into the facts that a wording is given."""
    path = played(tmp_path)
    given: list[Decision] = []

    def noted(decision: Decision) -> Any:
        given.append(decision)
        return own_prompt(decision)

    monkeypatch.setattr(own_wording, "own_prompt", noted)
    monkeypatch.setattr(
        own_wording, "Facts", lambda person: Facts({**person, "town": str(leak(given[-1]))})
    )
    if what is None:
        run(path)
        return
    said = mistake("plan", path, "--out", tmp_path / "out")
    assert said.endswith(
        f"study.toml: 'calm' shows {what} in the decision 'g1/1', which the person could not see; "
        "leave it out of the template."
    )


def test_a_control_is_held_to_the_same_and_the_sample_is_of_each_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = '[[control]]\nname = "brief"\nhistory = "{{ facts.town }}"\n'
    path = write(tmp_path, own, formulations=["standard"], controls=["brief"])
    other = [replace(PLAYED, id=f"x{at}", participant=f"x{at}") for at in range(3)]
    jsonl.write([PLAYED, *other], tmp_path / "mine.jsonl")
    run(path)
    (asked,) = [
        text
        for text in (tremble("xray", path, "x1", "--formulation", "standard+brief")[1],)
        if "Rome" in text
    ]
    assert "Oslo" not in asked and "Hello there" not in asked
    # Facts of the other side are nobody's here.
    path.write_text(path.read_text().replace("facts.town", "facts.private"))
    assert "uses facts.private, which is in none of the records" in mistake("plan", path)
