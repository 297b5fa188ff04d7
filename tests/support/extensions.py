"""Packages with entry points, installed into a folder as pip would leave them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.places import ROOT

EXAMPLE = ROOT / "tests" / "support" / "example_extension"
MODULE = "dictator_example"


def installed(
    folder: Path,
    modules: Mapping[str, str],
    points: str,
    name: str = "tremble-dictator",
    version: str = "1.0",
) -> Path:
    """Writes modules (path to source) and the record of a package into `folder`, which is
    returned."""
    for path, source in modules.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, "utf-8")
    record = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (record / "METADATA").write_text(metadata, "utf-8")
    (record / "entry_points.txt").write_text(points, "utf-8")
    return folder


def example(folder: Path, change: tuple[str, str] = ("", ""), version: str = "1.0") -> Path:
    """The example package, with a text of its module replaced."""
    source = (EXAMPLE / f"{MODULE}.py").read_text("utf-8")
    assert change[0] in source
    points = (EXAMPLE / "entry_points.txt").read_text("utf-8")
    changed = source.replace(*change) if change[0] else source
    return installed(folder, {f"{MODULE}.py": changed}, points, version=version)


def on_path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Makes these folders, and no other of a test, a part of what is installed, as in a process
    that begins now."""
    before = [one for one in sys.path if not (Path(one) / "installed-by-a-test").exists()]
    for folder in folders:
        (folder / "installed-by-a-test").write_text("")
    monkeypatch.setattr(sys, "path", [*map(str, folders), *before])
    tops = {file.stem for folder in folders for file in folder.iterdir()} | {MODULE}
    for module in [one for one in sys.modules if one.partition(".")[0] in tops]:
        monkeypatch.delitem(sys.modules, module)
