"""A hash of the files of a package, so that what a study stores names the very code it ran."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b, file_digest
from importlib.machinery import ModuleSpec
from pathlib import Path

UNKNOWN = "unknown"


@lru_cache(maxsize=64)
def digest_of(module: str, place: str) -> str:
    """32 hexadecimal digits for the files of the package that a module belongs to.

    BLAKE2b over the path inside the package and the content of every file of the top-level package
    folder (of a namespace package the first folder below that is a package), in the order of the
    paths, without `__pycache__`; of a module that is a single file that file. What pip wrote down
    when it installed the package is not looked at, so that editable installs count as they are.
    `place` tells installations apart. "unknown" where the module has no files. Asked once in a
    process, as modules are loaded once.
    """
    digest = blake2b(digest_size=16)
    named = False
    for name, path in _files(module):
        with path.open("rb") as stream:
            content = file_digest(stream, lambda: blake2b(digest_size=16)).hexdigest()
        digest.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
        named = True
    return digest.hexdigest() if named else UNKNOWN


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
