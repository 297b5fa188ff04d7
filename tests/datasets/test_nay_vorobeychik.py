"""Nay & Vorobeychik: counts, versions and histories against the columns themselves, leaks, and what
is refused."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.round_trip import come_back
from tremble.datasets import nay_vorobeychik
from tremble.datasets.base import Notes
from tremble.datasets.nay_vorobeychik import CARD, load
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard

rdata = pytest.importorskip("rdata", reason='pip install "tremble[rdata]" reads R files')
pd = pytest.importorskip("pandas")

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the file of Nay & Vorobeychik is not at hand"
)
Frame = Any
# A play: its version and, per round, own choice (1: cooperate), the other's move, what was paid.
Play = tuple[int, Sequence[tuple[int, int, float]]]


@pytest.fixture(scope="module")
def source() -> Frame:
    path = Path(DATA or "") / "nay_vorobeychik" / "NV_games.rda"
    return rdata.read_rda(path)["NV_games"].reset_index(drop=True)


@pytest.fixture(scope="module")
def found(source: Frame) -> list[Decision]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nay_vorobeychik, "read_frame", lambda file: source)
        notes = Notes()
        decisions = list(load(Path(DATA or ""), notes))
    assert not notes.dropped and not notes.odd
    return decisions


def imported(frame: Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """The decisions of a frame, as if it had been in the file."""
    (tmp_path / "NV_games.rda").touch()
    monkeypatch.setattr(nay_vorobeychik, "read_frame", lambda file: frame)
    return list(load(tmp_path, Notes()))


@needs_source
def test_counts(source: Frame, found: list[Decision]) -> None:
    assert len(found) == len(source) == 168_386
    assert len({d.id for d in found}) == 168_386
    assert len({d.cluster for d in found}) == (source["period"] == 1).sum() == 32_614
    groups = Counter(d.breakdown["version"] for d in found)
    assert groups == Counter(source["group"].astype(int)) and len(groups) == 30
    assert {d.participant for d in found} == {None}
    assert CARD.licence == "MIT"


@needs_source
def test_every_row_becomes_its_decision_and_its_own_lags_are_the_history(
    source: Frame, found: list[Decision]
) -> None:
    """A history is built from the rows that follow each round; here it is held against the nine
    lags that the decision's own row has."""
    names = ("my.decision", "other.decision", "my.payoff")
    lags = [
        list(zip(*(source[f"{name}{lag}"].tolist() for name in names), strict=True))
        for lag in range(1, 10)
    ]
    chosen, periods = source["my.decision"].tolist(), source["period"].tolist()
    keys = {1.0: "cooperate", 0.0: "defect"}
    words = {"coop": "cooperate", "defect": "defect"}
    amounts = replaced = 0
    for row, decision in enumerate(found):
        assert decision.choice == words[chosen[row]] and decision.target == "cooperate"
        assert decision.round == periods[row] == decision.at + 1
        assert decision.line == row + 1
        assert decision.game is not None
        if row % 4:  # a quarter of the rows, of every play of four rounds or more
            continue
        for event, lag in zip(decision.game.events[: decision.at][::-1], lags, strict=False):
            mine, other, paid = lag[row]
            move = event.data
            assert (move["choice"], move["other"]) == (keys[mine], keys[other])
            replaced += move.get("carried_out", move["choice"]) != move["choice"]
            if decision.game.config["payoffs"] == "as seen":
                amounts += 1
                assert abs(move["points"] - paid) < 1e-9
    assert amounts > 80_000 and replaced > 3_000


