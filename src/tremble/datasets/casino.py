"""CaSiNo: two people at a campsite divide packages of food, water and firewood by talking.

A dialogue is one game, played by two people, either of whom may decide: the answer to a deal that
the other one submitted. Own priorities and reasons are rules that this person alone was told
(`private`); demographics and personality are facts in `person`, by role as well, which no wording
shows unless it asks for them. `issue2youget` is what the PROPOSER gets. Points, satisfaction and
liking came after the decision: they are read by nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tremble.datasets.base import Card, Download, Notes, find_files
from tremble.decisions.files import FRESH, json_of
from tremble.decisions.record import Decision, Event, Game
from tremble.errors import UserError
from tremble.games.multi_issue import LEVELS, OPTIONS
from tremble.text import as_written

CARD = Card(
    name="casino",
    title="CaSiNo: campsite negotiations, answers to submitted deals",
    citation=(
        "K. Chawla, J. Ramirez, R. Clever, G. Lucas, J. May, J. Gratch (2021). CaSiNo: A Corpus of "
        "Campsite Negotiation Dialogues for Automatic Negotiation Systems. NAACL 2021. "
        "arXiv:2103.15721."
    ),
    licence="CC BY 4.0",
    size="1,069 decisions: train 876 accept, 152 reject, 9 walk away; validation 30, 2 and 0",
    one_decision="a person's answer to one submitted deal: accept (the target), reject, walk away",
    files="casino_train.json, casino_valid.json, or a folder with either or both",
    notes=(
        "Fields used: dialogue_id, chat_logs (text, task_data, id) and, of participant_info, "
        "value2issue, value2reason, demographics and personality. outcomes, which came later, and "
        "annotations are not read.",
        "15 people walked away although no deal was submitted: these are dropped and counted.",
        "The source does not say which dialogues share a person, so participant identifies people "
        "within a dialogue only; both people of a dialogue belong to the same cluster.",
        "A person's demographics, personality, priorities and reasons are kept in `person`. "
        "Prompts show priorities and reasons only to the person they belong to.",
        "A package is worth 5, 4 or 3 points by priority, and walking away is worth 5 points; "
        "both agree with the points recorded in every dialogue.",
    ),
    sources=tuple(
        Download(
            url=(
                "https://raw.githubusercontent.com/kushalchawla/CaSiNo/"
                f"0d62bdb2fcda02681313eb443168225f5cc9b5a5/data/split/{name}"
            ),
            filename=name,
            sha256=digest,
            size=size,
        )
        for name, digest, size in (
            (
                "casino_train.json",
                "6b953d153fc8c78f27e911c1439b93b9b3519357e3ba825091b2e567845ba3a7",
                3_763_692,
            ),
            (
                "casino_valid.json",
                "91f2d1f09accedf98667ac081fd5083752738390734e991601b036643da077e0",
                112_116,
            ),
        )
    ),
    manual=(
        "take casino_train.json and casino_valid.json from data/split of "
        "https://github.com/kushalchawla/CaSiNo"
    ),
    public_since="2021-03",
    public_note="the month of the preprint's first version, arXiv:2103.15721",
)

AGENTS = ("mturk_agent_1", "mturk_agent_2")
ITEMS = {"Food": 3, "Water": 3, "Firewood": 3}
POINTS = {"High": 5, "Medium": 4, "Low": 3}
SETTING = (
    "You are on a camping trip. The other person is your neighbor at the campsite. Both of you "
    "already have the basic supplies that you need."
)
ANSWERS = {
    "Accept-Deal": ("accept", "accept_deal"),
    "Reject-Deal": ("reject", "reject_deal"),
    "Walk-Away": ("walk away", "walk_away"),
}
DEAL = "Submit-Deal"


def camp_rules(people: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The rules of a dialogue; of the facts about each person, by role, what that person alone was
    told."""
    return {
        "setting": SETTING,
        "items": ITEMS,
        "unit": "package",
        "points": POINTS,
        "no_deal": POINTS["High"],
        "messages": True,
        "private": {
            agent: {key: facts[key] for key in ("priorities", "reasons")}
            for agent, facts in people.items()
        },
    }


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, dialogue by dialogue; what answers no deal is counted in `notes.dropped`.

    Raises UserError, with file and dialogue, for files that are not CaSiNo's.
    """
    for file in _files(path):
        dialogues = json_of(file)
        if not isinstance(dialogues, list):
            raise UserError(f"{file}: a JSON {type(dialogues).__name__}, not a list; {FRESH}.")
        split, seen = file.stem.removeprefix("casino_"), set()
        for place, value in enumerate(dialogues, start=1):
            dialogue = _Dialogue(f"{file}, dialogue {place}", split, value)
            if dialogue.id in seen:
                dialogue.fail(f"dialogue_id {dialogue.id} appears again")
            seen.add(dialogue.id)
            yield from dialogue.decisions(notes)


def _files(path: Path) -> list[Path]:
    called, cure = (
        "casino_train.json or casino_valid.json",
        "give the file or a folder that holds it",
    )
    files = find_files(path, "casino_*.json", called, cure)
    names = [file.name for file in files]
    twice = [file for file in files if names.count(file.name) > 1]
    if twice:
        raise UserError(
            f"{len(twice)} files called {twice[0].name} under {str(path)!r}; name a folder with "
            f"only one, for example {str(twice[0].parent)!r}."
        )
    return files


class _Dialogue:
    """One dialogue, checked as it is read."""

    def __init__(self, where: str, split: str, value: Any) -> None:
        self.where = where
        if not isinstance(value, dict):
            self.fail(f"{str(value)[:100]!r} is not an object")
        id_ = value.get("dialogue_id")
        if not isinstance(id_, int | str) or not re.fullmatch(r"[\w.-]+", str(id_)):
            self.fail(f"dialogue_id is {as_written(id_)}, not a number or a name")
        self.id = str(id_)
        self.where = f"{where} (dialogue_id {id_})"
        self.split = split
        self.value = value

    def fail(self, message: str) -> NoReturn:
        raise UserError(f"{self.where}: {message}; {FRESH}.")

    def field(self, value: Mapping[str, Any], key: str, type_: type, what: str) -> Any:
        entry = value.get(key)
        if not isinstance(entry, type_):
            self.fail(f"{what}{key} is {as_written(entry)[:100]}, not a JSON {type_.__name__}")
        return entry

    def decisions(self, notes: Notes) -> list[Decision]:
        logs = self.field(self.value, "chat_logs", list, "")
        people = self._people()
        events = [self._event(place, message) for place, message in enumerate(logs, start=1)]
        game = Game(
            id=f"{CARD.name}/{self.split}/{self.id}",
            dataset=CARD.name,
            family="multi_issue",
            rules=camp_rules(people),
            events=tuple(events),
            person={"private": people},
            config={"split": self.split, "Messages": "Allowed"},
        )
        decisions: list[Decision] = []
        deals = 0
        for at, event in enumerate(events):
            deals += event.type == "deal"
            if event.type != "decision":
                continue
            agent, choice = event.data["player"], event.data["choice"]
            before = events[at - 1] if at else None
            if before is None or before.type != "deal":
                if choice != "walk away":
                    self.fail(f"message {at + 1} is to {choice} where no deal is submitted")
                notes.dropped["walked away without a deal to answer"] += 1
                continue
            if before.data["player"] == agent:
                self.fail(f"message {at + 1}: {agent} answers a deal of its own")
            decisions.append(
                Decision(
                    id=f"{game.id}/{deals}",
                    dataset=CARD.name,
                    family=game.family,
                    options=OPTIONS,
                    target="accept",
                    choice=choice,
                    game=game,
                    at=at,
                    participant=f"{self.split}/{self.id}/{agent}",
                    round=deals,
                    role=agent,
                )
            )
        answered = len(decisions)
        if deals > answered:
            notes.dropped["submitted deals that nobody answered"] += deals - answered
        return decisions

    def _people(self) -> dict[str, dict[str, Any]]:
        """Agent to the facts of that person that came before the talk."""
        info = self.field(self.value, "participant_info", dict, "")
        if sorted(info) != sorted(AGENTS):
            self.fail(f"participant_info has {sorted(info)!r}, not {list(AGENTS)!r}")
        people = {}
        for agent in AGENTS:
            one = self.field(info, agent, dict, "participant_info.")
            at = f"{agent}."
            priorities = self.field(one, "value2issue", dict, at)
            reasons = self.field(one, "value2reason", dict, at)
            if sorted(priorities) != sorted(LEVELS) or sorted(map(str, priorities.values())) != (
                sorted(ITEMS)
            ):
                self.fail(f"{at}value2issue is {priorities!r}, not High, Medium, Low of {[*ITEMS]}")
            if sorted(reasons) != sorted(LEVELS) or not all(
                isinstance(reason, str) for reason in reasons.values()
            ):
                self.fail(f"{at}value2reason is {str(reasons)[:100]!r}, not a text for each level")
            people[agent] = {
                "demographics": self.field(one, "demographics", dict, at),
                "personality": self.field(one, "personality", dict, at),
                "priorities": {level: priorities[level] for level in LEVELS},
                "reasons": {level: reasons[level].strip() for level in LEVELS},
            }
        return people

    def _event(self, place: int, message: Any) -> Event:
        at = f"message {place}: "
        if not isinstance(message, dict):
            self.fail(f"{at}{str(message)[:100]!r} is not an object")
        text = self.field(message, "text", str, at)
        data = self.field(message, "task_data", dict, at)
        agent = message.get("id")
        if agent not in AGENTS:
            self.fail(f"{at}id is {as_written(agent)}, not {' or '.join(AGENTS)}")
        if text in ANSWERS:
            choice, named = ANSWERS[text]
            if data.get("data") != named:
                self.fail(f"{at}{text} goes with {data!r}, not with {named!r}")
            return Event("decision", {"player": agent, "choice": choice})
        if text != DEAL:
            return Event("message", {"player": agent, "message": text})
        partner = AGENTS[1 - AGENTS.index(agent)]
        gets = {agent: self._share(at, data, "issue2youget")}
        gets[partner] = self._share(at, data, "issue2theyget")
        for kind, total in ITEMS.items():
            if gets[agent][kind] + gets[partner][kind] != total:
                self.fail(f"{at}the shares of {kind} do not add up to {total}: {data!r}")
        return Event("deal", {"player": agent, "gets": gets})

    def _share(self, at: str, data: Mapping[str, Any], key: str) -> dict[str, int]:
        share = self.field(data, key, dict, at)
        numbers = {kind: str(share.get(kind)) for kind in ITEMS}
        if len(share) != len(ITEMS) or not all(
            re.fullmatch(r"[0-9]{1,9}", number) for number in numbers.values()
        ):
            self.fail(f"{at}{key} is {as_written(share)}, not a number of {', '.join(ITEMS)}")
        return {kind: int(number) for kind, number in numbers.items()}
