"""A model's files on this machine: whether its weights are sound, and what identifies them.

Only safetensors weights are read (GGUF is converted to them): pickled weights can run code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from tremble.errors import ModelUnavailable
from tremble.text import one_line

Notify = Callable[[str], None]

SMALL_FILES = ["*.json", "*.model", "*.txt", "*.jinja", "tokenizer*"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's folder on this machine. `identity` (revision or content hash) enters the key."""

    folder: Path
    identity: dict[str, Any]
    quantised: str | None = None


def cache_folder() -> Path:
    """Where converted models are kept: TREMBLE_CACHE, else the user's cache folder."""
    own = os.environ.get("TREMBLE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tremble"


def check_weights(folder: Path) -> list[Path]:
    """The safetensors files of a folder, each with a sound header and of full length.

    Raises ModelUnavailable for damaged or missing files, for pickles and for no weights at all.
    """
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = [path.name for path in folder.iterdir() if path.suffix in _PICKLES]
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
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(
            f"The index of the weights {str(index)!r} is damaged; copy or download it again."
        ) from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, 16 hexadecimal digits."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()[:16]


def content_hash(paths: list[Path]) -> str:
    """SHA-256 over names and contents, 16 hexadecimal digits."""
    stats = [path.stat() for path in paths]
    return _content_hash(tuple(paths), tuple((s.st_size, s.st_mtime_ns) for s in stats))


@cache
def _content_hash(paths: tuple[Path, ...], _: tuple[tuple[int, int], ...]) -> str:
    """Read once per process, unless size or time of a file changed."""
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]
