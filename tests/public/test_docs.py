"""The notebook and the page on Python run as they stand, and tremble prints nothing in them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import tremble
from tests.support.places import ROOT

NOTEBOOK = ROOT / "examples" / "first_study.ipynb"
PAGE = ROOT / "docs" / "python.md"


def shown(source: str, names: dict[str, Any]) -> Any:
    """Runs a cell and returns what its last line shows, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    book = json.loads(NOTEBOOK.read_text("utf-8"))
    assert (book["nbformat"], len({cell["id"] for cell in book["cells"]})) == (
        4,
        len(book["cells"]),
    )
    names: dict[str, Any] = {}
    seen = []
    for cell in book["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [] and cell["execution_count"] is None, "outputs are stripped"
        value = shown(source, names)
        if hasattr(value, "_repr_html_"):
            assert value._repr_html_().lstrip().startswith("<")
        seen.append(type(value).__name__)
    assert capfd.readouterr() == ("", "")
    assert {"Decisions", "Check", "Scored", "Plan", "Result", "Verdict", "Xray"} <= set(seen)
    assert (tmp_path / "runs" / "dictator.html").is_file()
    assert not names["found"].warnings, "an example that is warned of is none"


@pytest.mark.slow
def test_the_page_runs_and_names_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in blocks:
            exec(compile(block, "docs/python.md", "exec"), names)
    out, error = capfd.readouterr()
    (printed,) = out.splitlines()  # by the page itself
    assert error == ""
    assert printed in text.replace("\n", " ")
    types = {name for name in tremble.__all__ if name[0].isupper() or name == "__version__"}
    assert [
        name for name in tremble.__all__ if name not in types and f"tr.{name}" not in text
    ] == []
    public = (tremble.Result, tremble.Study)
    lacking = [
        name
        for held in public
        for name in vars(held)
        if not name.startswith("_") and name not in ("name", "folder", "of_file")
        if f".{name}" not in text
    ]
    assert lacking == []
