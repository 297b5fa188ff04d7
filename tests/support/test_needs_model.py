"""Which tests need a model is read from their source: tried on files made for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.needs_model import brings_library, marks, needs_model
from tests.support.places import ROOT

TEXT = """
import json
from tests.support.toys import GreedyTokenizer, save_tiny
from tests.support.studies import PAIR
from tremble.study.run import score_study

MODELS = ["mock:a", "embedded/smollm2-135m-instruct"]

def folder(path):
    return save_tiny(path)

@pytest.fixture
def opened(tmp_path):
    return folder(tmp_path)

def inside():
    from transformers import AutoTokenizer
    return AutoTokenizer

def test_of_a_helper(tmp_path): folder(tmp_path)
def test_of_a_fixture(opened): pass
def test_of_an_import(): inside()
def test_of_a_name():
    for name in MODELS: print(name)

def test_of_words(): GreedyTokenizer(["a"])
def test_of_a_mock(): score_study(PAIR, json.loads("1"), print)
def test_of_embedded_data(): print("embedded data", "embedded/glee.jsonl")
"""
NEEDING = {"test_of_a_helper", "test_of_a_fixture", "test_of_an_import", "test_of_a_name"}


def taken(text: str) -> dict[str, tuple[str, ...]]:
    """The tests of a file, each with what it takes."""
    return {
        node.name: tuple(one.arg for one in node.args.args)
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_a_model_is_found_through_helpers_fixtures_imports_and_names(tmp_path: Path) -> None:
    path = tmp_path / "test_made.py"
    path.write_text(TEXT, "utf-8")
    found = {name for name, fixtures in taken(TEXT).items() if needs_model(path, name, fixtures)}
    assert found == NEEDING


def test_a_fixture_for_all_and_one_of_conftest_count(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("def threads():\n    import torch\n", "utf-8")
    path = tmp_path / "deep" / "test_made.py"
    path.parent.mkdir()
    text = "def test_it(threads): pass\ndef test_other(): pass\n"
    path.write_text(text, "utf-8")
    assert needs_model(path, "test_it", ("threads",))
    assert not needs_model(path, "test_other", ())
    every = path.with_name("test_every.py")
    every.write_text(
        "@pytest.fixture(autouse=True)\ndef one():\n    import torch\n" + text, "utf-8"
    )
    assert needs_model(every, "test_other", ())


@pytest.mark.parametrize(
    ("text", "brings"),
    [
        ("import torch.nn\n", True),
        ("from tremble.engines.reference import ReferenceEngine\n", True),  # through the package
        ("from tests.support.shared_prefix import games\n", True),  # through a helper
        ("def late():\n    import torch\n", False),
        ("from tests.support.toys import save_tiny\n", False),  # which imports when called
        ("from tremble.engines.open import open_engine\n", False),
    ],
)
def test_what_an_import_brings(text: str, brings: bool, tmp_path: Path) -> None:
    path = tmp_path / "test_made.py"
    path.write_text(text, "utf-8")
    assert brings_library(path) is brings


def test_marks_of_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "test_made.py"
    path.write_text("pytestmark = [pytest.mark.real, pytest.mark.slow]\n", "utf-8")
    assert ".real" in marks(path) and ".slow" in marks(path)
    assert marks(ROOT / "tests" / "test_docs.py") == ""
