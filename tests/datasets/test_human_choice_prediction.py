"""Go or stay after a hotel review: counts, every row against the raw files, both leaks at the
source, what is not read. Made-up files: test_human_choice_prediction_files.py."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.support.csv_lines import write_rows
from tests.support.round_trip import come_back
from tremble.datasets.base import Notes
from tremble.datasets.human_choice_prediction import CARD, load
from tremble.decisions.record import Decision
from tremble.games.base import family
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import view

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of Shapira et al. are not at hand"
)
FOLDER = Path(DATA or "") / "human_choice_prediction" / "data"
Cells = dict[str, str]
CAME_OF_IT = re.compile(
    r"^You (?:went|did not go) to the hotel\. You got \d points? and the expert got \d points?\.$",
    re.M,
)
LATER: dict[
    str, Callable[[str], str]
] = {  # what was known only after the decision, and what repeats it, each with other values
    "hotelScore": lambda v: "3.25" if float(v) >= 8 else "9.75",
    "didWin": lambda v: "False" if v == "True" else "True",
    "correctAnswers": lambda v: str(int(v) + 5),
    "reaction_time": lambda v: str(int(v) + 77_777),
}


@cache
def source_rows() -> tuple[Cells, ...]:
    with (FOLDER / "games_clean_Y.csv").open(newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def raw_reviews() -> dict[tuple[str, str], tuple[str, str, float]]:
    found = {}
    for file in (FOLDER / "game_reviews").glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as handle:
            for number, _, positive, negative, score in csv.reader(handle):
                found[file.stem, number] = positive, negative, float(score)
    return found


@cache
def everything() -> tuple[Decision, ...]:
    notes = Notes()
    found = tuple(load(FOLDER.parent, notes))
    assert not notes.dropped and not notes.odd
    return found


def written(
    folder: Path, rows: list[Cells], reviews: Path | None = None, name: str = "games_clean_Y.csv"
) -> Path:
    """The table in a folder with the reviews beside it, those of the source unless given."""
    folder.mkdir(exist_ok=True)
    if not (folder / "game_reviews").exists():
        (folder / "game_reviews").symlink_to(reviews or FOLDER / "game_reviews")
    write_rows(folder / name, rows)
    return folder


def prompts(path: Path) -> dict[str, str]:
    return {d.id: standard(d).plain() for d in load(path, Notes())}


@needs_source
def test_counts() -> None:
    found = everything()
    assert len(found) == len({d.id for d in found}) == 9_610
    games = {d.cluster: d.participant for d in found}
    people = Counter(games.values())
    assert (len(games), len(people)) == (1_326, 25)
    assert sum(count > 16 for count in people.values()) == 23
    assert len(raw_reviews()) == 7_476
    assert CARD.licence == "not stated"
    for d in found:
        assert d.game is not None and d.game.agents == {d.participant: {"kind": "person"}}


@needs_source
def test_every_row_is_its_decision_with_its_own_review() -> None:
    for line, (row, d) in enumerate(zip(source_rows(), everything(), strict=True), start=2):
        assert d.game is not None
        assert d.id == (
            f"human_choice_prediction/Y{row['user_id']}/{row['gameId']}/r{row['roundNum']}"
        )
        assert (d.participant, d.line) == (f"Y{row['user_id']}", line)
        assert d.choice == ("go" if row["didGo"] == "True" else "stay")
        assert (d.target, d.family) == ("go", "persuasion_review")
        config = {"group": "Y", "game": int(row["gameId"]), "expert": row["strategy_id"]}
        assert d.game.config == config
        positive, negative, _ = raw_reviews()[row["hotelId"], row["reviewId"]]
        shown = [f'"{text}"' if text.strip() else "empty." for text in (positive, negative)]
        # nothing else stands between the heading of the round and the answer
        assert standard(d).user.endswith(
            f"Round {row['roundNum']}:\nPositive part of the review: {shown[0]}\n"
            f"Negative part of the review: {shown[1]}"
        )


@needs_source
def test_what_came_of_earlier_rounds_is_what_the_file_says_before_the_decision() -> None:
    """`last_didWin_True` and `last_didGo_True` are of the round before; points are its sums."""
    for row, d in zip(source_rows(), everything(), strict=True):
        lines = CAME_OF_IT.findall(standard(d).user)
        assert len(lines) == int(row["roundNum"]) - 1
        assert sum("You got 1 point " in line for line in lines) == int(row["user_points"])
        assert sum("expert got 1 point" in line for line in lines) == int(row["bot_points"])
        if lines:
            assert ("You got 1 point " in lines[-1]) is (row["last_didWin_True"] == "True")
            assert ("You went " in lines[-1]) is (row["last_didGo_True"] == "True")


@needs_source
def test_games_are_in_the_order_of_time_and_end_early() -> None:
    order: dict[str | None, list[int]] = defaultdict(list)
    sizes = Counter(d.cluster for d in everything())
    for d in everything():
        if d.round == 1:
            order[d.participant].append(d.breakdown["game"])
    assert all(games == list(range(len(games))) for games in order.values())
    assert sum(size == 10 for size in sizes.values()) == 674 and max(sizes.values()) == 10
    assert len({d.breakdown["expert"] for d in everything()}) == 6


@needs_source
def test_quick_answers_are_kept() -> None:
    quick = [int(row["reaction_time"]) < 500 for row in source_rows()]
    assert sum(quick) > 1_000 and len(everything()) == len(quick)


@needs_source
def test_people_differ_little_and_the_length_of_the_review_tells_most() -> None:
    """Known of the source: rates of .38 to .72 in a larger group; here, the length of the positive
    part over both (+1) has an AUC of .72, on the 6,870 after the 16th game of .697."""
    went: dict[str | None, list[bool]] = defaultdict(list)
    ratio: list[tuple[float, bool, bool]] = []
    numbers = family("persuasion_review").numbers
    assert numbers is not None
    for d in everything():
        went[d.participant].append(d.choice == "go")
        positive, negative = numbers(view(d))["lengths"]
        late = d.breakdown["game"] >= 16
        ratio.append(((positive + 1) / (positive + negative + 2), d.choice == "go", late))
    rates = sorted(sum(one) / len(one) for one in went.values())
    assert 0.375 < rates[0] < 0.45 and 0.65 < rates[-1] < 0.725
    late_ones = [(share, gone) for share, gone, late in ratio if late]
    assert len(late_ones) == 6_870
    assert auc([(share, gone) for share, gone, _ in ratio]) == pytest.approx(0.72, abs=0.005)
    assert auc(late_ones) == pytest.approx(0.697, abs=0.001)


def auc(scored: list[tuple[float, bool]]) -> float:
    """The share of pairs in order, ties half, by ranks."""
    ranks: dict[float, list[int]] = defaultdict(list)
    for place, (score, _) in enumerate(sorted(scored), start=1):
        ranks[score].append(place)
    mean = {score: sum(places) / len(places) for score, places in ranks.items()}
    ones = [mean[score] for score, gone in scored if gone]
    zeros = len(scored) - len(ones)
    return (sum(ones) - len(ones) * (len(ones) + 1) / 2) / (len(ones) * zeros)


# Leaks, at the source.


def flipped(rows: list[Cells], after: int) -> list[Cells]:
    """The choices from round `after` on turned, and everything that follows from them."""
    found: list[Cells] = []
    points = experts = 0
    for row in rows:
        new = dict(row)
        if row["roundNum"] == "1":
            points = experts = 0
        new["user_points"], new["bot_points"] = str(points), str(experts)
        turned = int(row["roundNum"]) >= after
        went = (row["didGo"] == "True") is not turned
        won = (row["didWin"] == "True") is not turned
        new["didGo"], new["didWin"] = str(went), str(won)
        points, experts = points + won, experts + went
        found.append(new)
    return found


@needs_source
@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_no_prompt_depends_on_its_own_choice_or_on_anything_later(
    number: int, tmp_path: Path
) -> None:
    rows = [row for row in source_rows() if int(row["user_id"]) < 8]
    assert flipped(rows, 99) == rows  # the table is put together as the source does
    original = prompts(written(tmp_path / "a", rows))
    found = prompts(written(tmp_path / "b", flipped(rows, number)))
    later = 0
    for id_, text in original.items():
        after = int(id_.rsplit("/r", 1)[1]) > number
        assert (found[id_] != text) is after, id_  # the control: later prompts show the change
        later += after
    assert later or number == 10


@needs_source
def test_no_prompt_depends_on_what_was_known_only_later(tmp_path: Path) -> None:
    """Planted columns: with other values in all of them, and with other scores of the reviews, the
    records stay the same. The control: another review changes the prompts from its round on."""
    rows = [row for row in source_rows() if int(row["user_id"]) < 4]
    folder = tmp_path / "reviews"
    folder.mkdir()
    for file in (FOLDER / "game_reviews").glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as handle:
            lines = [[*cells[:4], "1.0" if float(cells[4]) > 5 else "9.9"]
                     for cells in csv.reader(handle)]  # fmt: skip
        with (folder / file.name).open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows(lines)
    original = list(load(written(tmp_path / "a", rows), Notes()))
    planted = [{**row, **{name: change(row[name]) for name, change in LATER.items()}}
               for row in rows]  # fmt: skip
    planted = [{k: "-7" if k.startswith("last_") else v for k, v in row.items()} for row in planted]
    assert all(a[name] != b[name] for a, b in zip(rows, planted, strict=True) for name in LATER)
    found = list(load(written(tmp_path / "b", planted, folder), Notes()))
    assert found == original
    assert [standard(d) for d in found] == [standard(d) for d in original]
    for name in ("score", "win", "correct", "reaction", "time"):
        assert not any(name in key for d in found for e in d.visible() for key in e.data)
    fourth = next(i for i, row in enumerate(rows) if row["roundNum"] == "4")
    other = [*rows]
    other[fourth] = {**rows[fourth], **{k: rows[0][k] for k in ("hotelId", "reviewId")}}
    changed = list(load(written(tmp_path / "c", other), Notes()))
    game = original[fourth].cluster
    for d, new in zip(original, changed, strict=True):
        assert (standard(d) != standard(new)) is (d.cluster == game and (d.round or 0) >= 4)


@needs_source
def test_no_prompt_depends_on_other_games_or_people_or_says_who_or_how_good(tmp_path: Path) -> None:
    rows = [row for row in source_rows() if int(row["user_id"]) < 3]
    original = prompts(written(tmp_path / "a", rows))
    one = [row for row in rows if row["user_id"] == "1"]
    assert prompts(written(tmp_path / "b", one)).items() <= original.items()
    turned = [{**row, "user_id": "77", "strategy_id": "5"} for row in one]
    assert list(prompts(written(tmp_path / "c", turned)).values()) == list(
        prompts(tmp_path / "b").values()
    )


@needs_source
def test_histories_grow_and_travel_through_records(tmp_path: Path) -> None:
    found = {d.id: d for d in everything()[:600]}
    for id_, d in found.items():
        if d.round != 1:
            before = found[id_.rsplit("/r", 1)[0] + f"/r{(d.round or 0) - 1}"]
            assert standard(d).user.startswith(standard(before).user + "\n")
    come_back(found.values(), tmp_path)
