"""Every public name has an example in its docstring, and every example runs."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tremble
from tremble.errors import TrembleError

OPTIONS = doctest.ELLIPSIS
# What others made, in rooms where docstrings have no examples.
ELSEWHERE = {"Decision", "Event", "Game", "Option", "__version__"}
OURS = [
    name
    for name in tremble.__all__
    if name not in ELSEWHERE
    and not (inspect.isclass(held := getattr(tremble, name)) and issubclass(held, TrembleError))
]


def documented(name: str) -> Iterator[tuple[str, Any]]:
    """A public name and, of a class, the methods that are its own and public."""
    held = getattr(tremble, name)
    yield name, held
    if inspect.isclass(held) and held.__module__.startswith("tremble.public."):
        for method, of in vars(held).items():
            if not method.startswith("_") and inspect.isfunction(of):
                yield f"{name}.{method}", of


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert set(tremble.__all__) <= set(dir(tremble))
    for name in tremble.__all__:
        held = getattr(tremble, name)
        assert name == "__version__" or inspect.getdoc(held), name


@pytest.mark.parametrize("name", OURS)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finder, examples = doctest.DocTestFinder(recurse=False), 0
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for full, held in documented(name):
        (tmp_path / full).mkdir()
        monkeypatch.chdir(tmp_path / full)
        said: list[str] = []
        for found in finder.find(held, full, module=False, globs={}):
            examples += len(found.examples)
            runner.run(found, out=said.append)
        assert not said, "".join(said)
    assert examples, f"{name} has no example"
