"""The distributions of a base, each a file that is whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tremble.store.base_distributions import BaseDistributions
from tremble.store.owned import remove_unscored

PLACE = "scores/mock-00000000/task-00000000/answer.plain"
ONE, OTHER = "a" * 24, "b" * 24
LOGS = np.log(np.array([0.5, 0.25, 0.25], dtype=np.float32))


@pytest.fixture
def stored(tmp_path: Path) -> BaseDistributions:
    made = BaseDistributions(tmp_path, PLACE)
    made.write(ONE, LOGS)
    made.write(OTHER, LOGS[::-1])
    return made


def files(root: Path) -> list[Path]:
    return sorted((root / PLACE).iterdir())


def test_what_is_written_is_read_to_the_bit(stored: BaseDistributions, tmp_path: Path) -> None:
    again = BaseDistributions(tmp_path, PLACE)
    found = again.read(ONE)
    assert found is not None and found.dtype == np.float32 and found.tolist() == LOGS.tolist()
    assert ONE in again and "c" * 24 not in again and again.read("c" * 24) is None


def test_one_that_is_written_again_takes_the_place_of_that_before(
    stored: BaseDistributions, tmp_path: Path
) -> None:
    stored.write(ONE, LOGS[::-1])
    assert len(files(tmp_path)) == 2
    found = BaseDistributions(tmp_path, PLACE).read(ONE)
    assert found is not None and found.tolist() == LOGS[::-1].tolist()


def test_damaged_ones_count_as_not_stored(stored: BaseDistributions, tmp_path: Path) -> None:
    first, second = files(tmp_path)
    first.write_bytes(first.read_bytes()[:-1])
    assert stored.read(ONE) is None and ONE not in stored
    again = BaseDistributions(tmp_path, PLACE)
    assert again.heal() == 1
    assert ONE not in again and OTHER in again
    assert files(tmp_path) == [second]


def test_one_of_another_folder_is_not_taken_for_its_own(
    stored: BaseDistributions, tmp_path: Path
) -> None:
    other = tmp_path / PLACE.replace("mock", "other")
    other.mkdir(parents=True)
    name = files(tmp_path)[0].name
    (other / name).write_bytes((tmp_path / PLACE / name).read_bytes())
    assert BaseDistributions(tmp_path, PLACE.replace("mock", "other")).read(ONE) is None


def test_only_its_own_files_are_deleted(stored: BaseDistributions, tmp_path: Path) -> None:
    users = tmp_path / PLACE / "base-notes.parquet"
    users.write_bytes(b"the user's")
    stored.prune(frozenset({OTHER}))
    assert ONE not in stored and OTHER in stored and len(files(tmp_path)) == 2
    remove_unscored(tmp_path)
    assert files(tmp_path) == [users]
