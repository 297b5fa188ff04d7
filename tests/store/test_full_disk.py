"""A write that fails midway: one sentence with the system's reason, nothing left, resumed equal.

`tests/test_attack.py` lets every single write fail; here the system itself does.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.studies import run, write_own_prompts
from tremble.store.study_folder import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files"),
]
STUDY = '[study]\nname = "s"\ndata = ["mine.jsonl"]\n[[model]]\nid = "mock"\n'
COMMANDS = {
    "run": ["run", "s.toml", "--out", "out"],
    "export": ["export", "whole", "--out", "t.csv"],
    "export to parquet": ["export", "whole", "--to", "parquet", "--out", "t.parquet"],
    "report": ["report", "whole", "--out", "p.html"],
    "import": ["data", "import", "jsonl", "mine.jsonl", "--out", "new.jsonl"],
}


def at_most(size: int) -> Callable[[], None]:
    """What `ulimit -f` does: no file may get larger than so many bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_own_prompts(tmp_path, 60)
    (tmp_path / "s.toml").write_text(STUDY, "utf-8")
    assert run(tmp_path / "s.toml", tmp_path / "whole") == 0
    return tmp_path


@pytest.mark.parametrize("size", [0, 1000, 3000])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_that_may_not_grow_is_one_sentence(name: str, size: int, folder: Path) -> None:
    before = {path for path in folder.rglob("*") if not path.is_dir()}
    program = "from tremble.cli import main; main()"
    command = [sys.executable, "-c", program, *COMMANDS[name]]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, preexec_fn=at_most(size), check=False
    )
    sentences = [line for line in ended.stderr.splitlines() if line.startswith("tremble: ")]
    assert (ended.returncode, len(sentences)) == (2, 1), ended.stderr
    # Where nothing at all can be written, there is no temporary folder either.
    reason = "File too large" if name != "run" or size else "No usable temporary directory"
    assert reason in sentences[0]
    assert "Traceback" not in ended.stderr
    left = {path for path in folder.rglob("*") if not path.is_dir()} - before
    assert not [path for path in left if path.suffix == ".tmp"]
    if name != "run":
        assert left == set()
        return
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    columns = ["decision", "presentation", "row_key", "logprobs", "mass"]
    mine, whole = (Store(folder / out).scores().select(columns) for out in ("out", "whole"))
    assert mine.sort("decision").equals(whole.sort("decision"))
