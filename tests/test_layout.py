"""Test files stand alone: what two of them need is in tests/support."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

TESTS = ROOT / "tests"
FILES = sorted(TESTS.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, and every name out of one as if it were a module too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def of_tests(names: Iterator[str]) -> set[str]:
    """Those that are test files, or files of fixtures, by whatever path they are reached."""
    local = {path.stem for path in FILES if path.stem.startswith("test_")} | {"conftest"}
    return {
        name
        for name in names
        if name.rpartition(".")[2] in local and name.partition(".")[0] in {"", "tests", *local}
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_file_is_imported(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert not of_tests(imported(tree)), f"{path}: what files share belongs in tests/support"


def test_a_test_file_is_known_however_it_is_imported() -> None:
    for line in (
        "import test_layout",
        "from test_layout import FILES",
        "from tests.test_layout import FILES",
        "from tests import test_layout",
        "from . import test_layout",
        "from .conftest import data",
    ):
        assert of_tests(imported(ast.parse(line))), line
    for line in ("from tests.support.places import ROOT", "from torch import test_case"):
        assert not of_tests(imported(ast.parse(line))), line
