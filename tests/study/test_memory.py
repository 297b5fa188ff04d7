"""How much memory a decision takes, measured on processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# In small parts, so that what is held per part is not taken for what is held per decision.
PROGRAM = """
import sys
from pathlib import Path
from tremble.study import columns
columns.PART_BYTES = 1 << 18
from tremble.cli import main
sys.argv = ["tremble", "run", sys.argv[1], "--out", sys.argv[2]]
try:
    main()
except SystemExit as end:
    assert not end.code
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""
FEW, MANY = 3_000, 18_000
# Bytes a decision. In so small runs about 1,400 were measured, and 2,500 where whole tables were
# in memory; in larger ones it is less (docs/performance.md).
MOST = 1_900


def peak(folder: Path, decisions: int) -> int:
    """The largest resident memory, in bytes, of a run over so many prompts, all different."""
    lines = [
        {
            "id": f"decision {i:07d}",
            "prompt": f"Offer {i}: you get {i % 97} of 100 points, another person gets the rest. "
            "If you reject it, both get nothing. Do you accept?",
            "options": ["accept", "reject"],
            "choice": "accept",
        }
        for i in range(decisions)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    study = '[study]\nname = "s"\ndata = ["mine.jsonl"]\n[[model]]\nid = "mock"\n'
    (folder / "s.toml").write_text(study)
    command = [sys.executable, "-c", PROGRAM, str(folder / "s.toml"), str(folder / "out")]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout.split()[-1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_memory_grows_little_with_the_number_of_decisions(tmp_path: Path) -> None:
    measured: list[float] = []
    for turn in range(3):  # on a busy machine single ones were measured up to 600 higher
        few, many = tmp_path / f"few {turn}", tmp_path / f"many {turn}"
        few.mkdir()
        many.mkdir()
        measured.append((peak(many, MANY) - peak(few, FEW)) / (MANY - FEW))
        if 0 < measured[-1] < MOST:
            return
    raise AssertionError(f"{measured} bytes a decision")
