"""`benchmarks/gpu.sh`, on a processor and with a model of a few weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.places import ROOT


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sh") is None, reason="a script for sh")
def test_the_gpu_script_holds_the_shared_path_against_the_reference() -> None:
    options = ["--tiny", "--device", "cpu", "--prompts", "60", "--sample", "4", "--batch", "2"]
    done = subprocess.run(
        ["sh", str(ROOT / "benchmarks" / "gpu.sh"), *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")][1:]
    assert [(line["path"], line["dtype"]) for line in lines] == [
        (path, dtype)
        for dtype in ("float32", "bfloat16")
        for path in ("reference", "batched loop", "shared")
    ]
    for line in lines:
        assert line["took"] == ("shared" if line["path"] == "shared" else "reference")
        assert line["difference"] < (1e-4 if line["dtype"] == "float32" else 0.3)
        assert line["share"] > 0
