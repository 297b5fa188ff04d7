"""What is stored is verified when it is read: names that hold a digest, JSON that holds its own.

    NAME-DIGEST.parquet

DIGEST (32 hexadecimal digits of BLAKE2b) is that of the file's content and of the folder it belongs
in, so that a file that was changed, or copied from elsewhere, is not what its name says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tremble.disk.paths import why
from tremble.disk.tables import Damaged
from tremble.disk.whole import write_bytes
from tremble.errors import UserError

_NAME = re.compile(r"(?P<name>.+)-(?P<digest>[0-9a-f]{32})\.parquet", re.DOTALL)
_SEAL = "digest"  # the key of a JSON file's own digest
AGAIN = "run the study again to repair it"


def digest_of(content: bytes, place: str = "") -> str:
    """The digest of a file's content in a folder of the study, 32 hexadecimal digits."""
    key = blake2b(place.encode(), digest_size=32).digest()
    return blake2b(content, digest_size=16, key=key).hexdigest()


def digest_in(name: str) -> str | None:
    """The digest that a file's name holds; None where it holds none."""
    form = _NAME.fullmatch(name)
    return form["digest"] if form is not None else None


def named(name: str, content: bytes, place: str = "") -> str:
    """The name of a file with such a content in a folder of the study."""
    return f"{name}-{digest_of(content, place)}.parquet"


def check_there(root: Path) -> None:
    """Raises UserError where a study's folder is gone that a run is writing to."""
    if not root.is_dir():
        raise UserError(
            f"The folder {str(root)!r} was deleted or moved during the run; run the study again."
        )


def write_inside(root: Path, path: Path, content: bytes) -> None:
    """Write a file of the study in the folder `root`.

    Raises UserError where it cannot be written, or where the study's folder is gone.
    """
    check_there(root)
    write_bytes(path, content)


def write_named(root: Path, place: str, name: str, content: bytes) -> str:
    """Write a file of the study under a name of its content into the folder `place` below `root`,
    and return the name. One that is there and sound is left as it is."""
    full = named(name, content, place)
    path = root / place / full
    try:
        there = path.read_bytes() == content
    except OSError:
        there = False
    if not there:
        write_inside(root, path, content)
    return full


def read_verified(root: Path, place: str, name: str, digest: str | None = None) -> bytes:
    """The content of a file of the study, as it was written.

    `digest`: of a file whose name holds none; without either nothing can be verified. Raises
    Damaged where the file is missing or is not what was written.
    """
    path = root / place / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{str(path)!r} is missing or cannot be read ({why(error)}); {AGAIN}.") from (
            error
        )
    expected = digest_in(name) or digest
    if expected is not None and digest_of(content, place) != expected:
        raise Damaged(
            f"{str(path)!r} is damaged or belongs in another folder: its content is not what was "
            f"written here; {AGAIN}."
        )
    return content


def sealed_json(content: Mapping[str, Any]) -> bytes:
    """A JSON object as the bytes of a file that holds its own digest."""
    whole = {**content, _SEAL: _seal(content)}
    return (json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_sealed(path: Path, unsealed: Collection[str]) -> dict[str, Any]:
    """The JSON object of a file that `sealed_json` made, without its digest.

    `unsealed`: the keys of such files of 0.1.0, which hold no digest. Raises Damaged where the file
    is missing or is not what was written.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(f"{str(path)!r} is damaged ({why(error)}); {AGAIN}.") from error
    if isinstance(content, dict):
        seal = content.pop(_SEAL, None)
        if seal == _seal(content) or (seal is None and set(content) <= set(unsealed)):
            return content
    raise Damaged(f"{str(path)!r} is damaged: it is not what was written; {AGAIN}.")


def _seal(content: Mapping[str, Any]) -> str:
    # The numbers of a file come back from JSON as the same texts.
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return digest_of(text.encode("utf-8", "surrogatepass"))
