"""The structure of the package, read from its source: rooms, imports, sizes, signatures.

    python -m tests.support.structure [ROOT]

prints the figures of docs/architecture.md for a checkout.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.places import ROOT

PACKAGE = ROOT / "src" / "tremble"
PAGE = ROOT / "docs" / "architecture.md"
OPEN = "## Rooms, upstream first"


def sources(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module by its dotted name inside the package, "" for the package itself."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def parsed(path: Path) -> ast.Module:
    """A file of Python, parsed once: no test of the structure changes one that it has read."""
    return ast.parse(path.read_text("utf-8"))


def room_of(module: str, package: Path = PACKAGE) -> str:
    """The folder that a module lies in ("stats/frames"), or its own name at the root."""
    parts = module.split(".")
    if not package.joinpath(*parts).is_dir():
        parts = parts[:-1]
    return "/".join(parts) or module


@dataclass(frozen=True)
class Arrow:
    """One import from one module by another, wherever in the file it stands."""

    importer: str
    imported: str
    line: int


def arrows(package: Path = PACKAGE) -> Iterator[Arrow]:
    """Every import inside the package, those inside functions and texts that name a module
    (`import_module`, `python -m`) included."""
    known = sources(package)
    for module, path in known.items():
        for node in ast.walk(parsed(path)):
            for name, line in _names(node):
                inside = name.removeprefix("tremble.")
                while inside and inside not in known:
                    inside = inside.rpartition(".")[0]
                if inside and inside != module:
                    yield Arrow(module, inside, line)


def _names(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
        if node.module.split(".")[0] == "tremble":
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno
    elif isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.startswith("tremble."):
                yield alias.name, node.lineno


def order_of_rooms(page: str | None = None) -> list[str]:
    """The rooms in the order of docs/architecture.md, upstream first; rooms to come (in italics)
    are left out."""
    text = PAGE.read_text("utf-8") if page is None else page
    table = text.split(OPEN, 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.M)
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    return [name.removesuffix(".py").rstrip("/") for name in names]


def functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Every function and method of a file: its name, lines and parameters (`self` and `cls` are
    not counted)."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            args = node.args
            named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
            if named and named[0].arg in ("self", "cls"):
                named = named[1:]
            extra = [args.vararg, args.kwarg]
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield node.name, lines, len(named) + len([one for one in extra if one])


def length(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def figures(root: Path) -> dict[str, str]:
    """The figures of a checkout. "arrows up" needs the order of its rooms and is left out where
    docs/architecture.md has none."""
    package = root / "src" / "tremble"
    known = sources(package)
    rooms = {room_of(module, package) for module in known if module}
    lengths = {module: length(path) for module, path in known.items()}
    made = [
        (parameters, lines, f"{module}.{name}")
        for module, path in known.items()
        for name, lines, parameters in functions(path)
        if not module.startswith("commands")
    ]
    between = {
        (room_of(a.importer, package), room_of(a.imported, package))
        for a in arrows(package)
        if a.importer
    }
    largest = max(lengths, key=lengths.__getitem__)
    most, longest = max(made), max((lines, name) for _, lines, name in made)
    return {
        "rooms (folders, and modules at the root)": str(len(rooms)),
        "modules at the root": str(sum(1 for m in known if m and known[m].parent == package)),
        "arrows between rooms": str(len({pair for pair in between if pair[0] != pair[1]})),
        "largest file": f"{lengths[largest]} lines ({largest})",
        "median file": f"{statistics.median(lengths.values()):.0f} lines",
        "most parameters": f"{most[0]} ({most[2]})",
        "longest function": f"{longest[0]} lines ({longest[1]})",
    }


if __name__ == "__main__":
    for name, value in figures(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT).items():
        print(f"{name}: {value}")
