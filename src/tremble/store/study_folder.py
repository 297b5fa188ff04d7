"""What was scored, on disk: Parquet parts that are complete or absent, manifests last.

    STUDY/study.toml                         what was asked (frozen copy)
    STUDY/run.json                           which folders below belong to the last run
    STUDY/decisions/DATASET-hash8.parquet    what people did, one row per decision
    STUDY/prompts/KEY-DIGEST.parquet         rendered, tokenised prompts (prompt_cache.py)
    STUDY/scores/MODEL-key8/DATASET-hash8/FORMULATION.FORMAT[-template8]/part-*.parquet
                                                                        /expected.parquet
                                                                        /manifest.json

`expected.parquet` lists the row keys that the last run asked for: a row in force has one of them,
so that scores of an earlier wording of the data never stand beside the data of today.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from tremble.errors import UserError
from tremble.store.files import json_bytes, read_parquet, replace_file, write_parquet
from tremble.store.job_folder import JobFolder
from tremble.store.provenance import hash8, slug
from tremble.store.schemas import DECISIONS, SCORES, completed

_SAMPLED = "sampled"  # a column of decisions on disk alone


class Store:
    """One study's folder. Only one process writes to it at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, name: str) -> None:
        """Raises UserError where the folder holds another study, something else, or is a file."""
        frozen = self.folder / "study.toml"
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{str(self.folder)!r} is a file; give a folder as --out.")
        if frozen.is_file():
            try:
                other = tomllib.loads(frozen.read_text(encoding="utf-8"))["study"]["name"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{str(frozen)!r} is not a study file of tremble's; give another --out."
                ) from error
            if other != name:
                raise UserError(
                    f"{str(self.folder)!r} holds the study {other!r}, not {name!r}; "
                    "give another --out."
                )
        elif self.folder.is_dir() and any(
            not path.name.startswith(".") for path in self.folder.iterdir()
        ):
            raise UserError(
                f"{str(self.folder)!r} holds files that are no study of tremble's; "
                "give an empty or new folder as --out."
            )
        parent = self.folder
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise UserError(
                f"Cannot write in {str(parent)!r}; give a folder that you can write as --out."
            )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the folder for this process; the lock goes when the process ends, however.

        A folder that this made is taken away again where a user's error ends the block before
        anything was scored.
        """
        existed = self.folder.exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise UserError(
                f"Cannot write in {str(self.folder)!r} ({error.strerror}); give another --out."
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"Another run is writing to {str(self.folder)!r}; wait for it to end."
                ) from error
            for stale in self.folder.rglob(".*.tmp"):
                stale.unlink()
            try:
                yield
            except UserError:
                if not existed and next(self.folder.rglob("part-*.parquet"), None) is None:
                    shutil.rmtree(self.folder)
                raise

    def freeze(self, text: str) -> None:
        replace_file(self.folder / "study.toml", text.encode())

    def write_decisions(
        self, dataset: str, frame: pl.DataFrame, sampled: Sequence[str] = ()
    ) -> None:
        """What people did, in one file with the sentences on what of it is a sample: a run that
        ends early leaves none of them beside other decisions."""
        sentences = pl.lit(json.dumps(list(sampled), ensure_ascii=False))
        write_parquet(self._decisions_path(dataset), frame.with_columns(sentences.alias(_SAMPLED)))

    def _decisions_path(self, dataset: str) -> Path:
        return self.folder / "decisions" / f"{slug(dataset)}-{hash8(dataset)}.parquet"

    def write_run(self, content: Mapping[str, Any]) -> None:
        replace_file(self.folder / "run.json", json_bytes(content))

    def read_run(self) -> dict[str, Any]:
        """What the last run asked for. Raises UserError where the folder is no study."""
        path = self.folder / "run.json"
        if not path.is_file():
            raise UserError(
                f"{str(self.folder)!r} is no study folder; give the --out of `tremble run`."
            )
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{str(path)!r} is damaged; run the study again.") from error
        return record

    def decisions(self) -> pl.DataFrame:
        """What people did, of every data set of the last run."""
        frames = [read_parquet(self._decisions_path(n)) for n in self.read_run()["datasets"]]
        return completed(pl.concat(frames, how="diagonal"), DECISIONS).drop(_SAMPLED, strict=False)

    def sampled(self) -> list[str]:
        """What of the data is a sample, a sentence each."""
        run = self.read_run()
        sentences: list[str] = run.get("sampled", [])  # where an earlier version kept them
        for name in run["datasets"]:
            frame = read_parquet(self._decisions_path(name), rows=1)
            if _SAMPLED in frame.columns and frame.height:
                sentences = [*sentences, *json.loads(frame[_SAMPLED][0])]
        return sentences

    def families(self) -> dict[str, list[str]]:
        """The entries of data that hold decisions of each family."""
        entries: dict[str, list[str]] = {}
        for name in self.read_run()["datasets"]:
            frame = read_parquet(self._decisions_path(name), ["family"])
            for family in frame["family"].cast(pl.String).unique(maintain_order=True):
                entries.setdefault(family, []).append(name)
        return entries

    def scores(self) -> pl.DataFrame:
        """The scores of the last run's folders, one row per decision and presentation.

        `template` names the model whose template was used where it is not the model's own.
        """
        jobs = [
            JobFolder(self.folder / job["folder"])
            .rows()
            .with_columns(pl.lit(job["partner"], pl.String).alias("template"))
            for job in self.read_run()["jobs"]
        ]
        return pl.concat(jobs) if jobs else pl.DataFrame(schema=SCORES)
