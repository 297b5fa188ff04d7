"""What people who are new to the command line get wrong: one sentence, with value and cure."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, refused, tremble, write_study
from tests.support.record_lines import OWN
from tremble.datasets.base import Notes
from tremble.datasets.lotteries_text import load as load_lotteries
from tremble.datasets.psych import load as load_sessions
from tremble.decisions import jsonl
from tremble.decisions.files import same_lines
from tremble.errors import UserError
from tremble.prompts.asked import Asked
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import spoken
from tremble.study.file import read_study
from tremble.text import as_written


def changed(folder: Path, *lines: str) -> str:
    """Why a study with such lines in [study] is refused, without the file's path."""
    study = write_study(folder)
    text = study.read_text()
    for line in lines:
        key = line.partition(" ")[0]
        old = [one for one in text.splitlines() if one.startswith(f"{key} = ")]
        text = text.replace(old[0], line) if old else text.replace("[[pair]]", f"{line}\n[[pair]]")
    study.write_text(text)
    return refused(folder, study).removeprefix(f"tremble: {study}: ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("spellings = true", 'spellings is true; it must be one of "exact", "all".'),
        ("controls = false", "controls is false; it must be a list of texts such as"),
        ("formulations = true", 'formulations is true; it must be "all" or a list of texts such'),
        ("closing = {a = true}", "closing is {'a': true}; it must be one of"),
        ("data = [true]", "data is [true]; it must be a list of texts"),
        ("name = true", "name in [study] is true; it must be text in quotes."),
        ('spellings = "al"', """; it must be one of "exact", "all"; did you mean 'all'?"""),
    ],
)
def test_values_are_quoted_as_a_study_file_has_them(tmp_path: Path, line: str, said: str) -> None:
    assert said in changed(tmp_path, line)


def test_a_word_of_python_in_a_study_file(tmp_path: Path) -> None:
    said = changed(tmp_path, "spellings = True")
    assert said.endswith(
        "; correct it there, because True is not a TOML value: write true or false in lower case."
    )


def test_values_as_json_has_them() -> None:
    assert [as_written(value) for value in (None, True, [None, False], {"a": None}, "x", 2.5)] == [
        "missing",
        "true",
        "[null, false]",
        "{'a': null}",
        "'x'",
        "2.5",
    ]


def test_controls_and_wordings_that_are_not_known(tmp_path: Path) -> None:
    said = changed(tmp_path, 'controls = ["no_histroy"]')
    assert said.startswith("controls holds 'no_histroy'; it must be one of")
    assert said.endswith("; did you mean 'no_history'?")
    assert all(f'"{name}"' in said for name in CONTROLS)
    said = changed(tmp_path, 'formulations = ["observer+no_rules"]')
    assert 'as formulations = ["observer"] and controls = ["no_rules"].' in said
    with pytest.raises(
        UserError, match=r"joins a wording and a control, as in 'standard\+no_history'\)"
    ):
        spoken(Asked.parse("no_history"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('data = ["mine.jsonl", "mine.jsonl"]', "data holds 'mine.jsonl' 2 times; keep one."),
        ('data = ["demo", "demo"]', "data holds 'demo' 2 times"),
        (
            'data = ["mine.jsonl", "./mine.jsonl"]',
            "data holds 'mine.jsonl' and './mine.jsonl', which are the same file; keep one.",
        ),
        (
            'data = ["mine.jsonl", "link.jsonl"]',
            "data holds 'mine.jsonl' and 'link.jsonl', which are the same file",
        ),
        (
            'data = ["copy.jsonl", "mine.jsonl"]',
            "data holds 'copy.jsonl' and 'mine.jsonl', which contain the same; keep one.",
        ),
        ('formulations = ["standard", "standard"]', "formulations holds 'standard' 2 times"),
        ('formats = ["chat", "plain", "chat"]', "formats holds 'chat' 2 times; keep one."),
        ('controls = ["no_rules", "no_rules"]', "controls holds 'no_rules' 2 times"),
    ],
)
def test_nothing_counts_twice(tmp_path: Path, line: str, said: str) -> None:
    write_study(tmp_path)
    (tmp_path / "link.jsonl").symlink_to("mine.jsonl")
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "mine.jsonl").read_bytes())
    assert said in changed(tmp_path, line)


