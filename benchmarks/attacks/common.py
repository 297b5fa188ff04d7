"""What the attacks share: a small study, commands in this process, and a tally."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STUDY = """[study]
name = "attacked"
data = ["mine.jsonl"]
formulations = ["standard", "minimal"]
formats = ["plain"]

[[pair]]
base = "mock:base"
aligned = "mock:aligned"
"""


SCORE = ("--model", "tiny.gguf", "--prompt", "Take it?", "--options", "yes,no", "--json")
TINY = """[study]
name = "attacked"
data = ["mine.jsonl"]
[[model]]
id = "mock"
"""


@dataclass(slots=True)
class Ended:
    """How a command ended: its exit code, what it printed and what it said."""

    code: int
    out: str
    said: str
    seconds: float

    def faults(self) -> list[str]:
        """What no command may ever do."""
        marks = ("Traceback", "internal error", "panicked at")
        return [mark for mark in marks if mark in self.said or mark in self.out]


@dataclass(slots=True)
class Tally:
    """One attack: how often, how it went, and what went wrong (each with what it takes to see it
    again)."""

    name: str
    tries: int = 0
    results: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    longest: float = 0.0

    def note(self, result: str, seconds: float = 0.0) -> None:
        self.results[result] += 1
        self.longest = max(self.longest, seconds)

    def fail(self, what: str) -> None:
        self.results["FAILED"] += 1
        self.failures.append(what)

    def to_json(self) -> dict[str, object]:
        held = {name: getattr(self, name) for name in ("name", "tries", "failures", "longest")}
        return {**held, "results": dict(self.results)}

    def row(self) -> str:
        ended = ", ".join(f"{count:,} {result}" for result, count in self.results.most_common())
        return f"| {self.name} | {self.tries:,} | {ended} | {self.longest:.1f} s |"


def command(*arguments: object, within: Path | None = None) -> Ended:
    """Calls the command line in this process."""
    from tremble.cli import main

    out, said = io.StringIO(), io.StringIO()
    before, argv = Path.cwd(), sys.argv
    started, code = time.perf_counter(), 0
    sys.argv = ["tremble", *map(str, arguments)]
    try:
        if within is not None:
            os.chdir(within)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException as error:
                code = 1
                print(f"Traceback: {error!r}", file=sys.stderr)
    finally:
        sys.argv = argv
        os.chdir(before)
    return Ended(code, out.getvalue(), said.getvalue(), time.perf_counter() - started)


def write_inputs(folder: Path, count: int = 24, prompt: str = "Offer", study: str = STUDY) -> Path:
    """A study file and its data; the path of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "id": f"d{number}",
            "prompt": f"{prompt} {number}: " + "more " * (number % 5),
            "options": ["yes", "no"],
            "target": "yes",
            "choice": "yes" if (number * 7) % 3 else "no",
            "participant": f"p{number % 6}",
        }
        for number in range(count)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    (folder / "s.toml").write_text(study, "utf-8")
    return folder / "s.toml"


def write_model(folder: Path) -> Path:
    """A tiny model as a GGUF file."""
    from tests.support.gguf_files import as_gguf
    from tests.support.toys import save_tiny

    return as_gguf(save_tiny(folder / "tiny"), folder / "tiny.gguf")


def scored(folder: Path) -> Ended:
    """What the tiny model says, converted in the folder's own cache."""
    os.environ["TREMBLE_CACHE"] = str(folder / "cache")
    return command("score", *SCORE, within=folder)


def answers(out: Path) -> str:
    """What a study says: its rows as they are exported, and the notes beside all tables."""
    from tremble.study.notes import caveats

    rows = command("export", out, "--out", out.parent / "answers.csv")
    assert rows.code == 0, rows.said
    return (out.parent / "answers.csv").read_text("utf-8") + "\n".join(caveats(out))


def unfinished_files(*folders: Path) -> list[str]:
    """What writing leaves behind where it should not."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.name.endswith(".tmp") or path.name.startswith("tremble-")
    ]


def chosen(names: Sequence[str], count: int) -> Iterator[str]:
    """Names in turn, so many in all."""
    for number in range(count):
        yield names[number % len(names)]


def peak_memory() -> float:
    """Of this process and of the largest it started, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    used = (resource.getrusage(who).ru_maxrss for who in _WHO)
    return max(used) * unit / 1e9


_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
