"""The short form of the attack (benchmarks/attack.py): kills, flips, failing writes, mutants,
damaged models.

docs/reliability.md has the table of the long form.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ATTACK = Path(__file__).parents[1] / "benchmarks" / "attack.py"
# With at least so many tries.
KINDS = {"kills": 10, "flips": 60, "writes": 50, "mutants": 170, "models": 40}


@pytest.mark.slow
@pytest.mark.model  # kinds of input are chat templates, too, which need a tokenizer
@pytest.mark.skipif(sys.platform != "linux", reason="its kills and failing writes are Linux's")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_nothing_is_silent(kind: str, tmp_path: Path) -> None:
    if kind == "writes" and shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("no C compiler: writes are made to fail by a small library in C")
    done = subprocess.run(
        [sys.executable, str(ATTACK), "--short", "--only", kind, "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    tries = re.findall(r"^\| [^|]+ \| ([\d,]+) \|", done.stdout, re.MULTILINE)
    assert sum(int(number.replace(",", "")) for number in tries) >= KINDS[kind]
