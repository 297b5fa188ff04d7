"""The embedded data: equal to the figures they were made of, leak-free, sampled by clusters."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.round_trip import come_back
from tremble.datasets import demo
from tremble.datasets.base import Notes, source
from tremble.datasets.demo import glee_games, glee_record, repeated, rows_of
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations
from tremble.stats.frames.clusters import units
from tremble.study.decision_frame import decision_frame

DATA = os.environ.get("TREMBLE_DATA")
FIGURES = Path(DATA or ".").parent / "figures"
needs_figures = pytest.mark.skipif(
    not DATA or not FIGURES.is_dir(),
    reason="TREMBLE_DATA is not set or has no folder of figures beside it",
)


@pytest.fixture(scope="module")
def notes() -> Notes:
    return Notes()


@pytest.fixture(scope="module")
def embedded(notes: Notes) -> dict[str, Decision]:
    found = list(demo.load(Path("nowhere"), notes))
    assert len({d.id for d in found}) == len(found)
    return {d.id: d for d in found}


def figures(name: str) -> list[dict[str, str]]:
    with (FIGURES / name).open(newline="") as file:
        return list(csv.DictReader(file))


def glee_rows() -> list[dict[str, Any]]:
    folder = Path(demo.__file__).parent / "embedded"
    return [json.loads(line) for line in (folder / "glee.jsonl").read_text().splitlines()]


def prompts(decisions: Iterable[Decision]) -> dict[str, tuple[str, ...]]:
    return {
        d.id: tuple(standard(d, order).plain() for order in presentations(d)) for d in decisions
    }


def test_the_demo_has_plays_and_problems_and_no_items(embedded: dict[str, Decision]) -> None:
    """So that its winners and intervals rest on what they rested on before there were items."""
    found = units(decision_frame(embedded.values()))
    assert found["item"].null_count() == found.height == len(embedded)
    assert not found["unnamed"].any()


def test_counts(embedded: dict[str, Decision], notes: Notes) -> None:
    assert Counter(d.family for d in embedded.values()) == {
        "repeated_matrix": 1200,
        "one_shot_matrix": 121,
        "lottery": 400,
        "bargaining": 24,
        "negotiation": 6,
        "persuasion": 60,
        "persuasion_seller": 100,
    }
    assert {d.dataset for d in embedded.values()} == {"demo"}
    assert all(d.id.startswith(f"demo/{d.family}/") for d in embedded.values())
    assert all(d.game is None or d.game.dataset == "demo" for d in embedded.values())
    assert not notes.dropped
    assert source("demo").card.embedded
    size = sum(file.stat().st_size for file in (Path(demo.__file__).parent / "embedded").iterdir())
    assert size < 60_000


def test_oddities_are_said_and_kept(embedded: dict[str, Decision], notes: Notes) -> None:
    start = "demo/repeated_matrix/"
    assert [note.split(":")[0] for note in notes.odd if note.startswith(start)] == [
        f"{start}17/BoS/r3",
        f"{start}17/BoS/r8",
        f"{start}38/BoS/r9",
    ]
    unknown = standard(embedded[f"{start}17/BoS/r4"]).user.splitlines()
    assert unknown[5] == "You chose F. You got 7 points."
    sums = [note for note in notes.odd if "the rates add up" in note]
    assert [(n.split("/")[3], re.findall(r"\d\.\d{3}", n)) for n in sums] == [
        ("6", ["0.983"]),
        ("11", ["1.091"]),
    ]
    rates = embedded["demo/one_shot_matrix/haruvyetal2001/11/row"].rates
    assert rates is not None and sum(rates.values()) == pytest.approx(1.0906)
    missing = [d for d in embedded.values() if d.family == "one_shot_matrix" and d.n is None]
    assert {d.config["study"] for d in missing} == {"rydvalortmann2005"} and len(missing) == 5
    assert sum("number of people is not reported" in note for note in notes.odd) == 5
    assert sum("the probabilities of" in note for note in notes.odd) == 13
    assert len(notes.odd) == 3 + 2 + 5 + 13
    buyers = [d.choice for d in embedded.values() if d.family == "persuasion"]
    assert buyers == ["yes"] * 60


def test_targets(embedded: dict[str, Decision]) -> None:
    views = [d for d in embedded.values() if d.family == "one_shot_matrix"]
    assert Counter((len(d.options) == 2, d.target) for d in views) == {
        (True, "1"): 7,
        (False, None): 114,
    }
    assert Counter(d.config["size"] for d in views) == {
        "3x3": 110, "2x2": 5, "3x2": 2, "2x3": 2, "5x4": 1, "4x5": 1
    }  # fmt: skip
    assert {d.target for d in embedded.values() if d.family == "lottery"} == {"b"}


def test_every_source_is_cited_in_the_notice(embedded: dict[str, Decision]) -> None:
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    for citation in demo.SOURCES.values():
        assert citation in notice and citation in demo.CARD.citation
    studies = {d.config["study"] for d in embedded.values() if d.family == "one_shot_matrix"}
    assert studies <= set(demo.SOURCES) and len(studies) == 8


@needs_figures
def test_repeated_games_equal_the_figures(embedded: dict[str, Decision]) -> None:
    rows = figures("repeated_2x2.csv")
    for row in rows:
        id_ = f"demo/repeated_matrix/{row['participant']}/{row['game']}/r{row['round']}"
        decision = embedded[id_]
        assert decision.game is not None
        move = decision.game.events[int(row["round"]) - 1].data
        assert decision.choice == move["choice"] == row["choice"]
        assert (move["other"] or "") == row["other_choice"]
        assert move["points"] == int(row["points"])
        assert decision.participant == row["participant"]
    assert len(rows) == 1200


@needs_figures
def test_one_shot_games_equal_the_figures(embedded: dict[str, Decision]) -> None:
    rows = figures("one_shot.csv")
    for row in rows:
        found = embedded[f"demo/one_shot_matrix/{row['study']}/{row['game']}/{row['player']}"]
        assert found.rates is not None
        assert found.parameters["own_payoffs"] == json.loads(row["own_payoffs"])
        assert found.parameters["other_payoffs"] == json.loads(row["other_payoffs"])
        rates = json.loads(row["choice_rates"])
        assert list(found.rates.items()) == [(str(k), rate) for k, rate in enumerate(rates, 1)]
        assert ("" if found.n is None else str(found.n)) == row["n"]
    assert len(rows) == 121


@needs_figures
def test_lotteries_equal_the_figures(embedded: dict[str, Decision]) -> None:
    rows = figures("lotteries.csv")
    for row in rows:
        found = embedded[f"demo/lottery/{row['problem']}"]
        assert found.rules is not None and found.rates is not None
        assert found.rules["gamble_a"] == json.loads(row["gamble_a"])
        assert found.rules["gamble_b"] == json.loads(row["gamble_b"])
        assert (found.n, found.config["trials"]) == (int(row["n"]), int(row["trials"]))
        assert (found.rates["b"], found.rate_sd) == (float(row["rate_b"]), float(row["rate_sd"]))
        assert found.rates["a"] == pytest.approx(1 - float(row["rate_b"]), abs=1e-12)
    assert len(rows) == 400


@needs_figures
def test_glee_games_equal_the_figures(embedded: dict[str, Decision]) -> None:
    lines = (FIGURES / "glee_numeric.jsonl").read_text().splitlines()
    assert [glee_record(row) for row in glee_rows()] == [json.loads(line) for line in lines]
    answers = 0
    for record in map(json.loads, lines):
        family = record["family"]
        if (family, record["human"]) == ("persuasion", "Alice"):
            family = "persuasion_seller"
        for event in record["events"]:
            if event["player"] == record["human"] and "decision" in event:
                id_ = f"demo/{family}/{record['game']}/r{event['round']}"
                key = {"BuyFromJhon": "DealWithJohn", "SellToJhon": "DealWithJohn"}
                answer = event["decision"]
                assert embedded[id_].choice == key.get(answer, answer)
                answers += 1
    assert answers == 24 + 6 + 60 + 100


def test_a_repeated_game_worked_by_hand(embedded: dict[str, Decision]) -> None:
    """Person 1's prisoner's dilemma: defected against cooperation, then the other way round."""
    conversation = standard(embedded["demo/repeated_matrix/1/PD/r3"])
    assert conversation.user == (
        "Round 1 of 10:\n"
        "You chose F and the other player chose J. You got 10 points and the other player got 0 "
        "points.\n"
        "Round 2 of 10:\n"
        "You chose J and the other player chose F. You got 0 points and the other player got 10 "
        "points.\n"
        "Round 3 of 10:"
    )
    assert conversation.system.count("- If you choose") == 4
    for letters, mine, theirs in ("JJ", 8, 8), ("JF", 0, 10), ("FJ", 10, 0), ("FF", 5, 5):
        assert (
            f"If you choose {letters[0]} and the other player chooses {letters[1]}, you get "
            f"{mine} points and the other player gets {theirs} points."
        ) in conversation.system


@pytest.mark.parametrize("number", range(1, 11))
def test_no_repeated_prompt_depends_on_its_choice_or_later(number: int) -> None:
    def changed(row: dict[str, str]) -> dict[str, str]:
        at = number - 1
        turned = "".join("10"[int(own)] for own in row["chosen"][at:])
        points = row["points"].split()[:at] + ["99"] * (10 - at)
        other = row["other"][:at] + "?" * (10 - at)
        return {**row, "chosen": row["chosen"][:at] + turned, "other": other,
                "points": " ".join(points)}  # fmt: skip

    rows = rows_of("repeated.csv")
    original = prompts(repeated(rows, Notes()))
    found = prompts(repeated(map(changed, rows), Notes()))
    for id_, text in original.items():
        assert (found[id_] != text) is (int(id_.rsplit("/r", 1)[1]) > number)


def test_no_repeated_prompt_depends_on_the_other_game() -> None:
    rows = rows_of("repeated.csv")
    original = prompts(repeated(rows, Notes()))
    turned = str.maketrans("01", "10")
    for game in ("PD", "BoS"):
        changed = [
            {**row, "chosen": row["chosen"].translate(turned)} if row["game"] == game else row
            for row in rows
        ]
        found = prompts(repeated(changed, Notes()))
        for id_, text in original.items():
            assert (found[id_] != text) is (f"/{game}/" in id_ and not id_.endswith("/r1"))


@pytest.mark.slow
def test_no_glee_prompt_depends_on_its_choice_or_later() -> None:
    checked = 0
    noticed: set[str] = set()
    for row in glee_rows():
        found = list(glee_games([row]))
        original = prompts(found)
        for decision in found:
            assert decision.round is not None
            changed = prompts(glee_games([{**row, "rounds": changed_rounds(row, decision.round)}]))
            for other in found:
                assert other.round is not None
                if other.round <= decision.round:
                    assert changed[other.id] == original[other.id]
                elif other.id in changed:  # the control
                    assert changed[other.id] != original[other.id]
                    noticed.add(other.family)
            checked += 1
    assert checked == 190
    assert noticed == {"bargaining", "negotiation", "persuasion", "persuasion_seller"}


def changed_rounds(row: dict[str, Any], number: int) -> Any:
    """The game with the person's choice of that round, and all that follows, changed."""
    turn = str.maketrans("hlyn", "lhny")
    if row["family"] == "persuasion":
        rounds = row["rounds"].split()
        quality, advice, answer = rounds[number - 1]
        here = (
            quality + (advice + answer).translate(turn)
            if row["human"] == "Alice"
            else quality.translate(turn) + advice + answer.translate(turn)
        )
        later = [word.translate(turn) for word in rounds[number:]]
        return " ".join([*rounds[: number - 1], here, *later])
    words = (
        ("accept", "reject") if row["family"] == "bargaining" else ("AcceptOffer", "RejectOffer")
    )
    *amounts, answer = row["rounds"][number - 1]
    turned = words[0] if answer == words[1] else words[1]
    later = [[*(value + 1 for value in offer), reply] for *offer, reply in row["rounds"][number:]]
    if row["family"] == "bargaining":
        later = [[a, row["params"]["money_to_divide"] - a, reply] for a, _, reply in later]
    return [*row["rounds"][: number - 1], [*amounts, turned], *later]


