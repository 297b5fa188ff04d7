"""The table of engines: what it says of them holds, and one more is a line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from types import SimpleNamespace

import pytest

from tremble.engines import registry
from tremble.engines.mock import MockEngine
from tremble.engines.open import open_engine
from tremble.engines.registry import ENGINES, EngineEntry, check_engine, names
from tremble.errors import MissingExtra, UserError
from tremble.models.files import Notify
from tremble.models.open import ReadyModel
from tremble.models.spec import ModelSpec, RunOptions


@pytest.mark.parametrize("name", list(ENGINES))
@pytest.mark.model
def test_every_engine_can_be_opened_and_heeds_options_that_there_are(name: str) -> None:
    assert callable(import_module(f"tremble.engines.{ENGINES[name].module}").open_engine)
    assert ENGINES[name].options <= {field.name for field in fields(RunOptions)}


def test_users_choose_among_those_that_run_models() -> None:
    assert names() == ("transformers", "reference")
    assert names()[0] == RunOptions().engine
    with pytest.raises(UserError, match="no engine 'mock'"):
        check_engine("mock")


def test_the_names_are_known_without_loading_any_engine() -> None:
    code = (
        "import sys, tremble.study.schema; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_more_engine_is_a_module_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def opener(model: ReadyModel, options: RunOptions, notify: Notify) -> MockEngine:
        asked.append((model.spec.id, model.window, options.engine))
        return MockEngine("mock:other")

    module = SimpleNamespace(open_engine=opener)
    monkeypatch.setitem(sys.modules, "tremble.engines.other", module)
    monkeypatch.setitem(ENGINES, "mock", EngineEntry("other", None, frozenset()))
    assert open_engine(ModelSpec("mock:a"), RunOptions(), print).identity()["weights"] == (
        "mock:other"
    )
    assert asked == [("mock:a", None, "transformers")]


def test_an_engine_whose_part_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'vllm'", name="vllm")

    monkeypatch.setitem(ENGINES, "mock", EngineEntry("other", "fast", frozenset()))
    monkeypatch.setattr(registry, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"The engine 'mock' needs .*tremble\[fast\]"):
        open_engine(ModelSpec("mock"), RunOptions(), print)
