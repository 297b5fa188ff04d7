"""Parquet files, by path and never by pattern; nested columns are taken apart by dots."""

from __future__ import annotations

from pathlib import Path

from tremble.disk.tables import Damaged, read_table
from tremble.errors import UserError
from tremble.tabular.files import frames
from tremble.tabular.files.held import Held
from tremble.tabular.files.streams import first_bytes, refuse_others
from tremble.tabular.table import Reading


def opened(path: Path, how: Reading) -> Held:
    """As `open_table`. Raises UserError where the file is no Parquet file, or damaged."""
    start = first_bytes(path)
    refuse_others(path, (".parquet",), start)
    try:
        frame = read_table(path)
    except Damaged as error:
        raise UserError(
            f"{str(path)!r} is not a Parquet file, or is damaged; write it again from its source."
        ) from error
    return frames.opened(frame, how, str(path))
