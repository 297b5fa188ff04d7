"""The extensions of one kind, beside what tremble has built in."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from tremble.errors import TrembleError, UserError
from tremble.extensions.digest import Changed
from tremble.extensions.entries import Entry, entries, in_words
from tremble.text import one_line

T = TypeVar("T")
P = ParamSpec("P")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What code of a package may raise without having been interrupted.
BROKEN = (Exception, SystemExit)


class Unfit(Exception):
    """An entry point leads to something else than it must; its text says what it must be."""


class Amiss(Exception):
    """What an extension gives cannot be used; its text goes on after the extension's name."""


class OfPackage(UserError):
    """An extension gave what cannot be used, or broke down."""


class Failed(OfPackage):
    """An extension broke down."""


class Extensions(Generic[T]):
    """What packages add of one kind. `taken` are the names that it cannot have; `made` makes of
    what an entry point leads to what is used of it, and raises Unfit for anything else."""

    def __init__(self, kind: str, taken: Collection[str], made: Callable[[Any, Entry], T]) -> None:
        self.kind, self.taken, self._make = kind, taken, made
        self._loaded: dict[Entry, T | UserError] = {}

    def names(self) -> list[str]:
        """The names that can be used, sorted; nothing is loaded."""
        listed = entries(self.kind)
        return sorted(name for name, same in listed.items() if self._refusal(name, same) is None)

    def get(self, name: str) -> T | None:
        """The extension of that name, None where there is none.

        Raises UserError where it cannot be loaded, is no such thing, or cannot have that name.
        """
        entry = self.entry(name)
        if entry is None:
            return None
        if entry not in self._loaded:
            self._loaded[entry] = self._load(entry)
        found = self._loaded[entry]
        if isinstance(found, UserError):
            raise UserError(str(found)) from found
        return found

    def entry(self, name: str) -> Entry | None:
        """What is listed under that name, None where nothing is or tremble's own has it. Raises
        UserError where it cannot have that name."""
        same = entries(self.kind).get(name)
        if same is None or name in self.taken:
            return None
        refusal = self._refusal(name, same)
        if refusal is not None:
            raise UserError(refusal)
        return same[0]

    def origin(self, name: str) -> dict[str, str] | None:
        """What is stored about the extension of that name (`Entry.origin`); None where there is
        none. It is not loaded."""
        entry = self.entry(name)
        return None if entry is None else entry.origin()

    def all(self) -> dict[str, T]:
        """Those that can be loaded, by name."""
        loaded = {}
        for name in self.names():
            try:
                found = self.get(name)
            except UserError:
                continue
            if found is not None:
                loaded[name] = found
        return loaded

    def troubles(self) -> list[str]:
        """A sentence for each that cannot be used; all are loaded for it."""
        said = []
        for name, same in sorted(entries(self.kind).items()):
            refusal = self._refusal(name, same)
            try:
                if refusal is None:
                    self.get(name)
            except UserError as error:
                refusal = str(error)
            if refusal is not None:
                said.append(refusal)
        return said

    def _refusal(self, name: str, same: tuple[Entry, ...]) -> str | None:
        if name in self.taken:
            return f"The {same[0].called} is not used: tremble has its own {name!r}."
        if not _NAME.fullmatch(name):
            return (
                f"The {same[0].called} is not used: a name consists of small letters, digits and _ "
                "and begins with a letter."
            )
        if len(same) > 1:
            owners = " and ".join(dict.fromkeys(entry.owner for entry in same))
            return (
                f"The {in_words(self.kind)} {name!r} is not used: {owners} each add one with this "
                "name; uninstall all but one."
            )
        return None

    def _load(self, entry: Entry) -> T | UserError:
        try:
            return self._make(entry.load(), entry)
        except Unfit as other:
            return UserError(f"The {entry.called} cannot be used: {entry.target} must be {other}.")
        except Changed as changed:
            return unfit(entry, f"cannot be used: {changed}; start again.")
        except BROKEN as error:  # what an import runs may raise anything
            failed = UserError(
                f"The {entry.called} cannot be loaded from {entry.target} ({_told(error)})."
            )
            failed.__cause__ = error
            return failed


def guarded(entry: Entry, call: Callable[P, T]) -> Callable[P, T]:
    """`call`, which raises UserError with the package in it instead of Amiss, and Failed, with the
    place as well, instead of anything but the errors of tremble."""

    @wraps(call, updated=())
    def guard(*given: P.args, **named: P.kwargs) -> T:
        try:
            return call(*given, **named)
        except TrembleError:
            raise
        except Amiss as amiss:
            raise unfit(entry, str(amiss)) from amiss
        except BROKEN as error:
            raise failure(entry, error) from error

    return guard


def failure(entry: Entry, error: BaseException) -> Failed:
    """The sentence about an extension that broke down."""
    return Failed(f"The {entry.called} failed ({_told(error)}).")


def unfit(entry: Entry, what: str) -> OfPackage:
    """The sentence about an extension that gives what cannot be used; `what` goes on after it."""
    return OfPackage(f"The {entry.called} {what}")


def _told(error: BaseException) -> str:
    """An error in a few words, with the last place it came through."""
    at, step = "", error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith("<") and "importlib" not in file and file != __file__:
            at = f", {Path(file).name} line {step.tb_lineno}"
        step = step.tb_next
    said = one_line(error)
    return f"{type(error).__name__}{f': {said}' if said else ''}{at}"
