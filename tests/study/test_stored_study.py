"""What 0.1.0 scored stays scored: nothing anew, the same tables, the same export.

tests/golden/README.md says how the stored studies were made. All goes through the command line.
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
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from tremble.baselines.base import OF_OWN
from tremble.commands.program import app

pytestmark = pytest.mark.model  # the stored studies have tokenizers
STORED = Path(__file__).parents[1] / "golden" / "study_0_1_0"
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


def unpacked(folder: Path) -> Path:
    """The studies as 0.1.0 left them, with their files, and what it answered."""
    shutil.copytree(STORED, folder, dirs_exist_ok=True)
    with tarfile.open(folder / "stored.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path, with what it holds."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def said(after: Path) -> Said:
    """Runs every study once more; what was said, by its name."""
    return {name: tremble("run", f"{name}.toml", "--out", name)[1] for name in STUDIES}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the studies are run again, which is where we are meanwhile: names of
    models that are paths start there."""
    folder = unpacked(tmp_path_factory.mktemp("after"))
    with chdir(folder):
        yield folder


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_is_scored_anew(name: str, before: Path, after: Path, said: Said) -> None:
    record = json.loads((before / name / "run.json").read_text("utf-8"))
    lines = said[name].splitlines()
    for model in record["models"]:
        assert f"{model}: everything is already scored." in lines
    assert "Loading" not in said[name]
    again = json.loads((after / name / "run.json").read_text("utf-8"))
    for job in again["jobs"]:
        assert again["digests"][f"{job['folder']}/{job.pop('expected')}"]
    assert {key: again[key] for key in record} == record
    old, new = files(before / name / "scores"), files(after / name / "scores")
    assert sorted(new) == sorted(old)  # no folder and no part is added
    assert len(record["jobs"]) == len([path for path in old if path.endswith("manifest.json")])
    assert [path for path in old if new[path] != old[path]] == []


@pytest.mark.parametrize("name", STUDIES)
def test_what_people_did_is_stored_as_it_was(
    name: str, before: Path, after: Path, said: Said
) -> None:
    old = files(before / name / "decisions")
    new = files(after / name / "decisions")
    assert len(new) == len(old) > 0
    for path, content in old.items():
        (again,) = (held for other, held in new.items() if other.startswith(Path(path).stem))
        found, stored = (pl.read_parquet(io.BytesIO(held)) for held in (again, content))
        # Since 0.2.0 the lengths of labels stand beside what was read, and how many choices each
        # person made in a column of its own; nothing else is new.
        each = "choices_each" in found.columns
        found = found.drop("choices_each", strict=False)
        read = [
            text and re.sub(r', "label_lengths": [^]]*]', "", text) for text in found["numbers"]
        ]
        longer = found["numbers"].to_list() != read
        assert (path in new) != (longer or each)
        assert_frame_equal(found.with_columns(numbers=pl.Series(read, dtype=pl.String)), stored)


@pytest.mark.parametrize("name", STUDIES)
def test_the_tables_are_the_same(name: str, before: Path, after: Path, said: Said) -> None:
    stored = json.loads((before / f"{name}.json").read_text("utf-8"))
    found = json.loads(tremble(*STUDIES[name])[0])
    # Since 0.2.0 a note says that people are not named, of prompts of one's own in one study.
    notes = [note for note in found["notes"] if "one_decision_each" not in note]
    assert len(found["notes"]) - len(notes) == (name == "wide")
    # And prompts of one's own have two baselines more; where all tables are asked for, those of
    # 0.2.0 stand among them.
    names = ("levels", "distributions", "worth")
    new = {name: found.pop(name) for name in names if name in found}
    assert bool(new) == (name == "shown")
    known = [row for row in found["baselines"] if row["baseline"] not in OF_OWN]
    assert len(known) < len(found["baselines"]) or name == "sampled"
    assert list(differences({**found, "notes": notes, "baselines": known}, stored)) == []


@pytest.mark.parametrize("name", STUDIES)
def test_the_export_is_the_same(name: str, before: Path, after: Path, said: Said) -> None:
    tremble("export", name, "--to", "csv", "--out", "again.csv")
    stored = table(before / f"{name}.csv")
    assert len(stored) > 1
    found = without_column("choices_each", without_items(table(Path("again.csv"))))
    # Since 0.2.0 choices among three options have a row for those beside the target, too.
    kind = found[0].index("kind")
    assert list(differences([row for row in found if row[kind] != "other"], stored)) == []


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
            yield from differences(found[key], value, f"{where}.{key}")
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


def test_no_path_of_the_machine_that_made_them_is_stored(before: Path) -> None:
    """Such a path would decide keys on that machine alone."""
    mark = re.compile(rb"/(?:tmp|home|root|Users)/")
    for path, content in files(before).items():
        texts = [content]
        if path.endswith(".parquet"):
            frame = pl.read_parquet(io.BytesIO(content))
            texts = [frame.select(pl.selectors.string()).write_json().encode()]
        assert not [text for text in texts if mark.search(text)], path
