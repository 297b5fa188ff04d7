"""The n-th write fails, for every n: one sentence with the system's reason, nothing left behind,
nothing lost, and the same command goes on.

Run as a script, with a folder and a seed, in a process that has `failing_writes.c` loaded.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from attacks.common import TINY, Tally, answers, command, unfinished_files, write_inputs

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
SOURCE = Path(__file__).with_name("failing_writes.c")


@dataclass(frozen=True, slots=True)
class Scene:
    """A command in a prepared folder, and what it leaves when nothing fails."""

    name: str
    arguments: tuple[str, ...]
    result: Callable[[Path], str]
    prepare: Callable[[Path], None] = lambda folder: None


def attack(folder: Path, seed: int, count: int) -> list[Tally] | None:
    """Every n-th write of the first `count` commands; None where there is no C compiler."""
    library, compiler = folder / "failing_writes.so", shutil.which("cc") or shutil.which("gcc")
    folder.mkdir(parents=True, exist_ok=True)
    if compiler is None or sys.platform != "linux":
        return None
    build = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(build, check=True)
    done = subprocess.run(
        [sys.executable, __file__, str(folder), str(seed), str(library), str(count)],
        env={**os.environ, "LD_PRELOAD": str(library), "POLARS_MAX_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    tallies = []
    for row in json.loads(done.stdout.splitlines()[-1]):
        tallies.append(Tally(**{**row, "results": Counter(row["results"])}))
    return tallies


def _scored(folder: Path) -> None:
    assert command("run", folder / "s.toml", "--out", folder / "out").code == 0


def _rescored(folder: Path) -> None:
    _scored(folder)
    write_inputs(folder, 3, "Other", TINY)


def _text(name: str) -> Callable[[Path], str]:
    return lambda folder: (folder / name).read_text("utf-8")


def _of_study(folder: Path) -> str:
    return answers(folder / "out")


def scenes() -> list[Scene]:
    return [
        Scene("run on changed data", ("run", "s.toml", "--out", "out"), _of_study, _rescored),
        Scene(
            "data import", ("data", "import", "jsonl", "mine.jsonl", "--out", "new.jsonl"),
            _text("new.jsonl"),
        ),
        Scene("export", ("export", "out", "--out", "t.csv"), _text("t.csv"), _scored),
        Scene(
            "export to parquet", ("export", "out", "--to", "parquet", "--out", "t.parquet"),
            _text("t.codebook.csv"), _scored,
        ),
        Scene("run", ("run", "s.toml", "--out", "out"), _of_study),
        Scene("report", ("report", "out", "--out", "p.html"), _text("p.html"), _scored),
        Scene("xray", ("xray", "out", "d1", "--html", "x.html"), _text("x.html"), _scored),
    ]  # fmt: skip


class _Failing:
    """The counter of `failing_writes.c` in this process."""

    def __init__(self, library: str, root: Path) -> None:
        self._library = ctypes.CDLL(library)
        self._root = str(root).encode()

    def arm(self, number: int, error: int) -> None:
        self._library.arm(ctypes.c_long(number), ctypes.c_int(error), self._root)

    def disarm(self) -> int:
        count = int(self._library.counted())
        self._library.arm(ctypes.c_long(0), ctypes.c_int(0), b"")
        return count


def _attack(scene: Scene, folder: Path, failing: _Failing, rng: random.Random) -> Tally:
    tally = Tally(f"every n-th write fails: {scene.name}")
    start, place, temporary = folder / "start", folder / "place", folder / "temporary"
    write_inputs(start, 4, study=TINY)
    scene.prepare(start)

    def fresh() -> None:
        for one in (place, temporary):
            shutil.rmtree(one, ignore_errors=True)
        shutil.copytree(start, place)
        temporary.mkdir()

    fresh()
    assert (ended := command(*scene.arguments, within=place)).code == 0, ended.said
    expected = scene.result(place)
    fresh()
    failing.arm(0, 0)
    command(*scene.arguments, within=place)
    for number in range(1, failing.disarm() + 1):
        error = rng.choice(ERRORS)
        where = f"write {number}, {os.strerror(error)}"
        fresh()
        tally.tries += 1
        failing.arm(number, error)
        ended = command(*scene.arguments, within=place)
        failing.disarm()
        left = unfinished_files(place, temporary)
        again = command(*scene.arguments, within=place)
        lines = [line for line in ended.said.splitlines() if line.startswith("tremble: ")]
        if ended.faults() or left:
            tally.fail(f"{where}: {ended.said} {left}")
        elif ended.code not in (0, 2) or (ended.code == 2 and len(lines) != 1):
            tally.fail(f"{where}: exit {ended.code}: {ended.said}")
        elif ended.code == 2 and os.strerror(error) not in lines[0]:
            tally.fail(f"{where}: without the system's reason: {lines[0]}")
        elif again.code and "already exists" not in again.said:
            tally.fail(f"{where}: the same command does not go on: {again.said}")
        elif scene.result(place) != expected:
            tally.fail(f"{where}: another result afterwards")
        else:
            result = "one sentence" if ended.code else "done without it"
            tally.note(result, max(ended.seconds, again.seconds))
    return tally


def main() -> None:
    folder, seed, library = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    root = folder / "writes"
    os.environ["TMPDIR"] = str(root / "temporary")
    rng = random.Random(seed)
    tallies = []
    for scene in scenes()[: int(sys.argv[4])]:
        shutil.rmtree(root, ignore_errors=True)
        (root / "temporary").mkdir(parents=True)
        tallies.append(_attack(scene, root, _Failing(library, root), rng))
        print(tallies[-1].row(), file=sys.stderr)
    print(json.dumps([tally.to_json() for tally in tallies]))


if __name__ == "__main__":
    main()