@pytest.mark.slow
def test_records_hold_the_embedded_data(embedded: dict[str, Decision], tmp_path: Path) -> None:
    come_back(embedded.values(), tmp_path)


SIZES = {"repeated_matrix": 50, "lottery": 30, "one_shot_matrix": 7, "bargaining": 10}


def test_a_sample_is_whole_clusters_in_order(embedded: dict[str, Decision]) -> None:
    given = list(embedded.values())
    drawn = demo.sample(given, SIZES, seed=3)
    ids = {d.id for d in drawn}
    assert [d.id for d in given if d.id in ids] == [d.id for d in drawn]
    count = Counter(d.family for d in drawn)
    assert set(count) == set(SIZES)
    assert (count["repeated_matrix"], count["lottery"], count["one_shot_matrix"]) == (60, 30, 7)
    people = Counter(d.participant for d in drawn if d.family == "repeated_matrix")
    assert set(people.values()) == {20} and len(people) == 3
    games = Counter(d.cluster for d in given if d.family == "bargaining")
    taken = Counter(d.cluster for d in drawn if d.family == "bargaining")
    assert all(games[game] == n for game, n in taken.items())
    assert 10 <= count["bargaining"] < 10 + max(games.values())


@pytest.mark.slow
def test_a_sample_depends_on_the_seed_and_on_its_own_family_alone(
    embedded: dict[str, Decision],
) -> None:
    given = list(embedded.values())

    def draw(sizes: dict[str, int], seed: int, family: str = "lottery") -> list[str]:
        return [d.id for d in demo.sample(given, sizes, seed) if d.family == family]

    assert draw(SIZES, 3) == draw(SIZES, 3) != draw(SIZES, 4)
    assert draw(SIZES, 3) == draw({"lottery": 30}, 3)
    backwards = demo.sample(given[::-1], SIZES, 3)
    assert [d.id for d in backwards][::-1] == [d.id for d in demo.sample(given, SIZES, 3)]
    assert set(draw({"lottery": 30}, 3)) < set(draw({"lottery": 31}, 3))
    # Over many seeds every problem is drawn about equally often: 400 draws of 30 of 400.
    often = Counter(id_ for seed in range(400) for id_ in draw({"lottery": 30}, seed))
    assert len(often) == 400 and max(often.values()) < 30 + 6 * 5.3  # sd sqrt(400 * .075 * .925)
    assert draw({"lottery": 0}, 1) == [] and len(draw({"lottery": 9999}, 1)) == 400


def test_a_sample_that_cannot_be_drawn_is_refused(embedded: dict[str, Decision]) -> None:
    with pytest.raises(UserError, match=r"family 'session' to sample; .*bargaining"):
        demo.sample(embedded.values(), {"session": 3}, 1)
    with pytest.raises(UserError, match=r"-1 decisions of 'lottery'; ask for 0 or more"):
        demo.sample(embedded.values(), {"lottery": -1}, 1)


def test_both_sides_of_a_one_shot_game_are_one_cluster() -> None:
    found = list(demo.one_shot(rows_of("one_shot.csv"), Notes()))
    games: dict[str, list[Decision]] = {}
    for decision in found:
        games.setdefault(decision.cluster, []).append(decision)
    assert (len(found), len(games)) == (121, 117)
    for views in games.values():
        if len(views) == 2:
            row, column = views
            assert (row.role, column.role) == ("row", "column")
            # What one side gets for a cell is what the other side sees the first one get.
            own, seen = row.parameters["own_payoffs"], column.parameters["other_payoffs"]
            assert own == [list(cells) for cells in zip(*seen, strict=True)]
            assert "private" not in row.parameters
