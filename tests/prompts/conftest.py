"""Decisions that the tests of controls share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.control_cases import CAMPING
from tests.support.scripts import script
from tests.support.wordings import SIZES
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions.record import Decision
from tremble.prompts.other_games import OtherGames


@pytest.fixture(scope="module")
def everything() -> list[Decision]:
    return list(load(Path(), Notes()))


@pytest.fixture(scope="module")
def embedded(everything: list[Decision]) -> list[Decision]:
    return [*sample(everything, SIZES, seed=2), CAMPING]


@pytest.fixture(scope="module")
def invented() -> dict[str, Decision]:
    return dict(script("write_prompts").with_messages())


@pytest.fixture(scope="module")
def others(everything: list[Decision], invented: dict[str, Decision]) -> OtherGames:
    return OtherGames([*everything, *invented.values(), *script("write_prompts").others(), CAMPING])
