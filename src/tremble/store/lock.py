"""One writer at a time: a lock on a study's folder that ends with its process."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tremble.disk.paths import why
from tremble.errors import UserError

# How systems say that a file system keeps no locks (some NFS and Lustre mounts).
_NO_LOCKS = {
    getattr(errno, name)
    for name in ("ENOSYS", "ENOLCK", "EOPNOTSUPP", "ENOTSUP")
    if hasattr(errno, name)
}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, made where it is not there, for this process.

    Raises UserError where another process holds it, where it cannot be written, or where its file
    system keeps no locks.
    """
    path = folder / ".lock"
    # Nothing is ever written to it, and it is never deleted: one that is a user's stays as it is
    # (filelock empties it before 4.2.1).
    lock = FileLock(path, timeout=0, fallback_to_soft=False, preserve_lock_file=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
            raise UserError(f"{str(path)!r} is not a regular file; give another --out.")
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"Another run is writing to {str(folder)!r}; wait until it has finished."
        ) from error
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise UserError(
                f"The file system of {str(folder)!r} does not support locks ({why(error)}), so "
                "two runs could write at the same time; give an --out on another file system, "
                "such as a local disk."
            ) from error
        raise UserError(
            f"Cannot write in {str(folder)!r} ({why(error)}); give another --out."
        ) from error
    try:
        yield
    finally:
        lock.release()
