"""`kill -9` at random moments of a run, then the same command: the same scores."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.support.toys import save_tiny
from tremble.store.study_folder import Store

# The command line with parts written as often as possible, so that kills fall between them. A run
# is a process of its own, forked off one that has imported what runs need and done nothing else:
# imports take most of a small run's time. Written to its output: a run's id, then how it ended.
_RUNS = """
import json, os, sys
import torch, transformers.models.qwen3.modeling_qwen3
import tremble.study.score, tremble.study.run, tremble.engines.shared_prefix.engine
from tremble.cli import main

tremble.study.score.FLUSH_SECONDS = 0.02
for line in sys.stdin:
    run = os.fork()
    if run == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        sys.argv = ["tremble", *json.loads(line)]
        code = 1
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            os._exit(code)
    print(run, flush=True)
    print(os.waitpid(run, 0)[1], flush=True)
"""


class Runs:
    """Runs of one command, one after another."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RUNS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.command = command

    def start(self, out: Path) -> int:
        """The id of a new run's process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([*self.command, str(out)]) + "\n")
        self.process.stdin.flush()
        return self._number()

    def ended(self, seconds: float) -> bool:
        """Whether the run ends within some seconds."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def end(self) -> int:
        """How the run ended, once it has: 0, or the number of the signal that killed it."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


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
