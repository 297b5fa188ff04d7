"""Names and digests by which what is stored can be traced: hashes, slugs, versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2b, file_digest, sha256
from importlib import metadata
from pathlib import Path
from typing import Any


def fingerprint(path: Path) -> str | None:
    """A hash of a file's content; None where there is no such file."""
    try:
        with path.open("rb") as stream:
            return file_digest(stream, lambda: blake2b(digest_size=16)).hexdigest()
    except OSError:
        return None


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def hash8(value: Any) -> str:
    """Eight hexadecimal digits that stand for a JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:8]


def slug(name: str) -> str:
    """A name that every file system takes, at most 60 characters."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", name).strip("-.")[-60:] or "unnamed"
