"""Files of transcripts, found and opened: JSON lines, also packed by gzip or zip, and Parquet."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tremble.decisions.files import Lines, lines_of
from tremble.decisions.jsonl import begins_as_written
from tremble.disk.paths import is_file, is_folder, why
from tremble.disk.tables import Damaged, read_table
from tremble.errors import UserError
from tremble.text import one_line

_ENDINGS = (".jsonl", ".gz", ".zip", ".parquet")
_GIVE = "give a .jsonl, .gz, .zip or .parquet file, or a folder of these"
Row = bytes | dict[str, Any]  # a line as it stands, or the row of a table


@dataclass(frozen=True, slots=True)
class Found:
    """A file of transcripts. `folder`: the name of the experiment that its folder gives, None for a
    file that was named itself, and for one that lies directly in the folder that was named beside
    folders of other experiments."""

    file: Path
    folder: str | None

    @property
    def counted(self) -> str:
        """What its transcripts are counted as."""
        return "row" if _start(self.file) == b"PAR1" else "line"


def found_at(path: Path) -> list[Found]:
    """The files at a path, in order. Raises UserError where there are none."""
    if is_file(path):
        return [Found(path, None)]
    if not is_folder(path):
        raise UserError(f"There is no file or folder {str(path)!r}; check the path.")
    files = [
        file
        for file in sorted(_inside(path))
        if file.suffix.lower() in _ENDINGS
        and not any(_passed_over(part) for part in file.relative_to(path).parts)
        and is_file(file)
        and not _is_ours(file)
    ]
    if not files:
        raise UserError(f"There are no transcripts in {str(path)!r}; {_GIVE}.")
    folders = {file.parent for file in files}
    names = Counter(folder.name for folder in folders)
    return [Found(file, _name(file.parent, path, names)) for file in files]


def without_folder(files: list[Found]) -> list[Found]:
    """The same files, none of which its folder gives a name."""
    return [Found(one.file, None) for one in files]


def _inside(folder: Path) -> Iterator[Path]:
    """The files below a folder, then those behind links to other folders, but not what systems keep
    beside them; each folder is gone through once. Raises UserError for one that cannot be read."""
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        for root, folders, files in os.walk(waiting.pop(0), onerror=_unreadable):
            real = os.path.realpath(root)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not _passed_over(name))
            at = Path(root)
            waiting += [at / name for name in folders if (at / name).is_symlink()]
            yield from (at / name for name in files)


def _unreadable(error: OSError) -> None:
    raise UserError(f"Cannot read {str(error.filename)!r} ({why(error)}); check the path.")


def _name(folder: Path, path: Path, names: Counter[str]) -> str | None:
    """A folder's own name, unless another one has it too."""
    if folder == path:  # without folders below, it may be one experiment's own
        own = path.resolve() if path.name in ("", "..") else path
        return (own.name or None) if names.total() == 1 else None
    return folder.name if names[folder.name] == 1 else folder.relative_to(path).as_posix()


def _passed_over(name: str) -> bool:
    """What systems and programs keep beside files: __MACOSX, ._prompts.jsonl, .git."""
    return name == "__MACOSX" or name.startswith(".")


def _is_ours(file: Path) -> bool:
    """Whether it holds what an earlier import wrote."""
    if file.suffix.lower() != ".jsonl":
        return False
    with lines_of(file) as lines:
        _, first = next(iter(lines), (0, b""))
    return bool(first) and begins_as_written(first)


def _start(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(4)
    except OSError as error:
        raise UserError(f"Cannot read {str(file)!r} ({why(error)}); check the path.") from error


@contextmanager
def rows_of(file: Path) -> Iterator[Iterator[tuple[int, Row]]]:
    """The lines or rows of a file, each with its number, from 1. What a file is shows in its
    content, not in its name. Raises UserError where it cannot be read."""
    start = _start(file)
    if start == b"PAR1":
        yield _of_table(file)
    elif start in (b"PK\x03\x04", b"PK\x05\x06"):
        with _unzipped(file) as stream:
            yield _checked(file, Lines(file, stream))
    else:
        with lines_of(file) as lines:
            yield iter(lines)


def _checked(file: Path, lines: Lines) -> Iterator[tuple[int, bytes]]:
    try:
        yield from lines
    except zipfile.BadZipFile as error:
        raise _damaged(file, error) from error


@contextmanager
def _unzipped(file: Path) -> Iterator[IO[bytes]]:
    """The one file of lines in a zip file."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError) as error:
        raise _damaged(file, error) from error
    with archive:
        names = [
            name
            for name in archive.namelist()
            if name.lower().endswith(".jsonl") and not any(map(_passed_over, name.split("/")))
        ]
        if len(names) != 1:
            listed = f" ({', '.join(map(repr, names[:3]))})" if names else ""
            raise UserError(
                f"{str(file)!r} holds {len(names)} .jsonl files{listed}, but one experiment is one "
                "file; unpack it into a folder for each experiment, and give the folder above."
            )
        try:
            stream = archive.open(names[0])
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
            raise _damaged(file, error) from error
        with stream:
            yield stream


def _damaged(file: Path, error: Exception) -> UserError:
    return UserError(
        f"{str(file)!r} cannot be unpacked ({one_line(error)}); unpack it yourself, or take a "
        "fresh copy."
    )


def _of_table(file: Path) -> Iterator[tuple[int, Row]]:
    try:
        frame = read_table(file)
    except Damaged as error:
        raise UserError(
            f"{str(file)!r} is not a Parquet file, or is damaged; take a fresh copy."
        ) from error
    if "text" not in frame.columns:
        columns = ", ".join(map(repr, frame.columns[:6])) or "none"
        raise UserError(
            f"{str(file)!r} has no column 'text' (its columns: {columns}); give a table with a "
            "transcript in each row, under text."
        )
    yield from enumerate(frame.iter_rows(named=True), 1)
