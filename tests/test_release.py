"""One version everywhere: what the package is called, says of itself, and is cited as."""

from __future__ import annotations

import re
import tomllib

from typer.testing import CliRunner

from tests.support.places import ROOT
from tremble.commands.program import app


def test_every_file_names_the_same_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert CliRunner().invoke(app, ["--version"]).stdout == f"tremble {version}\n"
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [version]
    newest = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest[0] == version
    assert len(newest) == len(set(newest)) > 1
