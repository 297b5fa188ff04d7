"""An attack on tremble: kills, flipped bits, failing writes, damaged input, damaged models.

    python benchmarks/attack.py [--seed 0] [--short] [--only kills,flips,writes,mutants,models]

Everything happens with made-up models in a folder of its own, from a seed. Prints a row for each
attack, then peak memory and the longest time, and what failed with what it takes to see it again.
Ends with 1 where anything failed. docs/reliability.md has the table of a whole attack: 200 kills,
300 flipped bits, every n-th write of every command that writes, 3,000 mutants of input and of what
is stored, 2,000 of models. `--short` is a small part of each, in about two minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # a process is forked off this one

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests.support has a tiny model as GGUF

from attacks import flips, kills, models, mutants, writes
from attacks.common import Tally, peak_memory

WHOLE = {"kills": 200, "flips": 280, "cache": 20, "writes": 7, "mutants": 3000, "models": 2000}
SHORT = {"kills": 10, "flips": 60, "cache": 0, "writes": 3, "mutants": 200, "models": 42}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="kills,flips,writes,mutants,models")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        tallies = attack(folder, asked.seed, SHORT if asked.short else WHOLE, asked.only.split(","))
    failed = [f"{tally.name}: {what}" for tally in tallies for what in tally.failures]
    print(f"\nPeak memory {peak_memory():.2f} GB; longest command "
          f"{max(tally.longest for tally in tallies):.1f} s.")  # fmt: skip
    for what in failed:
        print(f"FAILED {what}")
    return 1 if failed else 0


def attack(folder: Path, seed: int, counts: dict[str, int], only: list[str]) -> list[Tally]:
    """Every kind of attack in turn; its rows are printed as they are known."""
    print("| attack | tries | how they ended | longest |\n|---|---|---|---|")
    tallies: list[Tally] = []
    for name in only:
        started, place = time.perf_counter(), folder / name
        rng = random.Random(f"{seed} {name}")
        if name == "writes":
            done = writes.attack(place, seed, counts[name])
            if done is None:
                print("No C compiler: failing writes are left out.", file=sys.stderr)
                continue
        else:
            rooms = {"kills": kills, "flips": flips, "mutants": mutants, "models": models}
            done = rooms[name].attack(place, rng, counts[name])
            if name == "flips":
                done.append(flips.attack_cache(folder / "cache", rng, counts["cache"]))
        for tally in done:
            print(tally.row(), flush=True)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
        tallies += done
    return tallies


if __name__ == "__main__":
    sys.exit(main())
