"""Fetching one file: resumed after a cut, checked before it takes its name.

The standard library does it: the core installation has no HTTP client, and the ready-made
downloaders that check a checksum (pooch) start over after a cut. What arrives is written to
`NAME.part`; `NAME.part.from` keeps its address and the server's validator, so that a later run
can ask for the rest by Range and If-Range (RFC 9110, sections 13.1.5 and 14) and gets the whole
file where it has changed since.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tremble import __version__
from tremble.datasets.base import Download
from tremble.errors import UserError
from tremble.text import one_line

RESUMES = 3  # times that a cut download goes on within one run
PAUSE = 1.0  # seconds before the first of them, twice that before the second, and so on
TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16
_SIZE = re.compile("[0-9]{1,18}")

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all where known


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is in place. `already`: it was there before; `checked`: a checksum agreed."""

    path: Path
    size: int
    already: bool
    checked: bool


def fetch(download: Download, folder: Path, manual: str, progress: Progress) -> Fetched:
    """Bring one file into `folder` (made where missing), or find it there.

    `manual` is the way to get it by hand, as a phrase without a full stop. After an interruption
    or a failure `NAME.part` stays, and the next call goes on from there.

    Raises UserError where the server cannot be reached or refuses, the transfer is cut more than
    `RESUMES` times, the disk is full or the folder cannot be written, or the checksum is wrong
    (the partial file is then deleted).
    """
    target = folder / download.filename
    if target.exists():
        return _found(download, target)
    transfer = _Transfer(download, target.with_name(f"{target.name}.part"), manual, progress)
    with _folder(folder):
        _arrive(transfer)
        with _writing(target):
            transfer.part.replace(target)
            transfer.origin.unlink(missing_ok=True)
    return Fetched(target, target.stat().st_size, False, download.sha256 is not None)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Makes a folder where missing, and takes away what it made if nothing came into it."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):  # the first that is not empty
            for path in made:
                path.rmdir()
        raise


def _arrive(transfer: _Transfer) -> None:
    """Bring the whole of a file into `transfer.part`, checked."""
    for cuts in range(RESUMES + 1):
        time.sleep(cuts * PAUSE)
        if transfer.run():
            break
    else:
        raise UserError(
            f"The download of {transfer.download.url} broke off {RESUMES + 1} times; run the same "
            "command again to resume."
        )
    _check(transfer)


def _found(download: Download, target: Path) -> Fetched:
    if not target.is_file():
        raise UserError(f"{str(target)!r} already exists and is not a file; give another --to.")
    if download.sha256 is not None and _digest(target) != download.sha256:
        raise UserError(
            f"{str(target)!r} already exists and is another file (sha256 {_digest(target)}, not "
            f"{download.sha256}); move it away, or give another --to."
        )
    return Fetched(target, target.stat().st_size, True, download.sha256 is not None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(transfer: _Transfer) -> None:
    download = transfer.download
    if download.sha256 is None:
        return
    digest = _digest(transfer.part)
    if digest != download.sha256:
        transfer.drop()
        raise UserError(
            f"{download.url} sent a file other than the one that was checked (sha256 {digest}, "
            f"not {download.sha256}), so it was deleted; try again, and if this happens again, "
            "the source has changed."
        )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turns what goes wrong on the disk into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"The disk is full: {str(path)!r} could not be written; make room and run the "
                f"command again, or give another --to."
            ) from error
        raise UserError(
            f"{str(path)!r} cannot be written ({error.strerror or one_line(error)}); give another "
            f"--to."
        ) from error


@dataclass(slots=True)
class _Transfer:
    """The way of one file into `part`, over as many requests as it takes."""

    download: Download
    part: Path
    manual: str
    progress: Progress

    @property
    def origin(self) -> Path:
        return self.part.with_name(f"{self.part.name}.from")

    def run(self) -> bool:
        """One request; whether the file is whole after it. False: cut, or to be started over."""
        have, validator = self._resumable()
        if have and have == self.download.size:
            return True
        headers = {"User-Agent": f"tremble/{__version__}"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        try:
            response = urlopen(Request(self.download.url, headers=headers), timeout=TIMEOUT)
        except HTTPError as error:
            if error.code == 416 and have:  # the server has no bytes beyond ours
                self.drop()
                return False
            raise UserError(self._refusal(error)) from error
        except (OSError, HTTPException) as error:
            raise UserError(self._unreachable(error)) from error
        with response:
            return self._take(response, have)

    def _resumable(self) -> tuple[int, str]:
        """How many bytes are there, and the validator to ask for the rest with; 0 for neither."""
        try:
            known = json.loads(self.origin.read_text("utf-8"))
            have = self.part.stat().st_size
            if known["url"] == self.download.url and isinstance(known["validator"], str):
                return have, known["validator"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        return 0, ""

    def drop(self) -> None:
        self.part.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)

    def _take(self, response: Any, have: int) -> bool:
        start, total = _range(response.headers) if response.status == 206 else (0, None)
        if start != (have if response.status == 206 else 0):  # not what was asked for
            self.drop()
            return False
        if total is None:
            length = response.headers.get("Content-Length", "")
            total = start + int(length) if _SIZE.fullmatch(length) else self.download.size
        received = start
        with _writing(self.part):
            if not start:
                self._remember(response.headers)
            with self.part.open("ab" if start else "wb") as file:
                for block in _blocks(response):
                    file.write(block)
                    received += len(block)
                    self.progress(received, total)
        return total is None or received >= total

    def _remember(self, headers: HTTPMessage) -> None:
        """If-Range takes a strong ETag or a date; without either the next run starts over."""
        etag = headers.get("ETag", "")
        validator = etag if etag.startswith('"') else headers.get("Last-Modified")
        self.origin.unlink(missing_ok=True)
        if validator:
            known = {"url": self.download.url, "validator": validator}
            self.origin.write_text(json.dumps(known), "utf-8")

    def _refusal(self, error: HTTPError) -> str:
        if error.code in (404, 410):
            cure = "the file is no longer there"
        elif error.code >= 500 or error.code == 429:
            cure = "try again later"
        else:
            cure = "access is refused"
        host = urlsplit(self.download.url).netloc
        return (
            f"{host} answered {error.code} to {self.download.url}: {cure}; or by hand: "
            f"{self.manual}."
        )

    def _unreachable(self, error: Exception) -> str:
        reason = error.reason if isinstance(error, URLError) else error
        why = one_line(reason) if isinstance(reason, BaseException) else str(reason)
        return (
            f"No connection to {urlsplit(self.download.url).netloc} ({why}), perhaps because "
            "there is no network: run the command again where there is one, or by hand: "
            f"{self.manual}."
        )


def _range(headers: HTTPMessage) -> tuple[int, int | None]:
    """First byte and full length of a partial answer; -1 where the header does not say."""
    match = re.fullmatch(
        r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)", headers.get("Content-Range", "").strip()
    )
    if match is None:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _blocks(response: IO[bytes]) -> Iterator[bytes]:
    """What the server sends, until it ends or is cut."""
    while True:
        try:
            block = response.read(_CHUNK)
        except (OSError, HTTPException):
            return
        if not block:
            return
        yield block
