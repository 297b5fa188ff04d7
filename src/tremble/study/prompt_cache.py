"""Tables of prompts, kept between runs under a key of everything that decides them.

    STUDY/prompts/KEY-DIGEST.parquet

DIGEST is that of the file's own content: a damaged file is no entry, and the table is made again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

import tremble
from tremble.disk.tables import write_parts
from tremble.disk.temporary import system_folder, temporary_folder
from tremble.disk.whole import write_whole
from tremble.store.owned import prune_prompts
from tremble.store.provenance import fingerprint, installed
from tremble.study.prompt_table import PromptTable
from tremble.tokenization.options import Reading

# Rooms whose code cannot change a prompt; whatever else changes makes every table anew.
_APART = (
    *("api", "baselines", "bench", "checkpoints", "commands", "post_training", "public"),
    *("published", "report", "stats", "xray"),
)
_LIBRARIES = ("jinja2", "tokenizers", "transformers", "sentencepiece")


def table_key(ingredients: dict[str, Any]) -> str:
    """A hash of `ingredients` (JSON values) and of the code, tremble's and its libraries', that
    makes prompts of them (32 hexadecimal digits)."""
    content = {**ingredients, "code": _code(), "libraries": _libraries()}
    return _hex(json.dumps(content, sort_keys=True).encode())


class PromptCache:
    """The tables of one run. Until `settle` new ones are kept in a temporary folder, so that a
    study that is refused leaves nothing behind."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        self._paths: dict[str, Path] = {}

    def has(self, key: str) -> bool:
        """Whether the table is there, made in this run or found sound in the folder."""
        if key not in self._paths:
            for path in sorted(self.folder.glob(f"{key}-*.parquet")):
                if fingerprint(path) == path.stem.removeprefix(f"{key}-"):
                    self._paths[key] = path
        return key in self._paths

    def add(self, key: str, parts: Iterable[pl.DataFrame]) -> None:
        """Writes a table out of its parts. Raises UserError where the temporary folder cannot be
        written."""
        path = self.temporary / f"{key}.parquet"
        write_parts(path, parts)
        self._paths[key] = path

    def table(self, key: str, reading: Reading) -> PromptTable:
        return PromptTable(self._paths[key], reading)

    def made(self) -> dict[str, Path]:
        """The tables of this run that are not in the study folder yet, by key."""
        return {key: path for key, path in self._paths.items() if path.parent == self.temporary}

    def settle(self) -> None:
        """Moves what this run made into the study folder, which may be another file system."""
        for key, path in self.made().items():
            self._paths[key] = self.folder / f"{key}-{fingerprint(path)}.parquet"
            with path.open("rb") as made:
                write_whole(self._paths[key], partial(shutil.copyfileobj, made))
            path.unlink()

    def prune(self) -> None:
        """Deletes the tables that this run had no use for; one that cannot be deleted stays."""
        prune_prompts(self.folder, self._paths.values())


@contextmanager
def prompt_cache(out: Path) -> Iterator[PromptCache]:
    """The tables of the study folder `out`, for one run."""
    with temporary_folder(system_folder(), "tremble-prompts", "set TMPDIR") as temporary:
        yield PromptCache(out / "prompts", temporary)


@cache
def _code() -> str:
    """A hash of every file of this package that could change a prompt, figures included."""
    root = Path(tremble.__file__).parent
    digest = blake2b(digest_size=16)
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and parts[0] not in _APART and "__pycache__" not in parts:
            digest.update(repr(parts).encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def _libraries() -> dict[str, str]:
    return installed(_LIBRARIES)


def _hex(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
