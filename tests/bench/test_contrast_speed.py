"""The benchmark of contrasts, on a study of seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.places import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("also", [[], ["--plays"]])
def test_the_benchmark_of_contrasts_runs(also: list[str]) -> None:
    command = [sys.executable, "benchmarks/contrast_speed.py", "--tiny", *also]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    # Three keys, six values: five contrasts each, beside two models.
    assert (found["rows"], found["rows_together"]) == (2 * 3 * 5, 2 + 1)
    assert found["peak_memory_gb"] > 0  # a child begins with the peak of whoever starts it
