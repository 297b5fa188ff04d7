"""That facts in wordings of a user's own do not say what was chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake
from tests.support.own_studies import people, run, write

SAID = "each of its values goes with one choice only in all 24 decisions of custom"


def study(folder: Path, prints: str, person: Callable[[int], Any], count: int = 24) -> Path:
    """Prompts of which every third was answered no, with facts by the number of the decision."""
    records = [{**one, "person": person(at)} for at, one in enumerate(people(count))]
    own = f'[[wording]]\nname = \'calm\'\ntemplate = """{{{{ prompt }}}} {prints}"""\n'
    return write(folder, own, records, formulations=["calm"])


def chosen(at: int) -> str:
    return "yes" if at % 3 else "no"


def past(at: int) -> list[str]:
    """Some answers before, as many as in no other decision of the same remainder."""
    return [("yes", "no")[(at * 7 + step * step) % 2] for step in range(at % 5)]


@pytest.mark.parametrize(
    ("prints", "person", "part"),
    [
        ("{{ facts.a.did }}", lambda at: {"a": {"did": chosen(at), "x": at}}, "facts.a.did"),
        ('{{ facts["a"]["did"] }}', lambda at: {"a": {"did": chosen(at)}}, "facts.a.did"),
        ("{{ facts.did[0] }}", lambda at: {"did": [chosen(at), at]}, "facts.did[0]"),
        ("{{ facts.did|join }}", lambda at: {"did": [at, chosen(at)]}, "facts.did[1]"),
        ("{% set a = facts.a %}{{ a.did }}", lambda at: {"a": {"did": chosen(at)}}, "facts.a.did"),
        ("{{ facts.a.get('did') }}", lambda at: {"a": {"did": chosen(at)}}, "facts.a.did"),
        ("{{ facts.did.upper() }}", lambda at: {"did": chosen(at) + "."}, "facts.did"),
        # The last of lists that are not equally long, and in any order.
        ("{{ facts.did|last }}", lambda at: {"did": [*past(at), chosen(at)]}, "facts.did[-1]"),
        ("{{ facts.did[-1] }}", lambda at: {"did": [*past(at), chosen(at)]}, "facts.did[-1]"),
        (
            "{{ facts.did|reject('in', 'abc')|first }}",
            lambda at: {"did": [*("abc"[: at % 4]), chosen(at), *("abc"[: at % 3])]},
            "facts.did|max",
        ),
        # A part that is called as a method of such things is.
        ("{{ facts.a.items }}", lambda at: {"a": {"items": chosen(at)}}, "facts.a.items"),
        ("{{ facts.a.get }}", lambda at: {"a": {"get": chosen(at), "b": 1}}, "facts.a.get"),
    ],
)
def test_the_choice_in_a_part_of_a_fact_is_refused(
    tmp_path: Path, prints: str, person: Any, part: str
) -> None:
    said = mistake("plan", study(tmp_path, prints, person))
    assert said.endswith(
        f"study.toml: the wording 'calm' uses {part}, which is the choice itself in all 24 "
        "decisions of custom that have it; remove it from the template."
    )


@pytest.mark.parametrize(
    ("prints", "person"),
    [
        # Two values for one choice.
        ("{{ facts.did }}", lambda at: {"did": f"{chosen(at)}, {at % 2}"}),
        # A missing value is a value.
        ("{{ facts.did|default('x') }}", lambda at: {"did": "z"} if at % 3 else {"q": 1}),
        ("{% if facts.did %}!{% endif %}", lambda at: {"did": bool(at % 3)}),
        ("{{ facts.a['b c'] }}", lambda at: {"a": {"b c": at % 3}}),
        # How many there are.
        ("{{ facts.did|length }}", lambda at: {"did": ["x"] * (2 if at % 3 else 4)}),
    ],
)
def test_values_that_go_with_one_choice_are_a_warning(
    tmp_path: Path, prints: str, person: Any
) -> None:
    assert SAID in " ".join(run(study(tmp_path, prints, person)).split())


@pytest.mark.parametrize(
    ("prints", "person", "count"),
    [
        # Every value occurs once, or goes with both choices, or there are too few decisions; what
        # is not looked up does not matter.
        ("{{ facts.did }}", lambda at: {"did": f"{chosen(at)} at {at}"}, 24),
        ("{{ facts.did }}", lambda at: {"did": chosen(at if at > 3 else 1) + "!"}, 24),
        ("{{ facts.did }}", lambda at: {"did": chosen(at) + " x"}, 4),
        ("{{ facts.a.x }}", lambda at: {"a": {"did": chosen(at), "x": at % 2}}, 24),
    ],
)
def test_other_facts_are_not(tmp_path: Path, prints: str, person: Any, count: int) -> None:
    assert "Warning" not in run(study(tmp_path, prints, person, count))


def test_values_that_tell_nearly_every_choice_are_a_warning(tmp_path: Path) -> None:
    def person(at: int) -> Any:
        return {"did": chosen(at if at else 1) + "!"}  # wrong in the first of 24

    said = " ".join(run(study(tmp_path, "{{ facts.did }}", person)).split())
    assert "uses facts.did, and its values tell the choice in 23 of 24 decisions of custom" in said


def test_a_place_that_few_lists_have_is_the_choice_by_chance(tmp_path: Path) -> None:
    """Answers of before that have nothing to do with this one, but in the four longest lists."""

    def person(at: int) -> Any:
        return {"past": [*past(at), *(["x"] * (4 - at % 5) + [chosen(at)] if at > 19 else [])]}

    prints = '{{ facts.past|join(", ") }}'
    assert "Warning" not in run(study(tmp_path, prints, person))
    # Chance is no matter of lists: so few decisions show nothing.
    run(study(tmp_path, "{{ facts.did }}", lambda at: {"did": chosen(at)}, 4))


def rated(folder: Path, person: Callable[[float], Any], prints: str, count: int = 24) -> Path:
    """Prompts with rates of many people, no two the same, in no order."""
    records = []
    for at, one in enumerate(people(count)):
        rate = ((at * 7) % count + 1) / (count + 2)
        del one["choice"], one["participant"]
        records.append({**one, "rate": rate, "n": 50, "person": person(rate)})
    own = f'[[wording]]\nname = \'calm\'\ntemplate = """{{{{ prompt }}}} {prints}"""\n'
    return write(folder, own, records, formulations=["calm"])


@pytest.mark.parametrize(
    "person",
    [
        lambda rate: {"share": rate},
        lambda rate: {"share": round(rate, 2)},
        lambda rate: {"share": round(100 * rate)},
        lambda rate: {"share": f"{round(100 * rate)} %"},
        lambda rate: {"share": round(1 - rate, 3)},
    ],
)
def test_the_share_of_people_is_refused_too(tmp_path: Path, person: Any) -> None:
    said = mistake("plan", rated(tmp_path, person, "{{ facts.share }}"))
    assert said.endswith(
        "uses facts.share, which is the share of people who chose the target option in all 24 "
        "decisions of custom that have it; remove it from the template."
    )


def test_numbers_in_the_order_of_the_shares_are_a_warning(tmp_path: Path) -> None:
    def said(person: Callable[[float], Any], count: int = 24) -> str:
        return " ".join(run(rated(tmp_path, person, "{{ facts.q }}", count)).split())

    order = "and its numbers are in the order of what people chose in"
    assert f"facts.q, {order} all 24 decisions of custom" in said(lambda rate: {"q": 3 - rate**3})

    def nearly(rate: float) -> Any:
        return {"q": 0.005 if rate < 0.05 else round(rate**3, 6)}  # one of them higher

    assert f"facts.q, {order} nearly all 24" in said(nearly)
    assert "Warning" not in said(lambda rate: {"q": round(rate * 26) * 5 % 24})
    assert "Warning" not in said(lambda rate: {"q": 3 - rate**3}, 6)


def test_a_part_that_no_record_has(tmp_path: Path) -> None:
    said = mistake("plan", study(tmp_path, "{{ facts.a.dit }}", lambda at: {"a": {"did": at}}))
    assert said.endswith(
        "uses facts.a.dit, which is in none of the records; correct it in the template."
    )
