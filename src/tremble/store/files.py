"""Files that are written whole or not at all, and read with one sentence for what is damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from tremble.errors import UserError


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises UserError where it cannot be written."""
    replace_file(path, text.encode())


def json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_parquet(
    path: Path, columns: list[str] | None = None, rows: int | None = None
) -> pl.DataFrame:
    """A file of the store, or its first rows. Raises UserError where it is missing or damaged."""
    try:
        return pl.read_parquet(path, columns=columns, n_rows=rows)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{str(path)!r} is missing or damaged; delete it where it is, and run the study again."
        ) from error


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame whole or not at all. Raises UserError where it cannot be written."""
    write_whole(path, frame.write_parquet)


def replace_file(path: Path, content: bytes) -> None:
    """Write bytes whole or not at all. Raises UserError where it cannot be written."""
    write_whole(path, lambda out: out.write(content))


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file so that a reader finds the old one or the new one, never a half.

    Raises UserError where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"Cannot write {str(path)!r} ({error.strerror}); what was written before is kept, "
            "so the same command goes on from there."
        ) from error
