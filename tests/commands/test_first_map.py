"""`tremble data import table FILE --guess`: the map, what it tells, and what it never touches."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.support.commands import mistake, tremble

TABLE = """id,email,frame,offer,choice
1,a@x.org,gain,2,reject
2,b@x.org,loss,5,accept
3,c@x.org,gain,5,accept
4,d@x.org,loss,2,reject
5,e@x.org,gain,3,
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text(TABLE)
    return path


def test_from_guess_to_decisions(tmp_path: Path, table: Path) -> None:
    """The three commands of docs/tables.md, the map unchanged."""
    map_, out = tmp_path / "map.toml", tmp_path / "mine.jsonl"
    code, told, error = tremble("data", "import", "table", table, "--guess", "--out", map_)
    assert (code, error) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"answers.csv", "map.toml"}
    assert "choice: 4 decisions from choice, options accept, reject" in told
    assert "excluded: 1 (nothing in 'choice')" in told
    assert "prompt 1 of 3, choice, participant 1: frame = gain, offer = 2\n  | frame: gain" in told
    assert "nothing was imported" in told
    assert f"--map {map_} --out mine.jsonl" in told
    code, told, _ = tremble("data", "import", "table", table, "--map", map_, "--out", out)
    assert (code, told.splitlines()[0]) == (
        0,
        "choice: 4 decisions, 2 of them choose the target option",
    )
    choices = [json.loads(line)["choice"] for line in out.read_text().splitlines()]
    assert choices == ["reject", "accept", "accept", "reject"]
    assert tremble("data", "check", out)[0] == 0


def test_a_map_that_is_there_is_kept(tmp_path: Path, table: Path) -> None:
    map_ = tmp_path / "map.toml"
    map_.write_text("mine")
    for force in ([], ["--force"]):
        said = mistake("data", "import", "table", table, "--guess", "--out", map_, *force)
        why = " and --guess never overwrites, even with --force" if force else ""
        assert said == f"tremble: --out '{map_}' already exists{why}; give another --out."
    assert map_.read_text() == "mine"
    assert "already exists" in mistake("data", "import", "table", table, "--guess", "--out", table)
    assert table.read_text() == TABLE


@pytest.mark.parametrize("out", [[], ["--out", "-"]])
def test_the_map_alone_on_stdout(
    table: Path, out: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    code, _, told = tremble("data", "import", "table", table, "--guess", *out)
    text = capfd.readouterr().out
    assert code == 0
    assert tomllib.loads(text)["task"][0]["outcome"] == "choice"
    assert "choice: 4 decisions" in told
    assert "prompt 1 of 3" in told


def test_json(tmp_path: Path, table: Path) -> None:
    code, text, _ = tremble("data", "import", "table", table, "--guess", "--json")
    said = json.loads(text)
    assert code == 0
    assert said["recognised"] == "a table"
    assert said["decisions"] == {"choice": 4}
    assert said["left_out"] == {"nothing in 'choice'": 1}
    assert said["private"] == {"email": "e-mail addresses"}
    assert len(said["prompts"]) == 3
    assert tomllib.loads(said["map"])["task"][0]["participant"] == "id"
    map_ = tmp_path / "map.toml"
    code, text, _ = tremble("data", "import", "table", table, "--guess", "--json", "--out", map_)
    assert (code, json.loads(text)["map"]) == (0, str(map_))
    assert tomllib.loads(map_.read_text())["task"][0]["participant"] == "id"


def test_mistakes_are_one_sentence(tmp_path: Path, table: Path) -> None:
    assert "--guess is for tables" in mistake("data", "import", "psych", table, "--guess")
    said = mistake("data", "import", "table", table, "--guess", "--map", table)
    assert "leave --map out and give a new --out for a first map" in said
    assert "--out mine.jsonl" in mistake("data", "import", "table", table, "--map", table)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert "is empty" in mistake("data", "import", "table", empty, "--guess")
    bare = tmp_path / "bare.csv"
    bare.write_text("age,city\n1,Rome\n2,Oslo\n")
    map_ = tmp_path / "map.toml"
    said = mistake("data", "import", "table", bare, "--guess", "--out", map_)
    assert "no column that could be what people chose" in said
    assert "'age', 'city'" in said
    assert not map_.exists()
    said = mistake("data", "import", "table", tmp_path / "gone.csv", "--guess")
    assert "gone.csv" in said


CROSSED = "pid,city,cond,choice\n" + "".join(
    f"{who},{city},{('treatment_A', 'treatment_B')[(who + at) % 2]},{('yes', 'no')[who * at % 2]}\n"
    for who in range(1, 5)
    for at, city in enumerate(("Rome", "Oslo", "Bern"))
)


def test_a_crossed_design_is_led_to_item(tmp_path: Path, table: Path) -> None:
    """Each participant answers about each city. The line works as it is without its #."""
    path, map_, out = (tmp_path / name for name in ("c.csv", "c.toml", "c.jsonl"))
    path.write_text(CROSSED)
    assert tremble("data", "import", "table", path, "--guess", "--out", map_)[0] == 0
    assert '\n# item = "city"\n' in map_.read_text()
    map_.write_text(map_.read_text().replace('# item = "city"', 'item = "city"'))
    assert tremble("data", "import", "table", path, "--map", map_, "--out", out)[0] == 0
    items = {json.loads(line)["item"] for line in out.read_text().splitlines()}
    assert items == {"Rome", "Oslo", "Bern"}
    other = tmp_path / "other.toml"
    assert tremble("data", "import", "table", table, "--guess", "--out", other)[0] == 0
    assert '\n# item = "COLUMN"\n' in other.read_text()


def test_a_map_that_nobody_edited_is_said(tmp_path: Path) -> None:
    """While the prompt is the draft, and while it prints a condition's name; then no more."""
    path, map_, out = (tmp_path / name for name in ("c.csv", "c.toml", "c.jsonl"))
    path.write_text(CROSSED)
    tremble("data", "import", "table", path, "--guess", "--out", map_)
    command = ("data", "import", "table", path, "--map", map_, "--out", out, "--force")
    prints = "prints the column 'cond', so that a model reads the condition's name, such as 'treatm"
    cure = f"; write into prompt in {map_} what your participants read in each condition"
    said = tremble(*command)[2]
    assert f"the prompt of the task 'choice' is still the draft and {prints}" in said
    assert cure in said and len(said.splitlines()) == 1
    draft = map_.read_text()
    map_.write_text(draft.replace("Which do you choose", "You visit a city.\nWhich do you choose"))
    assert f"the prompt of the task 'choice' {prints}" in tremble(*command)[2]
    edited = '{% if cond == "treatment_A" %}\nIt rains.\n{% endif %}'
    map_.write_text(map_.read_text().replace("cond: {{ cond }}", edited))
    assert (
        "the draft" not in (said := tremble(*command)[2]) and "prints the column 'cond'" not in said
    )
