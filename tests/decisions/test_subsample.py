"""`sample`: clusters and games in the order of their hashes, as many as fit."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

import pytest

from tremble.decisions.record import Decision, Event, Game, Option
from tremble.decisions.subsample import Sample

OPTIONS = (Option("a", "A"), Option("b", "B"))


def played(
    game: str, rounds: int, person: str | None = None, family: str = "session"
) -> list[Decision]:
    """The decisions of one person in one game."""
    one = Game(game, "mine", family, {}, (Event("text", {"text": "x"}),) * rounds)
    return [
        Decision(f"{game}/{person}/r{at}", "mine", family, OPTIONS, "a", "a", game=one, at=at,
                 participant=person)
        for at in range(rounds)
    ]  # fmt: skip


def drawn(decisions: list[Decision], most: int) -> list[Decision]:
    return list(Sample(iter(decisions), most).of(iter(decisions)))


def hashed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def test_games_in_the_order_of_their_hashes_until_the_next_would_be_too_much() -> None:
    """Against the rule written out: sort the games by hash, add up their sizes."""
    sizes = {f"g{number}": 1 + number % 7 for number in range(40)}
    given = [decision for game, size in sizes.items() for decision in played(game, size)]
    for most in (7, 20, 63, 159, 400):
        expected, total = set(), 0
        for game in sorted(sizes, key=hashed):
            total += sizes[game]
            if total > most:
                break
            expected.add(game)
        found = drawn(given, most)
        assert {d.cluster for d in found} == expected
        assert found == [d for d in given if d.cluster in expected]
        assert len(found) <= most


def clusters_of(decisions: list[Decision]) -> list[set[str]]:
    """Sets of ids joined by games or people: merged until none of them meet, by brute force."""
    named = [
        ({d.id}, {f"g{d.cluster}", *([f"p{d.participant}"] if d.participant else [])})
        for d in decisions
    ]
    merged: list[tuple[set[str], set[str]]] = []
    for ids, names in named:
        meet = [one for one in merged if one[1] & names]
        merged = [one for one in merged if not one[1] & names]
        merged.append(
            (ids.union(*(one[0] for one in meet)), names.union(*(one[1] for one in meet)))
        )
    return [ids for ids, _ in merged]


def shared(rng: random.Random, games: int, people: int, most_rounds: int) -> list[Decision]:
    """Games of up to two people out of so many, who may meet again."""
    given = []
    for number in range(games):
        present: list[int | None] = [*rng.sample(range(people), rng.choice((0, 1, 1, 2)))]
        for person in present or [None]:
            given += played(
                f"g{number}", rng.randint(1, most_rounds), None if person is None else f"{person}"
            )
    return given


@pytest.mark.parametrize("people", [90, 12])  # many clusters, or one of nearly everything
@pytest.mark.slow
def test_samples_are_nested_and_nearly_full_and_split_one_cluster_at_most(people: int) -> None:
    rng = random.Random(people)
    for _ in range(4):
        given = shared(rng, 40, people, 4)
        whole = clusters_of(given)
        largest = max(Counter(d.cluster for d in given).values())
        before: set[str] = set()
        for most in range(1, len(given) + 2):
            sample = Sample(given, most)
            found = {d.id for d in sample.of(given)}
            assert before <= found and len(found) <= most
            assert len(found) > min(most, len(given)) - largest
            split = [ids for ids in whole if ids & found and not ids <= found]
            assert len(split) <= 1
            if most >= largest and found != {d.id for d in given}:
                (note,) = sample.notes("mine.jsonl", {"session"})
                assert ("some games of the same people are not in the sample" in note) == bool(
                    split
                )
            before = found
        assert before == {d.id for d in given}
        shuffled = rng.sample(given, len(given))
        for most in (largest, 2 * largest):
            assert {d.id for d in drawn(shuffled, most)} == {d.id for d in drawn(given, most)}


def test_a_cluster_of_almost_everything_comes_in_games_however_few_came_before() -> None:
    """900 decisions of one person in 300 games, and three people alone: whichever comes first."""
    given = [d for number in range(300) for d in played(f"g{number}", 3, "one")]
    for draw in range(20):
        alone = [d for number in range(3) for d in played(f"{draw}/{number}", 1, f"{number}")]
        assert 197 < len(drawn(given + alone, 200)) <= 200


def test_a_first_cluster_that_is_too_large_comes_in_games_and_a_game_in_its_first_decisions() -> (
    None
):
    """One person in five games of four rounds, all of one cluster."""
    given = [d for number in range(5) for d in played(f"g{number}", 4, "one")]
    order = sorted((f"g{number}" for number in range(5)), key=hashed)
    assert {d.cluster for d in drawn(given, 11)} == set(order[:2]) and len(drawn(given, 11)) == 8
    assert [d.id for d in drawn(given, 3)] == [f"{order[0]}/one/r{at}" for at in range(3)]
    (note,) = Sample(given, 3).notes("mine.jsonl", {"session"})
    assert note == (
        "mine.jsonl: sampled 3 of 20 decisions of session (1 of 5 games, one in part; some games "
        "of the same people are not in the sample; few games, so intervals are wide)."
    )


def test_few_games_are_said_where_there_are_more() -> None:
    given = [d for number in range(30) for d in played(f"g{number}", 2)]
    (few,) = Sample(given, 39).notes("mine.jsonl", {"session"})
    (enough,) = Sample(given, 41).notes("mine.jsonl", {"session"})
    assert few.endswith("(19 of 30 games; few games, so intervals are wide).")
    assert enough.endswith("(20 of 30 games).")
    (one,) = Sample(played("g", 9), 5).notes("mine.jsonl", {"session"})
    assert "few" not in one


def test_people_of_equal_names_in_two_data_sets_are_two() -> None:
    given = [
        Decision(f"{name}/{at}", name, "lottery", OPTIONS, "a", "a", participant="1")
        for name in ("x", "y")
        for at in range(3)
    ]
    assert len({d.dataset for d in drawn(given, 3)}) == 1 and len(drawn(given, 3)) == 3


def test_large_clusters_come_no_sooner_than_small_ones() -> None:
    """Of people with one game and with nine, as many as of chance come first: 200 draws of a half;
    the standard deviation is sqrt(200) / 2 = 7.1."""
    large = 0
    for draw in range(200):
        given = played(f"{draw}", 1, f"{draw} small")
        for number in range(9):
            given += played(f"{draw}/{number}", 1, f"{draw} large")
        first = {d.participant for d in drawn(given, 9)}
        large += f"{draw} large" in first and f"{draw} small" not in first
    assert 65 < large < 135


@pytest.mark.slow
def test_memory_grows_with_the_games_alone() -> None:
    def many(games: int) -> Iterator[Decision]:
        for number in range(games):
            yield from played(f"g{number}", 50)

    tracemalloc.start()
    sample = Sample(many(400), 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(1 for _ in sample.of(many(400))) == 1000
    assert peak < 1_000_000  # 20,000 decisions would take more than ten
