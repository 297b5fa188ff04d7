"""Conversions of GGUF: what is in the cache is what was written there, and nothing is left behind.

The converter is a stub here: it copies a tiny model that is stored with the tests, or fails.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import GOLDEN, ROOT
from tremble.errors import ModelUnavailable, UserError
from tremble.models import conversion, embedded, gguf
from tremble.models.files import ModelFiles
from tremble.models.spec import ModelSpec

TINY = GOLDEN / "study_0_1_0" / "models" / "base"
STUB = f"""
import json, os, shutil, sys
log, gguf, made = sys.argv[1:]
with open(log, "a") as out:
    out.write(gguf + "\\n")
shutil.copytree({str(TINY)!r}, made)
"""
SAID: list[str] = []


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for a model, with a cache and a stub converter."""
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    stub(tmp_path, monkeypatch)
    path = tmp_path / "Tiny-F32.gguf"
    path.write_bytes(b"GGUF")
    return path


def stub(folder: Path, monkeypatch: pytest.MonkeyPatch, ending: str = "") -> None:
    """Let the converter be one that does what `ending` says after it wrote everything."""
    script = folder / "stub.py"
    script.write_text(STUB + ending)
    command = (sys.executable, str(script), str(folder / "log"))
    monkeypatch.setattr(conversion, "_CONVERTER", command)


def asked(model: Path, said: list[str] | None = None, weights: bool = True) -> ModelFiles:
    notify = (SAID if said is None else said).append
    return gguf.SOURCE.locate(ModelSpec(str(model)), notify, weights)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, except the one that says what the others are."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "done")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def conversions(folder: Path) -> int:
    return len((folder / "log").read_text().splitlines())


def flipped(path: Path, byte: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)


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
    assert f"since there is a strange {name!r} in {str(folder)!r}" in said[0]
    assert contents(folder) == contents(TINY)


def test_what_nobody_reads_may_lie_beside(model: Path, tmp_path: Path) -> None:
    folder = asked(model).folder
    (folder / "README.md").write_text("mine")
    (folder / "notes").mkdir()
    asked(model)
    assert conversions(tmp_path) == 1
    assert (folder / "README.md").read_text() == "mine"


def test_flipped_bits_of_done_are_seen(model: Path) -> None:
    from tremble.models.seal import fault

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
    assert "since 'done' is empty (version 0.1.0 kept no checksums)" in said[0]
    assert conversions(tmp_path) == 2


def refuse(monkeypatch: pytest.MonkeyPatch, what: str, number: int) -> None:
    """Have the system refuse one kind of writing in the cache."""
    inner = getattr(Path, what)

    def refused(self: Path, *rest: Any, **options: Any) -> Any:
        if ".tmp" in str(self):
            raise OSError(number, os.strerror(number))
        return inner(self, *rest, **options)

    monkeypatch.setattr(Path, what, refused)


FULL = "on a larger disk"
WRITABLE = "set TREMBLE_CACHE to a folder you can write"


