"""`sample` in a study: what plan, run and the notes make of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.studies import run, study_file
from tremble.api.plan import plan_study
from tremble.datasets.base import Notes
from tremble.datasets.demo import load
from tremble.decisions import jsonl
from tremble.decisions.subsample import Sample
from tremble.store.study_folder import Store
from tremble.study import data as study_data
from tremble.study.file import read_study
from tremble.study.notes import caveats
from tremble.study.prepare import read_data


def scores(out: Path) -> pl.DataFrame:
    return Store(out).scores().sort("model", "decision", "presentation")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    given = list(load(tmp_path, Notes()))
    people = {f"{number}" for number in range(1, 7)}
    jsonl.write(
        [
            *(d for d in given if d.family == "repeated_matrix" and d.participant in people),
            *[d for d in given if d.family == "lottery"][:30],
            *(d for d in given if d.family in ("negotiation", "persuasion")),
        ],
        tmp_path / "mine.jsonl",
    )
    return tmp_path


@pytest.mark.slow
def test_plan_and_run_take_the_same_part_and_say_so(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study_file(data, sample=20, families=["repeated_matrix", "lottery", "negotiation"])
    plan = plan_study(read_study(path), data / "out", lambda _: None)
    assert run(path, data / "out") == 0
    frame = scores(data / "out")
    assert plan["totals"]["rows"] == frame.height
    given = [
        d
        for d in jsonl.read(data / "mine.jsonl")
        if d.family in ("repeated_matrix", "lottery", "negotiation")
    ]
    expected = list(Sample(iter(given), 20).of(iter(given)))
    assert set(frame["decision"]) == {d.id for d in expected}
    # A person plays two games of ten rounds; a lottery is a problem of its own.
    assert Counter(d.family for d in expected) == {
        "repeated_matrix": 20, "lottery": 20, "negotiation": 6
    }  # fmt: skip
    assert len({d.participant for d in expected if d.family == "repeated_matrix"}) == 1
    notes = [line for line in caveats(data / "out") if "sampled" in line]
    assert notes == [
        "mine.jsonl: sampled 20 of 120 decisions of repeated_matrix (2 of 12 games; few games, "
        "so intervals are wide).",
        "mine.jsonl: sampled 20 of 30 decisions of lottery.",
    ]
    # What does not stay in memory is read again, to the same end.
    monkeypatch.setattr(study_data, "HELD", 0)
    ids = set(read_data(read_study(path))["mine.jsonl"]["decision"])
    assert ids == {d.id for d in expected}


@pytest.mark.slow
def test_what_was_scored_stays_and_counts_only_where_it_is_asked_for(data: Path) -> None:
    out = data / "out"
    families: dict[str, Any] = {"families": ["lottery"]}
    assert run(study_file(data, sample=5, **families), out) == 0
    small = scores(out)
    before = {part: part.read_bytes() for part in out.rglob("part-*.parquet")}
    assert run(study_file(data, sample=9, **families), out) == 0
    assert all(part.read_bytes() == content for part, content in before.items())
    large = scores(out)
    assert set(small["row_key"]) < set(large["row_key"]) and large.height == 2 * 2 * 9
    kept = len(list(out.rglob("part-*.parquet")))
    assert run(study_file(data, sample=5, **families), out) == 0
    assert scores(out).equals(small) and len(list(out.rglob("part-*.parquet"))) == kept
    assert run(study_file(data, **families), out) == 0
    assert set(large["row_key"]) < set(scores(out)["row_key"])
    assert scores(out)["decision"].n_unique() == 30
    assert not any("sampled" in line for line in caveats(out))


def test_notes_on_a_sample_are_those_of_the_decisions_wherever_a_run_ends(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data / "out"
    families: dict[str, Any] = {"families": ["lottery"]}
    assert run(study_file(data, sample=5, **families), out) == 0

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(Store, "commit", killed)
    with pytest.raises(RuntimeError, match="killed"):
        run(study_file(data, sample=9, **families), out)
    count = Store(out).decisions().height
    assert count == 5  # the run that ended before its record was written changed nothing
    assert [note for note in caveats(out) if "sampled" in note] == [
        f"mine.jsonl: sampled {count} of 30 decisions of lottery (few games, so intervals are "
        "wide)."
    ]
