"""One writer at a time: a lock on a study's folder that ends with its process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tremble.disk.paths import why
from tremble.errors import UserError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, made where it is not there, for this process.

    Raises UserError where another process holds it, or where it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise UserError(
            f"Cannot write in {str(folder)!r} ({why(error)}); give another --out."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"Another run is writing to {str(folder)!r}; wait for it to end."
            ) from error
        yield
