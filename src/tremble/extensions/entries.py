"""The entry points of installed packages, by kind and name: listed, not loaded."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tremble.extensions.digest import digest_of, take

OFF = "TREMBLE_NO_EXTENSIONS"  # set to one of these, no package adds anything
_YES = ("1", "true", "yes", "on")
GROUPS = {
    "dataset": "tremble.datasets",
    "family": "tremble.families",
    "wording": "tremble.wordings",
    "control": "tremble.controls",
    "engine": "tremble.engines",
    "baseline": "tremble.baselines",
    "table": "tremble.tables",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a package adds. `target` is the entry point's value, "module:object"; `place`
    the folder that the package is installed in; `point` loads it."""

    kind: str
    name: str
    package: str
    version: str
    target: str
    place: str
    point: Any = field(compare=False, repr=False)

    @property
    def called(self) -> str:
        """As sentences name it: "wording 'calm' of the package example 1.0"."""
        return f"{in_words(self.kind)} {self.name!r} of the package {self.owner}"

    @property
    def owner(self) -> str:
        return f"{self.package} {self.version}"

    def origin(self) -> dict[str, str]:
        """What is stored about it: kind, name, package, version, target and the package's digest,
        which does not say where in the package the entry point leads."""
        return {
            "kind": self.kind,
            "name": self.name,
            "package": self.package,
            "version": self.version,
            "target": self.target,
            "digest": digest_of(self.module, self.place),
        }

    @property
    def module(self) -> str:
        return self.target.partition(":")[0].strip()

    def load(self) -> Any:
        """What it leads to, whose digest is known from then on. Raises Changed where that would be
        another one, and whatever the import raises."""
        take(self.module, self.place)
        return self.point.load()


def in_words(kind: str) -> str:
    """A kind as people read it."""
    return "data set" if kind == "dataset" else kind


def entries(kind: str) -> dict[str, tuple[Entry, ...]]:
    """Every entry point of a kind, by its name: more than one where packages share a name. Looked
    up once for each `sys.path`; none where TREMBLE_NO_EXTENSIONS is 1, true, yes or on."""
    if os.environ.get(OFF, "").strip().lower() in _YES:
        return {}
    return _installed(tuple(sys.path)).get(kind, {})


@lru_cache(maxsize=4)
def _installed(path: tuple[str, ...]) -> dict[str, dict[str, tuple[Entry, ...]]]:
    # Imported here: the programs that need no extension do without.
    from importlib import metadata

    kinds = {group: kind for kind, group in GROUPS.items()}
    found: dict[str, dict[str, tuple[Entry, ...]]] = {}
    for point in _points(metadata):
        if point.group not in kinds:
            continue
        kind, dist = kinds[point.group], point.dist
        entry = Entry(
            kind,
            point.name,
            _known(lambda dist=dist: dist.name),
            _known(lambda dist=dist: dist.version),
            point.value,
            _known(lambda dist=dist: str(dist.locate_file(""))),
            point,
        )
        of_kind = found.setdefault(kind, {})
        same = of_kind.get(point.name, ())
        if entry not in same:
            of_kind[point.name] = (*same, entry)
    return found


def _points(metadata: Any) -> Any:
    """All entry points. Metadata of some package that cannot be read hides no other package's."""
    try:
        every = metadata.entry_points()
        return [point for group in GROUPS.values() for point in every.select(group=group)]
    except Exception:
        seen: dict[str, Any] = {}
        for dist in metadata.distributions():
            name = _known(lambda dist=dist: dist.name)
            try:
                seen.setdefault(name, list(dist.entry_points))
            except Exception:
                continue
        return [point for points in seen.values() for point in points]


def _known(ask: Any) -> str:
    """What the metadata say; "unknown" where they do not."""
    try:
        return str(ask() or "unknown")
    except Exception:
        return "unknown"
