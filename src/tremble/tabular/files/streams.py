"""What a file is by its first bytes, and its bytes unpacked where gzip packed it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tremble.disk.paths import why
from tremble.errors import UserError
from tremble.text import one_line

# First bytes -> what such a file is, and the ending under which it is read (None: none).
_SIGNS: tuple[tuple[bytes, str, str | None], ...] = (
    (b"PK\x03\x04", "a spreadsheet or a zip archive", ".xlsx"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel spreadsheet", ".xls"),
    (b"$FL2", "an SPSS file", ".sav"),
    (b"$FL3", "an SPSS file", ".zsav"),
    (b"<stata_dta>", "a Stata file", ".dta"),
    (b"PAR1", "a Parquet file", ".parquet"),
    (b"%PDF", "a PDF", None),
)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<table", b"<?xml")


def first_bytes(path: Path, count: int = 4096) -> bytes:
    """The first bytes of a file, unpacked. Raises UserError where it cannot be read."""
    with stream_of(path) as stream:
        return stream.read(count)


def refuse_others(path: Path, own: tuple[str, ...], start: bytes | None = None) -> None:
    """Refuse a file whose first bytes are those of another format than the endings of `own`.

    Raises UserError, which says what it is and how to go on.
    """
    start = first_bytes(path) if start is None else start
    for sign, what, ending in _SIGNS:
        if start.startswith(sign) and (ending is None or ending not in own):
            cure = f"rename it to end in {ending}" if ending else "export the table itself"
            raise UserError(
                f"{str(path)!r} seems to be {what} (by its first bytes), not {own[0]}; {cure}."
            )
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_PAGES):
        raise UserError(
            f"{str(path)!r} contains a web page, not {own[0]}; download the table again, or save "
            "it as CSV in a spreadsheet program."
        )


@contextmanager
def stream_of(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, or of what gzip packed in it.

    Raises UserError where it cannot be read or unpacked, also while it is read.
    """
    with ExitStack() as stack:
        try:
            stream: IO[bytes] = stack.enter_context(path.open("rb"))
            if stream.read(2) == b"\x1f\x8b":
                stream = stack.enter_context(gzip.open(path))  # type: ignore[arg-type]
            stream.seek(0)
            yield stream
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(
                f"{str(path)!r} cannot be unpacked ({one_line(error)}); compress it again with "
                "gzip."
            ) from error
        except OSError as error:
            raise UserError(f"Cannot read {str(path)!r} ({why(error)}); check the path.") from error