@needs_source
def test_the_thirty_versions_are_what_their_columns_say(
    source: Frame, found: list[Decision]
) -> None:
    told = {d.breakdown["version"]: d for d in found}
    for group, rows in source.groupby("group"):
        decision = told[int(group)]
        rules, config = decision.parameters, decision.breakdown
        first = rows.iloc[0]
        assert (config["study"], config["continuous"]) == (first["data"], first["contin"] == 1)
        assert rules.get("error", 0) == config["error"] == first["error"]
        assert rules.get("lottery", False) == config["lottery"] == (first["risk"] == 1)
        if first["infin"] == 1:
            assert rules["rounds"] is None and rules["continues"] == first["delta"]
        else:
            assert rules["rounds"] == rows["period"].max() and "continues" not in rules
        table = rules["payoffs"]
        later = rows[rows["period"] > 1]
        moves = later[["my.decision1", "other.decision1"]].to_numpy()
        paid = later["my.payoff1"].to_numpy()
        seen = {
            cell: Counter(paid[(moves == cell).all(axis=1)].tolist())
            for cell in product((1, 0), (1, 0))
        }
        sets = any(len(amounts) > 1 for amounts in seen.values()) and not config["error"]
        assert (config["payoffs"] == "normalised") == sets == (group in (2, 4, 5))
        cells = dict(zip([(1, 1), (1, 0), (0, 1), (0, 0)], first[list("rstp")], strict=True))
        for mine, other in product((1, 0), (1, 0)):
            own = table["cooperate" if mine else "defect"]["cooperate" if other else "defect"]
            # Where moves are replaced, the most frequent amount is that of the moves chosen.
            usual = seen[mine, other].most_common(1)[0][0]
            assert own[0] == pytest.approx(cells[mine, other] if sets else usual)
            turned = table["cooperate" if other else "defect"]["cooperate" if mine else "defect"]
            assert own[1] == turned[0]


@needs_source
def test_moves_are_replaced_as_often_as_people_were_told(found: list[Decision]) -> None:
    replaced: Counter[int] = Counter()
    rounds: Counter[int] = Counter()
    for game in {id(d.game): d.game for d in found}.values():
        assert game is not None
        for event in game.events:
            assert ("carried_out" in event.data) == (game.config["error"] > 0)
            if game.config["error"]:
                rounds[game.config["version"]] += 1
                replaced[game.config["version"]] += (
                    event.data["carried_out"] != event.data["choice"]
                )
    assert set(rounds) == {12, 13, 14, 16, 17}
    for version, n in rounds.items():
        error = 0.0625 if version == 16 else 0.125
        assert abs(replaced[version] - n * error) < 4 * (n * error * (1 - error)) ** 0.5


@needs_source
def test_histories_grow_and_travel_through_records(found: list[Decision], tmp_path: Path) -> None:
    some = [d for d in found if (d.line or 0) % 197 < 3]
    assert len({d.breakdown["version"] for d in some}) == 30
    for one, later in pairwise(some):
        if one.cluster == later.cluster:
            assert standard(later).user.startswith(standard(one).user + "\n")
            assert standard(later).system == standard(one).system
    few = some[::4]
    assert len({d.breakdown["version"] for d in few}) == 30
    come_back(few, tmp_path)


# Made up, in the file's columns: versions of each kind. Points for both cooperating, cooperating
# alone, defecting alone, both defecting.
PAID = {
    2: (0.0, 0.0, 1.0, 0.0),  # drawn by lot: any amount may be
    3: (0.2, 0.0, 0.3, 0.1),
    5: (-1.2, -2.2, -1.0, -1.6),  # one of several sets
    12: (0.033, -0.066, 0.099, 0.0),
    26: (0.375, 0.05, 0.5, 0.225),
}
_KEYS = ("data", "infin", "delta", "error", "risk", "rstp")
FIXED: dict[int, dict[str, Any]] = {
    group: dict(zip(_KEYS, values, strict=True))
    for group, values in {
        2: ("BR", 0.0, 1.0, 0.0, 1.0, (0.1, 0, 0.17, 0.07)),
        3: ("DO", 1.0, 0.9, 0.0, 0.0, (0.2, 0, 0.3, 0.1)),
        5: ("KS", 0.0, 1.0, 0.0, 0.0, (0.1, 0, 0.12, 0.06)),
        12: ("FR", 1.0, 0.875, 0.125, 0.0, (0.099, 0, 0.165, 0.066)),
        26: ("DB", 0.0, 0.5, 0.0, 0.0, (0.325, 0, 0.45, 0.175)),
    }.items()
}
_LONG = {2: 10, 3: 5, 5: 10, 12: 5, 26: 2}


def pays(group: int, mine: int, other: int) -> float:
    return PAID[group][{(1, 1): 0, (1, 0): 1, (0, 1): 2, (0, 0): 3}[mine, other]]


def made_up(seed: int = 5) -> list[Play]:
    """Two plays of each version; in version 12 some of the own moves are replaced."""
    rng = np.random.default_rng(seed)
    plays: list[Play] = []
    for group in (*PAID, *PAID):
        rounds = []
        for _ in range(_LONG[group]):
            mine, other = (int(move) for move in rng.integers(0, 2, 2))
            done = 1 - mine if group == 12 and rng.random() < 0.4 else mine
            rounds.append((mine, other, pays(group, done, other)))
        plays.append((group, rounds))
    return plays


