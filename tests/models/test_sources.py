"""Sources of models: each name has one, and one more is a line."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tremble.engines.model_size import model_size
from tremble.errors import UserError
from tremble.models import embedded, folder, gguf, hub, mock
from tremble.models import open as opening
from tremble.models.spec import ModelSpec, RunOptions


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("mock", mock),
        ("mock:one", mock),
        ("mockingbird", hub),
        (embedded.GEMMA, embedded),
        ("embedded/unheard-of", embedded),
        ("some/where/model.gguf", gguf),
        ("model.gguf", gguf),
        ("./model", folder),
        ("~/model", folder),
        ("a/b/c", folder),
        ("org/model", hub),
        ("org/model@abc", hub),
        ("gpt2", hub),
    ],
)
def test_every_name_has_its_source(name: str, module: ModuleType) -> None:
    assert opening.source_of(name) is module.SOURCE
    assert opening.is_made_up(name) == (module is mock)


def test_a_folder_that_is_there_is_one_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert opening.source_of("org/model") is folder.SOURCE


def test_a_made_up_model_has_no_files_and_no_size() -> None:
    assert model_size(ModelSpec("mock"), RunOptions(), print) is None
    with pytest.raises(UserError, match="'mock' is a built-in fake model"):
        opening.find(ModelSpec("mock"), print)


def test_one_more_source_is_a_module_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SimpleNamespace(
        made_up=True,
        engine="mock",
        owns=lambda name: name.startswith("dream:"),
        precision=lambda *_: "dreamt",
    )
    module = SimpleNamespace(SOURCE=source)
    monkeypatch.setitem(sys.modules, "tremble.models.dream", module)
    monkeypatch.setattr(opening, "_MODULES", ("dream", *opening._MODULES))
    opening._sources.cache_clear()
    try:
        assert opening.source_of("dream:a") is source
        assert opening.is_made_up("dream:a")
        assert opening.weights_precision(ModelSpec("dream:a"), RunOptions(), print) == "dreamt"
        assert opening.source_of("mock") is mock.SOURCE
    finally:
        opening._sources.cache_clear()
