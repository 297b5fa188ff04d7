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
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from tremble.errors import UserError

Types = dict[str, pl.DataType | type[pl.DataType]]

_SCORES: Types = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "model": pl.String,
    "format": pl.String,
    "template": pl.String,
    "formulation": pl.String,
    "presentation": pl.Int8,
    "keys": pl.List(pl.String),
    "logprobs": pl.List(pl.Float64),
    "mass": pl.Float64,
    "first_mass": pl.Float64,
    "other_token": pl.String,
    "other_logprob": pl.Float64,
    "prompt_tokens": pl.Int32,
    "join": pl.Boolean,
    "row_key": pl.String,
    "error": pl.String,
    # Only where other spellings count; `logprobs` and `mass` include them then.
    "exact_logprobs": pl.List(pl.Float64),  # of the labels alone
    "mass_exact": pl.Float64,
    "spellings": pl.String,  # `Spelled` as JSON
    "spelling_logprobs": pl.List(pl.Float64),  # of every spelling, in that order
}
_DECISIONS: Types = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "game": pl.String,
    "cluster": pl.String,
    "at": pl.Int32,
    "participant": pl.String,
    "round": pl.Int32,
    "role": pl.String,
    "keys": pl.List(pl.String),
    "target": pl.String,
    "choice": pl.String,
    "rates": pl.List(pl.Float64),
    "n": pl.Int64,
    "rate_sd": pl.Float64,
    "config": pl.String,
    "presentations": pl.Int8,
    "normative": pl.List(pl.Float64),
    "normative_why": pl.String,
    "numbers": pl.String,
}
SCORES, DECISIONS = pl.Schema(_SCORES), pl.Schema(_DECISIONS)
_SAMPLED = "sampled"  # a column of decisions on disk alone
EXPECTED = pl.Schema({name: _SCORES[name] for name in ("decision", "presentation", "row_key")})


def hash8(value: Any) -> str:
    """Eight hexadecimal digits that stand for a JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:8]


def slug(name: str) -> str:
    """A name that every file system takes, at most 60 characters."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", name).strip("-.")[-60:] or "unnamed"


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
        said = pl.lit(json.dumps(list(sampled), ensure_ascii=False))
        write_parquet(self._decisions_path(dataset), frame.with_columns(said.alias(_SAMPLED)))

    def _decisions_path(self, dataset: str) -> Path:
        return self.folder / "decisions" / f"{slug(dataset)}-{hash8(dataset)}.parquet"

    def write_run(self, content: Mapping[str, Any]) -> None:
        replace_file(self.folder / "run.json", _json(content))

    def read_run(self) -> dict[str, Any]:
        """What the last run asked for. Raises UserError where the folder is no study."""
        path = self.folder / "run.json"
        if not path.is_file():
            raise UserError(
                f"{str(self.folder)!r} is no study folder; give the --out of `tremble run`."
            )
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{str(path)!r} is damaged; run the study again.") from error
        return found

    def decisions(self) -> pl.DataFrame:
        """What people did, of every data set of the last run."""
        frames = [read_parquet(self._decisions_path(n)) for n in self.read_run()["datasets"]]
        return completed(pl.concat(frames, how="diagonal"), DECISIONS).drop(_SAMPLED, strict=False)

    def sampled(self) -> list[str]:
        """What of the data is a sample, a sentence each."""
        run = self.read_run()
        found: list[str] = run.get("sampled", [])  # where an earlier version kept them
        for name in run["datasets"]:
            frame = read_parquet(self._decisions_path(name), rows=1)
            if _SAMPLED in frame.columns and frame.height:
                found = [*found, *json.loads(frame[_SAMPLED][0])]
        return found

    def families(self) -> dict[str, list[str]]:
        """The entries of data that hold decisions of each family."""
        found: dict[str, list[str]] = {}
        for name in self.read_run()["datasets"]:
            frame = read_parquet(self._decisions_path(name), ["family"])
            for family in frame["family"].cast(pl.String).unique(maintain_order=True):
                found.setdefault(family, []).append(name)
        return found

    def scores(self) -> pl.DataFrame:
        """The scores of the last run's folders, one row per decision and presentation.

        `template` names the model whose template was used where it is not the model's own.
        """
        found = [
            Job(self.folder / job["folder"])
            .rows()
            .with_columns(pl.lit(job["partner"], pl.String).alias("template"))
            for job in self.read_run()["jobs"]
        ]
        return pl.concat(found) if found else pl.DataFrame(schema=SCORES)


class Job:
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
        try:  # a sweep has thousands of parts: all of a job at once takes a third of the time
            return pl.read_parquet(self.parts, columns=list(SCORES), glob=False)
        except (OSError, pl.exceptions.PolarsError):
            frames = [completed(read_parquet(path), SCORES) for path in self.parts]
            return pl.concat([frame.select(list(SCORES)) for frame in frames])

    def rows(self) -> pl.DataFrame:
        """The rows in force: those that the last run asked for, one of each."""
        rows, keys = self.all_rows(), list(EXPECTED)
        path = self.folder / "expected.parquet"
        asked = read_parquet(path) if path.is_file() else None
        # Where nothing was scored twice or is no longer asked for, as nearly always, one join
        # over the keys shows it.
        if asked is not None and rows.height == asked.height:
            found = asked.join(rows, on=keys, how="semi").height
            if found == asked.height == asked.select(pl.struct(keys).n_unique()).item():
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
        replace_file(self.folder / "manifest.json", _json(manifest))

    def manifest(self) -> dict[str, Any] | None:
        path = self.folder / "manifest.json"
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises UserError where it cannot be written."""
    replace_file(path, text.encode())


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def completed(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """A frame with the columns of `schema` that it lacks, since an earlier version wrote it, as
    nulls; where the same `tremble run` writes the file anew, it fills them."""
    lacking = [name for name in schema if name not in frame.columns]
    return frame.with_columns(pl.lit(None, schema[name]).alias(name) for name in lacking)


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
