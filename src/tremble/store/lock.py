"""One writer at a time: a lock on a study's folder that ends with its process."""

from __future__ import annotations

import fcntl
import os
import stat
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
        # Nothing is ever written to it: one that is a user's stays as it is.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        lock = os.fdopen(os.open(folder / ".lock", flags, 0o666), "rb")
    except OSError as error:
        raise UserError(
            f"Cannot write in {str(folder)!r} ({why(error)}); give another --out."
        ) from error
    with lock:
        if not stat.S_ISREG(os.fstat(lock.fileno()).st_mode):
            raise UserError(f"{str(folder / '.lock')!r} is no plain file; give another --out.")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"Another run is writing to {str(folder)!r}; wait for it to end."
            ) from error
        yield
