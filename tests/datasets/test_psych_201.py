"""The eight experiments of Psych-201 that are at hand: every response is read, trap by trap."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import tremble
from tremble.datasets.base import Notes
from tremble.datasets.psych import load
from tremble.decisions.record import Decision

DATA = os.environ.get("TREMBLE_DATA")
SOURCE = Path(DATA or "")
FOLDER = next(
    (at for at in (SOURCE / "psych201", SOURCE / "sources" / "psych201") if at.is_dir()), SOURCE
)
pytestmark = pytest.mark.skipif(
    not DATA or FOLDER == SOURCE, reason="TREMBLE_DATA is not set or has no folder psych201"
)
# Experiment: sessions, responses, most in one, people with any of the source's facts (FACTS.md of
# the sources; "Healthy" is a value that stands in the file, and no fact only in an interview).
KNOWN = {
    "thoma2025riskychoice": (301, 2709, 9, 301),
    "thoma2025problearn": (483, 47817, 99, 483),
    "potter2017twostep": (74, 21513, 300, 74),
    "busch2024_navon": (127, 8092, 64, 127),
    "dezfouli2019": (101, 132251, 2021, 101),
    "guenther2022relational": (400, 22000, 55, 398),
    "zhu2024games": (4673, 93460, 20, 0),
    "xu2023augmenting": (79, 13496, 200, 0),
}


def of(experiment: str) -> Iterator[Decision]:
    notes = Notes()
    yield from load(FOLDER / experiment, notes)
    assert not notes.faulty and not notes.dropped


@pytest.mark.slow
def test_all_experiments_as_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    code, said, errors = tremble("data", "import", "psych", FOLDER, "--out", out, "--json")
    assert (code, errors) == (0, "")
    found = json.loads(said)
    assert (found["sessions"], found["responses"], found["empty"]) == (6238, 341338, 0)
    assert found["decisions"] == 341338 and found["faulty"] == 0
    assert found["by_study"] == {
        name: {"sessions": sessions, "responses": responses}
        for name, (sessions, responses, *_) in KNOWN.items()
    }
    each: Counter[str] = Counter()
    most: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    with out.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            study = record["study"]
            each[study] += 1
            most[study] = max(most[study], record["text"].count("<<"))
            facts[study] += bool(record.get("person"))
    assert each == {name: sessions for name, (sessions, *_) in KNOWN.items()}
    assert most == {name: known[2] for name, known in KNOWN.items()}
    assert +facts == {name: known[3] for name, known in KNOWN.items() if known[3]}


def with_pattern(folder: Path, study: str, pattern: str) -> Path:
    """A copy of an experiment, with a pattern that says what its options are."""
    source = folder / study
    source.mkdir()
    name = "prompts.jsonl.zip"
    (source / name).write_bytes((FOLDER / study / name).read_bytes())
    (source / "options.json").write_text(json.dumps(pattern))
    return source


def test_equal_texts_of_different_people_stay_and_labels_are_drawn_anew(tmp_path: Path) -> None:
    source = with_pattern(tmp_path, "thoma2025riskychoice", r"marked '(\w)'")
    notes = Notes()
    found = list(load(source, notes))
    assert len(found) == 2709 and not notes.dropped and not notes.odd
    assert all(len(d.options) == 2 and d.choice == d.response for d in found)
    drawn = {d.participant: {o.label for o in d.options} for d in found}
    assert len(set().union(*drawn.values())) == 10
    assert {d.breakdown["condition"] for d in found} == {"repeated", "unique"}
    assert all(set(d.person) == {"age", "gender"} for d in found)


def test_a_quote_that_lacks_and_children_of_three(tmp_path: Path) -> None:
    pattern = r"labeled '?(\w)'? and '?(\w)'?"
    source = with_pattern(tmp_path, "thoma2025problearn", pattern)
    notes = Notes()
    found = list(load(source, notes))
    assert len(found) == 47817 and not notes.odd
    assert all(d.choice == d.response and d.target is None for d in found)
    assert min(float(d.person["age"]) for d in found if "age" in d.person) < 4


def test_names_of_other_kinds_lists_and_nan() -> None:
    """An integer for a name, lists that are no facts, NaN for an age."""
    assert next(of("potter2017twostep")).participant == "potter2017twostep/0"
    assert not any(d.person for d in of("xu2023augmenting"))
    people = {d.participant: d.person for d in of("guenther2022relational")}
    assert len(people) == 400 and sum("age" in person for person in people.values()) == 398
