"""Parquet tables, read from the one file that a path names, whatever characters are in it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from tremble.disk.paths import why
from tremble.disk.temporary import temporary_folder
from tremble.disk.whole import FAILURES, KEPT, write_whole
from tremble.errors import UserError

Source = Path | bytes


class Damaged(UserError):
    """A file of tremble's own that is missing, or is not what was written."""


def read_table(
    source: Source | Sequence[Source], columns: list[str] | None = None, rows: int | None = None
) -> pl.DataFrame:
    """Tables of the same columns, one after the other, or their first rows.

    Raises Damaged where one is missing or cannot be read.
    """
    several: list[Source] = list(source) if isinstance(source, list | tuple) else [source]  # type: ignore[list-item]
    with _reading(*several):
        return pl.read_parquet(
            [_place(one) for one in several],  # type: ignore[arg-type]
            columns=columns,
            n_rows=rows,
            glob=False,
            hive_partitioning=False,
        )


def columns_of(source: Source) -> pl.Schema:
    """The columns of a table. Raises Damaged where it is missing or cannot be read."""
    with (
        _reading(source),
        io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream,
    ):
        return pl.Schema(pl.read_parquet_schema(stream))


def write_table(path: Path, frame: pl.DataFrame, cure: str = KEPT) -> None:
    """Write a table whole or not at all. Raises UserError where it cannot be written."""
    write_whole(path, frame.write_parquet, cure)


def read_rows(path: Path, columns: list[str], start: int, count: int) -> pl.DataFrame:
    """Some rows of a table, of which only those groups are read that hold them.

    Raises Damaged where it is missing or cannot be read.
    """
    with _reading(path):
        table = pl.scan_parquet(_place(path), glob=False, hive_partitioning=False)
        return table.select(columns).slice(start, count).collect()


def write_parts(path: Path, parts: Iterable[pl.DataFrame], cure: str = KEPT) -> None:
    """Write a table, one part of it or more, whole or not at all; of several, never more than one
    is in memory: they are written beside it, then all of them into the one file, in groups of a
    quarter of the first part's rows, so that `read_rows` reads little that it does not need.

    Raises UserError where it cannot be written.
    """
    waiting = iter(parts)
    first, second = next(waiting), next(waiting, None)
    if second is None:
        write_table(path, first, cure)
        return
    group = max(1, first.height // 4)
    with temporary_folder(path.parent, "parts", cure) as folder:
        made: list[str] = []
        for part in chain((first, second), waiting):
            place = folder.absolute() / f"{len(made):06d}.parquet"
            write_whole(place, partial(part.write_parquet, compression="lz4"), cure)
            made.append(str(place))
        whole = pl.scan_parquet(made, glob=False, hive_partitioning=False)
        write_whole(path, partial(whole.sink_parquet, row_group_size=group), cure)


def table_bytes(frame: pl.DataFrame) -> bytes:
    """A table as the bytes of its file."""
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


@contextmanager
def _reading(*sources: Source) -> Iterator[None]:
    """Has what goes wrong with tables raised as Damaged, with the name of the one that has one."""
    try:
        yield
    except FAILURES as error:
        paths = [str(one) for one in sources if isinstance(one, Path)]
        what = repr(paths[0]) if len(paths) == 1 else "A table"
        raise Damaged(f"{what} is missing or damaged ({why(error)}); run it again.") from error


def _place(source: Source) -> str | bytes:
    # An absolute path begins like no address and no home folder.
    return source if isinstance(source, bytes) else str(source.absolute())
