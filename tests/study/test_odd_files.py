"""Study files as other systems and other programs write them, and paths that are no patterns."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble, write_study
from tests.support.record_lines import OWN, write_lines
from tests.support.stored import as_stored_by_0_1
from tests.support.studies import PAIR, run, scores, study_file
from tremble.errors import UserError
from tremble.study.file import read_study

PATTERN = "out*1[2026]?"
LONG = "x" * 300
HEAD = '[study]\nname = "s"\n'

ODD: dict[str, tuple[str | bytes, str]] = {
    "arrays 3,000 deep": ("x = " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    "arrays 100,000 deep": ("x = " + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
    "tables 3,000 deep": ("x = " + "{a = " * 3000 + "1" + "}" * 3000, "nested too deeply"),
    "keys 3,000 deep": (".".join("a" * 3000) + " = 1", "nested too deeply"),
    "keys 100,000 deep": ("[" + ".".join("a" * 100_000) + "]", "nested too deeply"),
    "quoted keys": (" . ".join(['"a"'] * 3000) + " = 1", "nested too deeply"),
    "150 deep": ("families = " + "[" * 150 + "]" * 150, "nested too deeply"),
    "5,000 digits": ("sample = " + "9" * 5000, "holds a number that TOML does not"),
    "5,000 hexadecimal digits": (
        "sample = 0x" + "f" * 5000,
        "sample holds a number that TOML does not",
    ),
    "20 digits": ("sample = " + "9" * 20, "sample holds a number that TOML does not"),
    "many people": ("sample = 2147483648", "a whole number from 1 to 2147483647"),
    "a size": ('[run]\nmemory = "' + "9" * 5000 + ' GB"', "it must be a size"),
    "a size of fractions": ('[run]\nmemory = "1.' + "9" * 5000 + ' GB"', "it must be a size"),
    "a null character": ('data = ["a\\u0000b"]', r"'a\x00b' in data contains a null character"),
    "a null character in a key": ('"a\\u0000" = 1', r"'a\x00' in study contains a null character"),
    "half a character": ('data = ["\\ud800"]', "is not valid TOML"),
    "a wrong date": ("sample = 2026-13-45", "is not valid TOML"),
    "Latin-1": (b'data = ["\xe9"]', "line 3: byte 0xe9 is not UTF-8; save the file as UTF-8"),
    "UTF-16": ("\ufeff".encode("utf-16"), "is not UTF-8"),
    "a user who is none": ('data = ["~nobody-here/x.jsonl"]', "there is no such user"),
    "a long name": (f'data = ["{LONG}.jsonl"]', "at most 255 are possible"),
    "a long path": (f'data = ["{"a/" * 3000}x"]', "at most 4095 are possible"),
    "a long model": (f'[[model]]\nid = "{LONG}"', "at most 255 are possible"),
    "a model of nobody": ('[[model]]\nid = "~nobody-here/x"', "there is no such user"),
    "a long template": (f'[[model]]\nid = "mock"\ntemplate = "{LONG}"', "at most 255 are"),
    "a long adapter": (f'[[model]]\nid = "mock"\nadapter = "{LONG}"', "at most 255 are"),
}


@pytest.mark.parametrize("case", list(ODD))
def test_odd_study_files_are_one_sentence(tmp_path: Path, case: str) -> None:
    line, message = ODD[case]
    path = tmp_path / "s.toml"
    models = b"" if "model" in str(line) else PAIR.encode()
    path.write_bytes(
        HEAD.encode() + (line.encode() if isinstance(line, str) else line) + b"\n" + models
    )
    said = mistake("plan", path)
    assert message in said
    assert len(said) < 1300


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_line_ends_of_other_systems(tmp_path: Path, ends: str) -> None:
    """Study file, records and template as editors of other systems write them."""
    template = "{% for m in messages %}\n[{{ m.role }}]\n{{ m.content }}{% endfor %}\n"
    record = {**OWN, "id": "one"}
    study = (
        '[study]\nname = "bom"\ndata = ["mine.jsonl"]\nformats = ["chat"]\n\n'
        '[[model]]\nid = "mock:one"\ntemplate = "own.jinja"\n'
    )
    found = []
    for name, mark, end in (("plain", b"", "\n"), ("marked", BOM_UTF8, ends)):
        folder = tmp_path / name
        folder.mkdir()
        for file, text in (
            ("study.toml", study),
            ("own.jinja", template),
            ("mine.jsonl", f"{json.dumps(record)}\n"),
        ):
            content = text.replace("\n", end if file != "mine.jsonl" else end.replace("\r", "\r\n"))
            (folder / file).write_bytes(mark + content.replace("\r\n\n", "\r\n").encode())
        read = read_study(folder / "study.toml")
        assert read.text == study
        run(folder / "study.toml", folder / "out")
        found.append(scores(folder / "out"))
    assert found[0].equals(found[1])


@pytest.fixture
def odd_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose name would match others as a pattern, and one that it would match."""
    for name, choice in (("out1126x", "reject"), (PATTERN, "accept")):
        folder = tmp_path / name
        folder.mkdir()
        write_lines(folder / "mine.jsonl", {**OWN, "choice": choice})
    monkeypatch.chdir(tmp_path)
    return tmp_path / PATTERN


