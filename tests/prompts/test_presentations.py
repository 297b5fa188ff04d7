"""Counterbalancing: what is permuted, what is kept, and how a study asks for it."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from tests.support.studies import run, scores, study_file
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Option
from tremble.errors import UserError
from tremble.prompts.conversation import NotApplicable
from tremble.prompts.formulations import FORMULATIONS, standard
from tremble.prompts.presentations import COUNTERBALANCES, presentations
from tremble.study.file import read_study

ONE_EACH = {
    "bargaining": 1,
    "negotiation": 1,
    "persuasion": 1,
    "persuasion_seller": 1,
    "repeated_matrix": 1,
    "one_shot_matrix": 1,
    "lottery": 1,
}
LETTERED = ("repeated_matrix", "one_shot_matrix", "lottery")
SUBSETS = [c for n in range(4) for c in combinations(COUNTERBALANCES, n)]


@pytest.fixture(scope="module")
def decisions() -> list[Decision]:
    """A decision of every family, late enough in its game to have a history."""
    drawn = sample(list(load(Path(), Notes())), ONE_EACH, seed=4)
    return list({decision.family: decision for decision in drawn}.values())


def in_keys(decision: Decision, text: str, shown: tuple[Option, ...]) -> str:
    """A text with every label replaced by the key it stands for."""
    bare = decision.family in LETTERED
    text = text.replace("A negative amount", "a negative amount")  # the article, and no label
    for option in shown:
        pattern = rf"\b{option.label}\b" if bare else f'"{option.label}"'
        text = re.sub(pattern, f"<{'-'.join(option.key.split())}>", text)
    return text


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\s,.:]+", text))


def test_how_many_presentations(decisions: list[Decision]) -> None:
    """Letters: two sets, each exchanged. Words stay as they are and two sets come beside them."""
    expected = {
        "bargaining": {"order": 2, "labels": 5, "rows": 1},
        "negotiation": {"order": 2, "labels": 5, "rows": 1},
        "persuasion": {"order": 2, "labels": 5, "rows": 1},
        "persuasion_seller": {"order": 2, "labels": 5, "rows": 1},
        "repeated_matrix": {"order": 2, "labels": 4, "rows": 2},
        "one_shot_matrix": {"order": 2, "labels": 4, "rows": 2},
        "lottery": {"order": 2, "labels": 4, "rows": 2},
    }
    both = ("one_shot_matrix", "lottery")
    for decision in decisions:
        for chosen in SUBSETS:
            found = presentations(decision, chosen)
            each = expected[decision.family]
            count = math.prod(each[name] for name in chosen)
            if decision.family in both:  # always in both orders, and in nothing twice
                count = 4 if "labels" in chosen else 2
            assert len(set(found)) == len(found) == count, (decision.family, chosen)
            assert found[0] == 0 and max(found) < 128
            assert set(found) >= set(presentations(decision))


def test_a_prompt_of_ones_own_and_words_are_left_alone(decisions: list[Decision]) -> None:
    own = Decision("d", "mine", "custom", decisions[0].options, prompt="Well?")
    assert presentations(own, COUNTERBALANCES) == (0,)
    (matrix,) = (d for d in decisions if d.family == "repeated_matrix")
    named = replace(matrix, options=tuple(Option(o.key, f"option {o.key}") for o in matrix.options))
    texts = [standard(named, n) for n in presentations(named, ["labels"])]
    assert len(texts) == 5
    for text in texts:
        wordy = [o for o in text.options if o.label.startswith("option ")]
        assert all(o.label == f"option {o.key}" for o in wordy)


def test_counterbalanced_prompts_are_permutations(decisions: list[Decision]) -> None:
    """With labels read as what they stand for, every presentation of a decision has the same
    words, the same keys, and is another text."""
    for decision in decisions:
        for name, wording in FORMULATIONS.items():
            found = {}
            for number in presentations(decision, COUNTERBALANCES):
                try:
                    said = wording(decision, number)
                except NotApplicable:
                    continue
                assert len({o.label for o in said.options}) == len(said.options)
                found[said.plain()] = (
                    words(in_keys(decision, said.plain(), said.options)),
                    sorted(o.key for o in said.options),
                )
            if found:
                assert len(found) == len(presentations(decision, COUNTERBALANCES))
                first = next(iter(found.values()))
                assert all(other == first for other in found.values()), (decision.id, name)


def test_rows_are_permuted_as_lines_and_nothing_else_moves(decisions: list[Decision]) -> None:
    (matrix,) = (d for d in decisions if d.family == "repeated_matrix")
    plain, turned = (standard(matrix, n) for n in presentations(matrix, ["rows"]))
    assert plain.options == turned.options and plain.user == turned.user
    one, two = plain.system.split("\n"), turned.system.split("\n")
    moved = [place for place, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    assert Counter(one) == Counter(two)
    assert [one[place] for place in moved] == [two[place] for place in reversed(moved)]
    assert len(moved) == 4 and all("If you choose" in one[place] for place in moved)


def test_order_moves_the_options_with_their_labels(decisions: list[Decision]) -> None:
    (deal,) = (d for d in decisions if d.family == "negotiation")
    plain, turned = (standard(deal, n) for n in presentations(deal, ["order"]))
    assert turned.options == plain.options[::-1]
    assert '"DealWithJohn", "RejectOffer" or "AcceptOffer"' in turned.system
    assert [line for line in turned.system.split("\n") if line.startswith("- ")] == [
        line for line in reversed(plain.system.split("\n")) if line.startswith("- ")
    ]


def test_exchanged_letters_stand_for_the_other_option(decisions: list[Decision]) -> None:
    (matrix,) = (d for d in decisions if d.family == "repeated_matrix")
    labels = [
        {o.key: o.label for o in standard(matrix, n).options}
        for n in presentations(matrix, ["labels"])
    ]
    first, second = (option.key for option in matrix.options)
    assert [(found[first], found[second]) for found in labels] == [
        ("J", "F"),
        ("F", "J"),
        ("A", "B"),
        ("B", "A"),
    ]


def test_a_study_scores_and_averages_every_presentation(
    tmp_path: Path, decisions: list[Decision]
) -> None:
    jsonl.write(decisions, tmp_path / "mine.jsonl")
    path = study_file(tmp_path, formats=["plain"], counterbalance=["order", "labels", "rows"])
    assert read_study(path).counterbalance == ("order", "labels", "rows")
    assert run(path, tmp_path / "out") == 0
    frame = scores(tmp_path / "out")
    expected = sum(len(presentations(d, COUNTERBALANCES)) for d in decisions)
    assert frame.height == 2 * expected == 2 * (4 * 10 + 16 + 4 + 4)
    assert frame["row_key"].n_unique() == expected
    # Without counterbalancing the same folder asks for fewer of the same rows.
    assert run(study_file(tmp_path, formats=["plain"]), tmp_path / "out") == 0
    fewer = scores(tmp_path / "out")
    assert fewer.height == 2 * (5 + 2 * 2)
    assert set(fewer["row_key"]) <= set(frame["row_key"])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            ["ordre"],
            """counterbalance holds 'ordre'; it must be one of "order", "labels", "rows";""",
        ),
        ("order", "counterbalance is 'order'; it must be a list of texts"),
        ([], "counterbalance is []"),
    ],
)
def test_what_cannot_be_counterbalanced_is_said(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        read_study(study_file(tmp_path, counterbalance=value))
