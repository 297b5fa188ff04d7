"""Only what tremble made is deleted or replaced; a folder is a study's by its own mark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import mistake, tremble
from tests.support.stored import as_stored_by_0_1
from tests.support.studies import run, write_own_prompts
from tremble.disk import whole
from tremble.disk.temporary import temporary_path
from tremble.errors import UserError
from tremble.store.study_folder import Store
from tremble.study import score as scoring
from tremble.study.prepare import prepare_prompts

STUDY = '[study]\nname = "s"\ndata = ["mine.jsonl"]\n[[model]]\nid = "mock"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user's: a study file, data, and files with names like those of studies."""
    write_own_prompts(tmp_path, 3)
    (tmp_path / "s.toml").write_text(STUDY, "utf-8")
    return tmp_path


def users_files(out: Path) -> dict[Path, bytes]:
    """What nobody but the user can have put into a folder, whatever it looks like."""
    names = (
        "prompts/mine.parquet",
        f"prompts/{'a' * 32}.parquet",
        f"prompts/{'a' * 32}-{'b' * 31}.parquet",
        "prompts/.draft.tmp",
        ".notes.tmp",
        ".vim.123.tmp",
        "decisions/mine-20260101.parquet",
        "decisions/table.csv",
        "scores/notes/of/mine/part-of-it.parquet",
        "scores/notes/of/mine/.part.tmp",
        "scores/notes/of/mine/expected.csv",
        "report/own.html",
    )
    for name in names:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"the user's")
    return {out / name: b"the user's" for name in names}


def kept(files: dict[Path, bytes]) -> None:
    assert {path: path.read_bytes() for path in files if path.exists()} == files


def test_a_folder_with_a_users_files_is_refused_and_left_alone(folder: Path) -> None:
    (folder / "study.toml").write_text(STUDY, "utf-8")
    files = users_files(folder)
    said = mistake("run", folder / "study.toml", "--out", folder)
    assert "contains files that are not a tremble study" in said
    kept(files)
    assert not (folder / "run.json").exists()
    assert not (folder / "scores" / "mock-").exists()


@pytest.mark.parametrize("stored_by", ["now", "0.1.0"])
def test_what_a_user_puts_into_a_study_stays(folder: Path, stored_by: str) -> None:
    out = folder / "s"
    assert run(folder / "s.toml", out) == 0
    if stored_by == "0.1.0":
        as_stored_by_0_1(out)
    files = users_files(out)
    for count, prompt in ((5, "Offer"), (4, "Other")):  # other decisions, other prompts
        write_own_prompts(folder, count, prompt)
        assert run(folder / "s.toml", out) == 0
        kept(files)
    assert len(list((out / "decisions").glob("*.parquet"))) == 2  # one of them the user's


def test_a_study_file_that_a_user_put_there_is_set_aside(folder: Path) -> None:
    out = folder / "s"
    assert run(folder / "s.toml", out) == 0
    (out / "study.toml").write_text("# my notes\n", "utf-8")
    assert run(folder / "s.toml", out) == 0
    assert (out / "study.toml").read_text("utf-8") == STUDY
    assert (out / "study.toml.replaced").read_text("utf-8") == "# my notes\n"


def test_unfinished_files_are_swept_when_their_process_is_dead(folder: Path) -> None:
    out = folder / "s"
    assert run(folder / "s.toml", out) == 0
    job = next(out.glob("scores/*/*/*"))
    script = "import sys; from pathlib import Path; from tremble.disk.temporary import "
    script += "temporary_path; p = temporary_path(Path(sys.argv[1])); p.touch(); print(p)"
    dead = [
        Path(subprocess.check_output([sys.executable, "-c", script, path], text=True).strip())
        for path in (out / "run.json", job / "part-000009.parquet", out / "prompts" / "x.parquet")
    ]
    of_0_1 = job / ".part-000009.parquet.tmp"
    of_0_1.touch()
    alive = temporary_path(job / "manifest.json")  # of this very process
    elsewhere = dead[1].with_name(dead[1].name.replace("-", "-0", 1)[: len(dead[1].name)])
    alive.touch()
    elsewhere.touch()
    assert run(folder / "s.toml", out) == 0
    assert not any(path.exists() for path in (*dead, of_0_1))
    assert alive.exists() and elsewhere.exists()


def test_a_study_that_is_refused_leaves_no_folder_and_takes_none(folder: Path) -> None:
    text = STUDY.replace('"mock"', '"no/such/model/folder"')
    (folder / "s.toml").write_text(text, "utf-8")
    assert "no/such/model/folder" in mistake("run", folder / "s.toml", "--out", folder / "new")
    assert not (folder / "new").exists()


def test_a_folder_deleted_while_running_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder / "s"
    inner = scoring._score

    def deleting(*arguments: object) -> None:
        shutil.rmtree(out)
        inner(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "_score", deleting)
    code, _, said = tremble("run", folder / "s.toml", "--out", out)
    (sentence,) = [line for line in said.splitlines() if line.startswith("tremble: ")]
    assert code == 2
    assert "was deleted or moved during the run" in sentence
    assert not out.exists()


