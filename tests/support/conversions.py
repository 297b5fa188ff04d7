"""Conversions of GGUF with a stub for the converter: it copies a tiny model that is stored with the
tests, or fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.places import GOLDEN
from tremble.models import conversion, gguf
from tremble.models.files import ModelFiles
from tremble.models.spec import ModelSpec

TINY = GOLDEN / "study_0_1_0" / "models" / "base"
STUB = f"""
import json, os, shutil, sys
log, gguf, made = sys.argv[1:]
with open(log, "a") as out:
    out.write(gguf + "\\n")
shutil.copytree({str(TINY)!r}, made)
"""
SAID: list[str] = []


def stub(folder: Path, monkeypatch: pytest.MonkeyPatch, ending: str = "") -> None:
    """Let the converter be one that does what `ending` says after it wrote everything."""
    script = folder / "stub.py"
    script.write_text(STUB + ending)
    command = (sys.executable, str(script), str(folder / "log"))
    monkeypatch.setattr(conversion, "_CONVERTER", command)


def asked(model: Path, said: list[str] | None = None, weights: bool = True) -> ModelFiles:
    notify = (SAID if said is None else said).append
    return gguf.SOURCE.locate(ModelSpec(str(model)), notify, weights)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, except the one that says what the others are."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "done")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def conversions(folder: Path) -> int:
    return len((folder / "log").read_text().splitlines())


def flipped(path: Path, byte: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)
