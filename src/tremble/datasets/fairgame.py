"""FAIRGAME, the prisoner's dilemma: language models that were told penalties, in five languages and
two personalities, at several scales of the numbers.

`<arm>/<scale>/<model>/x<scale>_<language>_<model>.csv` has a row per game; moves and penalties are
lists in text. Both sides are the same model in the same language, and where they have the same
personality they are the same agent: `role` tells them apart.

**The first option is not "cooperate".** The models read penalties and were asked to make theirs
small, and for numbers read like that option A is dominant. Its name here is the source's letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.datasets.base import Card, Notes, check_no_copies, find_files
from tremble.datasets.csv_rows import needs, read_rows, whole
from tremble.decisions.files import FRESH
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.errors import UserError
from tremble.text import composed

CARD = Card(
    name="fairgame",
    title="FAIRGAME: language models in a repeated prisoner's dilemma told as penalties",
    citation=(
        "trungkiet2005, prisoner-dilemma-llm, https://github.com/trungkiet2005/"
        "prisoner-dilemma-llm, commit d9d3837. The framework: A. Buscemi, D. Proverbio, "
        "A. Di Stefano, T. A. Han, G. Castignani, P. Liò (2025). FAIRGAME: a Framework for AI "
        "Agents Bias Recognition using Game Theory. arXiv:2504.14325."
    ),
    licence="not stated",
    size=(
        "240,000 decisions of 50 agents (5 models, 5 languages, 2 personalities) in 4,800 games: "
        "claude and gemini-3.5-flash-lite of the frontier arm, three models of the small arm"
    ),
    one_decision="one agent's choice in one round",
    files="Dataset/<arm>/<scale>/<model>/x<scale>_<language>_<model>.csv, or any folder above them",
    notes=(
        "Commit d9d3837 states no licence for the data; another commit (c59180c) has a file "
        "DATA_LICENSE.md that says CC BY 4.0.",
        "The numbers are penalties, and models were asked to make theirs small. Both choose A: 6 "
        "each (8 in the small arm); A against B: 0 for A and 10 for B; both B: 2 each; all times "
        "the scale. So A is dominant, and both are better off with B. Options have the neutral "
        "keys A and B; A is the target.",
        "An agent is model, language and personality: claude/en/selfish. The model is the folder's "
        "name (agentN_llm is LocalModel for three of them), and its agents are siblings. "
        "Personalities are in the words of their language, in lower case: some files have capitals "
        "for the same.",
        "Models read the game in their language, with a story of two prisoners and with their own "
        "personality. The prompt here is in English, without the story, and tells no personality.",
        "The number of rounds is in the prompt where the file says that it was known: not in "
        "games of claude.",
        "A reply that could not be understood after several tries became A; the files do not say "
        "when, so config.status is not known.",
        "Half of the games pair equal personalities, so that both sides are the same agent. Moves "
        "are simultaneous. agentN_scores of a round are known after it.",
        "Nearly a third of all sides of games choose the same in every round; two agents choose A "
        "in more than .97 of all rounds.",
        "The source says that games of gemini-3.5-flash-lite with one config.game start from one "
        "seed at all scales: compare scales in pairs.",
    ),
    manual="take the folder Dataset from https://github.com/trungkiet2005/prisoner-dilemma-llm",
    public_note="neither the files nor their commit say when; the framework's preprint is of 2025",
)
ROLES = ("player 1", "player 2")
OPTIONS = (Option("A", "A"), Option("B", "B"))
BOTH_A = {"data_fairgame_frontier_llm": 6, "data_fairgame_small_llm": 8}  # penalty, by arm
ALONE, BOTH_B = 10, 2
_FILE = re.compile(r"x(?P<scale>[0-9]+(?:\.[0-9]+)?)_(?P<language>[a-z]{2})_(?P<model>.+)\.csv")
_MOVES = re.compile(r"\['Option[AB]'(?:, 'Option[AB]')*\]")
_SIDES = ("agent1", "agent2")
_COLUMNS = (
    *("language", "n_rounds_is_known", "max_rounds", "played_rounds", "agents_communicate"),
    *(f"{side}_{what}" for side in _SIDES for what in ("personality", "strategies", "scores")),
)


Payoffs = dict[str, dict[str, list[float]]]  # own option -> the other's -> [own, the other's]


@dataclass(frozen=True, slots=True)
class Place:
    """What the path of a file says: `arm` as its folder is called, `scale` as it is written."""

    file: Path
    arm: str
    scale: str
    model: str
    language: str

    def payoffs(self) -> Payoffs:
        """The penalties of a round at this scale."""
        a, alone, b = (self._scaled(one) for one in (BOTH_A[self.arm], ALONE, BOTH_B))
        return {"A": {"A": [a, a], "B": [0, alone]}, "B": {"A": [alone, 0], "B": [b, b]}}

    def _scaled(self, penalty: int) -> float:
        value = round(penalty * float(self.scale), 9)
        return int(value) if value == int(value) else value


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, game by game, in the order of the files; of a round that of the first side
    before that of the second. `Decision.line` is that of the file.

    Raises UserError, with file, line and value, for files that are not those of the source.
    """
    check = needs(_COLUMNS, "give the file of FAIRGAME as downloaded")
    for place in _places(path):
        payoffs = place.payoffs()
        for number, (line, cells) in enumerate(read_rows(place.file, check)):
            yield from _game(place, payoffs, number, line, cells)


