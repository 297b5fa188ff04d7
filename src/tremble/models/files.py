"""A model's files on this machine: whether its weights are sound, and what identifies them.

Only safetensors weights are read (GGUF is converted to them): pickled weights can run code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from tremble.disk.paths import path_of, why
from tremble.errors import ModelUnavailable, UserError
from tremble.text import one_line

Notify = Callable[[str], None]

SMALL_FILES = ["*.json", "*.model", "*.txt", "*.jinja", "tokenizer*"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_LONGEST_JSON = 100_000_000  # bytes; configurations and indices have less than a million


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's folder on this machine. `identity` (revision or content hash) enters the key."""

    folder: Path
    identity: dict[str, Any]
    quantised: str | None = None


def cache_folder() -> Path:
    """Where converted models are kept: TREMBLE_CACHE, else the user's cache folder.

    Raises UserError for what cannot be a path, and where nobody says where the user's folders are.
    """
    own = os.environ.get("TREMBLE_CACHE")
    if own:
        return path_of(own)
    try:
        return path_of(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tremble"
    except RuntimeError as error:
        raise UserError(
            "There is no home folder to keep converted models in; set TREMBLE_CACHE to a folder "
            "you can write."
        ) from error


def check_weights(folder: Path) -> list[Path]:
    """The safetensors files of a folder, each with a sound header and of full length.

    Raises ModelUnavailable for damaged or missing files, for pickles and for no weights at all.
    """
    from safetensors import SafetensorError, safe_open

    with reading(folder):
        names = sorted(folder.iterdir())
    files = [path for path in names if path.suffix == ".safetensors"]
    if not files:
        pickles = [path.name for path in names if path.suffix in _PICKLES]
        if pickles:
            raise ModelUnavailable(
                f"{str(folder)!r} holds only pickled weights ({pickles[0]}), which tremble does "
                "not read; convert them to safetensors."
            )
        raise ModelUnavailable(f"No .safetensors weights in {str(folder)!r}; give a model folder.")
    for path in files:
        try:
            with safe_open(path, framework="np") as opened:
                opened.keys()
        except (SafetensorError, OSError) as error:
            raise ModelUnavailable(
                f"The weights {str(path)!r} are truncated or damaged ({one_line(error)}); "
                "copy or download them again."
            ) from error
    lost = sorted(_shards(folder) - {path.name for path in files})
    if lost:
        raise ModelUnavailable(
            f"The weights in {str(folder)!r} lack {lost[0]!r}, which their index names; "
            "copy or download them again."
        )
    return files


def _shards(folder: Path) -> set[str]:
    """The files that a folder's index of shards names; none where it has no index."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return set()
    try:
        return {str(name) for name in read_json(index)["weight_map"].values()}
    except (KeyError, TypeError, AttributeError, ModelUnavailable) as error:
        raise ModelUnavailable(
            f"The index of the weights {str(index)!r} is damaged; copy or download it again."
        ) from error


def read_json(path: Path) -> Any:
    """What a JSON file of a model holds.

    Raises ModelUnavailable where it cannot be read, is no JSON, or is more than any model needs.
    """
    try:
        if path.stat().st_size > _LONGEST_JSON:
            raise ValueError(f"it is longer than {_LONGEST_JSON:,} bytes")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailable(
            f"{str(path)!r} cannot be read ({why(error)}); copy or download it again."
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Has the system's complaint about a file or folder of a model raised as ModelUnavailable."""
    try:
        yield
    except OSError as error:
        raise ModelUnavailable(
            f"{str(path)!r} cannot be read ({why(error)}); check its permissions and its disk."
        ) from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, 16 hexadecimal digits. Raises ModelUnavailable where it is unreadable."""
    with reading(path):
        return sha256_of(path)[:16]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits. Raises OSError where it cannot be read."""
    return _sha256(path, _state(path))


def content_hash(paths: list[Path]) -> str:
    """SHA-256 over names and contents, 16 hexadecimal digits.

    Raises ModelUnavailable where one of the files cannot be read.
    """
    with reading(paths[0].parent):
        return _content_hash(tuple(paths), tuple(map(_state, paths)))


_State = tuple[int, ...]


def _state(path: Path) -> _State:
    """What changes when a file does, as far as the system notices."""
    seen = path.stat()
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


@cache
def _sha256(path: Path, _: _State) -> str:
    """Read once per process, unless the state of the file changed."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


@cache
def _content_hash(paths: tuple[Path, ...], _: tuple[_State, ...]) -> str:
    """Read once per process, unless the state of a file changed."""
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]
