"""What is stored is verified when it is read, named when it is damaged, and mended by `run`."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.support.commands import mistake, tremble
from tests.support.stored import as_stored_by_0_1
from tests.support.studies import run, write_own_prompts
from tremble.disk.tables import Damaged
from tremble.store.study_folder import Store

STUDY = """
[study]
name = "s"
data = ["mine.jsonl"]
formulations = ["standard", "minimal"]
[[pair]]
base = "mock:base"
aligned = "mock:aligned"
"""
KINDS = {
    "part": "scores/*/*/*/part-*.parquet",
    "expected": "scores/*/*/*/expected*.parquet",
    "manifest": "scores/*/*/*/manifest.json",
    "decisions": "decisions/*.parquet",
    "prompts": "prompts/*.parquet",
    "record": "run.json",
    "copy": "study.toml",
    "mark": ".tremble-study",
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study file, its data and its scores."""
    folder = tmp_path_factory.mktemp("scored")
    write_own_prompts(folder, 12)
    (folder / "s.toml").write_text(STUDY, "utf-8")
    assert run(folder / "s.toml", folder / "s") == 0
    return folder


@pytest.fixture
def copy(scored: Path, tmp_path: Path) -> Path:
    shutil.copytree(scored, tmp_path / "copy")
    return tmp_path / "copy"


def scores(out: Path) -> pl.DataFrame:
    return Store(out).scores().sort("model", "formulation", "decision", "presentation")


def tables(out: Path) -> str:
    code, text, said = tremble("analyze", out, "--json", "--table", "all")
    assert code == 0, said
    return text


def healed(folder: Path, whole: Path) -> None:
    """Runs the study once more, after which all is as in an undisturbed one."""
    code, _, said = tremble("run", folder / "s.toml", "--out", folder / "s")
    assert (code, "Traceback" in said) == (0, False), said
    assert scores(folder / "s").equals(scores(whole / "s"))
    assert tables(folder / "s") == tables(whole / "s")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_told_or_harmless_and_mended(kind: str, copy: Path, scored: Path) -> None:
    rng = random.Random(kind)
    (*_, path) = sorted((copy / "s").glob(KINDS[kind]))
    before = path.read_bytes()
    expected = tables(scored / "s")
    for _ in range(5):
        content = bytearray(before)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        code, text, said = tremble("analyze", copy / "s", "--json", "--table", "all")
        assert "Traceback" not in said
        unfinished = code == 0 and "Not finished" in text
        assert (
            (code == 2 and path.name in said)
            or (code == 0 and text == expected)
            or (kind == "manifest" and unfinished and json.loads(text)["models"])
        ), (code, said)
        healed(copy, scored)
        if not path.exists():
            (*_, path) = sorted((copy / "s").glob(KINDS[kind]))


@pytest.mark.parametrize("kind", ["part", "expected", "decisions", "record"])
def test_a_deleted_file_is_missed_and_mended(kind: str, copy: Path, scored: Path) -> None:
    (*_, path) = sorted((copy / "s").glob(KINDS[kind]))
    path.unlink()
    said = mistake("analyze", copy / "s")
    assert path.name in said
    assert "is missing" in said
    healed(copy, scored)


def jobs(out: Path) -> dict[str, Path]:
    return {
        entry["model"]: out / entry["folder"]
        for entry in Store(out).read_run()["jobs"]
        if "standard" in entry["folder"]
    }


@pytest.mark.parametrize("name", ["part-000000.parquet", "part-000007.parquet", None])
def test_rows_of_another_job_are_not_taken(name: str | None, copy: Path, scored: Path) -> None:
    """A part copied into another model's folder, under its own name or one of 0.1.0."""
    folders = jobs(copy / "s")
    (part,) = folders["mock:base"].glob("part-*")
    shutil.copy(part, folders["mock:aligned"] / (name or part.name))
    said = mistake("analyze", copy / "s")
    assert (name or part.name) in said
    healed(copy, scored)


def test_rows_of_another_job_are_not_taken_in_a_study_of_0_1_0(copy: Path, scored: Path) -> None:
    as_stored_by_0_1(copy / "s")
    assert tables(copy / "s") == tables(scored / "s")
    folders = jobs(copy / "s")
    (part,) = folders["mock:base"].glob("part-*")
    shutil.copy(part, folders["mock:aligned"] / "part-000001.parquet")
    assert "part-000001.parquet" in mistake("analyze", copy / "s")
    healed(copy, scored)


