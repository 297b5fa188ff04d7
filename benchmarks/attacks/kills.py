"""Commands are killed at random moments (SIGKILL, SIGTERM, SIGINT), then given once more: nothing
that was there is lost, nothing is half, and the end is that of an undisturbed command."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attacks.common import (
    SCORE,
    Tally,
    answers,
    command,
    scored,
    unfinished_files,
    write_inputs,
    write_model,
)

# Forked off a process that has imported what commands need and done nothing else: imports take most
# of a small command's time, and the moments that matter come after them. The first argument: the
# seconds between two parts of a job, so that kills fall between them.
_SERVER = """
import json, os, sys
import tremble.api.export, tremble.api.results, tremble.report.page.parts, tremble.study.score
import tremble.api.check, tremble.models.gguf
from tremble.cli import main

tremble.study.score.FLUSH_SECONDS = float(sys.argv[1])
for line in sys.stdin:
    task = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.chdir(task["within"])
        os.environ["TREMBLE_CACHE"] = os.path.join(task["within"], "cache")
        said = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDWR)
        for stream, place in enumerate((null, null, said)):
            os.dup2(place, stream)
        sys.argv = ["tremble", *task["arguments"]]
        code = 1
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        finally:
            sys.stderr.flush()
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}


@dataclass(frozen=True, slots=True)
class Scene:
    """A command in a prepared folder; `result` is what it leaves, `sound` raises AssertionError
    where what a killed one left is neither the old nor the new."""

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], None]
    result: Callable[[Path], str]
    sound: Callable[[Path, set[str]], None]
    weight: int = 1


class Server:
    """Processes of one kind, forked off one that is warm."""

    def __init__(self, temporary: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, "0.002"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"},
        )

    def start(self, arguments: tuple[str, ...], within: Path, said: Path) -> int:
        task = {"arguments": arguments, "within": str(within), "said": str(said)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return self._number()

    def end(self) -> int:
        """The exit code of the process that was started last, once it has ended."""
        return self._number()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def _scored(folder: Path) -> None:
    assert command("run", folder / "s.toml", "--out", folder / "out").code == 0


def _rescored(folder: Path) -> None:
    _scored(folder)
    (folder / "whole").touch()
    write_inputs(folder, 200, "Other")


def _study(folder: Path) -> str:
    return answers(folder / "out")


def _of_one_version(folder: Path, _: set[str]) -> None:
    """Decisions, rows asked for and scores are of one run: those of the data before, or of now."""
    from tremble.store.study_folder import Store

    store = Store(folder / "out")
    if not (folder / "out" / "run.json").exists():
        return
    decisions, scores = store.decisions(), store.scores()
    assert decisions.height in (60, 200), decisions.height
    assert set(scores["decision"]) <= set(decisions["decision"])
    asked = {row for job in store.jobs() for row in job.rows()["row_key"]}
    assert set(scores["row_key"]) <= asked
    if decisions.height == 60 and (folder / "whole").exists():  # the run before, which had ended
        assert scores.height == 60 * 4


def _whole(name: str) -> Callable[[Path, set[str]], None]:
    def sound(folder: Path, known: set[str]) -> None:
        path = folder / name
        if path.exists():
            assert path.read_text("utf-8") in known, f"{name} is neither the old nor the new"

    return sound


def _model(folder: Path) -> None:
    write_model(folder)


def _score(folder: Path) -> str:
    return scored(folder).out


def _no_orphan(folder: Path, _: set[str]) -> None:
    """The converter ends with the command that started it."""
    deadline = time.monotonic() + 10
    while orphans := _converters(folder):
        assert time.monotonic() < deadline, f"a converter runs on: {orphans}"
        time.sleep(0.05)


def _converters(folder: Path) -> list[str]:
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in lines.splitlines() if "convert_gguf" in line and str(folder) in line]


def _text(name: str) -> Callable[[Path], str]:
    return lambda folder: (folder / name).read_text("utf-8")


def _nothing(_: Path) -> None:
    pass


SCENES = (
    Scene("run", ("run", "s.toml", "--out", "out"), _nothing, _study, _of_one_version, 3),
    Scene(
        "run on changed data", ("run", "s.toml", "--out", "out"), _rescored, _study,
        _of_one_version, 4,
    ),
    Scene(
        "data import", ("data", "import", "jsonl", "mine.jsonl", "--out", "new.jsonl", "--force"),
        _nothing, _text("new.jsonl"), _whole("new.jsonl"), 2,
    ),
    Scene("export", ("export", "out", "--out", "t.csv"), _scored, _text("t.csv"), _whole("t.csv"),
          2),
    Scene("report", ("report", "out", "--out", "p.html"), _scored, _text("p.html"),
          _whole("p.html")),
    Scene("conversion of a GGUF file", ("score", *SCORE), _model, _score, _no_orphan),
)  # fmt: skip


def attack(folder: Path, rng: random.Random, count: int) -> list[Tally]:
    """`count` kills in all, over every scene and signal."""
    temporary = folder / "temporary"
    temporary.mkdir(parents=True)
    server = Server(temporary)
    turns = [scene for scene in SCENES for _ in range(scene.weight)]
    tallies = []
    for scene in SCENES:
        tries = len([at for at in range(count) if turns[at % len(turns)] is scene])
        if tries:
            tallies.append(_Attack(scene, folder, server, rng).run(tries))
    server.close()
    return tallies


class _Attack:
    """One scene, killed again and again."""

    def __init__(self, scene: Scene, folder: Path, server: Server, rng: random.Random) -> None:
        self.scene, self.server, self.rng = scene, server, rng
        self.temporary = folder / "temporary"
        self.start, self.place = folder / scene.name / "start", folder / scene.name / "place"
        self.said = folder / scene.name / "said"
        write_inputs(self.start, 60)
        scene.prepare(self.start)

    def run(self, tries: int) -> Tally:
        tally = Tally(f"killed: {self.scene.name}")
        self._fresh()
        started = time.perf_counter()
        assert self._undisturbed() == 0, self.said.read_text("utf-8")
        seconds = time.perf_counter() - started
        expected = self.scene.result(self.place)
        for number in range(tries):
            tally.tries += 1
            sent, moment = SIGNALS[number % len(SIGNALS)], self.rng.uniform(0, seconds)
            where = f"{sent.name} after {moment:.3f} s of {seconds:.3f}"
            self._fresh()
            try:
                self._once(tally, sent, moment, expected)
            except AssertionError as error:
                tally.fail(f"{where}: {error}")
        return tally

    def _once(self, tally: Tally, sent: signal.Signals, moment: float, expected: str) -> None:
        child = self.server.start(self.scene.arguments, self.place, self.said)
        time.sleep(moment)
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(child, sent)
        code, said = self.server.end(), self.said.read_text("utf-8")
        assert code in (0, ENDS[sent]), f"exit {code}: {said}"
        assert "Traceback" not in said, said
        left = unfinished_files(self.place, self.temporary)
        assert not left or sent is signal.SIGKILL, left
        self.scene.sound(self.place, {expected})
        started = time.perf_counter()
        assert self._undisturbed() == 0, self.said.read_text("utf-8")
        tally.note("ended before" if code == 0 else "resumed", time.perf_counter() - started)
        assert self.scene.result(self.place) == expected, "another result afterwards"
        left = unfinished_files(self.place, self.temporary)
        assert not left, f"left behind: {left}"

    def _undisturbed(self) -> int:
        self.server.start(self.scene.arguments, self.place, self.said)
        return self.server.end()

    def _fresh(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.start, self.place)
