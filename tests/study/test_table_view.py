"""Token paths of a table on disk: a sequence, of which little is in memory."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.spec import ModelSpec
from tremble.prompts.asked import Asked
from tremble.study import columns, table_view
from tremble.study.cells import Cell
from tremble.study.file import Study
from tremble.study.prompt_cache import PromptCache
from tremble.study.render import render

CELL = Cell(ModelSpec("mock"), "plain", None, None, "mine.jsonl", Asked("standard"))


def write(folder: Path, prompts: list[str]) -> None:
    lines = [{"prompt": text, "options": ["yes", "no"], "choice": "yes"} for text in prompts]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))


def test_a_view_is_a_sequence(tmp_path: Path) -> None:
    write(tmp_path, [f"{i}?" for i in range(5)])
    cache = PromptCache(tmp_path / "prompts", tmp_path)
    asked = Study("s", (), (), (), folder=tmp_path)
    cache.add("k", render(asked, CELL, ByteTokenizer()))
    view = cache.table("k", "joint").token_paths()
    assert view[-1] == view[4]
    assert view[1:3] == [view[1], view[2]]
    assert list(view) == view[:]
    for index in (5, -6):
        with pytest.raises(IndexError):
            view[index]


def test_a_table_that_is_read_crosswise_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once through it part by part, and then in any order: not a part for every prompt."""
    monkeypatch.setattr(columns, "PART_BYTES", 300)
    write(tmp_path, [f"{i}?" for i in range(200)])
    cache = PromptCache(tmp_path / "prompts", tmp_path)
    asked = Study("s", (), (), (), folder=tmp_path)
    cache.add("k", render(asked, CELL, ByteTokenizer()))
    reads: list[int] = []
    inner = table_view.read_rows  # type: ignore[attr-defined]

    def counting(path: Path, names: list[str], start: int, count: int) -> pl.DataFrame:
        reads.append(count)
        return inner(path, names, start, count)

    monkeypatch.setattr(table_view, "read_rows", counting)
    view = cache.table("k", "joint").token_paths()
    straight = list(view)
    assert 50 < len(reads) <= 200 and max(reads) < 5
    order = [7 * i % 200 for i in range(200)]
    assert [view[i] for i in order] == [straight[i] for i in order]
    assert reads[-1] == 200 and len(reads) < 300


@pytest.mark.slow
def test_a_prompt_takes_four_bytes_a_token_and_little_beside(tmp_path: Path) -> None:
    write(tmp_path, [f"{i}? " + "word " * 60 for i in range(2000)])
    asked = Study("s", (), (), (), folder=tmp_path)
    frame = pl.concat(render(asked, CELL, ByteTokenizer()))
    tokens = int(frame["prompt_tokens"].sum())
    assert tokens > 300 * frame.height
    assert frame.estimated_size() < 4 * tokens + 300 * frame.height
