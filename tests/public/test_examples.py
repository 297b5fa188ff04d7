"""Every public name has an example in its docstring, and every example runs."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tremble

pytestmark = pytest.mark.slow

OPTIONS = doctest.ELLIPSIS
NAMES = [name for name in tremble.__all__ if name != "__version__"]


def documented(name: str) -> Iterator[tuple[str, Any]]:
    """A public name and, of a class, the methods that are its own and public."""
    held = getattr(tremble, name)
    yield name, held
    for method, of in vars(held).items() if inspect.isclass(held) else ():
        function = of.fget if isinstance(of, property) else of
        if not method.startswith("_") and inspect.isfunction(function):
            yield f"{name}.{method}", function


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert set(tremble.__all__) <= set(dir(tremble))
    for name in tremble.__all__:
        held = getattr(tremble, name)
        assert name == "__version__" or inspect.getdoc(held), name


@pytest.mark.parametrize("name", NAMES)
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
