"""However a command ends, it ends in one sentence: signals, faults, streams that cannot be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import tremble, write_study
from tremble.commands.ending import KEPT, NOTHING

# `tremble` with the rest of the arguments, which is sent a signal as soon as a module is asked for.
_AT_IMPORT = """
import os, sys
class Told:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), number)
module, number = sys.argv[1], int(sys.argv[2])
sys.argv[1:3] = []
sys.meta_path.insert(0, Told())
from tremble.cli import main
main()
"""
# The same, whenever a file is about to be whole, and once more where it is taken away.
_AT_WRITING = """
import os, sys, pathlib
number = int(sys.argv.pop(1))
os.fsync = lambda _: os.kill(os.getpid(), number)
unlink = pathlib.Path.unlink
def twice(self, missing_ok=False):
    os.kill(os.getpid(), number)
    unlink(self, missing_ok)
pathlib.Path.unlink = twice
from tremble.cli import main
main()
"""
_PROGRAM = "from tremble.cli import main; main()"
RECORD = {"id": "one", "prompt": "Take 3?", "options": ["yes", "no"], "choice": "yes"}


def program(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def ended(code: str, *arguments: object) -> tuple[int, str, str]:
    done = subprocess.run(program(code, *arguments), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "kept", "number"),
    [
        ("tremble.text", NOTHING, signal.SIGTERM),
        ("typer", NOTHING, signal.SIGINT),
        ("typer", NOTHING, signal.SIGTERM),
        pytest.param(
            "tremble.commands.data",
            NOTHING,
            signal.SIGHUP,
            marks=pytest.mark.skipif(
                signal.getsignal(signal.SIGHUP) is signal.SIG_IGN,
                reason="SIGHUP is ignored here, as under nohup, and by all that is started",
            ),
        ),
        ("tremble.study.file", KEPT, signal.SIGTERM),
        ("tremble.study.file", KEPT, signal.SIGINT),
    ],
)
def test_a_signal_while_modules_load(module: str, kept: str, number: int) -> None:
    code, out, error = ended(_AT_IMPORT, module, int(number), "run", "none.toml")
    assert (code, out, error) == (128 + number, "", f"tremble: interrupted; {kept}.\n")


@pytest.mark.slow
def test_a_second_signal_leaves_nothing_behind_either(tmp_path: Path) -> None:
    own, out = tmp_path / "own.jsonl", tmp_path / "out.jsonl"
    own.write_text(json.dumps(RECORD))
    told = ended(_AT_WRITING, int(signal.SIGTERM), "data", "import", "jsonl", own, "--out", out)
    assert told == (143, "", f"tremble: interrupted; {KEPT}.\n")
    assert list(tmp_path.iterdir()) == [own]


@pytest.mark.slow
def test_a_waiting_process_is_told_to_end(tmp_path: Path) -> None:
    """It waits at a pipe that nobody reads; as under nohup, SIGHUP is ignored."""
    own, pipe = tmp_path / "own.jsonl", tmp_path / "pipe"
    own.write_text(json.dumps(RECORD))
    os.mkfifo(pipe)
    import_own = ("data", "import", "jsonl", own, "--out", pipe)
    ignoring = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); opened = os.open\n"
        "def told(path, *rest):\n"
        f"    if str(path) == {str(pipe)!r}: print('waits', flush=True)\n"
        "    return opened(path, *rest)\n"
        "os.open = told\n"
    )
    command = program(ignoring + _PROGRAM, *import_own)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (143, f"tremble: interrupted; {KEPT}.\n")


@pytest.mark.slow
def test_who_insists_need_not_wait() -> None:
    """A signal that comes twice at once is one; one that comes later ends what hangs."""
    hangs = (
        "import time\nfrom tremble.commands.ending import catch_signals, ended\n"
        "def body():\n"
        "    try:\n        print('works', flush=True)\n        time.sleep(60)\n"
        "    finally:\n        print('unwinds', flush=True)\n        time.sleep(60)\n"
        "catch_signals()\nended(body, 'nothing was written')\n"
    )
    with subprocess.Popen(program(hangs), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "unwinds\n"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143


@pytest.fixture(scope="module")
def full() -> Iterator[int]:
    place = Path("/dev/full")
    if not place.exists():
        pytest.skip("this system has no /dev/full")
    with place.open("wb", buffering=0) as stream:
        yield stream.fileno()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("pairs",), ("pairs", "--json"), ("--help",)])
def test_a_stdout_that_cannot_be_written(full: int, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        program(_PROGRAM, *arguments), stdout=full, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 2
    reason = os.strerror(28)
    assert done.stderr == (
        f"tremble: The standard output cannot be written to ({reason}); redirect it somewhere "
        "else.\n"
    )


@pytest.mark.slow
def test_streams_that_are_closed_or_full(full: int) -> None:
    closed = "import os; os.close({}); os.execv(os.sys.executable, os.sys.argv[1:])"
    code, _, error = ended(closed.format(1), *program(_PROGRAM, "pairs"))
    assert code == 2
    assert error.startswith("tremble: The standard output cannot be written to (")
    assert len(error.splitlines()) == 1
    # Nobody hears the sentence, and it goes nowhere else.
    assert ended(closed.format(2), *program(_PROGRAM, "data", "show", "zz")) == (2, "", "")
    nothing = "tremble: Nothing to score on stdin; give one JSON record per line.\n"
    scored = program(_PROGRAM, "score", "--model", "mock:a")
    assert ended(closed.format(0), *scored) == (2, "", nothing)
    silent = subprocess.run(
        program(_PROGRAM, "data", "show", "zz"), stdout=subprocess.PIPE, stderr=full, check=False
    )
    assert (silent.returncode, silent.stdout) == (2, b"")


@pytest.mark.slow
def test_a_reader_who_has_enough() -> None:
    with subprocess.Popen(
        program(_PROGRAM, "pairs", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
def test_a_stream_that_is_not_utf8() -> None:
    """Whatever it cannot hold is written as an escape."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    score = ("score", "--model", "mock:é", "--prompt", "Nimmst du 3 €?", "--options", "já,no")
    done = subprocess.run(
        program(_PROGRAM, *score), capture_output=True, env=environment, check=True
    )
    assert r"mock:\xe9, plain" in done.stdout.decode("ascii")