def frame_of(plays: Sequence[Play]) -> Frame:
    """The rows of some plays: lags are what the rows before them came to."""
    rows = []
    for group, rounds in plays:
        fixed = FIXED[group]
        for at, (mine, _, _) in enumerate(rounds):
            row: dict[str, Any] = {"period": float(at + 1), "my.decision": ("defect", "coop")[mine]}
            row |= {key: fixed[key] for key in ("risk", "delta", "error", "data", "infin")}
            row |= {"r1": 0.5, "r2": 0.5, "contin": 0.0, "group": float(group)}
            row |= zip("rstp", map(float, fixed["rstp"]), strict=True)
            for lag in range(1, 10):
                past = rounds[at - lag] if at >= lag else (np.nan, np.nan, np.nan)
                for name, value in zip(
                    ("my.decision", "other.decision", "my.payoff"), past, strict=True
                ):
                    row[f"{name}{lag}"] = float(value)
                row[f"other.payoff{lag}"] = float(past[2])
            rows.append(row)
    return pd.DataFrame(rows)


def texts(frame: Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = imported(frame, tmp_path, monkeypatch)
    return {d.id: standard(d).plain() for d in found}


@pytest.mark.parametrize("number", [1, 2, 3, 5, 10])
def test_no_prompt_depends_on_its_own_choice_or_on_anything_later(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays = made_up()
    turned = [
        (
            group,
            [
                (1 - mine, 1 - other, pays(group, 1 - mine, 1 - other)) if at >= number else moves
                for at, moves in enumerate(rounds, start=1)
                for mine, other, _ in [moves]
            ],
        )
        for group, rounds in plays
    ]
    original = texts(frame_of(plays), tmp_path, monkeypatch)
    found = texts(frame_of(turned), tmp_path, monkeypatch)
    for id_, text in original.items():
        later = int(id_.rsplit("/r", 1)[1]) > number
        assert (found[id_] != text) is later  # the control: every later prompt shows the change


def test_no_prompt_depends_on_what_the_person_could_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays = made_up()
    original = texts(frame_of(plays), tmp_path, monkeypatch)
    frame = frame_of(plays)
    for column in frame.columns:
        if column.startswith("other.payoff") or column in ("r1", "r2"):
            frame[column] += 1
    frame.loc[frame["infin"] == 0, "delta"] = 0.25
    frame.loc[~frame["group"].isin([2, 4, 5]), list("rstp")] += 0.5
    assert texts(frame, tmp_path, monkeypatch) == original
    # Who else plays: each play alone has the same prompts.
    alone = [
        text for play in plays for text in texts(frame_of([play]), tmp_path, monkeypatch).values()
    ]
    assert alone == list(original.values())
    # What was drawn by lot, or paid on another scale than the one told.
    drawn = [
        (group, [(m, o, paid - 3 if group in (2, 5) else paid) for m, o, paid in rounds])
        for group, rounds in plays
    ]
    assert texts(frame_of(drawn), tmp_path, monkeypatch) == original


def test_a_replaced_move_worked_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Cooperated, but -0.0 paid against a defector: to defect was carried out (0 and not -0.066).
    rounds = [(1, 0, 0.0), (0, 1, 0.033), (0, 1, 0.099), (1, 1, 0.033)]
    found = imported(frame_of([(12, rounds)]), tmp_path, monkeypatch)
    assert standard(found[-1]).user.splitlines() == [
        "Round 1:",
        "You chose J. Option F was carried out for you and option F for the other player. You got "
        "0 points and the other player got 0 points.",
        "Round 2:",
        "You chose F. Option J was carried out for you and option J for the other player. You got "
        "0.033 points and the other player got 0.033 points.",
        "Round 3:",
        "You chose F. Option F was carried out for you and option J for the other player. You got "
        "0.099 points and the other player got -0.066 points.",
        "Round 4:",
    ]
    assert [d.choice for d in found] == ["cooperate", "defect", "defect", "cooperate"]


def test_an_r_file_is_read(tmp_path: Path) -> None:
    frame = frame_of(made_up())
    for column in ("my.decision", "data"):
        frame[column] = frame[column].astype("category")
    rdata.write_rda(tmp_path / "NV_games.rda", {"NV_games": frame})
    found = list(load(tmp_path, Notes()))
    assert len(found) == len(frame) == 2 * sum(_LONG.values())
    assert [d.choice == "cooperate" for d in found] == (frame["my.decision"] == "coop").tolist()


Break = Callable[[Frame], Any]


def put(row: int, column: str, value: Any) -> Break:
    def broken(frame: Frame) -> Frame:
        assert frame.loc[row - 1, column] != value
        frame.loc[row - 1, column] = value
        return frame

    return broken


# The rows of version 3 are 11 to 15, of version 5 16 to 25, of version 12 26 to 30, of 26 31, 32.
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (put(1, "period", 2.0), ["row 1", "period is 2", "the next round or 1"]),
        (put(12, "period", 3.0), ["row 12", "period is 3", "the next round or 1"]),
        (put(12, "period", np.nan), ["row 12", "period is nan"]),
        (put(15, "period", 1.0), ["row 15", "my.decision1", "missing in the first round"]),
        (put(24, "group", 31.0), ["row 24", "group is 31", "a version from 1 to 30"]),
        (put(13, "group", 6.0), ["row 13", "group is 6", "that of its play"]),
        (put(13, "my.decision", "Coop"), ["row 13", "my.decision is 'Coop'", "coop or defect"]),
        (put(13, "data", "DF"), ["row 13", "data is 'DF'", "DO as in all of version 3"]),
        (put(13, "error", 0.125), ["row 13", "error is 0.125", "0 as in all of version 3"]),
        (put(28, "delta", 0.9), ["row 28", "delta is 0.9", "0.875 as in all of version 12"]),
        (put(3, "t", 0.2), ["row 3", "t is 0.2", "0.17 as in all of version 2"]),
        (put(13, "other.decision1", 2.0), ["row 13", "other.decision1 is 2", "0 or 1"]),
        (put(13, "other.decision1", np.nan), ["row 13", "other.decision1 is nan", "0 or 1"]),
        (put(13, "my.payoff1", np.inf), ["row 13", "my.payoff1 is inf", "an amount"]),
        (put(15, "my.payoff1", 0.15), ["row 15", "my.payoff1 is 0.15", "version 3"]),
        (put(30, "my.payoff1", 0.2), ["row 30", "my.payoff1 is 0.2", "version 12"]),
        (put(14, "other.decision2", 0.5), ["row 14", "other.decision2 is 0.5", "row before"]),
        (lambda f: f.drop(index=9), ["row 9", "period is 9", "the last of 10 rounds"]),
        (lambda f: f.drop(columns="delta"), ["no column delta", "as downloaded"]),
        (lambda f: f.assign(risk="high"), ["risk is not a number", "high"]),
        (lambda f: f.iloc[:0], ["no rows"]),
    ],
)
def test_a_bad_row_is_one_sentence_with_file_row_and_cure(
    broken: Break, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = broken(frame_of(made_up()))
    with pytest.raises(UserError) as caught:
        imported(frame, tmp_path, monkeypatch)
    message = str(caught.value)
    assert str(tmp_path / "NV_games.rda") in message and message.endswith(".")
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_a_changed_lag_of_the_own_choice_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = frame_of(made_up())
    frame.loc[12, "my.decision1"] = 1 - frame.loc[12, "my.decision1"]
    with pytest.raises(UserError, match=r"row 13: my\.decision1 is [01], not what the row before"):
        imported(frame, tmp_path, monkeypatch)


def test_what_is_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "NV_games.rda"
    with pytest.raises(UserError, match=r"No NV_games\.rda in or under"):
        list(load(tmp_path, Notes()))
    file.write_bytes(b"period,my.decision\n1,coop\n")
    with pytest.raises(UserError, match=r"NV_games\.rda: not an R data file .*fresh copy"):
        list(load(tmp_path, Notes()))
    rdata.write_rda(file, {"other": pd.DataFrame({"a": [1.0]})})
    with pytest.raises(UserError, match=r"it holds other, not NV_games; give the NV_games\.rda"):
        list(load(tmp_path, Notes()))
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(UserError, match=r'pip install "tremble\[rdata\]"'):
        list(load(tmp_path, Notes()))
