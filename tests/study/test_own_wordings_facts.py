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
        ("{{ facts.did }}", lambda at: {"did": chosen(at if at else 1) + "!"}, 24),
        ("{{ facts.did }}", lambda at: {"did": chosen(at) + " x"}, 4),
        ("{{ facts.a.x }}", lambda at: {"a": {"did": chosen(at), "x": at % 2}}, 24),
    ],
)
def test_other_facts_are_not(tmp_path: Path, prints: str, person: Any, count: int) -> None:
    assert "Warning" not in run(study(tmp_path, prints, person, count))


def test_a_part_that_no_record_has(tmp_path: Path) -> None:
    said = mistake("plan", study(tmp_path, "{{ facts.a.dit }}", lambda at: {"a": {"did": at}}))
    assert said.endswith(
        "uses facts.a.dit, which is in none of the records; correct it in the template."
    )
