"""Scores on their way to disk: each for every row of its prompt, in whatever order they come."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from tests.support.studies import run, scores, study_file
from tremble.engines.base import Score
from tremble.engines.mock import MockEngine
from tremble.study import columns, parts, score
from tremble.tokenization.options import TokenPaths


def write(folder: Path, decisions: int) -> None:
    """Decisions of which every third one is read by three people, far apart."""
    lines = [
        {
            "id": f"d{i}",
            "prompt": f"Offer {i % (decisions // 3) if i % 3 == 0 else i}?",
            "options": ["yes", "no", "yes please"] if i % 5 else ["yes", "no"],
            "target": "yes",
            "choice": "yes",
        }
        for i in range(decisions)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))


@pytest.mark.slow
@pytest.mark.parametrize("spellings", ["exact", "all"])
def test_neither_parts_nor_the_order_of_scoring_change_what_is_stored(
    spellings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 90)
    study = study_file(tmp_path, spellings=spellings)
    run(study, tmp_path / "whole")
    expected = scores(tmp_path / "whole")
    assert expected.height == 180
    assert expected["row_key"].n_unique() < 180
    asked: list[int] = []
    inner = MockEngine.score

    def backwards(self: MockEngine, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        asked.append(len(prompts))
        return iter(list(inner(self, prompts))[::-1])

    monkeypatch.setattr(MockEngine, "score", backwards)
    monkeypatch.setattr(columns, "PART_BYTES", 500)
    monkeypatch.setattr(parts, "_PACKED", 4)
    monkeypatch.setattr(score, "FLUSH_SECONDS", 0.0)
    run(study, tmp_path / "parts")
    assert len(list((tmp_path / "parts").rglob("part-*"))) > 20
    assert_frame_equal(scores(tmp_path / "parts"), expected)
    assert sum(asked) == expected["row_key"].n_unique()


@pytest.mark.slow
def test_a_study_that_stopped_goes_on_with_the_rows_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after eleven prompts of each model: the rest is scored, and nothing twice."""
    write(tmp_path, 60)
    study = study_file(tmp_path)
    run(study, tmp_path / "whole")
    inner = MockEngine.score
    asked: list[int] = []

    def stopping(self: MockEngine, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        asked.append(len(prompts))
        for number, one in enumerate(inner(self, prompts)):
            if number == 11 and len(asked) <= 2:
                raise RuntimeError("stopped")
            yield one

    monkeypatch.setattr(MockEngine, "score", stopping)
    monkeypatch.setattr(columns, "PART_BYTES", 500)
    with pytest.raises(RuntimeError, match="stopped"):
        run(study, tmp_path / "out")
    run(study, tmp_path / "out")
    assert asked[2:] == [count - 11 for count in asked[:2]]
    assert_frame_equal(scores(tmp_path / "out"), scores(tmp_path / "whole"))
