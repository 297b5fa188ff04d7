"""Which answers and predictions the worth of a model is counted from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.baseline_frames import frame as stored
from tests.support.baseline_frames import game, offer
from tremble.decisions.record import Decision, Option
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.inference.worth import NOBODY
from tremble.stats.tables.worth import worth_table
from tremble.study.decision_frame import decision_frame

YES = (Option("yes", "yes"), Option("no", "no"))
THREE = tuple(Option(key, key) for key in "abc")


def own(name: str, text: str, **more: Any) -> Decision:
    asked: dict[str, Any] = {"target": "yes", "prompt": text, **more}
    return Decision(name, "mine", "custom", asked.pop("options", YES), **asked)


def rows_of(decisions: pl.DataFrame, predicted: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The table of one model, whose predictions of the options stand under the decisions."""
    keys = dict(decisions.select("decision", "keys").iter_rows())
    said = pl.DataFrame(
        [
            ("m", "plain", "own", name, key, share, 1.0)
            for name, shares in predicted.items()
            for key, share in zip(keys[name], shares, strict=True)
        ],
        schema=["model", "format", "formulation", "decision", "key", "prediction", "mass"],
        orient="row",
    )
    return worth_table(Evidence(decisions, outcomes(decisions), said))


def by_hand(prompts: list[tuple[float, list[float]]]) -> float:
    """k from predictions and people's answers."""
    spread = distance = 0.0
    for x, answers in prompts:
        share = math.fsum(answers) / len(answers)
        variance = math.fsum((v - share) ** 2 for v in answers) / (len(answers) - 1)
        spread += variance
        distance += (x - share) ** 2 - variance / len(answers)
    return spread / distance


def test_equal_texts_are_one_prompt_and_versions_of_an_item_are_two() -> None:
    said = {"A1": "yyn", "A2": "ynnn", "B1": "yyyyn", "C1": "y"}
    x = {"A1": 0.1, "A2": 0.9, "B1": 0.2, "C1": 0.5}
    people = [
        own(
            f"{text}/{who}",
            f"{text}?",
            item=text[0],
            participant=f"p{who}",
            round=who,  # in whatever order they read
            choice={"y": "yes", "n": "no"}[answer],
        )
        for text, answers in said.items()
        for who, answer in enumerate(answers)
    ]
    predicted = {one.id: [x[one.id[:2]], 1 - x[one.id[:2]]] for one in people}
    (row,) = rows_of(decision_frame(people), predicted)
    want = by_hand([(x[t], [float(v == "y") for v in said[t]]) for t in ("A1", "A2", "B1")])
    assert row["k"] == pytest.approx(want)
    even = by_hand([(0.5, [float(v == "y") for v in said[t]]) for t in ("A1", "A2", "B1")])
    assert even < 0 and row["k_even"] is None  # nearer to the shares than chance lets them be
    assert (row["items"], row["decisions"], row["people"]) == (2, 12, 4)
    assert row["low"] is None and row["note"] == "only 2 items (an interval needs 5)"
    # What was not scored does not count.
    scored = {name: shares for name, shares in predicted.items() if name[0] != "B"}
    (row,) = rows_of(decision_frame(people), scored)
    want = by_hand([(x[t], [float(v == "y") for v in said[t]]) for t in ("A1", "A2")])
    assert row["k"] == pytest.approx(want)
    assert (row["items"], row["decisions"], row["people"]) == (1, 7, 3.5)


def test_a_person_counts_once_for_a_prompt() -> None:
    said = [("a", "yes"), ("a", "no"), ("b", "yes"), ("c", "no"), ("c", "no")]
    people = [
        own(str(place), "Go?", participant=who, choice=choice)
        for place, (who, choice) in enumerate(said)
    ]
    (row,) = rows_of(decision_frame(people), {one.id: [0.9, 0.1] for one in people})
    assert row["k"] == pytest.approx(by_hand([(0.9, [0.5, 1.0, 0.0])]))
    assert (row["decisions"], row["people"]) == (5, 3)


