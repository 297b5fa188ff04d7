"""What is stored stays: nothing is scored again, the same tables, the same export.

Studies of this version's prompts, and of 0.1.0, whose prompts were in other words: its tables stay,
and what is run again scores what changed and nothing else. tests/golden/README.md says how the
studies were made. All goes through the command line.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from tremble.baselines.base import OF_OWN
from tremble.commands.program import app
from tremble.stats.tables.further import OF_SESSIONS, OF_TRAINING

pytestmark = pytest.mark.model  # the stored studies have tokenizers
GOLDEN = Path(__file__).parents[1] / "golden"
FILES = GOLDEN / "study_0_1_0"  # the studies' data, models and files, of both versions
VERSIONS = ("0_1_0", "0_2_0")
SENTENCES = ("notes", "note", "why")  # their words may change, whether there are any may not
STUDIES = {
    "wide": ["analyze", "wide", "--json", "--table", "formulation,controls"],
    "shown": ["analyze", "shown", "--json"],
    "sampled": [
        "analyze",
        "sampled",
        "--json",
        "--table",
        "formulation,theory,parameter,round,added",
    ],
}
Said = dict[str, str]


def tremble(*arguments: str) -> tuple[str, str]:
    """What a command printed and said, having ended well."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.stderr
    return result.stdout, result.stderr


def unpacked(folder: Path, version: str) -> Path:
    """The studies as that version left them, with their files, and what it answered."""
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    with tarfile.open(GOLDEN / f"study_{version}" / "stored.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path, with what it holds."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def before(version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("before"), version)


@pytest.fixture(scope="module")
def after(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the studies are looked at, and those of 0.2.0 run again. We are there
    meanwhile: names of models that are paths start there."""
    folder = unpacked(tmp_path_factory.mktemp("after"), version)
    with chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def said(version: str, after: Path) -> Said:
    """What running every study once more said, by its name; those of 0.1.0 are not run."""
    if version == "0_1_0":
        return {}
    return {name: tremble("run", f"{name}.toml", "--out", name)[1] for name in STUDIES}


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_is_scored_again(
    name: str, version: str, before: Path, after: Path, said: Said
) -> None:
    old, new = files(before / name / "scores"), files(after / name / "scores")
    assert new == old  # no folder and no part is added or changed
    record = json.loads((before / name / "run.json").read_text("utf-8"))
    assert len(record["jobs"]) == len([path for path in old if path.endswith("manifest.json")])
    if version == "0_1_0":
        return
    lines = said[name].splitlines()
    for model in record["models"]:
        assert f"{model}: everything is already scored." in lines
    assert "Loading" not in said[name] and "changed" not in said[name]
    assert json.loads((after / name / "run.json").read_text("utf-8")) == record
    assert files(after / name / "decisions") == files(before / name / "decisions")


@pytest.mark.parametrize("name", STUDIES)
def test_the_tables_are_the_same(
    name: str, version: str, before: Path, after: Path, said: Said
) -> None:
    stored = json.loads((before / f"{name}.json").read_text("utf-8"))
    found = json.loads(tremble(*STUDIES[name])[0])
    # Tables of sessions and checkpoints are new in 0.2.0, as is a note that old imports are to be
    # made again.
    for table in (*OF_SESSIONS, *OF_TRAINING):
        assert found.pop(table, []) == []
    notes = [note for note in found["notes"] if "earlier versions of tremble" not in note]
    assert len(found["notes"]) - len(notes) == (name == "wide")
    found["notes"] = notes
    if version == "0_1_0":
        # Since 0.2.0 a note says that people are not named, of prompts of one's own in one study.
        notes = [note for note in found["notes"] if "one_decision_each" not in note]
        assert len(found["notes"]) - len(notes) == (name == "wide")
        # And prompts of one's own have two baselines more; where all tables are asked for, those
        # of 0.2.0 stand among them.
        more = ("levels", "distributions", "worth")
        new = {table: found.pop(table) for table in more if table in found}
        assert bool(new) == (name == "shown")
        known = [row for row in found["baselines"] if row["baseline"] not in OF_OWN]
        assert len(known) < len(found["baselines"]) or name == "sampled"
        found |= {"notes": notes, "baselines": known}
    assert list(differences(found, stored)) == []


@pytest.mark.parametrize("name", STUDIES)
def test_the_export_is_the_same(
    name: str, version: str, before: Path, after: Path, said: Said
) -> None:
    tremble("export", name, "--to", "csv", "--out", "again.csv")
    found, stored = table(Path("again.csv")), table(before / f"{name}.csv")
    assert len(stored) > 1
    if version == "0_1_0":
        found = without_column("choices_each", without_items(found))
        # Since 0.2.0 choices among three options have a row for those beside the target, too.
        kind = found[0].index("kind")
        found = [row for row in found if row[kind] != "other"]
    assert list(differences(found, stored)) == []


def test_a_study_of_0_1_0_scores_what_changed_and_nothing_else(tmp_path: Path) -> None:
    """Games are told in other words now; one's own prompts are as they were, but for the personas
    and frames before them."""
    folder = unpacked(tmp_path, "0_1_0")
    old = files(folder / "wide" / "scores")
    with chdir(folder):
        told = tremble("run", "wide.toml", "--out", "wide")[1]
        assert "prompts have changed since the last run" in told
        assert "everything is already scored" in tremble("run", "wide.toml", "--out", "wide")[1]
        names = {row["formulation"] for row in json.loads(tremble(*STUDIES["wide"])[0])["models"]}
        assert {"preamble_reversed", "paragraphs_reversed", "game_theorist"} <= names
    new = files(folder / "wide" / "scores")
    parts = {path for path in old if "/part-" in path}
    assert {path: new[path] for path in parts} == {path: old[path] for path in parts}
    mine = {json.loads(line)["id"] for line in (FILES / "own.jsonl").read_text("utf-8").split("\n")
            if line}  # fmt: skip
    again = [
        row
        for path in new.keys() - parts
        if "/part-" in path and "/standard." in path
        for row in pl.read_parquet(io.BytesIO(new[path])).iter_rows(named=True)
    ]
    assert again and not [row["decision"] for row in again if row["decision"] in mine]


def without_items(rows: list[list[Any]]) -> list[list[Any]]:
    """An export as one of before there were items: of prompts of one's own, whose column `item`
    says what was read, the second unit is the decision again."""
    head = rows[0]
    if "item" not in head:
        return rows
    item, unit, decision = (head.index(name) for name in ("item", "cluster_game", "decision"))
    for row in rows[1:]:
        if row[item]:
            row[unit] = row[decision]
    return without_column("item", rows)


def without_column(name: str, rows: list[list[Any]]) -> list[list[Any]]:
    """An export as one of before there was a column, or as it is where it has none."""
    if name not in rows[0]:
        return rows
    at = rows[0].index(name)
    return [row[:at] + row[at + 1 :] for row in rows]


def table(path: Path) -> list[list[Any]]:
    """A CSV file as its cells, numbers with a point as numbers."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            [
                float(cell) if re.fullmatch(r"-?\d+(\.\d+)?e-?\d+|-?\d+\.\d+", cell) else cell
                for cell in row
            ]
            for row in csv.reader(lines)
        ]


