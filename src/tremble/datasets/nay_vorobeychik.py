"""Nay & Vorobeychik (2016): the repeated prisoner's dilemma in 30 versions, from eight studies.

`NV_games.rda` has a row per choice and no player: rows run in time order, and a `period` of 1
begins another play. `my.decision` is what was chosen; what a round came to (the other's move, own
payoff) stands in the first lag of the next row, so the last round of a play has none, and needs
none. Lags go back nine rounds; they are held against the rows before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tremble.datasets.base import Card, Notes, find_file
from tremble.datasets.nay_vorobeychik_rows import FILE, VERSIONS, Table, read_frame
from tremble.decisions.record import Decision, Event, Game, Option

CARD = Card(
    name="nay_vorobeychik",
    title="Nay & Vorobeychik: 30 versions of the repeated prisoner's dilemma",
    citation=(
        "J. J. Nay, Y. Vorobeychik (2016). Predicting human cooperation. PLOS ONE 11(5): e0155656."
    ),
    licence="MIT",
    size="168,386 decisions in 32,614 plays of 30 versions",
    one_decision="one person's move in one round",
    files=f'{FILE}, or any folder above it; reading it needs pip install "tremble[rdata]"',
    notes=(
        "Columns read: period, my.decision (coop, defect), the lags of my.decision, other.decision "
        "and my.payoff, data (the study), group (the version), infin, delta, error, risk, contin, "
        "r, s, t, p. Not read: r1 and r2 (functions of r, s, t, p), and other.payoff, which in "
        "versions with errors and in version 18 is not the payoff of the moves that were carried "
        "out.",
        "No row is dropped. The outcome of a play's last round is not in the file and appears in "
        "no prompt.",
        "The file does not identify people, so participant is null and plays are the clusters. "
        "People play many times, and the other side of a play is a separate play in the file, so "
        "clusters are not independent and intervals are too narrow.",
        "Prompts state the number of rounds if infin is 0 (2, 4, 8 or 10), otherwise the "
        "probability `delta` of another round. Anything else people read, such as how they were "
        "matched, is not in the file.",
        "Payoffs are those seen in my.payoff. Versions 2 and 4 (risk is 1: drawn by lot) and 5 "
        "(several sets of payoffs) show the normalised r, s, t, p; in 2 and 4 the drawn amounts "
        "do not appear in the histories, since they are on another scale.",
        "With errors (versions 12-14, 16, 17) the decision is what the person chose; histories "
        "show it next to the moves carried out for both, which determine the other player's "
        "payoff.",
        "contin is 1 in versions 19-22 (in config); their eight rounds are described like any "
        "others.",
        "The source does not say how options were labelled; here J is to cooperate, the target, "
        "and always first, so a preference for a letter or a position is part of the results "
        "unless labels are counterbalanced.",
    ),
    manual=f"take data/{FILE} from https://github.com/JohnNay/datafsm",
    public_since="2016-01",
    public_note="the month of the preprint's first version, arXiv:1601.07792",
)
OPTIONS = (Option("cooperate", "J"), Option("defect", "F"))


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, play by play, in the order of the file. `Decision.line` is the row, from 1.

    Raises UserError, with file, row and value, for a file that is not `NV_games.rda`, and
    MissingExtra where the reader of R files is not installed.
    """
    file = find_file(path, FILE)
    table = Table(file, read_frame(file))
    starts = np.flatnonzero(table.numbers("period") == 1)
    table.check(starts)
    ends = [*starts[1:].tolist(), len(table)]
    for number, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True), start=1):
        yield from _play(table, number, range(start, end))


def _play(table: Table, number: int, rows: range) -> Iterator[Decision]:
    group = int(table.numbers("group")[rows.start])
    rules, config = _told(group)
    id_ = f"{CARD.name}/{group}/{number}"
    did, done = (
        column[rows.start : rows.stop].tolist() for column in (table.cooperated, table.carried_out)
    )
    # What a row came to stands in the next one; of the last round no row tells.
    others = table.numbers("other.decision1")[rows.start + 1 : rows.stop].astype(bool).tolist()
    game = Game(
        id=id_,
        dataset=CARD.name,
        family="repeated_matrix",
        rules=rules,
        events=tuple(_event(group, *moves) for moves in zip(did, done, others, strict=False)),
        config=config,
    )
    for at, cooperated in enumerate(did):
        yield Decision(
            id=f"{id_}/r{at + 1}",
            dataset=CARD.name,
            family=game.family,
            options=OPTIONS,
            target=OPTIONS[0].key,
            choice=_key(cooperated),
            game=game,
            at=at,
            round=at + 1,
            line=rows[at] + 1,
        )


def _key(cooperates: bool) -> str:
    return OPTIONS[0 if cooperates else 1].key


@cache
def _event(group: int, did: bool, done: bool, other: bool) -> Event:
    """A round in which the person chose, had carried out, and met: cooperation, or not."""
    version = VERSIONS[group]
    data: dict[str, Any] = {"choice": _key(did), "other": _key(other)}
    if version.error:
        data["carried_out"] = _key(done)
    if not version.lottery:
        own_points, other_points = version.table()[_key(done)][_key(other)]
        data |= {"points": own_points, "other_points": other_points}
    return Event("moves", data)


@cache
def _told(group: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What players of a version were told, and its parameters for breakdowns."""
    version = VERSIONS[group]
    rules: dict[str, Any] = {"rounds": version.rounds, "payoffs": version.table()}
    if version.continues is not None:
        rules["continues"] = version.continues
    if version.error:
        rules["error"] = version.error
    if version.lottery:
        rules["lottery"] = True
    config = {
        "version": group,
        "study": version.study,
        "rounds": version.rounds,
        "continues": version.continues,
        "error": version.error,
        "lottery": version.lottery,
        "payoffs": "normalised" if version.normalised else "as seen",
        "continuous": version.continuous,
    }
    return rules, config