@pytest.mark.parametrize("step", ["mkdir", "rename", "write_text"])
@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, FULL),
        (errno.EDQUOT, FULL),
        (errno.EROFS, WRITABLE),
        (errno.EACCES, WRITABLE),
        (errno.EIO, WRITABLE),
    ],
)
def test_a_cache_that_cannot_be_written(
    step: str, number: int, cure: str, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each step in turn: the temporary folder, the renaming, `done`."""
    folder = asked(model).folder
    refuse(monkeypatch, step, number)
    asked(model)  # what is sound is only read
    (folder / "done").write_bytes(b"")
    with pytest.raises(ModelUnavailable) as caught:
        asked(model)
    sentence = str(caught.value)
    assert f"({os.strerror(number)})" in sentence
    assert cure in sentence
    assert "'done' is empty" in sentence
    assert "\n" not in sentence
    assert contents(folder) == contents(TINY)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_a_cache_below_a_file(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMBLE_CACHE", str(model / "cache"))
    with pytest.raises(ModelUnavailable, match=rf"\(Not a directory\); {WRITABLE}"):
        asked(model)
    monkeypatch.setenv("TREMBLE_CACHE", str(model))
    with pytest.raises(ModelUnavailable, match=rf"\(File exists\); {WRITABLE}"):
        asked(model)
    monkeypatch.setenv("TREMBLE_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(UserError, match="there is no such user"):
        asked(model)


REPORT = "print(json.dumps({'reason': %r, 'errno': %r})); sys.exit(1)"
BROKEN = {
    REPORT % ("No space left on device", errno.ENOSPC): ("No space left on device", FULL),
    REPORT % ("Read-only file system", errno.EROFS): ("Read-only file system", WRITABLE),
    REPORT % ("Cannot allocate memory", errno.ENOMEM): ("memory does not suffice", "smaller model"),
    REPORT % ("block_count\x1b[2J is 0", None): (r"block_count\x1b[2J is 0", "damaged, or"),
    "raise ValueError('no\\nsuch layer')": ("such layer", "damaged, or"),
    "os.kill(os.getpid(), 9)": ("memory does not suffice", "smaller model"),
    "os.kill(os.getpid(), 11)": ("ended by signal 11", "damaged, or"),
    "print('[' * 100_000); sys.exit(1)": ("[[[[", "damaged, or"),
    "sys.exit(3)": ("no reason given", "damaged, or"),
}


@pytest.mark.parametrize("ending", BROKEN)
def test_a_converter_that_fails_leaves_what_was_there(
    ending: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = asked(model).folder
    flipped(folder / "model.safetensors")
    before = contents(folder)
    stub(tmp_path, monkeypatch, ending)
    with pytest.raises(ModelUnavailable) as caught:
        asked(model)
    sentence = str(caught.value)
    for part in BROKEN[ending]:
        assert part in sentence
    assert "\n" not in sentence
    assert contents(folder) == before
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]
    stub(tmp_path, monkeypatch)
    assert contents(asked(model).folder) == contents(TINY)


def test_a_converter_that_cannot_be_started(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_CONVERTER", ("/nowhere/python",))
    with pytest.raises(ModelUnavailable, match=r"\(No such file or directory\)"):
        asked(model)


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


# What follows starts processes of its own, with tremble in them.
RUN = """
import sys
from pathlib import Path
from tremble.models import conversion, gguf
model, *command = sys.argv[1:]
if command:
    conversion._CONVERTER = tuple(command)
inner = conversion.subprocess.Popen
def popen(*arguments, **options):
    child = inner(*arguments, **options)
    print(child.pid, file=sys.stderr, flush=True)
    return child
conversion.subprocess.Popen = popen
gguf.converted(Path(model).name, "0123456789abcdef", lambda _: Path(model), print, True)
"""


def started(model: Path, *command: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(model), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.slow
@pytest.mark.parametrize("before", ["nothing", "damaged"])
def test_two_processes_at_once(before: str, model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = cache / "tiny-f32-0123456789abcdef"
    if before == "damaged":
        asked(model).folder.rename(folder)
        flipped(folder / "config.json")
    waiting = f"import time; time.sleep(1)\n{(tmp_path / 'stub.py').read_text()}"
    (tmp_path / "stub.py").write_text(waiting)
    command = [sys.executable, str(tmp_path / "stub.py"), str(tmp_path / "log")]
    both = [started(model, *command) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert contents(folder) == contents(TINY)
    assert [path.name for path in cache.iterdir()] == [folder.name]


@pytest.fixture
def converting(model: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process and the number of its converter, the real one, which waits: its file is a pipe."""
    model.unlink()
    os.mkfifo(model)
    process = started(model)
    assert process.stderr is not None
    converter = int(process.stderr.readline())
    assert len(list((tmp_path / "cache").iterdir())) == 1
    yield process, converter
    process.kill()
    process.wait()


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"])
def test_a_converter_ends_with_its_parent(
    name: str,
    converting: tuple[subprocess.Popen[str], int],
    tmp_path: Path,
    model: Path,
) -> None:
    process, converter = converting
    number = getattr(signal, name)
    process.send_signal(number)
    assert process.wait(60) == -number
    end = time.monotonic() + 60
    while not gone(converter) and time.monotonic() < end:
        time.sleep(0.01)
    assert gone(converter)
    if name == "SIGKILL":  # whoever asks for a model next takes away what could not be
        other = tmp_path / "other.gguf"
        other.write_bytes(b"other")
        asked(other)
        (tmp_path / "cache" / f"other-{sha256(b'other').hexdigest()[:16]}").rename(tmp_path / "o")
    assert list((tmp_path / "cache").iterdir()) == []


PARTS = """
import errno
MODEL_NAME, EXPECTED_SHA256 = "gemma.gguf", "0" * 64
def assemble(path):
    path.write_bytes(b"half")
    raise {error}
"""


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        ("ValueError('Assembled file sha256 did not match')", ("sha256 did not", "install it")),
        ("FileNotFoundError('Missing chunk files: part3')", ("part3", "install it again: pip")),
        ("ModuleNotFoundError('No module named part2')", ("part2", "--force-reinstall")),
        ("PermissionError(errno.EACCES, 'Permission denied')", ("denied", "--force-reinstall")),
        ("OSError(errno.ENOSPC, 'No space left on device')", ("No space", FULL)),
    ],
)
def test_a_damaged_wheel(
    error: str, parts: tuple[str, str], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    (wheels / "some_gemma").mkdir(parents=True)
    (wheels / "some_gemma" / "__init__.py").write_text(PARTS.format(error=error))
    (wheels / "some_smollm").mkdir()
    (wheels / "some_smollm" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(wheels)
    monkeypatch.delitem(sys.modules, "some_gemma", raising=False)
    monkeypatch.setitem(embedded.EMBEDDED, embedded.GEMMA, ("some_gemma", "some-gemma"))
    monkeypatch.setitem(embedded.EMBEDDED, embedded.SMOLLM, ("some_smollm", "some-smollm"))
    with pytest.raises(ModelUnavailable) as caught:
        embedded.SOURCE.locate(ModelSpec(embedded.GEMMA), SAID.append, True)
    for part in parts:
        assert part in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(ModelUnavailable, match=r"\.gguf file is missing.*some-smollm"):
        embedded.SOURCE.locate(ModelSpec(embedded.SMOLLM), SAID.append, True)
