"""Strategic-LLM-IPD: agents, most of them programs, in a repeated prisoner's dilemma whose end is
drawn after every round.

`evolutionary_shadow<S>_phase<P>.csv` has a row per round of a match with the moves of both sides.
A match is one game with the decisions of both. What an agent wrote with its move is private and
tells the move, and a row repeats the totals of the whole match: neither reaches a prompt. What was
written only decides how the move came about (`status`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tremble.datasets.base import Card, Notes, check_no_copies, find_files
from tremble.datasets.csv_rows import needs, number, read_rows, whole
from tremble.decisions.files import FRESH
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.disk.paths import is_file, is_folder
from tremble.errors import UserError
from tremble.text import counted

CARD = Card(
    name="strategic_ipd",
    title="Strategic-LLM-IPD: models and programs in a repeated prisoner's dilemma",
    citation=(
        "HCSS-Data-Lab, Strategic-LLM-IPD, https://github.com/HCSS-Data-Lab/Strategic-LLM-IPD, "
        "commit f29b19b. Copyright Kenneth Payne (2025)."
    ),
    licence="MIT",
    size=(
        "20,238 decisions (8,198 of models) of 28 agents in 3,780 matches: the files of the "
        "chances 75 and 25 of experiments 20250905_152321 and 20250905_152805"
    ),
    one_decision="one agent's move in one round",
    files="results/<experiment>/evolutionary_shadow<S>_phase<P>.csv, or any folder above them",
    notes=(
        "Agents: 12 models (their names end in a temperature: _T02 is 0.2), 13 rules and 3 "
        "programs that learn. Names are those of the source without phase and instance. Models "
        "that differ in temperature alone have one base.",
        "config.status of a model's move: read; unreadable (the last line of the reply has both "
        "or neither of the letters C and D); failed (no reply). The source made C of the last two, "
        "so they are what others met, not what the model chose. Replies were cut at 500 tokens. "
        "Read means read by that rule: a last line of prose with one of the letters counts.",
        "config.reply numbers the distinct replies of a model in a file: equal histories repeat "
        "one reply up to 27 times, so that rows are not independent draws.",
        "The chance that a match ends after a round (config.shadow, in per cent) was told to "
        "models, and the prompt says it. From phase 2 on models also read all their earlier "
        "matches, which no prompt shows. In experiments of 20250905 opponents are anonymous, in "
        "those of 20250910 they are told apart by an anonymous name.",
        "agentN_total_score (the final total of the match on every row) is not read; of "
        "agentN_reasoning, which ends in the move, nothing but status and reply is kept.",
        "Two instances of one agent may meet: then both sides have the same participant, and role "
        "tells them apart. Everybody meets everybody: matches link all agents of an experiment.",
    ),
    manual="take the folder results from https://github.com/HCSS-Data-Lab/Strategic-LLM-IPD",
    public_since="2025-09",
    public_note="the month in which the matches were played; the files became public later",
)
ROLES = ("player 1", "player 2")
OPTIONS = (Option("cooperate", "C"), Option("defect", "D"))
PAYOFFS = {
    "cooperate": {"cooperate": [3, 3], "defect": [0, 5]},
    "defect": {"cooperate": [5, 0], "defect": [1, 1]},
}
_KEYS = {"C": "cooperate", "D": "defect"}
_FILE = re.compile(r"evolutionary_shadow([0-9]{1,2})_phase([0-9]{1,3})\.csv")
_INSTANCE = re.compile(r"_p[0-9]+i[0-9]+$")
_TEMPERATURE = re.compile(r"_T[0-9]+$")
_OPPONENTS = {"experiment_20250905": "anonymous", "experiment_20250910": "tracked"}
_COLUMNS = (
    *("shadow_condition", "match_id", "round", "agent1", "agent2", "agent1_move", "agent2_move"),
    *("agent1_reasoning", "agent2_reasoning"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One round: who moved how, first and second side; `wrote` is what came with the moves."""

    match: str
    round: int
    agents: tuple[str, str]
    moves: tuple[str, str]
    wrote: tuple[str, str]
    line: int