@pytest.mark.slow
def test_names_are_no_patterns(odd_folder: Path) -> None:
    data = f"{PATTERN}/mine.jsonl"
    study = study_file(odd_folder.parent, data=[data])
    out_folder = odd_folder.parent / "scored"
    assert run(study, out_folder) == 0
    assert scores(out_folder).height == 2
    code, out, said = tremble("data", "check", data)
    assert (code, out.splitlines()[0]) == (0, f"{data}: 1 valid decision, 0 invalid lines"), said
    to = odd_folder / "again.jsonl"
    assert tremble("data", "import", "jsonl", data, "--out", to)[0] == 0
    assert json.loads(to.read_text("utf-8"))["choice"] == "accept"
    code, out, said = tremble("xray", data, "mine/1", "--model", "mock", "--json")
    assert code == 0, said
    code, out, said = tremble("xray", out_folder, "mine/1", "--json")
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (LONG, "at most 255 are possible"),
        ("a/" * 3000, "at most 4095 are possible"),
        ("~nobody-here/x", "there is no such user"),
        ("caf\udce9", "is not UTF-8; "),
    ],
)
def test_paths_on_the_command_line(tmp_path: Path, given: str, message: str) -> None:
    study = write_study(tmp_path)
    own = write_lines(tmp_path / "own.jsonl", OWN)
    commands: list[tuple[Any, ...]] = [
        ("data", "check", given),
        ("data", "import", "jsonl", given, "--out", tmp_path / "x"),
        ("data", "import", "jsonl", own, "--out", given),
        ("data", "fetch", "casino", "--to", given),
        ("xray", given, "one"),
        ("xray", study, "one", "--out", given),
        ("xray", own, "own/1", "--model", "mock", "--format", "chat", "--template", given),
        ("plan", given),
    ]
    for command in commands:
        assert message in mistake(*command), command


@pytest.mark.slow
def test_a_number_of_a_presentation_of_any_length(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert "presentation" in mistake("xray", study, "one", "--presentation", "9" * 5000)


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_lines(tmp_path / "mine.jsonl", {**OWN, "id": "one"})
    (tmp_path / "t.jinja").write_text("{{ messages[-1].content }}")
    (tmp_path / "in").mkdir()
    text = '[[model]]\nid = "mock"\ntemplate = "~/t.jinja"\n'
    study = read_study(study_file(tmp_path / "in", text, data=["~/mine.jsonl"]))
    assert study.models[0].template == str(tmp_path / "t.jinja")
    assert run(tmp_path / "in" / "trial.toml", tmp_path / "in" / "out") == 0
    with pytest.raises(UserError, match="are the same file"):
        read_study(study_file(tmp_path / "in", data=["~/mine.jsonl", "../mine.jsonl"]))


@pytest.mark.slow
def test_the_study_file_that_a_study_keeps(tmp_path: Path) -> None:
    """Where the record of the run does not hold it (0.1.0), the copy in the folder is read like any
    other: by `xray`, here."""
    study = write_study(tmp_path)
    out = tmp_path / "out"
    run(study, out)
    as_stored_by_0_1(out)
    assert tremble("xray", out, "one", "--json")[0] == 0
    for line in ("[" * 3000 + "]" * 3000, "9" * 5000):
        (out / "study.toml").write_text(f"{study.read_text()}[study.x]\ny = {line}\n")
        assert str(out / "study.toml") in mistake("xray", out, "one")
