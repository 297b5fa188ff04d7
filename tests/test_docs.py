"""What pages and docstrings name is there: imports, paths, modules and what stands in them."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT

PACKAGE = ROOT / "src" / "tremble"
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "NOTICE",
    *sorted((ROOT / "docs").glob("*.md")),
]
SOURCES = sorted(PACKAGE.rglob("*.py"))
TEXTS = [*PAGES, *SOURCES]

_PATH = re.compile(r"(?<![\w./*-])(?:src|tests|scripts|benchmarks|docs|examples)/[\w./*-]+")
_IN_PACKAGE = re.compile(r"`([a-z_]+(?:/[a-z_]+)*/(?:[a-z_]+\.py)?)`")
_DOTTED = re.compile(r"`([a-z_]+(?:\.\w+)+)`")
_FILES = {"csv", "gguf", "html", "json", "jsonl", "md", "parquet", "py", "rda", "toml"}


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(text: str) -> Iterator[str]:
    """The statements in a page that import from tremble, each as one line."""
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield ast.unparse(node)
    yield from re.findall(r"\b(?:from tremble[\w.]* import \w+|import tremble[\w.]*\w)", text)


def resolves(name: str) -> bool:
    """Whether a dotted name below tremble is a module, or something that stands in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            held: Any = importlib.import_module(".".join(["tremble", *parts[:end]]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            fields = getattr(held, "__dataclass_fields__", {})
            held = fields.get(part) if part in fields else getattr(held, part, None)
            if held is None:
                return False
        return True
    return False


def named(path: Path, text: str) -> Iterator[str]:
    """The dotted names of a text that begin with a room or, in a module, with one beside it."""
    beside = {held.stem for held in path.parent.glob("*.py")} if path.suffix == ".py" else set()
    for name in _DOTTED.findall(text):
        name = name.removeprefix("tremble.")
        first, last = name.split(".")[0], name.split(".")[-1]
        if last in _FILES:
            continue
        if first in ROOMS:
            yield name
        elif first in beside:
            yield ".".join([*path.parent.relative_to(PACKAGE).parts, name])


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_what_a_page_imports_can_be_imported(page: Path) -> None:
    for line in imports(page.read_text("utf-8")):
        exec(line, {})


def anchors(text: str) -> set[str]:
    """The names under which the headings of a page are linked to."""
    bare = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", bare, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        if name.startswith(("http:", "https:", "mailto:")):
            continue
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text("utf-8"))):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_folders_and_files_of_the_package_that_a_page_names_are_there(page: Path) -> None:
    paths = set(_IN_PACKAGE.findall(page.read_text("utf-8")))
    inside = {path for path in paths if path.split("/")[0] in ROOMS}
    assert [path for path in sorted(inside) if not (PACKAGE / path).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


def test_paths_that_pages_and_modules_name_are_there() -> None:
    lost = [
        f"{label(path)}: {name}"
        for path in TEXTS
        for name in {found.rstrip("./") for found in _PATH.findall(path.read_text("utf-8"))}
        if not any(ROOT.glob(name))
    ]
    assert lost == []


def test_modules_that_pages_and_modules_name_are_there() -> None:
    lost = [
        f"{label(path)}: {name}"
        for path in TEXTS
        for name in sorted(set(named(path, path.read_text("utf-8"))))
        if not resolves(name)
    ]
    assert lost == []


def rows_of(text: str) -> list[list[str]]:
    """The cells of a page's tables of three columns, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[cell.strip() for cell in cells] for cells in rows if cells[0] != " term "]


def test_the_glossary_explains_each_word_once_and_says_where_it_lives() -> None:
    page = ROOT / "docs" / "glossary.md"
    first, _, last = page.read_text("utf-8").partition("\n## In the code\n")
    explained = [
        re.sub(r"\*", "", term) for cell, *_ in rows_of(first) for term in cell.split(", ")
    ]
    assert len(explained) > 40 and len(explained) == len(set(explained))
    assert all(len(row) == 3 and row[1] for row in rows_of(first))
    rows = rows_of(last)
    assert len(rows) > 30
    assert [row[0] for row in rows if not list(named(page, row[1]))] == []
    assert [row[0] for row in rows if not row[2] and row[0] not in explained] == []


def test_a_name_that_went_away_is_noticed() -> None:
    page = ROOT / "docs" / "page.md"
    assert list(named(page, "`store.DECISIONS`, `tremble.plan`, `study.toml`")) == [
        "store.DECISIONS"
    ]
    assert not resolves("store.DECISIONS")
    assert resolves("store.schemas.DECISIONS") and resolves("decisions.record.Decision.target")
    beside = PACKAGE / "stats" / "tables" / "further.py"
    assert list(named(beside, "`analysis.Analysis`")) == ["stats.tables.analysis.Analysis"]
    assert list(imports("```python\nimport polars\nfrom tremble.text import decimal\n```\n"))[
        :2
    ] == [
        "import polars",
        "from tremble.text import decimal",
    ]
    assert _PATH.findall("see docs/data.md, https://a.b/docs/x and ../src/tremble") == [
        "docs/data.md"
    ]
