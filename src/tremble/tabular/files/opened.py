"""A table that is open: its columns are known, its cells are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tremble.errors import UserError
from tremble.tabular.table import Reading, Table

# Ending -> the module that reads it; those of the first two may be packed by gzip (.csv.gz).
_MODULES = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".json": "json_trials",
    ".jsonl": "json_trials",
    ".ndjson": "json_trials",
    ".parquet": "parquet",
    ".xlsx": "spreadsheets",
    ".xls": "spreadsheets",
    ".ods": "spreadsheets",
    ".sav": "statistics_files",
    ".zsav": "statistics_files",
    ".por": "statistics_files",
    ".dta": "statistics_files",
}


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


def ending_of(path: Path) -> str | None:
    """The ending by which a file's format is known, such as ".csv", also of .csv.gz; None where
    it is none of those that are read."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    ending = (suffixes[:-1] if packed else suffixes)[-1:]
    if not ending or ending[0] not in _MODULES:
        return None
    if packed and _MODULES[ending[0]] not in {"delimited", "json_trials"}:
        return None
    return ending[0]


def open_table(source: Path | Any, how: Reading) -> OpenTable:
    """The table in a file, in all files of a folder, or in a Polars or pandas data frame.

    Raises UserError where it is none that can be read, or needs what is not installed.
    """
    if isinstance(source, str):
        source = Path(source)
    if not isinstance(source, Path):
        return _opened("frames", source, how)
    if source.is_dir():
        return _opened("folders", source, how)
    ending = ending_of(source)
    if ending is None and source.suffix.lower() in {".zip", ".7z", ".rar"}:
        raise UserError(f"{str(source)!r} is compressed; unpack it, and give the file inside it.")
    if ending is None:
        raise UserError(
            f"{str(source)!r} does not have the ending of a table ({', '.join(_MODULES)}); rename "
            "it to the ending for its format."
        )
    return _opened(_MODULES[ending], source, how)


def _opened(module: str, source: Any, how: Reading) -> OpenTable:
    made: OpenTable = import_module(f"tremble.tabular.files.{module}").opened(source, how)
    return made
