"""Options of responses: what a line says, or what `options.json` says of its experiment.

Never what anybody responded: many experiments draw their labels anew for each person, so that other
people's responses are no options of this one, and one's own would tell the answer.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tremble.datasets.psych_patterns import Finder, Late
from tremble.decisions.files import json_of
from tremble.decisions.sessions import Labels, is_missing, wrong_labels
from tremble.disk.paths import is_file
from tremble.errors import UserError
from tremble.text import as_written, counted, some_of

SIDECAR = "options.json"
_QUOTED = 200  # characters of a text that a pattern does not fit
_NAMED = 5  # experiments named in a sentence
_CURE = 'write {"experiment": ["J", "F"]}, or a regular expression in the place of the list'
Offered = tuple[Labels | None, ...]  # at each response


class Wrong(Exception):
    """Options of a line that are none; says what is wrong, as a sentence."""


def of_line(value: Any, count: int) -> Offered:
    """The options of each of `count` responses, from the column of their line. Raises Wrong."""
    if not isinstance(value, list) or not value:
        raise Wrong(f"options is {as_written(value)[:100]}; give a list of two or more texts.")
    if not all(one is None or isinstance(one, list) for one in value):
        return (_labels(value),) * count
    if len(value) != count:
        raise Wrong(
            f"options has {len(value):,} entries for {count:,} responses; give one for each (a "
            "list, or null), or one list for all."
        )
    return tuple(None if one is None else _labels(one) for one in value)


def _labels(value: list[Any]) -> Labels:
    known = [one for one in value if not (isinstance(one, str) and is_missing(one))]
    if wrong := wrong_labels(known):
        raise Wrong(f"options is {as_written(value)[:100]}; {wrong}.")
    return tuple(known)


@dataclass(slots=True)
class Declared:
    """What one `options.json` says. `of_all`: what it says of every transcript beside it, where it
    holds a list or a pattern alone."""

    file: Path
    by_name: dict[str, Labels | str] = field(default_factory=dict)
    of_all: Labels | str | None = None
    seen: dict[str, None] = field(default_factory=dict)  # names of transcripts
    studies: dict[str, None] = field(default_factory=dict)  # the first name of each

    def of(self, names: Sequence[str], beside: bool) -> Labels | str | None:
        for name in names:
            if name in self.by_name:
                return self.by_name[name]
        return self.of_all if beside else None

    def notes(self) -> Iterator[str]:
        """A sentence for every name that no transcript has."""
        studies = list(map(repr, self.studies))
        there = some_of(studies[:_NAMED], len(studies) - _NAMED)
        for name in self.by_name:
            if name not in self.seen:
                yield (
                    f"{self.file}: no transcript is of the experiment {name!r}; the transcripts "
                    f"are of {there}."
                )


def declared_in(folder: Path) -> Declared | None:
    """What a folder's `options.json` says, None where it has none. Raises UserError for what is no
    list and no pattern."""
    file = folder / SIDECAR
    if not is_file(file):
        return None
    value = json_of(file, _CURE)
    if isinstance(value, dict):
        said = {name: _said(f"{file}, experiment {name!r}", one) for name, one in value.items()}
        return Declared(file, said)
    return Declared(file, of_all=_said(str(file), value))


def _said(where: str, value: Any) -> Labels | str:
    if isinstance(value, str):
        return _pattern(where, value)
    if not isinstance(value, list):
        raise UserError(f"{where}: options is {as_written(value)[:100]}; {_CURE}.")
    try:
        return _labels(value)
    except Wrong as wrong:
        raise UserError(f"{where}: {wrong}") from wrong


def _pattern(where: str, pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(
            f"{where}: {pattern[:100]!r} is not a regular expression ({error}); correct it, or "
            "give a list of options."
        ) from error
    if not groups:
        raise UserError(
            f"{where}: the pattern {pattern[:100]!r} has no group; put ( ) around what is a label."
        )
    return pattern


class Options:
    """The options of all transcripts of an import. To be closed, since patterns run apart."""

    def __init__(self, path: Path) -> None:
        """`path`: what is imported."""
        self._root = path
        self._declared: dict[Path, Declared | None] = {}
        self._finders: dict[str, Finder] = {}
        self._begins: dict[tuple[str, str], str] = {}  # the first text that was searched
        self._found: Counter[tuple[str, str]] = Counter()  # pattern and study -> responses
        self._none: Counter[tuple[str, str]] = Counter()  # those without labels

    def of(
        self, file: Path, names: Sequence[str], texts: Sequence[str], where: str
    ) -> Offered | None:
        """The options at each response of one transcript. `names` of its experiment, the study
        first; `texts` before each response. Raises UserError for a pattern that takes too long."""
        said = None
        for declared in self._for(file):
            if said is None:
                said = declared.of(names, beside=declared.file.parent == file.parent)
        if said is None or not isinstance(said, str):
            return None if said is None else (said,) * len(texts)
        return self._by_pattern(said, names[0], texts, where)

    def saw(self, file: Path, names: Sequence[str]) -> None:
        """Notes the names of a transcript's experiment, the study first, whether or not its options
        are asked for."""
        for declared in self._for(file):
            declared.seen.update(dict.fromkeys(names))
            declared.studies[names[0]] = None

    def _for(self, file: Path) -> list[Declared]:
        """What is said of the transcripts of a file, the nearest first."""
        folders = dict.fromkeys((file.parent, self._root))
        for folder in folders:
            if folder not in self._declared:
                self._declared[folder] = declared_in(folder)
        return [found for folder in folders if (found := self._declared[folder]) is not None]

    def _by_pattern(self, pattern: str, study: str, texts: Sequence[str], where: str) -> Offered:
        try:
            if pattern not in self._finders:
                self._finders[pattern] = Finder(pattern)
            found = self._finders[pattern].labels(texts)
        except Late:
            raise UserError(
                f"{where}: the pattern {pattern[:100]!r} of {SIDECAR} does not end in time on this "
                "text; write it without repetitions within repetitions."
            ) from None
        shown: list[str] | None = None  # the labels that were shown last go on
        offered: list[Labels | None] = []
        for labels in found:
            shown = labels or shown
            offered.append(_usable(shown))
        known = sum(labels is not None for labels in offered)
        self._begins.setdefault((pattern, study), texts[0])
        self._found[pattern, study] += known
        self._none[pattern, study] += len(offered) - known
        return tuple(offered)

    def notes(self) -> list[str]:
        """What is odd, after all transcripts. Raises UserError for a pattern without any label."""
        said = []
        for (pattern, study), known in self._found.items():
            if not known:
                text = self._begins[pattern, study]
                end = f"...{text[-_QUOTED:]}" if len(text) > _QUOTED else text
                raise UserError(
                    f"{SIDECAR}, experiment {study!r}: the groups of the pattern {pattern[:100]!r} "
                    "hold no two labels in any transcript; put ( ) around each label, and check "
                    f"it against the text before a response (before the first one: {end!r})."
                )
            if none := self._none[pattern, study]:
                said.append(
                    f"{study}: the pattern of {SIDECAR} finds no options for "
                    f"{counted(none, 'response')} of {known + none:,}."
                )
        for declared in self._declared.values():
            said += [] if declared is None else declared.notes()
        return said

    def close(self) -> None:
        for finder in self._finders.values():
            finder.close()


def _usable(labels: list[str] | None) -> Labels | None:
    known = [one for one in labels or () if not is_missing(one)]
    return None if wrong_labels(known) else tuple(known)