def test_rates_count_by_their_people_and_by_the_spread_between_these() -> None:
    rates = {"a": (0.2, 10, None), "b": (0.7, 40, None), "c": (0.5, 5, 0.3), "d": (0.5, None, None)}
    problems = [
        own(name, f"{name}?", rates={"yes": rate, "no": 1 - rate}, n=n, rate_sd=sd)
        for name, (rate, n, sd) in rates.items()
    ]
    x = {"a": 0.5, "b": 0.4, "c": 0.9, "d": 0.1}
    (row,) = rows_of(decision_frame(problems), {name: [p, 1 - p] for name, p in x.items()})
    spread = [0.2 * 0.8 * 10 / 9, 0.7 * 0.3 * 40 / 39, 0.3**2]
    distance = 0.3**2 + 0.3**2 + 0.4**2 - spread[0] / 10 - spread[1] / 40 - spread[2] / 5
    assert row["k"] == pytest.approx(sum(spread) / distance)
    assert (row["items"], row["decisions"]) == (3, 3)
    assert row["people"] == pytest.approx(55 / 3)
    several = [
        own("t", "t?", rates={"yes": 0.5, "no": 0.5}, n=9, choices_each=5),
        own("u", "u?", rates={"yes": 0.5, "no": 0.5}, n=1),
    ]
    (row,) = rows_of(decision_frame(several), {"t": [0.1, 0.9], "u": [0.1, 0.9]})
    assert (row["k"], row["note"], row["items"], row["people"]) == (None, NOBODY, 0, None)


def test_options_of_a_prompt_are_added_up() -> None:
    rates = {"p": [0.2, 0.3, 0.5], "q": [0.6, 0.3, 0.1]}
    problems = [
        own(
            name,
            name,
            options=THREE,
            target=None,
            rates=dict(zip("abc", shares, strict=True)),
            n=20,
        )
        for name, shares in rates.items()
    ]
    x = {"p": [0.6, 0.2, 0.2], "q": [0.3, 0.3, 0.4]}
    (row,) = rows_of(decision_frame(problems), x)
    share, said = np.array(list(rates.values())), np.array(list(x.values()))
    variance = share * (1 - share) * 20 / 19
    want = variance.sum() / (((said - share) ** 2).sum() - variance.sum() / 20)
    assert row["k"] == pytest.approx(want)
    even = variance.sum() / (((1 / 3 - share) ** 2).sum() - variance.sum() / 20)
    assert row["k_even"] == pytest.approx(even)
    assert (row["items"], row["decisions"], row["people"]) == (2, 2, 20)


def test_a_choice_among_three_options_is_a_share_of_each() -> None:
    said = {"p": "aabc", "q": "bbbca"}
    people = [
        own(f"{text}/{who}", text, options=THREE, target=None, choice=key, participant=f"p{who}")
        for text, keys in said.items()
        for who, key in enumerate(keys)
    ]
    x = {"p": [0.1, 0.2, 0.7], "q": [0.9, 0.0, 0.1]}
    (row,) = rows_of(decision_frame(people), {one.id: x[one.id[0]] for one in people})
    each = [
        (x[text][place], [float(chosen == key) for chosen in keys])
        for text, keys in said.items()
        for place, key in enumerate("abc")
    ]
    assert row["k"] == pytest.approx(by_hand(each))
    assert (row["items"], row["decisions"], row["people"]) == (2, 9, 4.5)


def test_games_with_a_history_have_no_row() -> None:
    plays = [offer(f"o{place}", 0.5, "accept", game=f"g{place}") for place in range(4)]
    assert rows_of(stored(plays), {one["decision"]: [0.4, 0.6] for one in plays}) == []
    matrix = [game(f"m{i}", [[1, i], [2, 3]], [[1, 1], [0, 4]], [0.3, 0.7], n=9) for i in range(3)]
    (row,) = rows_of(stored(matrix), {one["decision"]: [0.4, 0.6] for one in matrix})
    assert (row["family"], row["items"], row["people"]) == ("one_shot_matrix", 3, 9)
