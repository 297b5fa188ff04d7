"""Converted models in the cache: what is read there is what was written there.

The converter is a stub (tests/support/conversions.py).
"""

from __future__ import annotations

import json
import os
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.conversions import TINY, asked, contents, conversions, flipped, stub
from tremble.errors import UserError
from tremble.models.seal import fault


def test_done_has_size_and_checksum_of_every_file(model: Path, tmp_path: Path) -> None:
    """Recomputed here; the folder is named after the file's own checksum, as it always was."""
    folder = asked(model).folder
    assert folder == tmp_path / "cache" / f"tiny-f32-{sha256(b'GGUF').hexdigest()[:16]}"
    written = json.loads((folder / "done").read_text())["files"]
    assert written == {
        name: {"size": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in contents(folder).items()
    }
    assert contents(folder) == contents(TINY)
    asked(model)
    assert conversions(tmp_path) == 1
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [folder.name]


@pytest.mark.parametrize("name", sorted(path.name for path in TINY.iterdir()))
@pytest.mark.parametrize("how", ["flipped", "cut", "missing"])
def test_every_damage_is_named_and_mended(name: str, how: str, model: Path, tmp_path: Path) -> None:
    folder = asked(model).folder
    path = folder / name
    if how == "flipped":
        flipped(path)
    elif how == "cut":
        os.truncate(path, path.stat().st_size - 1)
    else:
        path.unlink()
    said: list[str] = []
    assert asked(model, said).folder == folder
    kind = "missing" if how == "missing" else "damaged"
    assert len(said) == 1
    assert f"again, since {name!r} is {kind} in {str(folder)!r}" in said[0]
    assert contents(folder) == contents(TINY)
    assert conversions(tmp_path) == 2
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_what_is_not_read_is_not_hashed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is read is hashed once, until it changes."""
    folder = asked(model).folder
    hashed: list[str] = []

    def watching(stream: Any, kind: str) -> Any:
        hashed.append(Path(stream.name).name)
        return file_digest(stream, kind)

    monkeypatch.setattr("tremble.models.files.file_digest", watching)
    small = {path.name for path in TINY.iterdir()} - {"model.safetensors"}
    for _ in range(2):
        asked(model, weights=False)
        assert sorted(hashed) == sorted(small)
    for _ in range(2):
        asked(model)
        assert sorted(hashed) == sorted([*small, "model.safetensors"])
    flipped(folder / "model.safetensors")
    said: list[str] = []
    asked(model, said, weights=False)
    assert said == []
    asked(model, said)
    assert len(said) == 1


@pytest.mark.parametrize("name", ["more.safetensors", "tokenizer.model", "chat_template.json"])
def test_a_file_that_would_be_read_but_was_not_written(name: str, model: Path) -> None:
    folder = asked(model).folder
    (folder / name).write_bytes(b"{}")
    said: list[str] = []
    asked(model, said)
    assert f"since there is an unexpected {name!r} in {str(folder)!r}" in said[0]
    assert contents(folder) == contents(TINY)


def test_what_nobody_reads_may_lie_beside(model: Path, tmp_path: Path) -> None:
    folder = asked(model).folder
    (folder / "README.md").write_text("mine")
    (folder / "notes").mkdir()
    asked(model)
    assert conversions(tmp_path) == 1
    assert (folder / "README.md").read_text() == "mine"


def test_flipped_bits_of_done_are_seen(model: Path) -> None:
    folder = asked(model).folder
    done = folder / "done"
    whole = done.read_bytes()
    for place in range(0, len(whole), 5):
        content = bytearray(whole)
        content[place] ^= 1 << (place % 8)
        done.write_bytes(content)
        assert fault(folder, weights=True) is not None, (place, content[place])
    for damaged in (b"[]", b"{", b'{"files": {}}', b"[" * 100_000, whole + b"x", whole * 9999):
        done.write_bytes(damaged)
        assert fault(folder, weights=True) == "'done' is damaged"
    done.unlink()
    said: list[str] = []
    asked(model, said)
    assert "'done' cannot be read (No such file or directory)" in said[0]
    assert done.read_bytes() == whole


def test_what_0_1_0_converted_is_converted_once_more(model: Path, tmp_path: Path) -> None:
    folder = asked(model).folder
    (folder / "done").write_bytes(b"")
    said: list[str] = []
    for _ in range(2):
        asked(model, said, weights=False)
    assert len(said) == 1
    assert "since version 0.1.0 stored no checksums" in said[0]
    assert conversions(tmp_path) == 2


def test_another_process_that_was_first(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sound folder that is there by the end of a conversion stays; a damaged one does not."""
    target = tmp_path / "cache" / f"tiny-f32-{sha256(b'GGUF').hexdigest()[:16]}"
    meanwhile = f"shutil.copytree({str(tmp_path / 'first')!r}, {str(target)!r})"
    first = tmp_path / "first"
    asked(model).folder.rename(first)
    stub(tmp_path, monkeypatch, meanwhile)
    inode = asked(model).folder.stat().st_ino
    assert contents(target) == contents(TINY)
    assert asked(model).folder.stat().st_ino == inode
    for path in target.iterdir():
        path.unlink()
    target.rmdir()
    flipped(first / "config.json")
    asked(model)
    assert contents(target) == contents(TINY)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [target.name]


def test_through_a_link_its_target_is_replaced(model: Path, tmp_path: Path) -> None:
    folder = asked(model).folder
    (tmp_path / "large").mkdir()
    folder.rename(tmp_path / "large" / "model")
    folder.symlink_to(tmp_path / "large" / "model")
    flipped(folder / "config.json")
    asked(model)
    assert folder.is_symlink()
    assert contents(tmp_path / "large" / "model") == contents(TINY)
    assert conversions(tmp_path) == 2


@pytest.mark.parametrize("name", ["[2026].gguf", "*.gguf", "a b?.gguf", "é'\"\\.gguf"])
def test_a_name_is_no_pattern(name: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "[x] *").mkdir()
    other = model.rename(tmp_path / "[x] *" / name)
    assert contents(asked(other).folder) == contents(TINY)
    assert (tmp_path / "log").read_text() == f"{other}\n"


def test_a_name_that_leaves_no_room_for_the_digest(model: Path, tmp_path: Path) -> None:
    long = model.rename(tmp_path / f"{'x' * 250}.gguf")
    with pytest.raises(UserError, match="a name of 267 bytes"):
        asked(long)