def _places(path: Path) -> list[Place]:
    called, cure = "x<scale>_<language>_<model>.csv", "give the source's folder Dataset"
    found = [_place(file) for file in find_files(path, "*.csv", called, cure, _FILE)]
    check_no_copies((one.file, (one.arm, one.scale, one.model, one.language)) for one in found)
    return found


def _place(file: Path) -> Place:
    matched = _FILE.fullmatch(file.name)
    folders = file.resolve().parents
    arm = folders[2].name if len(folders) > 2 else ""
    if matched is None or arm not in BOTH_A:
        raise UserError(
            f"{str(file)!r} is not at <arm>/<scale>/<model>/x<scale>_<language>_<model>.csv, where "
            f"the arm is {' or '.join(BOTH_A)}; keep the folders of the source."
        )
    return Place(file, arm, matched["scale"], matched["model"], matched["language"])


def _game(
    place: Place,
    payoffs: Payoffs,
    number: int,
    line: int,
    cells: dict[str, str],
) -> Iterator[Decision]:
    where = f"{place.file}, line {line}"
    known = _known(place, where, cells)
    moves = [_moves(where, side, cells[f"{side}_strategies"]) for side in _SIDES]
    paid = [_paid(where, side, cells[f"{side}_scores"]) for side in _SIDES]
    lengths = {len(moves[0]), len(moves[1]), len(paid[0]), len(paid[1])}
    if lengths != {whole(cells["played_rounds"])}:
        raise UserError(
            f"{where}: moves, penalties and played_rounds are not of one length; {FRESH}."
        )
    events = []
    for at, (own, other) in enumerate(zip(*moves, strict=True)):
        points, other_points = payoffs[own][other]
        if abs(paid[0][at] - points) > 1e-9 or abs(paid[1][at] - other_points) > 1e-9:
            raise UserError(
                f"{where}: round {at + 1} has the penalties {paid[0][at]} and {paid[1][at]}, but "
                f"{own} and {other} are {points} and {other_points} at scale {place.scale}; "
                f"{FRESH}."
            )
        data = {"choice": own, "other": other, "points": points, "other_points": other_points}
        events.append(Event("moves", data))
    game = _played(place, payoffs, number, tuple(events), cells, known)
    traits = [_trait(cells, side) for side in _SIDES]
    for at in range(len(events)):
        for side, trait in enumerate(traits):
            yield Decision(
                id=f"{game.id}/p{side + 1}/r{at + 1}",
                dataset=CARD.name,
                family=game.family,
                options=OPTIONS,
                target=OPTIONS[0].key,
                choice=moves[side][at],
                game=game,
                at=at,
                participant=_agent(place, trait),
                round=at + 1,
                role=ROLES[side],
                config={"personality": trait},
                line=line,
            )


def _trait(cells: dict[str, str], side: str) -> str:
    """The personality of a side, in lower case: some files have capitals for the same."""
    return composed(cells[f"{side}_personality"].strip().casefold())


def _agent(place: Place, trait: str) -> str:
    return f"{place.model}/{place.language}/{trait}"


def _played(
    place: Place,
    payoffs: Payoffs,
    number: int,
    events: tuple[Event, ...],
    cells: dict[str, str],
    known: int | None,
) -> Game:
    """The game of a row, of which `known` rounds were told."""
    arm = place.arm.removeprefix("data_fairgame_").removesuffix("_llm")
    agents = {_agent(place, _trait(cells, side)) for side in _SIDES}
    return Game(
        id=f"{CARD.name}/{arm}/{place.scale}/{place.model}/{place.language}/{number}",
        dataset=CARD.name,
        family="repeated_matrix",
        rules={"rounds": known, "payoffs": payoffs, "penalties": True, "roles": list(ROLES)},
        events=events,
        config={
            "arm": arm,
            "scale": float(place.scale),
            "model": place.model,
            "language": place.language,
            "game": number,
        },
        agents={agent: {"kind": "model", "base": place.model} for agent in sorted(agents)},
    )


def _known(place: Place, where: str, cells: dict[str, str]) -> int | None:
    """The number of rounds where it was told. Raises UserError for cells that make no sense."""
    rounds, told = whole(cells["max_rounds"]), cells["n_rounds_is_known"]
    for column, wrong, right in (
        ("language", cells["language"] != place.language, f"{place.language!r} as the file's name"),
        ("max_rounds", not rounds, "a whole number from 1"),
        ("n_rounds_is_known", told not in ("True", "False"), "True or False"),
        ("agents_communicate", cells["agents_communicate"] != "False", "False"),
        *((f"{s}_personality", not cells[f"{s}_personality"].strip(), "a word") for s in _SIDES),
    ):
        if wrong:
            raise UserError(f"{where}: {column} is {cells[column][:60]!r}, not {right}; {FRESH}.")
    return rounds if told == "True" else None


def _moves(where: str, side: str, text: str) -> list[str]:
    """The letters of the options, round by round."""
    if not _MOVES.fullmatch(text):
        raise UserError(
            f"{where}: {side}_strategies is {text[:60]!r}, not a list of 'OptionA' and 'OptionB'; "
            f"{FRESH}."
        )
    return re.findall(r"Option([AB])", text)


def _paid(where: str, side: str, text: str) -> list[float]:
    """The penalties, round by round."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(type(one) in (int, float) for one in found):
        raise UserError(f"{where}: {side}_scores is {text[:60]!r}, not a list of numbers; {FRESH}.")
    return found
