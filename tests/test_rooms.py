"""The package is a house whose rooms a stranger finds: docs/architecture.md holds, in code."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import tremble
from tests.support.places import ROOT
from tests.support.structure import (
    PACKAGE,
    arrows,
    functions,
    length,
    order_of_rooms,
    parsed,
    room_of,
    sources,
)

SOURCES = sources()
ORDER = order_of_rooms()
LINES, FUNCTION_LINES, PARAMETERS = 400, 60, 6


def test_every_room_is_in_the_order_of_the_page() -> None:
    rooms = {room_of(module) for module in SOURCES if module}
    figures = {"published/figures"}  # files without code
    assert len(set(ORDER)) == len(ORDER)
    assert rooms | figures == set(ORDER)


def test_imports_point_upstream_only() -> None:
    place = {room: number for number, room in enumerate(ORDER)}
    up = [
        f"{arrow.importer}, line {arrow.line}, imports {arrow.imported}"
        for arrow in arrows()
        if arrow.importer and place[room_of(arrow.imported)] > place[room_of(arrow.importer)]
    ]
    assert not up, "\n".join(up)


def test_an_import_that_points_down_would_be_seen(tmp_path: Path) -> None:
    package = tmp_path / "tremble"
    for path in ("games/base.py", "study/run.py", "errors.py"):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text("")
    (package / "games" / "base.py").write_text(
        "def late():\n    from tremble.study import run\n\nimport tremble.errors\n"
    )
    seen = {(a.importer, a.imported, a.line) for a in arrows(package)}
    assert seen == {("games.base", "study.run", 2), ("games.base", "errors", 4)}


def test_only_four_modules_stand_at_the_root() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {
        "__init__.py",
        "cli.py",
        "errors.py",
        "text.py",
    }


@pytest.mark.parametrize("face", sorted(PACKAGE.rglob("*/__init__.py")), ids=str)
def test_every_room_says_what_lives_there(face: Path) -> None:
    tree = ast.parse(face.read_text("utf-8"))
    told = ast.get_docstring(tree)
    assert told is not None and len(told.splitlines()) <= 8, "about five lines"
    assert len(tree.body) == 1, "a package's face holds no code"


def test_no_public_function_has_the_name_of_a_room() -> None:
    rooms = {name for room in ORDER for name in room.split("/")}
    rooms |= {"agents", "simulation", "execution"}
    taken = [
        f"{module}.{node.name}"
        for module, path in SOURCES.items()
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef) and node.name in rooms
    ]
    # A command bears the name that users type.
    assert not [name for name in taken if not name.startswith("commands.")]


def test_rooms_that_cannot_change_a_prompt_are_rooms() -> None:
    """One that was renamed would have every stored prompt made anew, without a word."""
    from tremble.study import prompt_cache

    assert set(prompt_cache._APART) <= {room.split("/")[0] for room in ORDER}


@pytest.mark.slow
def test_every_module_can_be_imported_first() -> None:
    """No import depends on another having come first."""
    for module in pkgutil.walk_packages(tremble.__path__, "tremble."):
        if not module.name.startswith("tremble.bench.peers."):
            importlib.import_module(module.name)


def test_nothing_is_too_large_to_read() -> None:
    """Files, functions and signatures; commands have a parameter for each option of theirs."""
    large = [
        f"{path.relative_to(ROOT)}: {length(path)} lines"
        for folder in ("src", "tests", "scripts", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if length(path) > LINES
    ]
    for module, path in SOURCES.items():
        for name, lines, parameters in functions(path):
            if lines > FUNCTION_LINES:
                large.append(f"{module}.{name}: {lines} lines")
            if parameters > PARAMETERS and not module.startswith("commands."):
                large.append(f"{module}.{name}: {parameters} parameters")
    assert not large, "\n".join(large)
