"""`kill -9` at random moments of a run, then the same command: the same scores."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.support.killed_runs import Runs
from tests.support.toys import save_tiny
from tremble.store.study_folder import Store


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    started = Runs("run", str(tmp_path / "study.toml"), "--out")
    with started.process:
        yield started
        assert started.process.stdin is not None
        started.process.stdin.close()


def scores(out: Path) -> pl.DataFrame:
    return Store(out).scores().sort("model", "decision", "presentation")


def test_killed_runs_end_with_the_scores_of_an_undisturbed_one(tmp_path: Path, runs: Runs) -> None:
    folder = save_tiny(tmp_path / "model", "Qwen3")
    lines = [
        {"id": str(i), "prompt": f"Offer {i}: " + "blah " * (i % 40), "options": ["yes", "no"],
         "choice": "yes" if i % 3 else "no"}
        for i in range(600)
    ]  # fmt: skip
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    study = tmp_path / "study.toml"
    study.write_text(
        '[study]\nname = "killed"\ndata = ["mine.jsonl"]\nformats = ["native", "plain"]\n'
        f'[[pair]]\nbase = "mock:base"\naligned = {json.dumps(str(folder))}\n'
    )
    runs.start(tmp_path / "whole")
    assert runs.end() == 0
    rng = random.Random(7)
    killed_at: list[int] = []
    for _ in range(6):
        process = runs.start(tmp_path / "cut")
        deadline = time.monotonic() + 60
        before = sum(1 for _ in (tmp_path / "cut").rglob("part-*.parquet"))
        while not runs.ended(0.02) and time.monotonic() < deadline:
            if sum(1 for _ in (tmp_path / "cut").rglob("part-*.parquet")) > before:
                break  # it is writing: kill it somewhere in the next moments
        time.sleep(rng.uniform(0, 0.5))
        if not runs.ended(0):
            os.kill(process, signal.SIGKILL)
        assert runs.end() in (0, signal.SIGKILL)
        if (tmp_path / "cut" / "run.json").exists():
            killed_at.append(scores(tmp_path / "cut").height)
    assert any(0 < rows < 1800 for rows in killed_at), killed_at
    assert killed_at == sorted(killed_at)  # nothing that was on disk was lost
    runs.start(tmp_path / "cut")
    assert runs.end() == 0
    cut, whole = scores(tmp_path / "cut"), scores(tmp_path / "whole")
    # What is left after a kill is packed into other passes: float32 sums in another order, which
    # keep log-probabilities to 1e-5 nat on tiny models.
    assert_frame_equal(cut, whole, check_exact=False, abs_tol=1e-5, rel_tol=0)
    mock = pl.col("model") == "mock:base"
    assert cut.filter(mock).equals(whole.filter(mock))
    assert not list((tmp_path / "cut").rglob("*.tmp"))
