"""How long a large study takes to analyse from its folder, and how much memory.

    python benchmarks/analysis_speed.py [--pairs 120] [--scale 1.0] [--folder DIR]

Writes a made-up study (`synthetic_study`: 2 models a pair, 10,050 decisions at scale 1) and times
`tremble analyze DIR --table all --json` in a process of its own, and what of it verifying the
files' digests takes; then, in another, its parts: the
reading of the folder, every baseline, the first tables, every further table, and 5,000 clustered
resamples of one pair's difference. Prints a line per part, then one of JSON. `--folder` keeps the
study there, or takes the one that is there already.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthetic_study import write_study

# The command, which says at its end how long the digests of what it read took.
_COMMAND = """
import atexit, sys, time
from tremble.store import sealed
spent, digest_of = [0.0], sealed.digest_of
def timed(content, place=""):
    started = time.perf_counter()
    digest = digest_of(content, place)
    spent[0] += time.perf_counter() - started
    return digest
sealed.digest_of = timed
atexit.register(lambda: print(spent[0], file=sys.stderr))
from tremble.cli import main
main()
"""


def gigabytes(who: int) -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(who).ru_maxrss * unit / 1e9, 2)


def whole_command(folder: Path) -> dict[str, Any]:
    """Seconds (of the clock, and of all cores), peak memory and size of the command's answer."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, "analyze", str(folder), "--table", "all", "--json"],
        capture_output=True,
        check=True,
    )
    seconds = round(time.perf_counter() - started, 1)
    tables = json.loads(done.stdout)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": seconds,
        "verifying_seconds": round(float(done.stderr.split()[-1]), 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_gb": gigabytes(resource.RUSAGE_CHILDREN),
        "tables": len(tables),
        "rows": sum(map(len, tables.values())),
    }


def parts(folder: Path) -> dict[str, float]:
    """Seconds of each part, printed as they pass, with the peak memory so far."""
    from tremble.api.results import further_analysis
    from tremble.baselines.base import BASELINES, about
    from tremble.stats.frames.comparisons import Comparison
    from tremble.stats.frames.matrix import RunMatrix
    from tremble.stats.tables.analysis import analyze
    from tremble.stats.tables.further import FURTHER
    from tremble.stats.tables.uncertainty import difference_table
    from tremble.store.study_folder import Store

    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = step()
        seconds[name] = round(time.perf_counter() - started, 2)
        peak = gigabytes(resource.RUSAGE_SELF)
        print(f"{name:32} {seconds[name]:7.2f} s   {peak:.2f} GB", flush=True)
        return result

    store = Store(folder)
    scores = timed("reading", store.scores)
    decisions = store.decisions()
    compared = [Comparison(**entry) for entry in store.read_run()["comparisons"]]
    for name, baseline in BASELINES.items():
        here = about(name, decisions)
        timed(f"baseline {name}", lambda baseline=baseline, here=here: baseline(here))
    analysis = timed("first tables, with baselines", lambda: analyze(scores, decisions, compared))
    for name in FURTHER:
        timed(name, lambda name=name: further_analysis(analysis, [name]))
    matrix = RunMatrix(analysis.evidence)
    timed("differences of one pair", lambda: difference_table(matrix, compared[:1]))
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the decisions")
    parser.add_argument("--folder", type=Path, help="where the study is, or is to be kept")
    parser.add_argument("--parts", action="store_true", help="only the parts, in this process")
    asked = parser.parse_args()
    if asked.parts:
        print(json.dumps(parts(asked.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary) / "study"
        if not (folder / "run.json").is_file():
            print(f"{write_study(folder, asked.pairs, asked.scale):,} scores written", flush=True)
        print(json.dumps(whole_command(folder)), flush=True)
        again = [sys.executable, __file__, "--parts", "--folder", str(folder)]
        subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
