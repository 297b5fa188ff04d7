"""One job of a study: its parts, the rows that are asked for, its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from tremble.store.files import json_bytes, read_parquet, replace_file, write_parquet
from tremble.store.schemas import EXPECTED, SCORES, whole_scores


class JobFolder:
    """One folder of parts: one model, data set, formulation and format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.previous: dict[str, Any] = self.manifest() or {}

    @property
    def parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def all_rows(self) -> pl.DataFrame:
        """Every row ever written, oldest first."""
        if not self.parts:
            return pl.DataFrame(schema=SCORES)
        # A sweep has thousands of parts: all of a job at once takes a third of the time.
        with suppress(OSError, pl.exceptions.PolarsError):
            return whole_scores(pl.read_parquet(self.parts, columns=list(SCORES), glob=False))
        try:  # those that another version wrote have other columns, and are read together
            groups = [list(alike) for _, alike in groupby(self.parts, pl.read_parquet_schema)]
            read = [pl.read_parquet(alike, glob=False) for alike in groups]
        except (OSError, pl.exceptions.PolarsError):
            read = [read_parquet(path) for path in self.parts]  # names the one that is damaged
        return pl.concat([whole_scores(frame) for frame in read])

    def rows(self) -> pl.DataFrame:
        """The rows in force: those that the last run asked for, one of each."""
        rows, keys = self.all_rows(), list(EXPECTED)
        path = self.folder / "expected.parquet"
        asked = read_parquet(path) if path.is_file() else None
        # Where nothing was scored twice or is no longer asked for, as nearly always, one join
        # over the keys shows it.
        if asked is not None and rows.height == asked.height:
            in_force = asked.join(rows, on=keys, how="semi").height
            if in_force == asked.height == asked.select(pl.struct(keys).n_unique()).item():
                return rows
        rows = rows.unique(keys, keep="last", maintain_order=True)
        return (
            rows if asked is None else rows.join(asked, on=keys, how="semi", maintain_order="left")
        )

    def expect(self, frame: pl.DataFrame) -> None:
        """Say which rows are asked for; a job that lacks one of them counts as unfinished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "expected.parquet"
        if not path.is_file() or not read_parquet(path).equals(frame):
            (self.folder / "manifest.json").unlink(missing_ok=True)
            write_parquet(path, frame)
        if self.rows().height < frame.height:
            (self.folder / "manifest.json").unlink(missing_ok=True)

    def append(self, frame: pl.DataFrame) -> None:
        """One more part, whole or not at all; the job counts as unfinished from here on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "manifest.json").unlink(missing_ok=True)
        numbers = [int(path.stem.removeprefix("part-")) for path in self.parts]
        number = max(numbers, default=-1) + 1
        write_parquet(self.folder / f"part-{number:06d}.parquet", frame)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """The commit marker, written last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(self.folder / "manifest.json", json_bytes(manifest))

    def manifest(self) -> dict[str, Any] | None:
        path = self.folder / "manifest.json"
        if not path.is_file():
            return None
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return manifest
