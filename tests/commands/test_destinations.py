"""Where output goes: files, links, streams, pipes, devices, and what is in the way."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.support.commands import mistake, tremble, write_study
from tests.support.studies import own_prompts

PROGRAM = (sys.executable, "-c", "from tremble.cli import main; main()")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with own.jsonl and, in out/, a scored study."""
    folder = tmp_path_factory.mktemp("study")
    records = own_prompts(6, "Take")
    path = write_study(folder, records)
    assert tremble("run", path, "--out", folder / "out")[0] == 0
    (folder / "own.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    return folder


def commands(folder: Path, out: object) -> dict[str, tuple[object, ...]]:
    """Every command that writes what it is asked for to one place."""
    return {
        "export": ("export", folder / "out", "--out", out),
        "parquet": ("export", folder / "out", "--to", "parquet", "--out", out),
        "import": ("data", "import", "jsonl", folder / "own.jsonl", "--out", out),
        "report": ("report", "--published", "--out", out),
        "xray": ("xray", folder / "out", "0", "--html", out),
    }


def is_whole(name: str, content: bytes) -> bool:
    """Whether this is all of what a command writes, and nothing else."""
    if name == "export":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        return len(rows) == 12 and {row["decision"] for row in rows} == {str(i) for i in range(6)}
    if name == "parquet":
        return pl.read_parquet(content).height == 12
    if name == "import":
        return len([json.loads(line) for line in content.splitlines()]) == 6
    return content.startswith(b"<!DOCTYPE html>") and content.strip().endswith(b"</html>")


NAMES = ["export", "parquet", "import", "xray", pytest.param("report", marks=pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "out"),
    [("export", "-"), ("parquet", "/dev/stdout"), ("import", "/dev/fd/1"), ("xray", "-")],
)
def test_stdout_holds_the_output_alone(study: Path, name: str, out: str) -> None:
    done = subprocess.run(
        [*PROGRAM, *map(str, commands(study, out)[name])], capture_output=True, check=True
    )
    assert is_whole(name, done.stdout)
    said = done.stderr.decode()
    assert out in said
    if name in ("export", "parquet"):
        assert f"12 rows in {out}; no codebook" in said
    assert not list(study.rglob("*.codebook.csv"))


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_is_written_to(study: Path, tmp_path: Path, name: str) -> None:
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    code, out, error = tremble(*commands(study, pipe)[name])
    reader.join(timeout=20)
    assert code == 0, error
    assert is_whole(name, heard[0])
    assert str(pipe) in out
    assert list(tmp_path.iterdir()) == [pipe]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", NAMES)
def test_a_device_stays_one_also_through_a_link(study: Path, tmp_path: Path, name: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(os.devnull)
    for place in (Path(os.devnull), link):
        assert tremble(*commands(study, place)[name])[0] == 0
    assert link.is_symlink()
    assert Path(os.devnull).is_char_device()
    assert list(tmp_path.iterdir()) == [link]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there", [False, True])
def test_through_a_link_its_target_is_written(
    study: Path, tmp_path: Path, name: str, there: bool
) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target", tmp_path / "link"
    force = ("--force",) if name == "import" and there else ()
    if there:
        assert tremble(*commands(study, target)[name])[0] == 0
        target.chmod(0o640)
    link.symlink_to(target)
    code, _, error = tremble(*commands(study, link)[name], *force)
    assert code == 0, error
    assert link.is_symlink()
    assert is_whole(name, target.read_bytes())
    assert not there or stat.S_IMODE(target.stat().st_mode) == 0o640
    rest = {path.name for path in tmp_path.rglob("*")} - {"far", "target", "link"}
    assert rest <= {"target.codebook.csv", "link.codebook.csv"}


def _folder(path: Path) -> None:
    path.mkdir()


def _foreign(path: Path) -> None:
    path.write_bytes(b"PAR1 and what somebody else has in it\n")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [_folder, _foreign, _socket, _loop])
def test_what_is_in_the_way_stays(
    study: Path,
    tmp_path: Path,
    name: str,
    make: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    place = Path("place.html")
    make(place)
    before = place.lstat()
    force = ("--force",) if name == "import" else ()
    message = mistake(*commands(study, place)[name], *force)
    assert str(place) in message
    assert list(tmp_path.iterdir()) == [tmp_path / place]
    after = place.lstat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_a_name_is_no_pattern(study: Path, tmp_path: Path, to: str) -> None:
    """Beside it stand files that it would match."""
    for name in (f"2.{to}", f"0.{to}", f"x.{to}"):
        (tmp_path / name).write_text("somebody's")
    for name in (f"[2026].{to}", f"*.{to}", f"?.{to}"):
        for _ in range(2):  # the second time it is there, and is known
            assert tremble("export", study / "out", "--to", to, "--out", tmp_path / name)[0] == 0
        assert is_whole("export" if to == "csv" else to, (tmp_path / name).read_bytes())
    assert (tmp_path / f"2.{to}").read_text() == "somebody's"