def test_a_run_that_ends_before_its_record_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decisions, rows asked for and scores are those of the run before, wherever the next ends."""
    out = folder / "s"
    assert run(folder / "s.toml", out) == 0
    before = Store(out).scores(), Store(out).decisions(), tremble("analyze", out, "--json")
    write_own_prompts(folder, 8, "Other")

    class Killed(BaseException):
        pass

    inner = whole.write_bytes
    count = 0
    for last in range(100):
        count = 0

        def until(*arguments: object, last: int = last) -> None:
            nonlocal count
            if count == last:
                raise Killed
            count += 1
            inner(*arguments)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr("tremble.store.sealed.write_bytes", until)
            try:
                run(folder / "s.toml", out)
            except Killed:
                if Store(out).decisions().height == 8:
                    break  # the record is written: from here on what is missing is said
                after = (
                    Store(out).scores(),
                    Store(out).decisions(),
                    tremble("analyze", out, "--json"),
                )
                assert after[0].equals(before[0])
                assert after[1].equals(before[1])
                assert after[2] == before[2]
                continue
        break
    assert last == 2  # rows asked for, decisions (those of the time before stay), record
    assert "Not finished" in tremble("analyze", out)[1]
    assert run(folder / "s.toml", out) == 0
    assert Store(out).scores().height == 8


@pytest.mark.parametrize(
    "name", ["out*1", "out?1", "out[2026]", "out[!a]", "o~x", "{a,b}", "ünï 1"]
)
def test_names_are_names_never_patterns(folder: Path, name: str) -> None:
    """Three studies whose names fit one pattern stay three."""
    others = ["outx1", "out21", "out2", "a", "b"]
    for other in others:
        assert run(folder / "s.toml", folder / other) == 0
    write_own_prompts(folder, 2, "Mine")
    out = folder / name
    assert run(folder / "s.toml", out) == 0
    assert Store(out).scores().height == Store(out).decisions().height == 2
    assert json.loads(tremble("analyze", out, "--json")[1])["models"][0]["n"] == 2
    for to in ("csv", "parquet"):
        place = folder / "table[1]*" / f"x.{to}"
        for _ in range(2):
            code, _, said = tremble("export", out, "--to", to, "--out", place)
            assert code == 0, said
    assert run(folder / "s.toml", out) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        assert "Cannot write" in mistake("run", folder / "s.toml", "--out", folder / "s")
    finally:
        folder.chmod(0o700)


def test_two_runs_do_not_write_at_once(folder: Path) -> None:
    with (
        Store(folder / "s").writing("s"),
        pytest.raises(UserError, match="Another run is writing"),
    ):
        run(folder / "s.toml", folder / "s")


def test_a_users_lock_is_left_as_it_is(folder: Path) -> None:
    """A folder with nothing but hidden files counts as empty; a lock is never written to."""
    out, elsewhere = folder / "s", folder / "precious.txt"
    out.mkdir()
    (out / ".lock").write_text("mine", "utf-8")
    assert run(folder / "s.toml", out) == 0
    assert (out / ".lock").read_text("utf-8") == "mine"
    elsewhere.write_text("mine", "utf-8")
    for name, make in (("link", lambda path: path.symlink_to(elsewhere)), ("pipe", os.mkfifo)):
        (folder / name).mkdir()
        make(folder / name / ".lock")
        assert (
            ".lock" in mistake("run", folder / "s.toml", "--out", folder / name) or name == "link"
        )
    assert elsewhere.read_text("utf-8") == "mine"


def test_a_users_run_json_makes_no_study(folder: Path) -> None:
    out = folder / "u"
    (out / "scores").mkdir(parents=True)
    (out / ".lock").touch()
    (out / "run.json").write_text('{"my": "run"}', "utf-8")
    assert "not a tremble study" in mistake("run", folder / "s.toml", "--out", out)
    assert (out / "run.json").read_text("utf-8") == '{"my": "run"}'


def test_a_page_and_a_table_of_a_user_stay(folder: Path) -> None:
    out = folder / "s"
    assert run(folder / "s.toml", out) == 0
    (out / "report").mkdir()
    (out / "report" / "index.html").write_text("mine", "utf-8")
    assert "is not a page of tremble" in mistake("report", out)
    table, book = folder / "t.csv", folder / "t.codebook.csv"
    for _ in range(2):
        assert tremble("export", out, "--out", table)[0] == 0
    whole = table.read_text("utf-8")
    changed = "\n".join(f"{line},mine" for line in whole.splitlines())
    table.write_text(changed, "utf-8")
    assert "was not written by `tremble export --to csv`" in mistake("export", out, "--out", table)
    table.write_text(whole.replace("yes", "no"), "utf-8")
    os.utime(book, (1e9, 1e9))
    assert "was changed after it was exported" in mistake("export", out, "--out", table)
    table.write_text(whole, "utf-8")
    book.unlink()
    assert "already exists without a codebook" in mistake("export", out, "--out", table)
    assert "is a folder" in mistake("export", out, "--out", folder)
    assert "is a folder" in mistake("export", out, "--out", ".")


def test_a_study_has_one_name_also_when_two_begin_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run ends while this one renders its prompts."""
    out, other = folder / "s", folder / "other.toml"
    other.write_text(STUDY.replace('name = "s"', 'name = "other"'), "utf-8")
    inner = prepare_prompts

    def slowly(*arguments: object) -> object:
        with monkeypatch.context() as patch:
            patch.setattr("tremble.study.run.prepare_prompts", inner)
            assert run(other, out) == 0
        return inner(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("tremble.study.run.prepare_prompts", slowly)
    with pytest.raises(UserError, match="contains the study 'other', not 's'"):
        run(folder / "s.toml", out)
    assert Store(out).read_run()["study"] == "other"


def test_a_folder_called_like_a_home_is_meant_where_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert run(folder / "s.toml", folder / "s") == 0
    (folder / "~").mkdir()
    assert tremble("export", "s", "--out", "./~/x.csv")[0] == 0
    assert (folder / "~" / "x.csv").is_file()


def test_standard_output_is_no_folder_of_a_study(folder: Path) -> None:
    assert "a study is a folder" in mistake("run", folder / "s.toml", "--out", "-")
