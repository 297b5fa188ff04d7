"""What the entries of a study's `data` hold, or the part of it that is asked for."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from tremble.datasets.base import EXTENSIONS, Notes, names, source
from tremble.decisions.record import Decision
from tremble.decisions.view import View
from tremble.disk.paths import path_of
from tremble.errors import UserError
from tremble.prompts.arms import Interviewed, Said
from tremble.prompts.cuts import least_characters
from tremble.prompts.interview import Questions
from tremble.prompts.other_games import OtherGames
from tremble.store.provenance import fingerprint
from tremble.study.taken import ALL, Part, Taken
from tremble.text import counted

HELD = 10_000  # decisions of a part that stay in memory; of a larger one the file is read again


def load_data(entry: str, folder: Path, notes: Notes | None = None) -> Iterator[Decision]:
    """The decisions of one entry of `data`: an embedded data set by name, or a JSONL file. Offers
    in it are passed over.

    Raises UserError where it is neither.
    """
    notes = notes or Notes()
    if entry in names():
        data_set = source(entry)
        if data_set.card.embedded:
            yield from data_set.decisions(folder, notes)
            return
        raise UserError(
            f"The data set {entry!r} is not embedded; run `tremble data import {entry} PATH --out "
            "FILE.jsonl` and give that file in data."
        )
    yield from source("jsonl").decisions(data_file(entry, folder), notes)


def data_file(entry: str, folder: Path) -> Path:
    """The file that an entry of `data` names, from the study file's folder. Raises UserError where
    it can be no path."""
    return folder / path_of(entry)


def decisions_of(entry: str, folder: Path, part: Part = ALL) -> Iterator[Decision]:
    """The decisions of one entry of a study's data: all, or those that the study takes. `folder` is
    that of the study file."""
    if part == ALL:
        return load_data(entry, folder)
    asked = (entry, folder, data_fingerprint(entry, folder), part)
    taken = _taken(*asked)
    if taken.size > HELD:
        return taken.of(load_data(entry, folder))
    return iter(_held(*asked))


def nothing_in(entry: str, folder: Path, part: Part) -> UserError:
    """The error for an entry of which a study takes nothing: because it is empty, or because
    `session_characters` cuts every session before its first response."""
    if part.session_characters is not None:
        before = replace(part, session_characters=None, sample=None)
        least = least_characters(decisions_of(entry, folder, before))
        if least is not None:
            return UserError(
                f"session_characters = {part.session_characters} leaves no response of the data "
                f"{entry!r}, because the earliest one ends after {counted(least, 'character')}; "
                f"raise session_characters to at least {least}, or remove it."
            )
    return UserError(f"The data {entry!r} contain no decisions; give a file that has some.")


def notes_of_taken(entry: str, folder: Path, part: Part, families: Container[str]) -> list[str]:
    """What a study leaves out of an entry of its data, a sentence each; `families` are those of the
    entry that are in the study."""
    if part == ALL:
        return []
    return _taken(entry, folder, data_fingerprint(entry, folder), part).notes(entry, families)


@lru_cache(maxsize=16)
def _taken(entry: str, folder: Path, mark: str | None, part: Part) -> Taken:
    """What is taken of one entry of `data`, which is read for it."""
    return Taken(part, lambda: load_data(entry, folder))


@lru_cache(maxsize=4)
def _held(entry: str, folder: Path, mark: str | None, part: Part) -> list[Decision]:
    """A small part, which every cell of its data reads: a large file takes long to read."""
    return list(_taken(entry, folder, mark, part).of(load_data(entry, folder)))


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


def people_of(entry: str, folder: Path, questions: Questions) -> Interviewed:
    """The participants of one entry of `data`, read once for every cell that interviews them: of
    all of it, so that who is told of whom does not depend on the part that is taken."""
    return _people(entry, folder, data_fingerprint(entry, folder), questions)


@lru_cache(maxsize=4)
def _people(entry: str, folder: Path, mark: str | None, questions: Questions) -> Interviewed:
    return Interviewed.of(load_data(entry, folder), questions)


class PeopleOnDemand:
    """The participants of `people_of` (`prompts.arms.People`), who are read when somebody else's
    facts are asked for first."""

    def __init__(self, entry: str, folder: Path, questions: Questions) -> None:
        self.questions = questions
        self._of = entry, folder, questions

    def other(self, participant: str) -> Said | None:
        """As `prompts.arms.People.other`."""
        return people_of(*self._of).other(participant)
