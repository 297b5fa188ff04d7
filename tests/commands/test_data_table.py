"""`data import table`: what is written, and what is wrong in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import mistake, tremble
from tremble.datasets.base import source

CSV = """\
id,Status,Treatment,offer,choice
ann,ok,a,3,yes
ann,ok,b,4,no
bob,ok,a,3,yes
eve,Survey Preview,a,5,yes
"""
MAP = """\
[drop]
Status = ["Survey Preview"]

[[task]]
family = "deal"
participant = "id"
outcome = "choice"
options = ["yes", "no"]
config = ["Treatment"]
prompt = "You are offered {{ offer }}. Yes or no?"
"""


def wrong(folder: Path, csv: str = CSV, toml: str = MAP) -> str:
    """The sentence of an import that writes nothing; without paths."""
    table, map_ = folder / "answers.csv", folder / "map.toml"
    table.write_text(csv, "utf-8")
    map_.write_text(toml, "utf-8")
    out = folder / "out.jsonl"
    said = mistake("data", "import", "table", table, "--map", map_, "--out", out)
    assert not out.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["answers.csv", "map.toml"]
    return said.replace(f"{folder}/", "").removeprefix("tremble: ")


def test_a_table_becomes_records(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text(CSV)
    (tmp_path / "map.toml").write_text(MAP)
    out = tmp_path / "mine.jsonl"
    command = ["data", "import", "table", tmp_path / "answers.csv", "--map", tmp_path / "map.toml"]
    code, said, notes = tremble(*command, "--out", out)
    assert code == 0
    assert said.splitlines() == [
        "deal: 3 decisions, 2 of them choose the target option",
        f"3 decisions written to {out}",
        f"next: tremble data check {out}",
    ]
    assert notes == "tremble: excluded: 1 (Status is 'Survey Preview')\n"
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert records[0] == {
        "schema": 1,
        "kind": "decision",
        "id": "deal/2",
        "dataset": "mine",
        "family": "deal",
        "prompt": "You are offered 3. Yes or no?",
        "opening": '{"decision": "',
        "participant": "1",
        "options": [{"key": "yes", "label": "yes"}, {"key": "no", "label": "no"}],
        "target": "yes",
        "choice": "yes",
        "config": {"Treatment": "a"},
    }
    assert [(r["id"], r["participant"]) for r in records] == [
        ("deal/2", "1"),
        ("deal/3", "1"),
        ("deal/4", "2"),
    ]
    assert "ann" not in out.read_text()
    assert tremble("data", "check", out)[0] == 0
    said = mistake(*command, "--out", out)
    assert "already exists; add --force" in said
    code, said, _ = tremble(*command, "--out", out, "--force", "--json")
    assert (code, json.loads(said)["decisions"]) == (0, 3)


WRONG = {
    "no such column": (
        {"toml": MAP.replace('["Treatment"]', '["Treatmnt"]')},
        "map.toml: there is no column 'Treatmnt' in answers.csv; did you mean 'Treatment'?",
    ),
    "outside the options": (
        {"csv": CSV.replace("4,no", "4,maybe")},
        "answers.csv: 'choice' has values that match no option of the task 'deal', 'maybe' (1); "
        "add them to the cells of an option or to missing under [file], or exclude such "
        "rows with [drop].",
    ),
    "unknown in the template": (
        {"toml": MAP.replace("{{ offer }}", "{{ ofer }}")},
        "map.toml: the prompt of the task 'deal' uses 'ofer', which is not the name of a column; "
        "did you mean 'offer'?",
    ),
    "own outcome in the template": (
        {"toml": MAP.replace("{{ offer }}", "{{ choice }}")},
        "map.toml: the prompt of the task 'deal' uses 'choice', which contains the decision "
        "itself; for earlier decisions use history.",
    ),
    "two header rows": (
        {"csv": CSV.replace("\nann,ok,a", "\nWho?,How?,Which arm?,How much?,Deal?\nann,ok,a", 1)},
        "answers.csv: 'choice' has values that match no option of the task 'deal', 'Deal?' (1); "
        "if this is a second header row, write header_rows = 2 under [file].",
    ),
    "blank participants": (
        {"csv": CSV.replace("bob", "")},
        "answers.csv: participant 'id' is blank in 1 row (answers.csv, line 4); fill it in, "
        'exclude such rows ("id" = [""] under [drop]), or leave participant out of the map.',
    ),
    "mixed types": (
        {
            "csv": CSV.replace("bob,ok,a,3", "ann,ok,a,late"),
            "toml": MAP.replace("prompt", 'order = "offer"\nprompt').replace(
                "You", "{{ history|length }} You"
            ),
        },
        "answers.csv: 'offer', which orders the rows of each person, contains '3'; use only "
        'numbers, or times such as 2026-01-31 10:05, or write order = "row" to use the order '
        "of the file.",
    ),
    "a missing cell": (
        {"csv": CSV.replace("4,no", ",no")},
        "map.toml: a template of the task 'deal' prints 'offer', which is missing in 1 row "
        "(answers.csv, line 3); write {% if offer %} ... {% endif %} around it, or exclude such "
        "rows with [drop].",
    ),
    "no TOML": ({"toml": "[task"}, "map.toml is not valid TOML"),
    "a key": (
        {"toml": MAP.replace("participant", "particpant")},
        "map.toml: unknown key 'particpant' in [[task]]; did you mean 'participant'?",
    ),
    "everything dropped": (
        {"toml": MAP.replace('["Survey Preview"]', '["ok", "Survey Preview"]')},
        "map.toml: no row of answers.csv gives a decision (3 Status is 'ok'; 1 Status is 'Survey "
        "Preview'); check [drop], rows and outcome.",
    ),
    "an item of two texts": (
        {"toml": MAP.replace("config", 'item = "Status"\nconfig').replace('["Treatment"]', "[]")},
        "The item 'ok' has different texts in the records 'deal/2' and 'deal/3' with the same "
        "config; give every text its own item, or say in config what differs.",
    ),
    "one name twice": (
        {"csv": CSV.replace("Treatment", "offer"), "toml": MAP.replace('["Treatment"]', "[]")},
        "answers.csv has 2 columns named 'offer'; rename all except the one you mean.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, case: str) -> None:
    files, sentence = WRONG[case]
    said = wrong(tmp_path, **files)
    assert said == sentence or (not sentence.endswith((".", "?")) and said.startswith(sentence))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.sav", b"hello", "'x.sav' is not a valid SPSS file, or is damaged"),
        (
            "x.xlsx",
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + "EncryptedPackage".encode("utf-16-le"),
            "'x.xlsx' is protected by a password; save it without a password.",
        ),
        ("x.csv", b"", "x.csv is empty; export the table again."),
        ("x.doc", b"hello", "'x.doc' does not have the ending of a table"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    pytest.importorskip("fastexcel")
    pytest.importorskip("pyreadstat")
    (tmp_path / name).write_bytes(content)
    (tmp_path / "map.toml").write_text(MAP)
    command = ["data", "import", "table", tmp_path / name, "--map", tmp_path / "map.toml"]
    said = mistake(*command, "--out", tmp_path / "out.jsonl").replace(f"{tmp_path}/", "")
    assert said.startswith(f"tremble: {sentence}")


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    table, out = tmp_path / "answers.csv", tmp_path / "out.jsonl"
    table.write_text(CSV)
    command = ["data", "import", "table", table, "--out", out]
    said = mistake(*command)
    first = f"`tremble data import table {table} --guess --out map.toml` writes a first one."
    assert said == (
        f"tremble: To import '{table}', give --map, a file that says what its columns mean; {first}"
    )
    assert "leave --guess out to import with the map" in mistake(
        *command, "--guess", "--map", table
    )
    said = mistake("data", "import", "psych", table, "--out", out, "--map", table)
    known = "is for tables, and the columns of 'psych' are known already; leave"
    assert f"--map {known} --map out, or import table." in said
    said = mistake("data", "import", "psych", table, "--out", out, "--guess")
    assert f"--guess {known} --guess out, or import table." in said
    (tmp_path / "map.toml").write_text(MAP)
    gone = ["data", "import", "table", tmp_path / "no.csv", "--map", tmp_path / "map.toml"]
    assert "no.csv" in mistake(*gone, "--out", out)
    said = mistake(*command, "--map", tmp_path / "no.toml")
    assert "There is no map" in said
    same = ["data", "import", "table", table, "--map", tmp_path / "map.toml", "--out", table]
    assert "--out is the input file" in mistake(*same)
    folder = [*command[:-1], tmp_path / "none" / "x.jsonl", "--map", tmp_path / "map.toml"]
    assert tremble(*folder)[0] == 0
    assert (tmp_path / "none" / "x.jsonl").exists()
    assert not out.exists()


def test_the_map_is_no_place_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text(CSV)
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    command = ["data", "import", "table", tmp_path / "answers.csv", "--map", path, "--out", path]
    for force in ((), ("--force",)):
        said = mistake(*command, *force)
        assert said == f"tremble: --out is the map, '{path}'; give another --out."
    assert path.read_text() == MAP


def test_force_is_advised_only_where_it_helps(tmp_path: Path) -> None:
    """Every file that may be in the way: what is advised is then done, and works."""
    table, map_, out = (tmp_path / name for name in ("answers.csv", "map.toml", "mine.jsonl"))
    table.write_text(CSV)
    map_.write_text(MAP)
    command = ["data", "import", "table", table, "--map", map_]
    assert tremble(*command, "--out", out)[0] == 0
    (tmp_path / "thesis").write_text("years of work")
    for name in ("mine.jsonl", "thesis", "answers.csv", "map.toml"):
        said = mistake(*command, "--out", tmp_path / name)
        assert "give another --out" in said
        advised = "add --force" in said
        assert advised == (name == "mine.jsonl")
        assert (tremble(*command, "--out", tmp_path / name, "--force")[0] == 0) == advised
    assert (tmp_path / "thesis").read_text() == "years of work"
    assert table.read_text() == CSV and map_.read_text() == MAP


def test_names_that_are_advised_are_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("answers.csv").write_text(CSV)
    assert "--guess --out map.toml`" in mistake("data", "import", "table", "answers.csv")
    Path("map.toml").write_text(MAP)
    assert "--guess --out map-2.toml`" in mistake("data", "import", "table", "answers.csv")
    Path("mine.jsonl").write_text("mine")
    said = mistake("data", "import", "table", "answers.csv", "--map", "map.toml")
    assert "--out mine-2.jsonl" in said


def test_into_a_stream(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "answers.csv").write_text(CSV)
    (tmp_path / "map.toml").write_text(MAP)
    command = ["data", "import", "table", tmp_path / "answers.csv", "--map", tmp_path / "map.toml"]
    assert tremble(*command, "--out", "/dev/stdout")[0] == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {record["dataset"] for record in records} == {"answers"}


def test_the_card_says_what_a_table_is() -> None:
    assert source("table").card.title.startswith("Your own table")
    assert "table" in tremble("data", "list")[1]
    assert "docs/tables.md" in tremble("data", "show", "table")[1]
    assert "nothing to download" not in mistake("data", "fetch", "table")


@pytest.mark.parametrize("name", ["mine.csv", "mine.xlsx", "mine.sav"])
def test_a_table_where_records_belong_has_its_cure(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CSV)
    said = mistake("data", "check", tmp_path / name)
    assert f"`tremble data import table {tmp_path / name} --guess --out map.toml`" in said
