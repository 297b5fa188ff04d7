"""Fixtures for test files of several rooms."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything of it is imported: what helpers assert is shown in full when it fails.
pytest.register_assert_rewrite("tests.support")

from tests.support.needs_model import brings_library, marks, needs_model  # noqa: E402
from tremble.datasets.base import Notes  # noqa: E402
from tremble.datasets.demo import load, sample  # noqa: E402
from tremble.decisions import jsonl  # noqa: E402

# Before torch is imported, and for what tests start: over matrices this small, threads only wait
# for each other, the more where cores have other work, such as the second process of `make test`.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files of which `make quick` wants nothing are not imported: half its time would go there."""
    unwanted = re.findall(r"not (\w+)", config.option.markexpr)
    if not unwanted or not collection_path.match("test_*.py"):
        return None
    given = marks(collection_path)
    whole = any(f".{mark}" in given for mark in unwanted)
    return whole or ("model" in unwanted and brings_library(collection_path)) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and needs_model(
            item.path, item.originalname, tuple(item.fixturenames)
        ):
            item.add_marker(pytest.mark.model)


_left_out = 0  # modules that were loaded when collections last learnt what to leave out


def pytest_runtest_setup() -> None:
    """What libraries hold is there for good, and is left out where a closed engine has memory
    collected: half of a small study's time would go into walking over it."""
    global _left_out
    if len(sys.modules) > _left_out + 200:
        gc.collect()
        gc.freeze()
        _left_out = len(sys.modules)


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates are used without a trial in a process of their own."""
    monkeypatch.setattr("tremble.prompts.chat.why_not", lambda *_: None)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for torch: over matrices this small, threads only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with mine.jsonl: whole clusters of three families of the embedded data."""
    sizes = {"repeated_matrix": 40, "lottery": 5, "bargaining": 5}
    drawn = sample(list(load(tmp_path, Notes())), sizes, seed=1)
    jsonl.write(drawn, tmp_path / "mine.jsonl")
    return tmp_path
