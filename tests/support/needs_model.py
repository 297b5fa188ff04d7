"""Which tests need a model, read from their source: conftest.py sets the mark `model` by it.

A test needs one where it, a fixture that it takes, or anything in the files of the tests that it
calls imports what reads weights, or names an embedded model. Made-up models (`mock`) need nothing.
What the package imports by itself is not followed: a test that has it open a model has the mark by
hand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.places import ROOT

LIBRARIES = {"accelerate", "gguf", "peft", "safetensors", "tokenizers", "torch", "transformers"}
EMBEDDED = ("embedded/gemma", "embedded/smollm")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """What a file of tests calls by a name."""

    path: Path
    name: str


class Source:
    """A file of tests: what stands in it by name, and what it imports by the name it has here (the
    module, and what is taken out of it; None: all of it)."""

    def __init__(self, path: Path) -> None:
        self.held: dict[str, list[ast.stmt]] = {}
        self.always: list[str] = []  # fixtures that every test of the file takes
        self.imported: dict[str, tuple[str, str | None]] = {}
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.imported.update(_bound(node))
            for name in _names(node):
                self.held.setdefault(name, []).append(node)
            if isinstance(node, _Function):
                decorators = " ".join(map(ast.unparse, node.decorator_list))
                self.always += [node.name] if "autouse" in decorators else []


source = cache(Source)


def needs_model(path: Path, test: str, fixtures: tuple[str, ...] = ()) -> bool:
    """Whether the test called `test` in a file needs a model; `fixtures` are those it takes, of its
    own file or of a conftest.py beside or above it."""
    waiting = [Place(path, name) for name in (test, *source(path).always)]
    for file in (path, *(folder / "conftest.py" for folder in path.parents)):
        if fixtures and file.is_file():
            waiting += [Place(file, name) for name in fixtures if name in source(file).held]
    seen: set[Place] = set()
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen.add(place)
            opens, used = _uses(place)
            if opens:
                return True
            waiting += used
    return False


@cache
def brings_library(path: Path) -> bool:
    """Whether the import of a file, of the tests or of the package, imports what reads weights,
    which takes longer than most tests. What functions import does not count."""
    seen, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            for module, original in source(file).imported.values():
                if _of_library(module):
                    return True
                waiting += _files(module, original)
    return False


def marks(path: Path) -> str:
    """The marks that a file gives to all of its tests, as they are written."""
    return " ".join(ast.unparse(node) for node in source(path).held.get("pytestmark", ()))


@cache
def _uses(place: Place) -> tuple[bool, tuple[Place, ...]]:
    """Whether what stands at a place imports or names a model itself, and what else it uses."""
    here = source(place.path)
    if place.name not in here.held:
        module, original = here.imported.get(place.name, ("", None))
        return _of_library(module), tuple(_in_tests(module, original))
    used: dict[Place, None] = {}
    for node in here.held[place.name]:
        for part in ast.walk(node):
            if isinstance(part, ast.Import | ast.ImportFrom):
                for module, original in _bound(part).values():
                    if _of_library(module):
                        return True, ()
                    used |= dict.fromkeys(_in_tests(module, original))
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                if part.value.startswith(EMBEDDED):
                    return True, ()
            elif isinstance(part, ast.Name | ast.arg):
                name = part.id if isinstance(part, ast.Name) else part.arg
                if name in here.held or name in here.imported:
                    used[Place(place.path, name)] = None
    return False, tuple(used)


def _of_library(module: str) -> bool:
    return module.partition(".")[0] in LIBRARIES


def _bound(node: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str | None]]:
    """What an import binds, by the name that it gets."""
    if isinstance(node, ast.Import):
        return {one.asname or one.name.partition(".")[0]: (one.name, None) for one in node.names}
    return {one.asname or one.name: (node.module or "", one.name) for one in node.names}


def _names(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top of a file defines."""
    if isinstance(node, _Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _files(module: str, original: str | None) -> list[Path]:
    """The files that an import runs: a module, and what is taken out of it where that is one."""
    root = {"tests": ROOT, "tremble": ROOT / "src"}.get(module.partition(".")[0])
    if root is None:
        return []
    base = root.joinpath(*module.split("."))
    inside = [] if original is None else [base / original]
    asked = [file for at in (base, *inside) for file in (at.with_suffix(".py"), at / "__init__.py")]
    return [file for file in asked if file.is_file()]


def _in_tests(module: str, original: str | None) -> Iterator[Place]:
    """What an import brings out of other files of the tests."""
    if module.partition(".")[0] != "tests":
        return
    for path in _files(module, original):
        whole = original is None or path.stem == original
        yield from (Place(path, name) for name in (source(path).held if whole else [str(original)]))
