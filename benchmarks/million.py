"""How much memory and time a study of a million decisions takes, scored by a made-up model.

    python benchmarks/million.py [--decisions 1000000] [--kind own|lottery] [--seed 0] [--again]

Writes the decisions, runs `tremble run` on them with a made-up pair in a process of its own, and
prints one line of JSON: the largest resident memory of that process, the seconds of the whole and
of each stage, each with the largest memory up to its end. `own`: a person's own prompt each, all
different, base in plain and aligned in chat. `lottery`: two gambles each, shown in both orders, so
that there are twice as many prompts. `--again` runs the same study a second time, when nothing is
missing. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

STUDY = """[study]
name = "million"
data = ["decisions.jsonl"]

[[pair]]
base = "mock:base"
aligned = "mock:aligned"
"""
WORDS = ("ticket", "shop", "prize", "price", "chance", "train", "market", "friend", "garden")


def records(decisions: int, kind: str, seed: int) -> Iterator[dict[str, Any]]:
    """The records, in file order."""
    draw = random.Random(seed)
    make = {"own": _own, "lottery": _lottery}[kind]
    for number in range(decisions):
        participant = f"p{number // 20:06d}"
        yield {"id": f"d{number:07d}", "participant": participant, **make(draw, number)}


def _own(draw: random.Random, number: int) -> dict[str, Any]:
    story = " ".join(draw.choices(WORDS, k=12))
    return {
        "prompt": f"Offer {number}: you get {draw.randrange(100)} points and another person gets "
        f"{draw.randrange(100)}. Think of {story}. Do you accept?",
        "options": ["accept", "reject"],
        "choice": draw.choice(("accept", "reject")),
        "config": {"stakes": draw.choice(("low", "high"))},
    }


def _lottery(draw: random.Random, number: int) -> dict[str, Any]:
    def gamble() -> list[list[float]]:
        chance = draw.randrange(1, 100)
        high, low = draw.randrange(-50, 1000) / 10, draw.randrange(-500, 500) / 10
        return [[chance / 100, high], [(100 - chance) / 100, low]]

    return {
        "dataset": "made-up",
        "family": "lottery",
        "rules": {"gamble_a": gamble(), "gamble_b": gamble()},
        "options": [{"key": "a", "label": "A"}, {"key": "b", "label": "B"}],
        "choice": draw.choice("ab"),
    }


def write_study(folder: Path, decisions: int, kind: str, seed: int) -> Path:
    """Writes the decisions and a study file beside them; the path of that."""
    with (folder / "decisions.jsonl").open("w", encoding="utf-8") as out:
        for record in records(decisions, kind, seed):
            out.write(json.dumps(record) + "\n")
    path = folder / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def measured_run(study: Path, out: Path) -> dict[str, Any]:
    """`tremble run` in a process of its own: exit code, seconds and peak memory, by stage. A stage
    ends where the next one says so."""
    program = "from tremble.cli import main; main()"
    command = [sys.executable, "-c", program, "run", str(study), "--out", str(out)]
    started = time.monotonic()
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.stdout is not None
    stage, begun = "prepare", started
    stages: dict[str, dict[str, float]] = {}

    def end(following: str) -> None:
        nonlocal stage, begun
        now = time.monotonic()
        stages[stage] = {"s": round(now - begun, 1), "peak_MB": _peak_so_far(run.pid)}
        stage, begun = following, now

    for line in run.stdout:
        if line.startswith("Loading "):
            end(f"before {line.removeprefix('Loading ').strip().rstrip('.')}")
        elif line.strip().endswith("to score"):
            end(line.split(": ")[0])
        elif " prompts, about 0" in line or " of " not in line:
            sys.stderr.write(line)
    _, status, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    unit = 1e6 if sys.platform == "darwin" else 1e3
    peak = round(used.ru_maxrss / unit)
    stages[stage] = {"s": round(time.monotonic() - begun, 1), "peak_MB": peak}
    return {
        "code": run.returncode,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_MB": peak,
        "stages": stages,
    }


def _peak_so_far(pid: int) -> float:
    """The largest resident memory of a running process, in MB; where the system has no such
    figure, not a number."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return round(next((int(x.split()[1]) for x in lines if x.startswith("VmHWM")), 0) / 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("own", "lottery"), default="own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="run it a second time")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        study = write_study(Path(folder), asked.decisions, asked.kind, asked.seed)
        facts: dict[str, Any] = {"decisions": asked.decisions, "kind": asked.kind}
        facts["data_MB"] = round((study.parent / "decisions.jsonl").stat().st_size / 1e6)
        for _ in range(1 + asked.again):
            print(json.dumps({**facts, **measured_run(study, Path(folder) / "out")}), flush=True)


if __name__ == "__main__":
    main()
