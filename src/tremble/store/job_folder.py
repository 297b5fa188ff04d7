"""One job of a study: its parts, the rows that are asked for, its manifest.

part-NUMBER-DIGEST.parquet      rows, oldest first; 0.1.0 wrote part-NUMBER.parquet
base-ROW_KEY-DIGEST.parquet     of a base on a held-out task: see base_distributions.py
expected-DIGEST.parquet         which rows a run asked for; of 0.1.0: expected.parquet
manifest.json                   how the rows came about; written when all are there
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from tremble.disk.tables import Damaged, columns_of, read_table, table_bytes
from tremble.store.provenance import slug
from tremble.store.records import read_manifest
from tremble.store.schemas import EXPECTED, SCORES, TASK_SCORES, whole_scores
from tremble.store.sealed import (
    AGAIN,
    digest_in,
    digest_of,
    named,
    read_verified,
    sealed_json,
    write_inside,
    write_named,
)

PART = re.compile(r"part-(?P<number>\d{6,})(?:-[0-9a-f]{32})?\.parquet")
ASKED = re.compile(r"expected(?:-[0-9a-f]{32})?\.parquet")
ASKED_0_1 = "expected.parquet"
MANIFEST = "manifest.json"
_DAMAGED = ".damaged"  # ends the name of a part that is set aside
OnDamage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the record of the last run says of a job's files.

    `expected`: the name of the file of the rows asked for. `digests`: of files whose names hold
    none. `complete`: whether every file must be in the record or hold its digest in its name; not
    so for what 0.1.0 wrote and no later version has seen.
    """

    expected: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False


