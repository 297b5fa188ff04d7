"""How fast a wide table becomes decisions, in how much memory, and whether that grows in line.

    python benchmarks/table_speed.py [--decisions 100000 200000 1000000] [--history]

Made-up people of 50 rounds each (of 5 with --history, whose prompts are all different), three
columns a round and a condition, imported by `tremble data import table` in a process of its own for
each size. Prints a line of JSON for each: seconds of the processor and of the clock, peak memory,
and microseconds a decision, also against the first size.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

PAST = (
    "{% for past in history %}Round {{ past.round }}: {{ past.offer }}, {{ past.choice }}.\n"
    "{% endfor %}"
)
MAP = """
[[task]]
family = "ultimatum"
participant = "participant.code"
outcome = "u.{round}.player.accepted"
options = [{ key = "accept", cells = ["1"] }, { key = "reject", cells = ["0"] }]
columns = { offer = "u.{round}.player.offer" }
config = ["treatment"]
prompt = '''
You play several rounds. In each of them another person offers you a part of $10.
HISTORY
Round {{ round }}: you are offered ${{ offer }}. Do you accept or reject?
Answer as JSON with the key decision.
'''
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=int, nargs="+", default=[100_000, 200_000, 1_000_000])
    parser.add_argument("--history", action="store_true")
    asked = parser.parse_args()
    rounds = 5 if asked.history else 50
    first: float | None = None
    with TemporaryDirectory() as name:
        folder = Path(name)
        text = MAP.replace("HISTORY\n", f"{PAST}\n" if asked.history else "")
        (folder / "map.toml").write_text(text, "utf-8")
        for decisions in asked.decisions:
            with (folder / "table.csv").open("w", encoding="utf-8") as out:
                _write(out, decisions // rounds, rounds)
            started = time.perf_counter()
            result = _imported(folder)
            result["clock_s"] = round(time.perf_counter() - started, 1)
            each = 1e6 * result["processor_s"] / decisions
            first = first or each
            result |= {"us_each": round(each, 1), "against_first": round(each / first, 2)}
            print(json.dumps({"decisions": decisions, **result}), flush=True)


def _write(out: TextIO, people: int, rounds: int) -> None:
    """A row for each person."""
    chance = random.Random(1)
    names = ("offer", "accepted", "payoff")
    columns = [f"u.{r}.player.{name}" for r in range(1, rounds + 1) for name in names]
    out.write(",".join(["participant.code", "treatment", *columns]) + "\n")
    for person in range(people):
        cells = [f"p{person:x}", ("low", "high")[person % 2]]
        for _ in range(rounds):
            cells += [str(chance.randint(0, 10)), chance.choice("01"), str(chance.randint(0, 10))]
        out.write(",".join(cells) + "\n")


def _imported(folder: Path) -> dict[str, float]:
    """An import in a process of its own, and what it took."""
    command = [
        *(sys.executable, "-c", "from tremble.cli import main; main()", "data", "import", "table"),
        str(folder / "table.csv"),
        *("--map", str(folder / "map.toml"), "--out", str(folder / "out.jsonl"), "--force"),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    watched = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
    watched += "stdout=subprocess.DEVNULL); "
    watched += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    run = subprocess.run(
        [sys.executable, "-c", watched, *command], check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return {"processor_s": round(seconds, 1), "peak_MB": round(int(run.stdout) / unit)}


if __name__ == "__main__":
    main()
