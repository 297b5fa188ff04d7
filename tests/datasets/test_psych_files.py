"""Files of sessions: containers, columns, names, faults."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import tremble
from tests.support.round_trip import come_back
from tests.support.transcripts import JF, declare, imported, keys, session, written
from tremble.api.check import import_decisions
from tremble.datasets.base import Notes
from tremble.datasets.psych import load
from tremble.datasets.psych_files import found_at
from tremble.errors import UserError
from tremble.prompts.formulations import standard


def test_facts_are_the_source_s_25_in_any_spelling_and_nothing_else(tmp_path: Path) -> None:
    more = {
        **{"age": "3.07", "Gender": "Female", "diagnosis": "Healthy", "stai_t": 41, "PHQ9": 3.0},
        **{"bas drive": 4, "education": None, "nationality": "N/A", "OCI": "nan", "IUS": [1, 2]},
        **{"condition": "unique", "category": "Memory", "participant_reindexed": 7},
        **{"in_eval": True, "is_psych101": False, "RTs": ["694", 773.5], "anxiety": [5.0, 5.0]},
    }
    line = json.dumps(session(1, "JF", **more))[:-1] + ', "GAD-7": NaN, "extra": Infinity}'
    file = tmp_path / "x.jsonl"
    file.write_text(line)
    notes = Notes()
    found = list(load(file, notes))
    assert found[0].person == {
        **{"age": "3.07", "gender": "Female", "diagnosis": "Healthy", "STAI-T": 41, "PHQ-9": 3.0},
        **{"BAS Drive": 4},
    }
    assert found[0].breakdown == {
        "experiment": "bandit",
        "category": "Memory",
        "condition": "unique",
    }
    assert not notes.faulty
    assert found[0].game is not None
    assert found[0].game.events[-1].data["reaction_times"] == [694.0, 773.5]
    assert "694" not in standard(found[-1]).plain()
    come_back(found, tmp_path)


def test_equal_lines_are_dropped_and_equal_texts_of_two_people_stay(tmp_path: Path) -> None:
    one, two = session(1, "JF"), session(2, "JF")
    assert one["text"] == two["text"]
    lines = [one, two, {**one, "age": 3}, session(1, "JJ"), two, {**one, "experiment": "other"}]
    found, notes = imported(tmp_path, lines)
    assert len(found) == 8
    assert notes.dropped == {"a line equal to another one in study, participant and text": 2}
    assert [d.id for d in found][4:6] == ["psych/bandit/1/2/r1", "psych/bandit/1/2/r2"]
    assert {d.participant for d in found} == {"bandit/1", "bandit/2", "other/1"}


def test_the_study_is_the_column_else_the_folder_else_the_experiment(tmp_path: Path) -> None:
    path = "dezfouli//Users/x/choices.csv"
    written(tmp_path / "all" / "dez2019", [session(1, "J", path), session(2, "J", "b")])
    written(tmp_path / "all", [session(1, "J", "loose"), session(1, "J", "loose", study="mine")])
    notes = Notes()
    found = list(load(tmp_path / "all", notes))
    assert [d.participant for d in found] == ["dez2019/1", "dez2019/2", "loose/1", "mine/1"]
    assert len(notes.odd) == 1 and notes.odd[0].startswith("dez2019: its lines name 2 experiments")
    (alone, _) = list(load(tmp_path / "all" / "dez2019" / "sessions.jsonl", Notes()))
    assert alone.breakdown["experiment"] == path
    assert alone.participant == "dezfouli%2F%2FUsers%2Fx%2Fchoices.csv/1"
    for place in ("a", "b"):  # one name twice
        written(tmp_path / "deep" / place / "same", [session(1, "J")])
    assert [d.breakdown["experiment"] for d in load(tmp_path / "deep", Notes())] == [
        "a/same",
        "b/same",
    ]


def test_the_folder_named_gives_its_name_if_it_is_one_experiment_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "cards2020"
    written(here, [session(1, "J", "a/b.csv"), session(2, "F", "a/b.csv")])
    written(here, [session(3, "J", None), session(4, "J", "c", study="mine"), "no"], "more.jsonl")
    declare(here, {"cards2020": JF})

    def studies(path: Path) -> list[tuple[str | None, list[str]]]:
        return [(d.participant, keys(d)) for d in load(path, Notes())]

    named = [(f"cards2020/{who}", JF) for who in (3, 1, 2)]
    assert studies(here) == [named[0], ("mine/4", JF), *named[1:]]
    monkeypatch.chdir(here)
    assert studies(Path()) == studies(Path("..") / here.name) == studies(here)
    file = here / "sessions.jsonl"
    assert [who for who, _ in studies(file)] == ["a%2Fb.csv/1", "a%2Fb.csv/2"]
    # A folder of several experiments is none of them.
    written(here, [session(5, "J", "other")], "third.jsonl")
    (here / "more.jsonl").unlink()
    notes = Notes()
    found = [d.participant for d in load(here, notes)]
    assert found == ["a%2Fb.csv/1", "a%2Fb.csv/2", "other/5"]
    (odd,) = notes.odd
    assert "no transcript is of the experiment 'cards2020'; the transcripts are of 'a/b.csv'" in odd
    # Nor is one with folders of others, be it of the same name.
    (here / "third.jsonl").unlink()
    written(here / "cards2020", [session(6, "J", "deep")])
    assert [who for who, _ in studies(here)] == ["cards2020/6", "a%2Fb.csv/1", "a%2Fb.csv/2"]


def test_every_container_gives_the_same(tmp_path: Path) -> None:
    lines = [session(1, "JF", age=3.5), session(2, "FJ", options=JF)]
    plain = written(tmp_path, lines)
    content = plain.read_bytes()
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("prompts.jsonl", content)
        out.writestr("__MACOSX/._prompts.jsonl", b"\x00\x05\x16\x07")
    pl.DataFrame(
        {
            "text": [line["text"] for line in lines],
            "experiment": ["bandit", "bandit"],
            "participant": [1.0, 2.0],
            "age": [3.5, float("nan")],
            "options": [None, JF],
        }
    ).write_parquet(tmp_path / "x.parquet")
    wanted = list(load(plain, Notes()))
    assert len(wanted) == 4
    for name in ("x.jsonl.gz", "x.zip", "x.parquet"):
        assert list(load(tmp_path / name, Notes())) == wanted, name


def test_a_folder_of_experiments(tmp_path: Path) -> None:
    source = tmp_path / "source"
    written(source / "one", [session(1, "JF")])
    (source / "two").mkdir()
    with zipfile.ZipFile(source / "two" / "prompts.jsonl.zip", "w") as out:
        out.writestr("prompts.jsonl", json.dumps(session(1, "J")))
    written(source / "__MACOSX" / "one", ["not JSON"])
    written(source / "one", [0], "._sessions.jsonl")
    (source / "one" / "README.md").write_text("read me")
    declare(source, {"one": JF})
    declare(source / "two", ["J", "K"])
    notes = Notes()
    found = list(load(source, notes))
    assert [(d.participant, keys(d)) for d in found] == [
        ("one/1", JF),
        ("one/1", JF),
        ("two/1", ["J", "K"]),
    ]
    import_decisions(iter(found), source / "imported.jsonl")
    assert list(load(source, Notes())) == found  # what was written is no source


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There are no transcripts in"):
        list(load(tmp_path, Notes()))
    with pytest.raises(UserError, match="no file or folder"):
        list(load(tmp_path / "x", Notes()))
    with pytest.raises(UserError, match="is empty"):
        list(load(written(tmp_path, []), Notes()))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as out:
        out.writestr("a.jsonl", "{}")
        out.writestr("b.jsonl", "{}")
    with pytest.raises(UserError, match=r"two\.zip' holds 2 \.jsonl files \('a\.jsonl', 'b"):
        list(load(tmp_path / "two.zip", Notes()))
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as out:
        out.writestr("a.txt", "")
    with pytest.raises(UserError, match=r"holds 0 \.jsonl files, but"):
        list(load(tmp_path / "none.zip", Notes()))
    whole = (tmp_path / "two.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:40])
    with pytest.raises(UserError, match="cannot be unpacked"):
        list(load(tmp_path / "cut.zip", Notes()))
    pl.DataFrame({"texts": ["x"]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"has no column 'text' \(its columns: 'texts'\)"):
        list(load(tmp_path / "t.parquet", Notes()))


FAULTS: list[tuple[Any, list[str]]] = [
    ("not JSON", ["not JSON (Expecting value", "'not JSON'", "one JSON object per line"]),
    ('{"age": 1e999}', ["it holds 1e999, which is too large"]),
    ('{"age": 1' + 5000 * "0" + "}", ["more than 4300 digits, which is too large"]),
    ('{"text": "\\ud800"}', ["half of a surrogate pair"]),
    ("[1]", ["'[1]' is not an object"]),
    ('{"participant": 1, "experiment": "e", "text": NaN}', ["text is missing"]),
    ({"participant": 1, "experiment": "e"}, ["text is missing"]),
    ({"participant": 1, "text": "x"}, ["experiment is missing"]),
    ({"experiment": "e", "text": "x"}, ["participant is missing"]),
    ({"experiment": "e", "text": "x", "participant": 1.5}, ["participant is 1.5"]),
    (session(1, "J", options=["J"]), ["options is", "['J']", "two or more different"]),
    (session(1, "J", options=["J", "J"]), ["options is", "each label once"]),
    (session(1, "J", options=["J", " "]), ["options is"]),
    (session(1, "J", options=["J", 1]), ["options is"]),
    (session(1, "J", options=[JF, JF]), ["2 entries for 1 responses"]),
    (session(1, ["a<<b"]), ["column 56 of text", "<< near", "has no matching mark"]),
    (session(1, ["a>>b"]), [">> near", "has no matching mark"]),
    ({**session(1, "J"), "text": "You say <<J"}, ["column 9 of text", "'<<J' is never closed"]),
]


@pytest.mark.parametrize(("line", "words"), FAULTS)
def test_a_fault_is_one_sentence_and_the_rest_is_read(
    tmp_path: Path, line: Any, words: list[str]
) -> None:
    file = tmp_path / "sessions.jsonl"
    text = line if isinstance(line, str) else json.dumps(line)
    file.write_text(
        json.dumps(session(1, "JF")) + "\n\n" + text + "\n" + json.dumps(session(2, "J"))
    )
    notes = Notes()
    assert len(list(load(file, notes))) == 3
    assert notes.faulty == 1
    (message,) = notes.faults
    assert message.startswith(f"{file}, line 3") and message.endswith(".") and "\n" not in message
    for word in words:
        assert word in message
    with pytest.raises(UserError, match="1 faulty line, so nothing was imported") as caught:
        list(load(file, Notes(strict=True)))
    assert message in str(caught.value)


def test_all_faults_are_counted_and_three_are_named(tmp_path: Path) -> None:
    wrong = [{**session(n, "J"), "text": f"{'x' * n}<<J"} for n in range(5)]
    file = written(tmp_path, [wrong[0], session(9, "J"), *wrong[1:]])
    notes = Notes()
    assert [d.participant for d in load(file, notes)] == ["bandit/9"]
    assert notes.faulty == 5
    where = [re.match(r".*line (\d+), column (\d+)", fault) for fault in notes.faults]
    assert [one and one.groups() for one in where] == [("1", "1"), ("3", "2"), ("4", "3")]
    assert notes.faulty_lines == [
        {
            **{"file": str(file), "line": line, "column": n + 1},
            "what": "'<<J' is never closed; put >> after the response.",
        }
        for n, line in enumerate((1, 3, 4, 5, 6))
    ]
    with pytest.raises(UserError, match="5 faulty lines"):
        list(load(written(tmp_path, wrong), Notes()))  # none is left


def test_faults_without_a_place_and_many_of_them(tmp_path: Path) -> None:
    wrong = [{"experiment": "e", "text": "x <<J>>"}, "no object", session(1, "J", options=["J"])]
    notes = Notes()
    file = written(tmp_path, [session(1, "J"), *wrong, *[0] * 1200])
    assert len(list(load(file, notes))) == 1
    assert notes.faulty == 1203 and len(notes.faulty_lines) == 1000 and len(notes.faults) == 3
    for at, begin in enumerate(("participant is missing;", "'no object' is not", "options is")):
        one = notes.faulty_lines[at]
        assert (one["line"], one["column"]) == (at + 2, None) and one["what"].startswith(begin)
        assert notes.faults[at] == f"{file}, line {at + 2}: {one['what']}"
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.jsonl").write_text("{")
    written(tmp_path / "bad", [session(1, "J")], "y.jsonl")
    out = tmp_path / "out.jsonl"
    code, said, _ = tremble("data", "import", "psych", tmp_path / "bad", "--out", out, "--json")
    (fault,) = json.loads(said)["faults"]
    assert (code, Path(fault["file"]).name, fault["line"]) == (1, "x.jsonl", 1)
    assert fault["what"].startswith("not JSON")


def test_names_that_join_to_one_stay_two(tmp_path: Path) -> None:
    """Names that a plain "/" between them would join to the same id, and names as they are."""
    names = [("a/b", "c"), ("a", "b/c"), ("a", "b%2Fc"), ("a%2Fb", "c"), ("a", "c"), ("a", "c/2")]
    lines = [session(who, "JF" * (at + 1), name) for at, (name, who) in enumerate(names)]
    lines.append(session("c", "FJ", "a"))  # a second session of ("a", "c")
    found, _ = imported(tmp_path, [{**line, "options": JF} for line in lines])
    assert len({d.id for d in found}) == len(found) == sum(2 * (at + 1) for at in range(6)) + 2
    assert len({d.cluster for d in found}) == 7 and len({d.participant for d in found}) == 6
    assert {"psych/a/c", "psych/a/c/2"} < {d.cluster for d in found}
    come_back(found, tmp_path)


def test_records_keep_odd_sessions(tmp_path: Path) -> None:
    odd = 'Say "j"\u2028 or \\n:\r\n<<{}>>\t\u0000 then\n<<{}>>, \ud83d\ude00 "}}'
    lines = [
        {"text": odd.format(a, b), "experiment": "\u00e9 /", "participant": who, **more}
        for who, a, b, more in (
            (1, "1", "10", {"options": ["10", "1", "\\"], "age": -0.0}),
            ("2", "\u0130", "i\u0307", {"nested": {"deep": [1, 1.0, [True, "", {}]]}}),
            (2**70, "i\u0307", "\u0130", {"age": 1e-17, "RTs": [None, 1]}),
        )
    ]
    found, _ = imported(tmp_path, lines)
    assert {d.response for d in found} == {"1", "10", "\u0130", "i\u0307"}
    come_back(found, tmp_path)


def test_folders_behind_links_are_gone_through_once(tmp_path: Path) -> None:
    """Data often lie elsewhere on a cluster. A link back ends; a folder is known by its own name,
    not by that of a link to it, and a hidden link hides no folder."""
    written(tmp_path / "store" / "far", [session("1", "J", "far")])
    here = tmp_path / "here"
    written(here / "near", [session("1", "J", "near")])
    links = {"linked": tmp_path / "store" / "far", "again": here, "a": here / "near"}
    for name, target in (links | {".old": here / "near"}).items():
        try:
            (here / name).symlink_to(target, target_is_directory=True)
        except OSError:
            pytest.skip("links need a right that is lacking here (Windows)")
    assert [one.folder for one in found_at(here)] == ["linked", "near"]
