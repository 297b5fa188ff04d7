"""What was scored, on disk: Parquet parts that are complete or absent, manifests last.

    STUDY/.tremble-study                     says that the folder is a study's
    STUDY/run.json                           the record of the last run: all files that belong to it
    STUDY/study.toml                         what was asked, to be read; the record holds it too
    STUDY/data/NAME.jsonl                    decisions that were given as objects, in Python
    STUDY/decisions/DATASET-hash8-DIGEST.parquet    what people did, one row per decision
    STUDY/prompts/KEY-DIGEST.parquet         rendered, tokenised prompts (prompt_cache.py)
    STUDY/scores/MODEL-key8/DATASET-hash8/FORMULATION.FORMAT[-template8]/   see job_folder.py

What a run asks for is one commit: decisions and lists of rows lie under names of their content, and
the record, written last, names them. A run that ends before leaves all that was in force.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from tremble.disk.folders import missing_folders, remove_empty
from tremble.disk.paths import why
from tremble.disk.tables import Damaged, read_table, table_bytes
from tremble.errors import UserError
from tremble.store.job_folder import JobFolder, Recorded
from tremble.store.lock import locked
from tremble.store.owned import (
    MARK,
    has_parts,
    prune_decisions,
    remove_unscored,
    set_aside,
    sweep_study,
)
from tremble.store.provenance import hash8, slug
from tremble.store.records import read_record
from tremble.store.schemas import DECISIONS, RARE, SCORES, completed
from tremble.store.sealed import (
    AGAIN,
    digest_in,
    digest_of,
    read_verified,
    sealed_json,
    write_inside,
    write_named,
)

_SAMPLED = "sampled"  # a column of decisions on disk alone
_RECORD = "run.json"
_FROZEN = "study.toml"


class Store:
    """One study's folder. Only one process writes to it at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: tuple[object, dict[str, Any], dict[str, Recorded]] | None = None
        self.brought: list[Path] = []  # files that this run copied into it (`brought.bring`)

    def is_study(self) -> bool:
        """Whether the folder is a study's: by its mark, or by the record of a run of 0.1.0."""
        if (self.folder / MARK).is_file():
            return True
        if not (self.folder / _RECORD).is_file():
            return False
        # A damaged record is known by what else a run leaves.
        return self.record() is not None or has_parts(self.folder)

    def check(self, name: str) -> None:
        """Raises UserError where the folder holds another study, something else, or is a file."""
        if str(self.folder) == "-":
            raise UserError("--out is '-', but a study is a folder; give a folder as --out.")
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{str(self.folder)!r} is a file; give a folder as --out.")
        if self.is_study():
            other = self._name()
            if other is not None and other != name:
                raise UserError(
                    f"{str(self.folder)!r} contains the study {other!r}, not {name!r}; give "
                    "another --out."
                )
        elif self.folder.is_dir() and any(
            not path.name.startswith(".") for path in self.folder.iterdir()
        ):
            raise UserError(
                f"{str(self.folder)!r} contains files that are not a tremble study; give an empty "
                "or new folder as --out (default: the study's name)."
            )
        parent = self.folder
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise UserError(
                f"Cannot write in {str(parent)!r}; give a folder that you can write as --out."
            )

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Holds the folder of a study (see `check`) for this process; the lock goes when the
        process ends, however.

        A folder that this made is taken away again, with those above it, where a user's error
        ends the block before anything was scored.
        """
        missing = missing_folders(self.folder)
        with locked(self.folder):
            self.check(name)  # another run may have made it a study's in the meantime
            self.mark()
            sweep_study(self.folder)
            try:
                yield
            except UserError:
                if missing:
                    remove_unscored(self.folder, self.brought)
                    remove_empty(missing)
                raise

    def mark(self) -> None:
        """Makes the folder a study's. Raises UserError where it cannot be written."""
        path = self.folder / MARK
        if not path.is_file():
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(
                    f"Cannot create the folder {str(self.folder)!r} ({why(error)}); give another "
                    "--out."
                ) from error
            write_inside(self.folder, path, b"A study of tremble's: run.json says what is in it.\n")

    def write_decisions(
        self, dataset: str, frame: pl.DataFrame, sampled: Sequence[str] = ()
    ) -> str:
        """What people did, in one file with the sentences on what of it is a sample. The file's
        name, by which the record names it."""
        sentences = pl.lit(json.dumps(list(sampled), ensure_ascii=False))
        # What no record names is no column, as in folders of before there were items.
        unused = [name for name in RARE if frame[name].null_count() == frame.height]
        whole = frame.drop(unused).with_columns(sentences.alias(_SAMPLED))
        with suppress(Damaged):
            there = self._decisions_name(dataset)
            if there is not None and self._decisions_of(dataset).equals(whole):
                return there
        name = f"{slug(dataset)}-{hash8(dataset)}"
        return write_named(self.folder, "decisions", name, table_bytes(whole))

    def commit(
        self, content: Mapping[str, Any], decisions: Mapping[str, str], jobs: Sequence[JobFolder]
    ) -> None:
        """Writes the record of a run, from which on all that it names is in force. `content`: what
        was asked for, its `jobs` in the order of `jobs`; `decisions`: the name of each entry's file
        (`write_decisions`)."""
        mine = {job.place for job in jobs}
        digests = {  # those of jobs that are not asked for this time are kept for when they are
            path: digest
            for path, digest in (self.record() or {}).get("digests", {}).items()
            if path.startswith("scores/") and path.rpartition("/")[0] not in mine
        }
        digests |= {
            f"{job.place}/{name}": digest
            for job in jobs
            for name, digest in job.recorded.digests.items()
        }
        for name in decisions.values():
            if digest_in(name) is None:
                written = read_verified(self.folder, "decisions", name)
                digests[f"decisions/{name}"] = digest_of(written, "decisions")
        entries = [
            {**entry, "expected": job.recorded.expected}
            for entry, job in zip(content["jobs"], jobs, strict=True)
        ]
        self._write_record(
            {**content, "jobs": entries, "decisions": dict(decisions), "digests": digests}
        )

    def amend(self, changes: Mapping[str, Any]) -> None:
        """Changes entries of the record."""
        self._write_record({**self.read_run(), **changes})

    def _write_record(self, record: Mapping[str, Any]) -> None:
        before, text = self.record() or {}, record.get("study_file")
        write_inside(self.folder, self.folder / _RECORD, sealed_json(record))
        if text is not None:
            self._freeze(str(text), before.get("study_file"))

    def _freeze(self, text: str, before: str | None) -> None:
        """A copy of the study file for people. One that says the same stays; one that is not what
        was copied there `before` is set aside."""
        path = self.folder / _FROZEN
        with suppress(OSError):
            there = path.read_bytes()
            if there == text.encode():
                return
            if before is None or there != before.encode():
                set_aside(path)
        write_inside(self.folder, path, text.encode())

    def prune(self) -> None:
        """Deletes files of earlier runs that no record names any more."""
        record = self.read_run()
        kept = {*record.get("decisions", {}).values(), *filter(None, [record.get("task_items")])}
        prune_decisions(self.folder, kept, record["datasets"])
        for job in self.jobs(task=None):
            job.prune()

    def read_run(self) -> dict[str, Any]:
        """What the last run asked for. Raises UserError where the folder is no study, or its record
        is damaged."""
        path = self.folder / _RECORD
        try:
            stat = path.stat()
        except (OSError, ValueError) as error:
            if self.folder.is_dir() and (self.folder / MARK).is_file():
                raise Damaged(
                    f"{str(path)!r} is missing: the study in {str(self.folder)!r} was never "
                    f"scored, or the file was deleted; {AGAIN}."
                ) from error
            what = "is not a study folder" if os.path.lexists(self.folder) else "does not exist"
            cure = "give the folder that `tremble run` wrote"
            raise UserError(f"{str(self.folder)!r} {what}; {cure}.") from error
        state = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if self._read is None or self._read[0] != state:
            record = read_record(path)
            self._read = (state, record, _recorded(record))
        return self._read[1]

    def record(self) -> dict[str, Any] | None:
        """`read_run`, or None where there is no sound record."""
        try:
            return self.read_run()
        except UserError:
            return None

    def study_file(self) -> str:
        """The study file of the last run. Raises UserError where there is none."""
        text = self.read_run().get("study_file")
        path = self.folder / _FROZEN
        try:
            return path.read_text(encoding="utf-8") if text is None else str(text)
        except (OSError, UnicodeDecodeError) as error:
            raise Damaged(f"Cannot read {str(path)!r} ({why(error)}); {AGAIN}.") from error

    def _name(self) -> str | None:
        """The study's name; None where both files that say it are damaged or missing."""
        record = self.record()
        if record is not None:
            return str(record["study"])
        try:
            frozen = tomllib.loads((self.folder / _FROZEN).read_text(encoding="utf-8"))
            return str(frozen["study"]["name"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _decisions_name(self, dataset: str) -> str | None:
        """The file of an entry of `data` in the last run."""
        record = self.record()
        if record is None or dataset not in record["datasets"]:
            return None
        name: str = record.get("decisions", {}).get(
            dataset, f"{slug(dataset)}-{hash8(dataset)}.parquet"
        )
        return name

    def _decisions_of(
        self, dataset: str, columns: list[str] | None = None, rows: int | None = None
    ) -> pl.DataFrame:
        name = self._decisions_name(dataset) or ""
        digest = self.read_run().get("digests", {}).get(f"decisions/{name}")
        content = read_verified(self.folder, "decisions", name, digest)
        return read_table(content, columns, rows)

    def decisions(self) -> pl.DataFrame:
        """What people did, of every data set of the last run."""
        frames = [self._decisions_of(name) for name in self.read_run()["datasets"]]
        whole = pl.concat(frames, how="diagonal")
        if whole["decision"].n_unique() < whole.height:  # files of 0.1.0 cannot be verified
            twice = whole["decision"].filter(whole["decision"].is_duplicated())[0]
            raise Damaged(
                f"{str(self.folder / 'decisions')!r} contains the decision {twice!r} twice, so a "
                f"file in it was changed; {AGAIN}."
            )
        return completed(whole, DECISIONS).drop(_SAMPLED, strict=False)

    def entry(self, dataset: str) -> pl.DataFrame:
        """What people did in one entry of data, with every column."""
        return completed(self._decisions_of(dataset), DECISIONS)

    def columns_by_entry(self, columns: list[str]) -> dict[str, pl.DataFrame]:
        """Some columns of `decisions`, which every version has stored, by entry of data."""
        return {name: self._decisions_of(name, columns) for name in self.read_run()["datasets"]}

    def decision_columns(self, columns: list[str]) -> pl.DataFrame:
        """The same of all entries together."""
        return pl.concat(self.columns_by_entry(columns).values())

    def sampled(self) -> list[str]:
        """What of the data is a sample, a sentence each."""
        run = self.read_run()
        sentences: list[str] = run.get("sampled", [])  # where an earlier version kept them
        for name in run["datasets"]:
            frame = self._decisions_of(name, rows=1)
            if _SAMPLED in frame.columns and frame.height:
                sentences = [*sentences, *json.loads(frame[_SAMPLED][0])]
        return sentences

    def families(self) -> dict[str, list[str]]:
        """The entries of data that hold decisions of each family."""
        entries: dict[str, list[str]] = {}
        for name, frame in self.columns_by_entry(["family"]).items():
            for family in frame["family"].cast(pl.String).unique(maintain_order=True):
                entries.setdefault(family, []).append(name)
        return entries

    def job(self, place: str) -> JobFolder:
        """A job's folder, by its place below the study's, and what the last run asked of it."""
        recorded = None
        if self.record() is not None and self._read is not None:
            recorded = self._read[2].get(place)
        return JobFolder(self.folder, place, recorded)

    def entries(self, task: bool | None = False) -> list[dict[str, Any]]:
        """What the record says of the jobs of the last run: those that score what people did; with
        `task` those that score a held-out task; with None all."""
        every: list[dict[str, Any]] = self.read_run()["jobs"]
        return [entry for entry in every if task is None or bool(entry.get("task")) is task]

    def jobs(self, task: bool | None = False) -> list[JobFolder]:
        """The jobs of the last run, as `entries`."""
        return [self.job(entry["folder"]) for entry in self.entries(task)]

    def scores(self) -> pl.DataFrame:
        """The scores of the last run's folders, one row per decision and presentation.

        `template` names the model whose template was used where it is not the model's own. Raises
        Damaged where a file is missing, or is not what was written.
        """
        jobs = [
            self.rows(entry).with_columns(template=pl.lit(entry["partner"], pl.String))
            for entry in self.entries()
        ]
        return pl.concat(jobs) if jobs else pl.DataFrame(schema=SCORES)

    def rows(self, entry: dict[str, Any], columns: Sequence[str] = tuple(SCORES)) -> pl.DataFrame:
        """The rows of a job of the last run, under the name that the run has for their model: one
        whose name was written in another way before, or that has the weights of another, keeps its
        scores. Raises as `JobFolder.rows`."""
        rows, named = self.job(entry["folder"]).rows(columns), entry.get("model")
        if named is None or "model" not in columns:
            return rows
        return rows.with_columns(model=pl.lit(named, rows.schema["model"]))


def _recorded(record: Mapping[str, Any]) -> dict[str, Recorded]:
    """What a record says of each job's files, by its place; nothing where 0.1.0 wrote it."""
    if "digests" not in record:
        return {}
    digests: dict[str, dict[str, str]] = {}
    for path, digest in record["digests"].items():
        place, _, name = path.rpartition("/")
        digests.setdefault(place, {})[name] = digest
    expected = {job["folder"]: job.get("expected") for job in record["jobs"]}
    places = {*expected, *(place for place in digests if place.startswith("scores/"))}
    return {
        place: Recorded(expected.get(place), digests.get(place, {}), complete=True)
        for place in places
    }
