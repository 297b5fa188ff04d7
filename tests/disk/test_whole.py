"""A file appears whole or not at all, however many write it, and whatever stands in its place."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest

from tremble.disk.tables import Damaged, columns_of, read_table, write_table
from tremble.disk.whole import write_bytes, write_text, write_whole
from tremble.errors import UserError

SIZE = 200_000
WRITER = """
import sys
from pathlib import Path
from tremble.disk.whole import write_bytes
for _ in range(150):
    write_bytes(Path(sys.argv[1]), sys.argv[2].encode() * int(sys.argv[3]))
"""


@pytest.mark.slow
def test_whoever_reads_a_file_that_two_write_reads_one_of_them_whole(tmp_path: Path) -> None:
    path = tmp_path / "shared.bin"
    write_bytes(path, b"a" * SIZE)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, letter, str(SIZE)]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        content = path.read_bytes()
        seen.add((content[:1], len(content), len(set(content))))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {(b"a", SIZE, 1), (b"b", SIZE, 1)}
    assert [one.name for one in tmp_path.iterdir()] == ["shared.bin"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    write_text(path, "old")

    def failing(out: BinaryIO) -> None:
        out.write(b"half of the n")
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with pytest.raises(UserError) as caught:
        write_whole(path, failing, "give another --out")
    assert str(caught.value) == (
        f"Cannot write {str(path)!r} ({os.strerror(errno.EDQUOT)}); give another --out."
    )
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, lambda _: (_ for _ in ()).throw(KeyboardInterrupt()))
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]
    assert path.read_text() == "old"


def test_a_file_keeps_who_may_read_it_and_a_link_its_target(tmp_path: Path) -> None:
    path, link = tmp_path / "mine.txt", tmp_path / "link.txt"
    write_text(path, "one")
    path.chmod(0o640)
    link.symlink_to(path)
    write_text(link, "two")
    assert link.is_symlink()
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    write_table(path, pl.DataFrame({"x": [1, 2, 3]}))
    content, _ = reader.communicate(timeout=20)
    assert read_table(content)["x"].to_list() == [1, 2, 3]
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("name", ["a*.parquet", "a[12].parquet", "a?.parquet", "~.parquet"])
def test_a_table_is_read_from_the_file_of_that_name(name: str, tmp_path: Path) -> None:
    for other in ("a1.parquet", "a2.parquet", "ax.parquet"):
        write_table(tmp_path / other, pl.DataFrame({"x": [0]}))
    with pytest.raises(Damaged, match="is missing"):
        read_table(tmp_path / name)
    write_table(tmp_path / name, pl.DataFrame({"x": [7]}))
    assert read_table(tmp_path / name)["x"].to_list() == [7]
    assert read_table([tmp_path / name, tmp_path / "a1.parquet"])["x"].to_list() == [7, 0]
    assert columns_of(tmp_path / name).names() == ["x"]


def test_a_folder_of_the_form_of_partitions_is_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "year=2026"
    folder.mkdir()
    write_table(folder / "t.parquet", pl.DataFrame({"x": [7]}))
    assert read_table(folder / "t.parquet").columns == ["x"]
