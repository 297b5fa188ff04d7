"""What the entries of a study's `data` hold, or the sample of it that is asked for."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import lru_cache
from pathlib import Path

from tremble.datasets.base import EXTENSIONS, Notes, names, source
from tremble.decisions.record import Decision
from tremble.decisions.subsample import Sample
from tremble.decisions.view import View
from tremble.disk.paths import path_of
from tremble.errors import UserError
from tremble.prompts.other_games import OtherGames
from tremble.store.provenance import fingerprint

HELD = 10_000  # decisions of a sample that stay in memory; of a larger one the file is read again


def load_data(entry: str, folder: Path, notes: Notes | None = None) -> Iterator[Decision]:
    """The decisions of one entry of `data`: an embedded data set by name, or a JSONL file.

    Raises UserError where it is neither.
    """
    notes = notes or Notes()
    if entry in names():
        data_set = source(entry)
        if data_set.card.embedded:
            yield from data_set.load(folder, notes)
            return
        raise UserError(
            f"The data set {entry!r} is not embedded; run `tremble data import {entry} PATH --out "
            "FILE.jsonl` and give that file in data."
        )
    yield from source("jsonl").load(data_file(entry, folder), notes)


def data_file(entry: str, folder: Path) -> Path:
    """The file that an entry of `data` names, from the study file's folder. Raises UserError where
    it can be no path."""
    return folder / path_of(entry)


def decisions_of(entry: str, folder: Path, sample: int | None) -> Iterator[Decision]:
    """The decisions of one entry of a study's data: all, or those that a sample of at most so many
    of each family takes. `folder` is that of the study file."""
    if sample is None:
        return load_data(entry, folder)
    asked = (entry, folder, data_fingerprint(entry, folder), sample)
    drawn = _sample(*asked)
    if drawn.size() > HELD:
        return drawn.of(load_data(entry, folder))
    return iter(_held(*asked))


def sample_notes(
    entry: str, folder: Path, sample: int | None, families: Container[str]
) -> list[str]:
    """What of an entry of a study's data its `sample` leaves out, a sentence each; `families` are
    those of the entry that are in the study."""
    if sample is None:
        return []
    mark = data_fingerprint(entry, folder)
    return _sample(entry, folder, mark, sample).notes(entry, families)


@lru_cache(maxsize=16)
def _sample(entry: str, folder: Path, mark: str | None, most: int) -> Sample:
    """What is drawn of one entry of `data`, which is read once for it."""
    return Sample(load_data(entry, folder), most)


@lru_cache(maxsize=4)
def _held(entry: str, folder: Path, mark: str | None, most: int) -> list[Decision]:
    """A small sample, which every cell of its data reads: a large file takes long to read."""
    return list(_sample(entry, folder, mark, most).of(load_data(entry, folder)))


def data_fingerprint(entry: str, folder: Path) -> str | None:
    """A hash of what an entry of `data` holds: of its file, or of the package that adds it, with
    where in the package it is; None for embedded data, which are part of this one."""
    if entry in names():
        added = EXTENSIONS.origin(entry)
        return None if added is None else f"{added['digest']} {added['target']}"
    return fingerprint(data_file(entry, folder))


def games_of(entry: str, folder: Path) -> OtherGames:
    """Games of one entry of `data`, read once for every cell that needs them: of all of it, so that
    a larger sample later has the same prompts."""
    return _games(entry, folder, data_fingerprint(entry, folder))


@lru_cache(maxsize=1)
def _games(entry: str, folder: Path, mark: str | None) -> OtherGames:
    return OtherGames(load_data(entry, folder))


class GamesOnDemand(OtherGames):
    """The games of `games_of`, which are read when something is asked of them first; `used`:
    whether anything was."""

    def __init__(self, entry: str, folder: Path) -> None:
        self._of, self.used = (entry, folder), False

    def games(self, family: str) -> list[str]:
        return self._read().games(family)

    def in_place_of(self, decision: Decision, seen: View) -> View:
        return self._read().in_place_of(decision, seen)

    def _read(self) -> OtherGames:
        self.used = True
        return games_of(*self._of)
