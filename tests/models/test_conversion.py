"""Conversions of GGUF: refused writes, failing converters, ends of processes; nothing stays behind.

The converter is a stub (tests/support/conversions.py), or the real one, which waits for its file.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.conversions import SAID, TINY, asked, contents, flipped, stub
from tests.support.places import ROOT
from tremble.errors import ModelUnavailable, UserError
from tremble.models import conversion, embedded
from tremble.models.spec import ModelSpec

HANGUP = pytest.param(
    "SIGHUP",
    marks=pytest.mark.skipif(
        signal.getsignal(signal.SIGHUP) is signal.SIG_IGN,
        reason="SIGHUP is ignored here, as under nohup, and by all that is started",
    ),
)


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
    assert "0.1.0 stored no checksums" in sentence
    assert "\n" not in sentence
    assert contents(folder) == contents(TINY)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_a_damaged_folder_is_put_back_where_the_new_one_cannot_be(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = asked(model).folder
    flipped(folder / "config.json")
    before = contents(folder)
    inner = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.name == "model" and not target.exists():
            raise OSError(errno.EIO, "Input/output error")
        return inner(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(ModelUnavailable, match=r"\(Input/output error\)"):
        asked(model)
    assert contents(folder) == before
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
    REPORT % ("Cannot allocate memory", errno.ENOMEM): ("is not enough memory", "smaller model"),
    REPORT % ("block_count\x1b[2J is 0", None): (r"block_count\x1b[2J is 0", "damaged, or"),
    "raise ValueError('no\\nsuch layer')": ("such layer", "damaged, or"),
    "os.kill(os.getpid(), 9)": ("is not enough memory", "smaller model"),
    "os.kill(os.getpid(), 11)": ("stopped by signal 11", "damaged, or"),
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
@pytest.mark.parametrize("name", ["SIGTERM", HANGUP, "SIGINT", "SIGKILL"])
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
