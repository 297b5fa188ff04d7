"""A table that is open: its columns are known, its cells are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tremble.tabular.table import Table


class OpenTable(Protocol):
    """What each format gives. `names`: of all columns in their order, a name as often as it stands
    there; `questions`: texts of questions by column, where the file has them; `notes`: what a user
    should know of how it was read, a sentence each."""

    source: str
    names: Sequence[str]
    questions: Mapping[str, str]
    notes: list[str]

    def read(self, names: Sequence[str]) -> Table:
        """The columns of these names, without rows that are empty throughout the file.

        Raises UserError for a name that stands twice in the file, and for what cannot be read.
        """
