"""What is read has bounds: lines, files read whole, numbers, nesting; each is one sentence."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.record_lines import GAME, OWN, PLAYED, write_lines
from tremble.api.check import check_decisions
from tremble.decisions import files, jsonl, lines, writing
from tremble.decisions.files import DEEPEST, LONGEST, json_of, lines_of, same_lines, text_of
from tremble.decisions.lines import Fault
from tremble.errors import UserError

MB = 10**6
FULL = Path("/dev/full")


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.fixture
def a_megabyte(monkeypatch: pytest.MonkeyPatch) -> int:
    """The bound, made small."""
    for module in (files, lines, writing):
        monkeypatch.setattr(module, "LONGEST", MB)
    return MB


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_has_a_bound_and_the_next_is_read(
    tmp_path: Path, a_megabyte: int, packed: bool
) -> None:
    fits = {**OWN, "id": "fits", "prompt": ""}
    fits["prompt"] = "x" * (a_megabyte - len(json.dumps(fits)))
    assert len(json.dumps(fits)) == a_megabyte
    more = {**fits, "id": "more", "prompt": f"{fits['prompt']}x"}
    blank = " " * (2 * a_megabyte)
    content = "\n".join([json.dumps(fits), json.dumps(more), blank, json.dumps(OWN)]).encode()
    path = tmp_path / "m.jsonl"
    path.write_bytes(gzip.compress(content) if packed else content)
    counts, faults, _ = check_decisions(path)
    assert counts["decisions"] == 2
    sentence = "a line of more than 1 MB; write one JSON object per line"
    assert counts["faulty"] == 2
    assert len(faults) == 1 and faults[0].startswith(f"{path}, lines 2 and 3: {sentence}")


def test_the_bound_is_64_mb() -> None:
    assert LONGEST == 64 * MB


@pytest.mark.slow
@pytest.mark.parametrize("what", ["a line", "many lines"])
def test_memory_does_not_grow_with_what_gzip_packed(
    tmp_path: Path, a_megabyte: int, what: str
) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        for _ in range(50):
            out.write(b"x" * MB if what == "a line" else (b"x" * 999 + b"\n") * 1000)
    assert path.stat().st_size < MB
    tracemalloc.start()
    with pytest.raises(Fault, match="line 1: "):
        list(jsonl.read(path))
    with lines_of(path) as found:
        count = sum(1 for _ in found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == (1 if what == "a line" else 50_000)
    assert peak < 8 * MB


@pytest.mark.slow
def test_the_games_of_a_packed_file_are_read_again(tmp_path: Path) -> None:
    games = [{**GAME, "id": f"g{i}", "rules": {"rounds": i}} for i in range(600)]
    plays = [{**PLAYED, "id": f"d{i}", "game": f"g{i}"} for i in range(600)]
    plain = write_lines(tmp_path / "m.jsonl", *games, *plays)
    packed = tmp_path / "m.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(jsonl.read(packed)) == list(jsonl.read(plain))


@pytest.mark.skipif(not FULL.exists(), reason="the system has no device that is always full")
def test_no_room_for_the_games_of_a_packed_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "m.jsonl.gz"
    packed.write_bytes(gzip.compress(f"{json.dumps(GAME)}\n{json.dumps(PLAYED)}\n".encode()))
    full = lambda buffering: FULL.open("r+b", buffering=buffering)  # noqa: E731
    monkeypatch.setattr("tremble.decisions.files.tempfile.TemporaryFile", full)
    with pytest.raises(UserError, match=r"No space left on device\); set TMPDIR to a folder") as no:
        list(jsonl.read(packed))
    assert str(packed) in str(no.value)


def test_a_damaged_file_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps(OWN).encode() * 1000)
    for content in (whole[:-20], whole[:40] + b"\0" * 40 + whole[80:]):
        (tmp_path / "m.jsonl.gz").write_bytes(content)
        with pytest.raises(UserError, match=r"cannot be unpacked \(.*\); compress it again"):
            list(jsonl.read(tmp_path / "m.jsonl.gz"))
    with pytest.raises(UserError, match="Is a directory"), lines_of(tmp_path):
        pass
    assert not same_lines(tmp_path, tmp_path)


def test_a_file_that_is_read_whole_has_a_bound(tmp_path: Path, a_megabyte: int) -> None:
    path = tmp_path / "x.json"
    path.write_text("1" + " " * (a_megabyte - 1))
    assert json_of(path) == 1
    path.write_text("1" + " " * a_megabyte)
    with pytest.raises(
        UserError, match=r"x\.json' has more than 1 MB, too much for a file of this"
    ):
        text_of(path)


@pytest.mark.slow
def test_lines_from_standard_input(monkeypatch: pytest.MonkeyPatch, a_megabyte: int) -> None:
    bare = {"prompt": "?", "options": ["a", "b"]}
    code, out, _ = tremble(
        "score", "--model", "mock", "--json", stdin=f"{json.dumps(bare)}\n\n{json.dumps(bare)}\n"
    )
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["stdin/1", "stdin/3"]
    long = json.dumps({**bare, "prompt": "x" * MB})
    said = mistake("score", "--model", "mock", stdin=f"{json.dumps(bare)}\n{long}\n")
    assert "stdin, line 2: a line of more than 1 MB" in said
    (read,) = jsonl.read_prompts(io.BytesIO(BOM_UTF8 + json.dumps(bare).encode()), "stdin")
    assert read.prompt == "?"


ODD_LINES: dict[str, tuple[str | bytes, str]] = {
    "3,000 deep": ('{"config": {"x": ' + nested(3000) + "}}", "nested too deeply"),
    "100,000 deep": ('{"config": {"x": ' + nested(100_000) + "}}", "nested too deeply"),
    "objects": ('{"a":' * 3000 + "1" + "}" * 3000, "nested too deeply"),
    "just too deep": ('{"x": ' + nested(DEEPEST) + "}", "nested too deeply"),
    "5,000 digits": ('{"id": ' + "9" * 5000 + "}", "more than 4300 digits"),
    "5,000 decimals": ('{"n": 1' + "0" * 5000 + ".5}", "too large a number"),
    "an exponent": ('{"n": 1e99999}', "1e99999 is too large a number"),
    "half a character": ('{"id": "\\ud800"}', "half of a surrogate pair"),
    "half a character, raw": (b'{"id": "\xed\xa0\x80"}', "not UTF-8"),
    "a long key": ('{"' + "k" * 5000 + '": 1}', "unknown key"),
    "a long value": (
        '{"options": ["a", "b"], "choice": "a", "prompt": ["' + "v" * 5000 + '", "v"]}',
        "must be an object with role",
    ),
}


@pytest.mark.parametrize("case", list(ODD_LINES))
def test_odd_lines_are_one_sentence_with_their_number(tmp_path: Path, case: str) -> None:
    line, message = ODD_LINES[case]
    path = tmp_path / "m.jsonl"
    content = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(json.dumps(OWN).encode() + b"\n" + content + b"\n")
    _, (fault,), _ = check_decisions(path)
    assert fault.startswith(f"{path}, line 2: ")
    assert message in fault
    assert len(fault) < 1500


def test_what_is_nested_as_deep_as_can_be_is_read(tmp_path: Path) -> None:
    config: Any = "x"
    for _ in range(DEEPEST - 2):
        config = [config]
    (decision,) = jsonl.read(write_lines(tmp_path / "m.jsonl", {**OWN, "config": {"x": config}}))
    assert decision.config == {"x": config}


def test_null_characters_in_texts_are_read(tmp_path: Path) -> None:
    record = {**OWN, "id": "a\0b", "prompt": "x\0y", "config": {"\0": "\0"}}
    path = write_lines(tmp_path / "m.jsonl", record)
    assert check_decisions(path)[0]["faulty"] == 0
    (decision,) = jsonl.read(path)
    assert (decision.id, decision.prompt) == ("a\0b", "x\0y")


def test_marks_and_line_ends_of_other_systems(tmp_path: Path) -> None:
    """A file put together from two has a mark in its middle."""
    one, other = ({**OWN, "id": name} for name in "ab")
    joined = b"".join(BOM_UTF8 + json.dumps(x).encode() + b"\r\n" for x in (one, other))
    plain = write_lines(tmp_path / "plain.jsonl", one, other)
    for name, content in (("m.jsonl", joined), ("m.jsonl.gz", gzip.compress(joined))):
        (tmp_path / name).write_bytes(content)
        assert [decision.id for decision in jsonl.read(tmp_path / name)] == ["a", "b"]
        assert same_lines(tmp_path / name, plain)