class _Silent(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class PanicException(BaseException):
    """As those of Rust."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_Silent(), "_Silent: _Silent"),
        (PanicException("index out of bounds"), "PanicException: index out of bounds"),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError: maximum recursion"),
        (ValueError("\x1b[31mred"), r"ValueError: \x1b[31mred"),
    ],
)
def test_every_fault_has_a_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException, kind: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, out, told = failing(monkeypatch, error)
    assert (code, out) == (1, "")
    assert told.startswith(f"tremble: internal error ({kind}")
    (log,) = tmp_path.iterdir()
    assert told.endswith(f"; the details are in {log}.\n")
    assert "Traceback" in log.read_text()


def test_a_fault_without_a_place_for_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    code, out, told = failing(monkeypatch, ValueError("odd"))
    assert (code, out) == (1, "")
    assert told.startswith("tremble: internal error (ValueError: odd); the details could not be ")
    assert len(told.splitlines()) == 1


def test_lack_of_memory_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, told = failing(monkeypatch, MemoryError())
    assert (code, out) == (2, "")
    assert told.startswith("tremble: not enough memory; ")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> tuple[int, str, str]:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("tremble.datasets.base.source", fails)
    return tremble("data", "show", "demo")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rum",), "No such command 'rum'"),
        (("run",), "Missing argument 'STUDY.toml'; see `tremble run --help`."),
        (("data", "show", "a", "b"), "Got unexpected extra argument"),
        (("\x1b[31m",), r"No such command '\x1b[31m'; see `tremble --help`."),
        (
            ("data", "show", "a\0b"),
            r"The argument 'a\x00b' contains a null character; check how it",
        ),
        (("data", "show", "a\udcff"), r"The argument 'a\xff' is not UTF-8; write it in UTF-8, or"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    code, out, error = tremble(*arguments)
    assert (code, out) == (2, "")
    assert error.startswith(f"tremble: {said}")
    assert len(error.splitlines()) == 1


def test_no_command_shows_the_help() -> None:
    for arguments in ((), ("data",), ("published",)):
        code, out, error = tremble(*arguments)
        assert code == 2
        assert "Usage: tremble" in out + error


def test_a_study_that_is_interrupted_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)

    def interrupts(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tremble.study.run.score_study", interrupts)
        told = tremble("run", study, "--out", tmp_path / "out")
        assert told == (130, "", f"tremble: interrupted; {KEPT}.\n")
    code, out, _ = tremble("run", study, "--out", tmp_path / "out")
    assert code == 0
    folder = tmp_path / "out"
    assert out == (
        f"Scores are in {str(folder)!r}. Next: tremble verdict {folder} (the answers) or tremble "
        f"analyze {folder} (all tables).\n"
    )