class JobFolder:
    """One folder of parts: one model, data set, formulation and format.

    `root` is the study's folder, `place` the job's below it, as "scores/MODEL-key8/...".
    """

    def __init__(self, root: Path, place: str, recorded: Recorded | None = None) -> None:
        self.root, self.place = root, place
        self.path = root / place
        self.recorded = recorded or Recorded()

    def parts(self) -> list[str]:
        """The names of the parts, oldest first."""
        try:
            names = [path.name for path in self.path.iterdir() if PART.fullmatch(path.name)]
        except OSError:
            return []
        return sorted(names, key=lambda name: (_number(name), name))

    def all_rows(
        self, on_damage: OnDamage | None = None, columns: Sequence[str] = tuple(SCORES)
    ) -> pl.DataFrame:
        """Every row ever written, oldest first; `columns` of it (of `TASK_SCORES`).

        Parts that are missing, damaged, or another job's raise Damaged; with `on_damage` they are
        left out, and it is told of each, a sentence.
        """
        contents: list[bytes] = []
        for name in self.parts():
            try:
                contents.append(self._part(name))
            except Damaged as error:
                _tell(error, on_damage)
        for name in self._missing():
            _tell(self._is_missing(name), on_damage)
        return _rows(contents, columns)

    def rows(self, columns: Sequence[str] = tuple(SCORES)) -> pl.DataFrame:
        """The rows in force: those that the last run asked for, one of each; of them `columns`,
        and those of `EXPECTED`.

        Raises Damaged where a part or the list of what is asked for is missing or damaged.
        """
        keys = list(EXPECTED)
        names = [name for name in TASK_SCORES if name in columns or name in keys]
        rows, asked = self.all_rows(columns=names), self._asked()
        # Where nothing was scored twice or is no longer asked for, as nearly always, one join
        # over the keys shows it.
        if asked is not None and rows.height == asked.height:
            in_force = asked.join(rows, on=keys, how="semi").height
            if in_force == asked.height == asked.select(pl.struct(keys).n_unique()).item():
                return rows
        rows = rows.unique(keys, keep="last", maintain_order=True)
        if asked is not None:
            rows = rows.join(asked, on=keys, how="semi", maintain_order="left")
        finished = self.manifest() or {}
        whole = finished.get("rows", 0) if asked is None else asked.height
        if finished and rows.height < whole:
            raise Damaged(
                f"{str(self.path)!r} was finished but lacks {whole - rows.height:,} of {whole:,} "
                f"rows; {AGAIN}."
            )
        return rows

    def expect(self, frame: pl.DataFrame) -> None:
        """Write down which rows are asked for (`recorded.expected`). What was asked for before
        stays until `prune`, for a run that ends before its record is written."""
        name = self.recorded.expected or ASKED_0_1
        with suppress(Damaged):
            if self._read(name).equals(frame):
                self._record(name)
                return
        self._record(write_named(self.root, self.place, "expected", table_bytes(frame)))

    def append(self, frame: pl.DataFrame) -> None:
        """One more part, whole or not at all."""
        number = max(map(_number, self.parts()), default=-1) + 1
        content = table_bytes(frame)
        name = named(f"part-{number:06d}", content, self.place)
        write_inside(self.root, self.path / name, content)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """The commit marker, written last: it names every part."""
        whole = {"expected": self.recorded.expected, **manifest, "parts": self.parts()}
        write_inside(self.root, self.path / MANIFEST, sealed_json(whole))

    def damage_of_manifest(self) -> str | None:
        """What is wrong with a manifest that is there and cannot be read, a sentence."""
        path = self.path / MANIFEST
        try:
            if path.is_file():
                read_manifest(path)
        except Damaged as error:
            return str(error)
        return None

    @property
    def previous(self) -> dict[str, Any]:
        """The last manifest that was written, in force or not; empty where there is none."""
        with suppress(Damaged):
            return read_manifest(self.path / MANIFEST)
        return {}

    def manifest(self) -> dict[str, Any] | None:
        """The manifest of a finished job; None where rows of it are missing or one is damaged."""
        manifest = self.previous
        expected = self.recorded.expected
        if not manifest or expected not in (None, manifest.get("expected", ASKED_0_1)):
            return None
        return manifest if {*manifest.get("parts", ())} <= {*self.parts()} else None

    def heal(self, on_damage: OnDamage) -> None:
        """Set aside what is damaged, so that its rows are scored anew, and tell `on_damage`, a
        sentence each. Takes down digests of the parts whose names hold none."""
        sound, damage = {}, [self._is_missing(name) for name in self._missing()]
        for name in self.parts():
            try:
                content = self._part(name)
            except Damaged as error:
                damage.append(error)
                with suppress(OSError):
                    (self.path / name).replace(self.path / f"{name}{_DAMAGED}")
                continue
            if digest_in(name) is None:
                sound[name] = digest_of(content, self.place)
        for one in damage:
            on_damage(str(one).replace(AGAIN, "its rows are scored again"))
        if (lost := self.damage_of_manifest()) is not None:
            on_damage(lost.replace(AGAIN, "it is rewritten"))
        if damage and (before := self.previous):  # in force no more, and what it tells is kept
            self.finish({**before, "expected": ""})
        self.recorded = Recorded(self.recorded.expected, sound, complete=True)

    def prune(self) -> None:
        """Delete lists of rows that are no longer asked for."""
        with suppress(OSError):
            for path in list(self.path.iterdir()):
                if ASKED.fullmatch(path.name) and path.name != self.recorded.expected:
                    path.unlink()

    def _record(self, expected: str) -> None:
        digests = dict(self.recorded.digests)
        if digest_in(expected) is None:
            content = read_verified(self.root, self.place, expected)
            digests[expected] = digest_of(content, self.place)
        self.recorded = Recorded(expected, digests, self.recorded.complete)

    def _read(self, name: str) -> pl.DataFrame:
        digest = self.recorded.digests.get(name)
        asked = read_table(read_verified(self.root, self.place, name, digest))
        if asked.schema != EXPECTED:
            raise Damaged(f"{str(self.path / name)!r} is not a list of rows; {AGAIN}.")
        return asked

    def _asked(self) -> pl.DataFrame | None:
        if self.recorded.expected is not None:
            return self._read(self.recorded.expected)
        return self._read(ASKED_0_1) if (self.path / ASKED_0_1).is_file() else None

    def _part(self, name: str) -> bytes:
        """The content of a part. Raises Damaged where it is not what was written here."""
        digest = self.recorded.digests.get(name)
        content = read_verified(self.root, self.place, name, digest)
        if digest_in(name) is None and digest is None:
            self._check_unverified(name, content)
        return content

    def _check_unverified(self, name: str, content: bytes) -> None:
        """Raises Damaged where a part without a digest cannot be read or is not of this job."""
        path = self.path / name
        try:
            rows = whole_scores(read_table(content))
            foreign = self.recorded.complete or not self._is_own(rows)
        except (Damaged, pl.exceptions.PolarsError) as error:
            raise Damaged(f"{str(path)!r} is damaged; {AGAIN}.") from error
        if foreign:
            raise Damaged(f"{str(path)!r} contains rows that were not written there; {AGAIN}.")

    def _is_own(self, rows: pl.DataFrame) -> bool:
        """Whether rows are of this job by what they say of themselves."""
        model, _, asked = self.place.rsplit("/", 3)[-3:]
        return all(
            re.fullmatch(rf"{re.escape(slug(name or ''))}-[0-9a-f]{{8}}", model)
            and re.fullmatch(rf"{re.escape(f'{wording}.{mode}')}(-[0-9a-f]{{8}})?", asked)
            for name, wording, mode in rows.select("model", "formulation", "format").unique().rows()
        )

    def _missing(self) -> list[str]:
        """Parts that were written here, by the manifest and the record, and are gone."""
        known = [*self.previous.get("parts", ()), *self.recorded.digests]
        there = {*self.parts()}
        return [name for name in dict.fromkeys(known) if PART.fullmatch(name) and name not in there]

    def _is_missing(self, name: str) -> Damaged:
        return Damaged(f"{str(self.path / name)!r} is missing; {AGAIN}.")


def _number(name: str) -> int:
    form = PART.fullmatch(name)
    return int(form["number"]) if form is not None else -1


def _tell(error: Damaged, on_damage: OnDamage | None) -> None:
    if on_damage is None:
        raise error
    on_damage(str(error))


def _rows(parts: Sequence[bytes], columns: Sequence[str]) -> pl.DataFrame:
    """The rows of parts. Those that another version wrote have other columns, and are read
    together: a sweep has thousands of parts, and all at once takes a third of the time."""
    if not parts:
        return pl.DataFrame(schema=TASK_SCORES).select(columns)
    with suppress(Damaged):
        return read_table(parts, columns=list(columns)).select(columns)
    alike = [list(group) for _, group in groupby(parts, lambda part: columns_of(part).names())]
    return pl.concat([whole_scores(read_table(group)).select(columns) for group in alike])