def test_a_copy_is_found_however_it_is_packed_and_spaced(tmp_path: Path) -> None:
    write_study(tmp_path)
    lines = (tmp_path / "mine.jsonl").read_text().splitlines()
    text = ("\ufeff" + " \r\n\n  ".join(lines)).encode()
    for name, content in (("copy.jsonl", text), ("copy.jsonl.gz", gzip.compress(text))):
        (tmp_path / name).write_bytes(content)
        said = changed(tmp_path, f'data = ["mine.jsonl", "{name}"]')
        assert f"data holds 'mine.jsonl' and '{name}', which contain the same; keep one." in said
    for part in (text[:-20], text + b"\n{}", text.replace(b"10", b"30")):
        (tmp_path / "part.jsonl.gz").write_bytes(gzip.compress(part))
        assert not same_lines(tmp_path / "mine.jsonl", tmp_path / "part.jsonl.gz")


def test_a_model_by_two_paths_is_one(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    study = write_study(tmp_path, base=f"{tmp_path}/model", aligned=f"{tmp_path}/./model/")
    assert "are the same; use one of the two names throughout." in refused(tmp_path, study)
    adapted = f'[[model]]\nid = "{tmp_path}/./model/"\nadapter = "mine"\n'
    study.write_text(study.read_text() + adapted)
    assert len(read_study(study).models) == 2  # the same weights under an adapter are another


def test_records_that_gzip_packed_read_as_what_is_in_them(tmp_path: Path) -> None:
    game: dict[str, Any] = {
        "kind": "game", "id": "g", "dataset": "mine", "family": "repeated_matrix",
        "rules": {}, "events": [{"type": "moves", "choice": "a"}],
    }  # fmt: skip
    played = {"id": "g/1", "game": "g", "at": 1, "options": ["a", "b"], "choice": "b"}
    lines = [game, played, OWN]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    plain, packed = tmp_path / "mine.jsonl", tmp_path / "packed" / "mine.jsonl.gz"
    packed.parent.mkdir()
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert list(jsonl.read(packed)) == list(jsonl.read(plain))
    own = tmp_path / "own.jsonl.gz"
    own.write_bytes(gzip.compress(json.dumps(OWN).encode()))
    assert [decision.id for decision in jsonl.read(own)] == ["own/1"]
    code, out, _ = tremble("data", "check", own)
    assert (code, out.splitlines()[0]) == (0, f"{own}: 1 valid decision, 0 invalid lines")
    packed.write_bytes(gzip.compress(content)[:-12])
    assert f"{str(packed)!r} cannot be unpacked (" in mistake("data", "check", packed)
    to = tmp_path / "x.jsonl.gz"
    assert "leave out the .gz" in mistake("data", "import", "jsonl", plain, "--out", to)


def test_sessions_that_gzip_packed(tmp_path: Path) -> None:
    line = {"text": "J or F? <<J>>", "experiment": "e", "participant": 1, "options": ["J", "F"]}
    file = tmp_path / "sessions.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(line).encode()))
    assert [decision.choice for decision in load_sessions(file, Notes())] == ["J"]


@pytest.mark.parametrize("name", ["choices.csv", "choices.TSV"])
def test_a_table_is_no_file_of_records(tmp_path: Path, name: str) -> None:
    table = tmp_path / name
    table.write_text("prompt,choice\nGo?,yes\n")
    said = mistake("data", "check", table)
    assert f"`tremble data import table {table} --guess --out map.toml`" in said
    assert "docs/tables.md" in said


@pytest.mark.slow
def test_what_is_there_is_not_lost(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    thesis = tmp_path / "thesis"
    thesis.write_text("years of work")
    source = ("data", "import", "jsonl", tmp_path / "mine.jsonl", "--out", thesis)
    assert "add --force" not in mistake(*source)
    assert tremble("run", study, "--out", tmp_path / "out")[0] == 0
    for command in (("report", tmp_path / "out"), ("report", "--published")):
        assert "is not a page of tremble" in mistake(*command, "--out", thesis)
    assert mistake("export", tmp_path / "out", "--out", thesis) == (
        f"tremble: {str(thesis)!r} already exists and was not written by `tremble export --to "
        "csv`, so it is not overwritten; give another --out."
    )
    assert "is not a page of tremble; give another --html." in mistake(
        "xray", study, "one", "--html", thesis
    )
    assert "--force does not overwrite it" in mistake(*source, "--force")
    assert thesis.read_text() == "years of work"
    for command in (("report", "--published"), ("export", tmp_path / "out")):
        for _ in range(2):  # what they wrote themselves they write anew
            assert tremble(*command, "--out", tmp_path / command[0])[0] == 0
    thesis.unlink()
    for force in ((), ("--force",)):
        assert tremble(*source, *force)[0] == 0
    assert json.loads(thesis.read_text())["id"] == "one"
    mine = tmp_path / "mine.jsonl"  # records of one's own, which no import wrote
    again = ("data", "import", "jsonl", thesis, "--out", mine, "--force")
    assert "--force does not overwrite it" in mistake(*again)


@pytest.mark.parametrize("there", ["x.csv", "x.codebook.csv", "x.parquet"])
@pytest.mark.slow
def test_an_export_replaces_exports_alone(tmp_path: Path, there: str) -> None:
    assert tremble("run", write_study(tmp_path), "--out", tmp_path / "out")[0] == 0
    kind = there.rpartition(".")[2]
    command = ("export", tmp_path / "out", "--to", kind, "--out", tmp_path / f"x.{kind}")
    own = tmp_path / there
    own.write_text("column,my notes\n1,2\n")
    if kind == "parquet":  # the codebook of another export stands beside it
        export = ("export", tmp_path / "out", "--out", tmp_path / "x.csv")
        assert tremble(*export)[0] == 0
    before = sorted(path.name for path in tmp_path.iterdir())
    assert str(own) in mistake(*command)
    assert own.read_text() == "column,my notes\n1,2\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    own.unlink()
    for _ in range(2):
        assert tremble(*command)[0] == 0


HEADER = ("problem", "option_a", "option_b", "rate_b", "n", "rate_sd", "gamble_a", "gamble_b")


def lottery(folder: Path, **cells: str) -> Any:
    """The decision of a table with one problem, some cells of which are given."""
    row = {"problem": "p", "option_a": "Ten.", "option_b": "Perhaps more.", "rate_b": "0.4"}
    with (folder / "l.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerow({**row, **cells})
    (found,) = load_lotteries(folder / "l.csv", Notes())
    return found


@pytest.mark.parametrize(
    ("written", "rate"),
    [(".45", 0.45), ("1.", 1), ("+.5", 0.5), ("45 %", 0.45), ("45%", 0.45), (" 0.45 ", 0.45),
     ("7 %", 0.07), ("4.5e-1", 0.45), ("1", 1)],
)  # fmt: skip
def test_shares_as_people_write_them(tmp_path: Path, written: str, rate: float) -> None:
    assert lottery(tmp_path, rate_b=written).rates["b"] == rate
    line = {"problem": "p", "option_a": "a", "option_b": "b", "rate_b": written}
    (tmp_path / "l.jsonl").write_text(json.dumps(line))
    (found,) = load_lotteries(tmp_path / "l.jsonl", Notes())
    assert found.rates is not None and found.rates["b"] == rate


def test_gambles_as_people_write_them(tmp_path: Path) -> None:
    found = lottery(
        tmp_path, n="30.", rate_sd=".1", gamble_a="[[1., +3]]", gamble_b="[[.45, -.5], [55 %, 1e1]]"
    )
    assert (found.n, found.rate_sd) == (30, 0.1)
    assert found.rules["gamble_a"] == [[1, 3]]
    assert found.rules["gamble_b"] == [[0.45, -0.5], [0.55, 10]]


@pytest.mark.parametrize(
    ("key", "written"),
    [("rate_b", w) for w in ("0,45", "45", "145 %", "-.1", "often", "nan", "1_0", ".", "%", "5 5")]
    + [("n", w) for w in ("30 %", "2.5", "Infinity")]
    + [
        ("gamble_a", w) for w in ("[[1, 5 %]]", "[[.5, 3]]", "[[1, a1]]", "1", "[[1, 1, 1]]", "[1]")
    ],
)
def test_numbers_that_are_none(tmp_path: Path, key: str, written: str) -> None:
    gambles = {"gamble_a": "[[1, 3]]", "gamble_b": "[[1, 3]]"}
    with pytest.raises(UserError, match=rf"l\.csv, line 2: {key} is .*; correct the file\."):
        lottery(tmp_path, **{**gambles, key: written})


@pytest.mark.slow
def test_help_and_mistakes_load_nothing_heavy(tmp_path: Path) -> None:
    """In a process of its own, since this one has everything loaded."""
    calls = [
        ["--help"],
        ["data", "show", "zz"],
        ["pairs", "--family", "zz"],
        ["run", str(tmp_path / "none.toml")],
        ["analyze", str(tmp_path)],
        ["data", "list"],
    ]
    code = (
        "import json, sys\nfrom tremble.commands.program import app\n"
        "for call in json.loads(sys.argv[1]):\n"
        "    try:\n        app(call)\n"
        "    except SystemExit as end:\n"
        "        heavy = {'torch', 'transformers', 'altair', 'scipy'} & set(sys.modules)\n"
        "        print(end.code, *sorted(heavy), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code, json.dumps(calls)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    ends = [line for line in said.splitlines() if not line.startswith("tremble: ")]
    assert ends[:-1] == ["0", "2", "2", "2", "2"]
    assert ends[-1] in ("0", "0 scipy")
