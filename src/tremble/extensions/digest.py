"""A hash of the files of a package, so that what a study stores names the very code it ran."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b, file_digest
from importlib.machinery import ModuleSpec
from pathlib import Path

UNKNOWN = "unknown"


_DIGESTS: dict[tuple[str, str], str] = {}  # module and where its package is installed
_LOADED: set[tuple[str, str]] = set()  # those whose digest was taken before they were imported


class Changed(Exception):
    """The files of a package may be others than those whose code is in memory."""


def digest_of(module: str, place: str) -> str:
    """32 hexadecimal digits for the files of the package that a module belongs to.

    BLAKE2b over the path inside the package and the content of every file of the top-level package
    folder (of a namespace package the first folder below that is a package), in the order of the
    paths, without `__pycache__`; of a module that is a single file that file. What pip wrote down
    when it installed the package is not looked at, so that editable installs count as they are.
    `place` tells installations apart. "unknown" where the module has no files. Computed once in a
    process, as modules are loaded once.
    """
    key = (module, place)
    if key not in _DIGESTS:
        _DIGESTS[key] = _computed(module)
    return _DIGESTS[key]


def take(module: str, place: str) -> None:
    """Takes the digest of a module that is about to be loaded, so that it is that of its code.

    Raises Changed where the module is in memory already and a file of its package is newer than
    this process, and where files have changed since the digest was asked for.
    """
    key = (module, place)
    if key in _LOADED:
        return
    if _is_imported(module):
        times = [max(it.st_mtime, it.st_ctime) for _, path in _files(module) if (it := path.stat())]
        if max(times, default=0.0) > _STARTED:
            raise Changed("files of it are newer than this process, which had imported it before")
    elif key in _DIGESTS and _DIGESTS[key] != _computed(module):
        raise Changed("files of it changed while this process was running")
    digest_of(module, place)
    _LOADED.add(key)


def _computed(module: str) -> str:
    digest = blake2b(digest_size=16)
    named = False
    for name, path in _files(module):
        with path.open("rb") as stream:
            content = file_digest(stream, lambda: blake2b(digest_size=16)).hexdigest()
        digest.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
        named = True
    return digest.hexdigest() if named else UNKNOWN


def _is_imported(module: str) -> bool:
    """Whether any module of the package is in memory."""
    spec = _top(module)
    top = module if spec is None else spec.name
    return any(name == top or name.startswith(f"{top}.") for name in [*sys.modules])


def _started() -> float:
    """When this process began, in seconds since 1970; where the system does not say, at the latest
    when this module was loaded."""
    now = time.time()
    try:
        boot = now - time.clock_gettime(time.CLOCK_BOOTTIME)
        fields = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return boot + (int(fields[19]) + 1) / os.sysconf("SC_CLK_TCK")  # ticks, rounded down
    except (AttributeError, OSError, ValueError, IndexError):
        return now - time.process_time()


_STARTED = _started()


def _files(module: str) -> Iterator[tuple[str, Path]]:
    """The files of a module's package with their paths inside it, sorted by these."""
    spec = _top(module)
    if spec is None:
        return
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not folders:
        if spec.origin is not None and Path(spec.origin).is_file():
            yield Path(spec.origin).name, Path(spec.origin)
        return
    found = [
        (path.relative_to(folder).as_posix(), path)
        for folder in folders
        for path in folder.rglob("*")
        if "__pycache__" not in path.relative_to(folder).parts and path.is_file()
    ]
    yield from sorted(found)


def _top(module: str) -> ModuleSpec | None:
    """The first package on the way to a module that is no namespace; none of its code is run."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:end]))
        except (ImportError, ValueError, AttributeError):
            return None
        if spec is None:
            return None
        if spec.origin is not None or end == len(parts):
            return spec
    return None
