"""What `tremble plan` foretells, over what `tremble run` then takes.

    python benchmarks/plan_times.py [--wall] [NAME ...]

Eight small studies of the embedded decisions with the embedded models, each planned and then run,
in processes of their own, one after the other. Prints a line a study as JSON: seconds foretold and
taken, and their ratio. Both are of processor time on one thread, so that what else the machine does
counts little; with `--wall` they are of the clock on the wall, with as many threads as torch
chooses, and hold on a machine that does nothing else. `taken` is the whole process of the run;
`starting` is what of it a program takes that only imports the same libraries. `left` are the lines
of the progress that told a time left: seconds of the run until then, and the time left that was
told over that which then passed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

GEMMA, SMOLLM = "embedded/gemma-3-270m", "embedded/smollm2-135m-instruct"
KINDS = {  # families, format, sample
    "long": (["repeated_matrix"], "plain", None),
    "short": (["one_shot_matrix", "lottery"], "plain", 150),
    "chat": (["repeated_matrix"], "chat", 200),
    "persuasion": (["persuasion", "persuasion_seller"], "plain", None),
}
PROGRAM = "from tremble.cli import main; main()"
ON_ONE_THREAD = (
    "import functools, time, tremble.engines.shared_prefix.trial as t; "
    "t.trial = functools.partial(t.trial, clock=time.process_time); "
)
# Progress by the clock of the processor, with lines closer to one another.
ITS_CLOCK = (
    "import time, tremble.report.terminal.progress as p; "
    "p.LINE_SECONDS = 5.0; p.Lines.__init__.__defaults__ = (time.process_time,); "
)
IMPORTS = "import tremble.study.run, tremble.engines.shared_prefix.opening, transformers.models"
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def study(name: str) -> str:
    model, kind = name.split("-")
    families, form, sample = KINDS[kind]
    lines = [
        "[study]",
        f'name = "{name}"',
        'data = ["demo"]',
        f"families = {json.dumps(families)}",
        f'formats = ["{form}"]',
        *([f"sample = {sample}"] if sample else []),
        "[[model]]",
        f'id = "{GEMMA if model == "gemma" else SMOLLM}"',
        *(['template = "gemma"'] if model == "gemma" and form == "chat" else []),
    ]
    return "\n".join(lines)


def spent(program: str, *arguments: str, wall: bool) -> tuple[float, str, list[tuple[float, str]]]:
    """Seconds that a program took, what it wrote, and when it said what on its way."""
    threads = {} if wall else {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with TemporaryDirectory() as folder:
        told: list[tuple[float, str]] = []
        with (Path(folder) / "out").open("w+") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                env={**os.environ, **threads},
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            for line in process.stderr:
                so_far = time.monotonic() - began if wall else _processor(process.pid)
                told.append((so_far, line.rstrip()))
            if process.wait():
                raise SystemExit("\n".join(line for _, line in told))
            out.seek(0)
            written = out.read()
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    if not wall:
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, written, told


def _processor(process: int) -> float:
    """Seconds of the processor that a process took so far."""
    try:
        times = psutil.Process(process).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def lines(told: list[tuple[float, str]], end: float) -> list[tuple[int, float]]:
    """Of every line that told a time left, seconds until then, and told over true, where more than
    five seconds were left."""
    found = []
    for at, line in told:
        said = re.search(r"about ([\d.,]+) (s|min|h) left", line)
        if said is not None and end - at > 5:
            left = float(said[1].replace(",", "")) * _UNITS[said[2]]
            found.append((round(at), round(left / (end - at), 2)))
    return found


def measured(name: str, folder: Path, wall: bool) -> dict[str, Any]:
    file, out = folder / f"{name}.toml", folder / name
    file.write_text(study(name), encoding="utf-8")
    load = os.getloadavg()[0]
    program = PROGRAM if wall else ON_ONE_THREAD + PROGRAM
    asked = ("plan", str(file), "--out", str(out), "--json")
    planning, written, _ = spent(program, *asked, wall=wall)
    (row,) = json.loads(written)["models"]
    program = PROGRAM if wall else ITS_CLOCK + PROGRAM
    taken, _, told = spent(program, "run", str(file), "--out", str(out), wall=wall)
    starting, _, _ = spent(IMPORTS, wall=wall)
    return {
        "study": name,
        "prompts": row["prompts"],
        "distinct_tokens": row["distinct_tokens"],
        "foretold": round(row["seconds"], 1),
        "taken": round(taken, 1),
        "ratio": round(row["seconds"] / taken, 2),
        "starting": round(starting, 1),
        "planning": round(planning, 1),
        "left": lines(told, taken),
        "load": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    names = [f"{model}-{kind}" for kind in KINDS for model in ("gemma", "smollm")]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="NAME")
    parser.add_argument("--wall", action="store_true")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        for name in asked.names or names:
            print(json.dumps(measured(name, Path(folder), asked.wall)), flush=True)


if __name__ == "__main__":
    main()
