"""What only some systems have is never needed: every module loads without it, a file system without
locks is one sentence, and a terminal that lacks characters shows others."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import mistake, write_study
from tremble.text import encodable

# What is loaded from other packages is loaded before anything is missing.
LOADS = """
import importlib, pkgutil, sys
import altair, filelock, jinja2, polars, psutil, rdata, rich.console, scipy.stats, typer
import torch, transformers.modeling_utils, transformers.masking_utils, vl_convert
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
import tremble
found = [one.name for one in pkgutil.walk_packages(tremble.__path__, "tremble.")]
for name in found:
    importlib.import_module(name)
print(len(found))
"""


@pytest.mark.model
def test_every_module_loads_without_what_windows_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 200


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_sentence(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="the system locks files in another way")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    study = write_study(tmp_path)
    monkeypatch.setattr(fcntl, "flock", refuse)
    said = mistake("run", study, "--out", tmp_path / "out")
    assert said == (
        f"tremble: The file system of {str(tmp_path / 'out')!r} does not support locks "
        f"({os.strerror(number)}), so two runs could write at the same time; give an --out on "
        "another file system, such as a local disk."
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


PROGRAM = "from tremble.cli import main; main()"
LABEL = "naïve – 選ぶ…"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of options and names beyond ASCII, in out/."""
    folder = tmp_path_factory.mktemp("platform")
    records = [
        {
            "id": f"é{number}",
            "prompt": f"Nimmst du {number} Äpfel – oder nicht?",
            "options": ["yes", LABEL],
            "choice": LABEL if number % 3 else "yes",
            "participant": f"p{number % 4}",
            "config": {"Größe": "klein" if number % 2 else "groß"},
        }
        for number in range(12)
    ]
    path = write_study(folder, records)
    ran(folder, "utf-8", "run", path, "--out", folder / "out")
    return folder


def ran(folder: Path, encoding: str, *arguments: object) -> str:
    """What a command prints, all of it, to streams of an encoding."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "100"},
    )
    said = done.stderr.decode(encoding)
    assert done.returncode == 0, said
    assert "fault" not in said
    return done.stdout.decode(encoding) + said


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "cp932", "gb18030", "utf-16"])
def test_a_terminal_of_any_encoding_is_told_everything(study: Path, encoding: str) -> None:
    """Also its options by name: in the letters that it has, else by their numbers."""
    shown = encodable(LABEL, encoding)
    commands: list[tuple[object, ...]] = [
        ("analyze", "out"),
        ("verdict", "out"),
        ("plan", "study.toml"),
        ("xray", "out", "é1", "--model", "mock:a"),
        ("score", "--model", "mock:a", "--prompt", "Äpfel?", "--options", f"yes,{LABEL}"),
        ("data", "check", "mine.jsonl"),
    ]
    for command in commands:
        said = ran(study, encoding, *command)
        if command[0] in ("xray", "score"):
            assert shown in said
    told = json.loads(ran(study, encoding, *commands[4], "--json"))
    assert [option["label"] for option in told["options"]] == ["yes", LABEL]


def test_what_stands_for_a_character_is_as_wide() -> None:
    assert encodable("– … ×", "ascii") == "- . x"
    assert encodable("– … ×", "utf-8") == "– … ×"
    assert encodable("é–選", "cp1252") == r"é–\u9078"
    assert encodable("„x“", "ascii") == r"\u201ex\u201c"
    assert encodable("é–選", "ascii") == r"\xe9-\u9078"