def differences(found: Any, stored: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values are not the same.

    Threads and processors add in different orders: log-probabilities that differ in the sixteenth
    digit move some r of these few decisions by 2e-9 and some differences by 3e-11, measured.
    """
    if isinstance(found, dict) and isinstance(stored, dict) and list(found) == list(stored):
        for key, value in stored.items():
            now = found[key]
            if key in SENTENCES:
                now, value = (len(x) if isinstance(x, list) else bool(x) for x in (now, value))
            yield from differences(now, value, f"{where}.{key}")
    elif isinstance(found, list) and isinstance(stored, list) and len(found) == len(stored):
        for at, value in enumerate(stored):
            yield from differences(found[at], value, f"{where}[{at}]")
    elif isinstance(found, float) and isinstance(stored, float):
        if not math.isclose(found, stored, rel_tol=1e-6, abs_tol=1e-9):
            yield f"{where}: {found!r}, was {stored!r}"
    elif found != stored or type(found) is not type(stored):
        yield f"{where}: {found!r}, was {stored!r}"


def test_a_difference_is_seen() -> None:
    one = {"a": [1, 0.5, None, "x"]}
    assert list(differences(one, {"a": [1, 0.5000000000000001, None, "x"]})) == []
    assert list(differences(one, {"a": [1, 0.500001, None, "x"]})) == [".a[1]: 0.5, was 0.500001"]
    for other in ({"b": [1, 0.5, None, "x"]}, {"a": [1, 0.5, None]}, {"a": [1.0, 0.5, None, "x"]}):
        assert len(list(differences(one, other))) == 1


def test_no_path_of_the_machine_that_made_them_is_stored(version: str, before: Path) -> None:
    """Such a path would decide keys on that machine alone."""
    mark = re.compile(rb"/(?:tmp|home|root|Users)/")
    for path, content in files(before).items():
        texts = [content]
        if path.endswith(".parquet"):
            frame = pl.read_parquet(io.BytesIO(content))
            texts = [frame.select(pl.selectors.string()).write_json().encode()]
        assert not [text for text in texts if mark.search(text)], path