@dataclass(slots=True)
class Replies:
    """What the replies of models came to: `status` by agent; the numbers of distinct ones."""

    status: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    numbers: dict[tuple[Path, str], dict[str, int]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def read(self, file: Path, agent: str, wrote: str) -> dict[str, Any]:
        """The config of a model's decision."""
        status = status_of(wrote)
        self.status[agent][status] += 1
        if status == "failed":
            return {"status": status}
        known = self.numbers[file, agent]
        return {"status": status, "reply": known.setdefault(wrote, len(known) + 1)}

    def said(self) -> Iterator[str]:
        """Sentences on moves that no reply decided, by agent, and on replies that repeat."""
        for agent, found in sorted(self.status.items()):
            fallen = found["unreadable"] + found["failed"]
            if fallen:
                yield (
                    f"{agent}: {fallen:,} of {counted(found.total(), 'move')} are C because the "
                    f"reply was unreadable ({found['unreadable']:,}) or missing "
                    f"({found['failed']:,})."
                )
        replies = sum(one.total() - one["failed"] for one in self.status.values())
        distinct = sum(map(len, self.numbers.values()))
        if replies > distinct:
            yield (
                f"{replies - distinct:,} of {replies:,} replies of models repeat an earlier one "
                "word for word; config.reply tells which."
            )


def status_of(reply: str) -> str:
    """How the source understood the reply of a model: by the letters C and D in its last line."""
    lines = reply.split("\n")
    last = next((line for line in reversed(lines) if line.strip()), None)
    if last is None:
        return "failed"
    return "read" if ("C" in last.upper()) is not ("D" in last.upper()) else "unreadable"


def agent_of(name: str) -> tuple[str, dict[str, str]]:
    """The agent behind a name in the files, with its kind, and its base where it is a model.

    >>> agent_of("Claude4-Sonnet_T02_p3i1")
    ('Claude4-Sonnet_T02', {'kind': 'model', 'base': 'Claude4-Sonnet'})
    >>> agent_of("TitForTat_p2i4")
    ('TitForTat', {'kind': 'program'})
    """
    agent = _INSTANCE.sub("", name)
    base = _TEMPERATURE.sub("", agent)
    return agent, {"kind": "program"} if base == agent else {"kind": "model", "base": base}


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, match by match, in the order of the files; of a round that of the first side
    before that of the second. `Decision.line` is the last line of its row.

    Moves that no reply decided, and replies that repeat, are counted in `notes.odd`. Raises
    UserError, with file, line and value, for files that are not those of the source.
    """
    replies = Replies()
    for file in _files(path):
        done: set[str] = set()
        rows: list[Row] = []
        for row in _rows(file):
            if rows and row.match != rows[0].match:
                yield from _match(file, rows, replies)
                done.add(rows[0].match)
                rows = []
            if (
                row.round != len(rows) + 1
                or row.match in done
                or row.agents != (rows[0].agents if rows else row.agents)
            ):
                raise UserError(
                    f"{file}, line {row.line}: round {row.round} of {row.match!r:.100} does not "
                    f"follow the rows before; {FRESH}."
                )
            rows.append(row)
        yield from _match(file, rows, replies)
    notes.odd += replies.said()


def _files(path: Path) -> list[Path]:
    called, cure = "evolutionary_shadow<S>_phase<P>.csv", "give the source's folder results"
    if not is_folder(path) and not (is_file(path) and _FILE.fullmatch(path.name)):
        raise UserError(f"There is no folder {str(path)!r}, and no {called}; check the path.")
    found = find_files(path, "*.csv", called, cure, _FILE)
    check_no_copies((file, (file.parent.name, file.name)) for file in found)
    return found


def _rows(file: Path) -> Iterator[Row]:
    shadow = _place(file)[1]
    check = needs(_COLUMNS, "give the file of Strategic-LLM-IPD as downloaded")
    for line, cells in read_rows(file, check):
        where = f"{file}, line {line}"
        chance, count = number(cells["shadow_condition"]), whole(cells["round"])
        if chance is None or round(100 * chance, 6) != shadow:
            raise UserError(
                f"{where}: shadow_condition is {cells['shadow_condition'][:60]!r}, not "
                f"{shadow / 100} as the file's name says; {FRESH}."
            )
        moves = cells["agent1_move"], cells["agent2_move"]
        for side, move in enumerate(moves, start=1):
            if move not in _KEYS:
                raise UserError(f"{where}: agent{side}_move is {move[:60]!r}, not C or D; {FRESH}.")
        agents = cells["agent1"], cells["agent2"]
        if count is None or not all(map(_INSTANCE.search, agents)):
            raise UserError(
                f"{where}: round {cells['round'][:60]!r} of {agents[0][:60]!r} and "
                f"{agents[1][:60]!r} is not a round of two agents with phase and instance; {FRESH}."
            )
        wrote = cells["agent1_reasoning"], cells["agent2_reasoning"]
        yield Row(cells["match_id"], count, agents, moves, wrote, line)


def _place(file: Path) -> tuple[str, int, int]:
    """The experiment, the chance of an end in per cent and the phase that a file is of."""
    matched = _FILE.fullmatch(file.name)
    assert matched is not None  # `_files` looks for nothing else
    return file.resolve().parent.name, int(matched[1]), int(matched[2])


def _match(file: Path, rows: list[Row], replies: Replies) -> Iterator[Decision]:
    experiment, shadow, phase = _place(file)
    first = rows[0]
    agents = [agent_of(name) for name in first.agents]
    config = {"experiment": experiment, "shadow": shadow, "phase": phase, "match": first.match}
    opponents = _OPPONENTS.get(experiment.rpartition("_")[0])
    game = Game(
        id=f"{CARD.name}/{experiment}/shadow{shadow}_phase{phase}/{first.match}",
        dataset=CARD.name,
        family="repeated_matrix",
        rules={"rounds": None, "ends": shadow / 100, "payoffs": PAYOFFS, "roles": list(ROLES)},
        events=tuple(_event(row.moves) for row in rows),
        config=config if opponents is None else {**config, "opponents": opponents},
        agents=dict(agents),
    )
    for at, row in enumerate(rows):
        for side, (agent, facts) in enumerate(agents):
            model = facts["kind"] == "model"
            yield Decision(
                id=f"{game.id}/p{side + 1}/r{row.round}",
                dataset=CARD.name,
                family=game.family,
                options=OPTIONS,
                target=OPTIONS[0].key,
                choice=_KEYS[row.moves[side]],
                game=game,
                at=at,
                participant=agent,
                round=row.round,
                role=ROLES[side],
                config=replies.read(file, agent, row.wrote[side]) if model else {},
                line=row.line,
            )


def _event(moves: tuple[str, str]) -> Event:
    """A round from the first side; the second reads it turned round."""
    own, other = (_KEYS[move] for move in moves)
    points, other_points = PAYOFFS[own][other]
    return Event(
        "moves",
        {"choice": own, "other": other, "points": points, "other_points": other_points},
    )
