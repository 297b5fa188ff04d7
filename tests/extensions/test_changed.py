"""Packages whose files changed while a process had their code in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.extensions import MODULE, example, on_path
from tests.support.places import ROOT
from tremble.datasets.base import EXTENSIONS as DATA_SETS
from tremble.extensions.entries import OFF, entries
from tremble.prompts.formulations import EXTENSIONS as WORDINGS

CHANGED = ("Take your time.", "Hurry up now.")
EDIT = f"""
import pathlib
file = pathlib.Path({MODULE}.__file__)
file.write_text(file.read_text().replace(*{CHANGED!r}))
"""
USE = """
from tremble.prompts.formulations import EXTENSIONS
from tremble.errors import UserError
try:
    EXTENSIONS.get("calm")
    print("used", EXTENSIONS.origin("calm")["digest"])
except UserError as error:
    print(error)
"""


def ran(site: Path, *steps: str) -> str:
    """What a process of its own prints, with a package on its path."""
    paths = os.pathsep.join([str(site), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-B", "-c", "\n".join(steps)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_code_that_was_imported_before_an_edit_is_not_used(tmp_path: Path) -> None:
    site = example(tmp_path / "site")
    imported = f"import {MODULE}"
    usual = ran(site, imported, USE)
    assert usual.startswith("used ") and ran(site, USE) == usual
    assert ran(site, imported, EDIT, USE) == (
        "The wording 'calm' of the package tremble-dictator 1.0 cannot be used: files of it are "
        "newer than this process, which had imported it before; start again."
    )
    after = ran(site, imported, USE)
    assert after.startswith("used ") and after != usual


def test_an_edit_after_loading_leaves_code_and_digest_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = example(tmp_path / "site")
    on_path(monkeypatch, site)
    assert DATA_SETS.get("dictator_demo") is not None
    before = WORDINGS.origin("calm")
    file = site / f"{MODULE}.py"
    file.write_text(file.read_text("utf-8").replace(*CHANGED), "utf-8")
    assert WORDINGS.get("calm") is not None and WORDINGS.origin("calm") == before


def test_an_edit_between_the_digest_and_loading_is_seen(tmp_path: Path) -> None:
    look = "from tremble.prompts.formulations import EXTENSIONS\nEXTENSIONS.origin('calm')"
    edit = EDIT.replace(f"{MODULE}.__file__", repr(str(tmp_path / "site" / f"{MODULE}.py")))
    said = ran(example(tmp_path / "site"), look, edit, USE)
    assert "files of it changed while this process was running; start again." in said


@pytest.mark.parametrize(
    ("value", "off"),
    [
        *((word, True) for word in ("1", "true", "TRUE", "yes", "on")),
        *((word, False) for word in ("0", "", "false", "no", "off")),
    ],
)
def test_the_variable_switches_off_where_it_says_so(
    value: str, off: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, example(tmp_path / "site"))
    monkeypatch.setenv(OFF, value)
    assert ("calm" not in entries("wording")) is off
