"""Temporary names of long names: cut to what a file system takes, and still found by their name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tremble.disk.temporary import sweep, temporary_path


@pytest.mark.parametrize("name", ["short", "x" * 255, "é" * 127])
def test_what_a_dead_process_left_is_swept_by_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for each in (name, f"{name[:-1]}z", "other"):
        mine = temporary_path(tmp_path / each)
        with monkeypatch.context() as patch:  # whose number may have more digits, or fewer
            patch.setattr(os, "getpid", lambda: dead.pid)
            theirs = temporary_path(tmp_path / each)
        for path in (mine, theirs):
            path.mkdir()
    sweep(tmp_path, "other")
    assert len(list(tmp_path.iterdir())) == 5
    sweep(tmp_path, name)
    left = [path.name for path in tmp_path.iterdir()]
    # Names that differ only behind the cut are one.
    assert len(left) == (4 if name == "short" else 3)
    assert sum(f".{os.getpid()}-" in each for each in left) == 3
