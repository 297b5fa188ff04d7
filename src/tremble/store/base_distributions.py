"""The next-token distributions of a base on a held-out task, in the folder of its job there.

    base-ROW_KEY-DIGEST.parquet     the log-probabilities of one prompt

Checkpoints are compared with them one after another, when the base is no longer in memory. They are
float32: float16 would move a divergence by up to 2e-4 nat, which is more than early checkpoints
diverge at all, and of a vocabulary of 262,144 a prompt takes .9 MB.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tremble.disk.tables import Damaged, read_table, table_bytes
from tremble.store.sealed import read_verified, write_named

BASE = re.compile(r"base-(?P<key>[0-9a-f]{24})-[0-9a-f]{32}\.parquet")
_COLUMN = "logprob"


class BaseDistributions:
    """Those of one job of a study. `root` is the study's folder, `place` the job's below it."""

    def __init__(self, root: Path, place: str) -> None:
        self._root, self._place = root, place
        self._names: dict[str, str] = {}
        with suppress(OSError):
            for path in (root / place).iterdir():
                if (form := BASE.fullmatch(path.name)) is not None:
                    self._names[form["key"]] = path.name

    def __contains__(self, row_key: object) -> bool:
        return row_key in self._names

    def write(self, row_key: str, logprobs: npt.NDArray[np.float32]) -> None:
        """Stores those of a prompt, whole or not at all, in place of any before."""
        before = self._names.get(row_key)
        content = table_bytes(pl.DataFrame({_COLUMN: np.asarray(logprobs, dtype=np.float32)}))
        name = write_named(self._root, self._place, f"base-{row_key}", content)
        self._names[row_key] = name
        if before not in (None, name):
            self._delete(str(before))

    def read(self, row_key: str) -> npt.NDArray[np.float32] | None:
        """The log-probabilities [vocabulary] of a prompt; None where they are not stored or are
        damaged, and then they count as not stored."""
        name = self._names.get(row_key)
        if name is None:
            return None
        try:
            frame = read_table(read_verified(self._root, self._place, name))
            return frame[_COLUMN].to_numpy()
        except (Damaged, pl.exceptions.ColumnNotFoundError):
            del self._names[row_key]
            return None

    def heal(self) -> int:
        """Deletes those that are not what was written; how many these are."""
        damaged = 0
        for row_key, name in list(self._names.items()):
            try:
                read_verified(self._root, self._place, name)
            except Damaged:
                self._delete(name)
                del self._names[row_key]
                damaged += 1
        return damaged

    def prune(self, kept: frozenset[str]) -> None:
        """Deletes those of other prompts than `kept`, by row key."""
        for row_key in [key for key in self._names if key not in kept]:
            self._delete(self._names.pop(row_key))

    def _delete(self, name: str) -> None:
        with suppress(OSError):
            (self._root / self._place / name).unlink()