def test_a_study_of_0_1_0_is_verified_from_its_next_run_on(copy: Path, scored: Path) -> None:
    as_stored_by_0_1(copy / "s")
    parts = sorted((copy / "s").rglob("part-*.parquet"))
    before = [part.read_bytes() for part in parts]
    healed(copy, scored)
    assert [part.read_bytes() for part in parts] == before  # nothing scored anew
    assert sorted((copy / "s").rglob("part-*.parquet")) == parts
    flipped = bytearray(before[0])
    flipped[len(flipped) // 3] ^= 4
    parts[0].write_bytes(flipped)
    assert parts[0].name in mistake("analyze", copy / "s")
    healed(copy, scored)
    parts[1].unlink()
    assert "is missing" in mistake("analyze", copy / "s")
    healed(copy, scored)


def test_a_damaged_part_is_set_aside_not_destroyed(copy: Path, scored: Path) -> None:
    part = next((copy / "s").rglob("part-*.parquet"))
    part.write_bytes(b"PAR1" + part.read_bytes()[4:-20])
    damaged = part.read_bytes()
    _, _, said = tremble("run", copy / "s.toml", "--out", copy / "s")
    assert f"{part.name}' is damaged" in said
    assert "its rows are scored again" in said
    assert part.with_name(f"{part.name}.damaged").read_bytes() == damaged
    assert scores(copy / "s").equals(scores(scored / "s"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"model": 1}', "[" * 100_000, "\x00", "null"]
)
def test_a_manifest_that_cannot_be_read_counts_as_none(text: str, copy: Path, scored: Path) -> None:
    for path in (copy / "s").rglob("manifest.json"):
        path.write_text(text, "utf-8")
    code, out, said = tremble("analyze", copy / "s")
    assert (code, said) == (0, "")
    assert "Not finished" in out
    for command in ("verdict", "export"):
        assert "Traceback" not in tremble(command, copy / "s")[2]
    assert tremble("plan", copy / "s.toml", "--out", copy / "s")[0] == 0
    healed(copy, scored)


RECORDS = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[1]",
    "another's": b'{"name": "left-pad", "version": "1.0.0"}',
    "nested": b"[" * 100_000,
    "a number of 5,000 digits": b'{"study": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"study": "caf\xe9"}',
}


@pytest.mark.parametrize("record", RECORDS)
def test_json_that_is_no_record_is_one_sentence(record: str, copy: Path, scored: Path) -> None:
    (copy / "s" / "run.json").write_bytes(RECORDS[record])
    for command in ("analyze", "verdict", "export", "report"):
        assert "run.json" in mistake(command, copy / "s")
    healed(copy, scored)


def test_a_record_names_no_folder_outside(copy: Path) -> None:
    as_stored_by_0_1(copy / "s")
    path = copy / "s" / "run.json"
    record = json.loads(path.read_text("utf-8"))
    record["jobs"][0]["folder"] = "../elsewhere/a/b"
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(Damaged, match="outside the study"):
        Store(copy / "s").read_run()


def flip_first(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def test_digests_of_0_1_0_are_kept_while_their_job_is_not_asked_for(
    copy: Path, scored: Path
) -> None:
    as_stored_by_0_1(copy / "s")
    healed(copy, scored)
    part = next(jobs(copy / "s")["mock:aligned"].glob("part-*"))
    text = STUDY.split("[[pair]]")[0] + '[[model]]\nid = "mock:base"\n'
    (copy / "s.toml").write_text(text, "utf-8")
    assert tremble("run", copy / "s.toml", "--out", copy / "s")[0] == 0
    flip_first(part)
    (copy / "s.toml").write_text(STUDY, "utf-8")
    _, _, said = tremble("run", copy / "s.toml", "--out", copy / "s")
    assert f"{part.name}' is damaged" in said
    healed(copy, scored)


def test_what_cannot_be_verified_is_looked_at_in_a_study_of_0_1_0(copy: Path) -> None:
    """Files of an old study in each other's place, and files that are gone."""
    as_stored_by_0_1(copy / "s")
    folder = jobs(copy / "s")["mock:base"]
    expected, (part,) = folder / "expected.parquet", folder.glob("part-*")
    kept = expected.read_bytes()
    shutil.copy(next((copy / "s" / "decisions").glob("*")), expected)
    assert "is not a list of rows" in mistake("analyze", copy / "s")
    expected.write_bytes(kept)
    decisions = next((copy / "s" / "decisions").glob("*"))
    frame = pl.read_parquet(decisions)
    pl.concat([frame, frame]).write_parquet(decisions)
    assert "twice" in mistake("analyze", copy / "s")
    frame.write_parquet(decisions)
    assert tremble("analyze", copy / "s")[0] == 0
    expected.unlink()
    part.unlink()
    assert "lacks 12 of 12 rows" in mistake("analyze", copy / "s")
