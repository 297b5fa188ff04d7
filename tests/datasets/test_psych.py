"""Sessions with marked responses: every response, options as the source says them, leaks, files."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.round_trip import come_back
from tests.support.toys import GreedyTokenizer
from tremble.api.check import check_decisions, import_decisions
from tremble.datasets.base import Notes
from tremble.datasets.psych import load
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations
from tremble.tokenization.options import option_paths

INTRO = "Two machines, J and F, stand before you.\n\n"
JF = ["J", "F"]


def session(
    who: Any, responses: Sequence[str], experiment: Any = "bandit", **more: Any
) -> dict[str, Any]:
    trials = "".join(f"You press <<{r}>>. You get {i} points.\n" for i, r in enumerate(responses))
    return {"text": INTRO + trials, "experiment": experiment, "participant": who, **more}


def written(folder: Path, lines: Sequence[Any], name: str = "sessions.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def imported(tmp_path: Path, lines: Sequence[Any]) -> tuple[list[Decision], Notes]:
    notes = Notes()
    return list(load(written(tmp_path, lines), notes)), notes


def keys(decision: Decision) -> list[str]:
    return [option.key for option in decision.options]


def declare(tmp_path: Path, options: Any) -> None:
    (tmp_path / "options.json").write_text(json.dumps(options))


def test_the_prompt_is_the_text_up_to_the_response(tmp_path: Path) -> None:
    lines = [session(1, "JFJ", options=JF), session(2, "FJFF")]
    found, notes = imported(tmp_path, lines)
    texts = [line["text"] for line in lines]
    wanted = [(text[: m.end()], text) for text in texts for m in re.finditer("<<", text)]
    assert [standard(d).plain() for d in found] == [text for text, _ in wanted]
    for decision, (before, text) in zip(found, wanted, strict=True):
        assert text[len(before) :].startswith(f"{decision.response}>>")
        assert presentations(decision) == (0,)
    assert not notes.dropped and not notes.odd
    said = standard(found[1])
    assert said.user == INTRO + "You press <<J>>. You get 0 points."
    assert (said.system, said.opening) == ("", "You press <<")  # what an assistant has begun
    assert [(d.id, d.participant, d.round, d.cluster, d.at) for d in found][2:4] == [
        ("psych/bandit/1/r3", "bandit/1", 3, "psych/bandit/1", 5),
        ("psych/bandit/2/r1", "bandit/2", 1, "psych/bandit/2", 1),
    ]
    assert [(keys(d), d.choice, d.target) for d in found[:2]] == [(JF, "J", "J"), (JF, "F", "J")]
    assert [(keys(d), d.choice, d.target) for d in found[3:5]] == [([], None, None)] * 2
    assert found[0].line == 1 and found[3].line == 2
    assert all(d.breakdown == {"experiment": "bandit"} for d in found)


def test_every_response_is_kept_and_those_without_text_are_counted(tmp_path: Path) -> None:
    said = ["J", "", " ", "nan", "None", "no idea at all", "F"]
    found, notes = imported(tmp_path, [session(1, said, options=JF), session(2, "")])
    assert [(d.round, d.response, d.choice) for d in found] == [
        (1, "J", "J"),
        (6, "no idea at all", None),
        (7, "F", "F"),
    ]
    assert "<<>>" in standard(found[1]).plain() and "<<nan>>" in standard(found[1]).plain()
    assert notes.dropped == {
        "a response without text; it stays in the transcript": 2,
        "a response that says nan or None; it stays in the transcript": 2,
        "a session without responses": 1,
    }
    assert notes.odd == [
        "bandit: 1 response is none of the options, so only the likelihood is used."
    ]
    assert notes.sessions is not None and notes.sessions.to_json() == {
        "sessions": 1,
        "responses": 7,
        "empty": 2,
        "by_study": {"bandit": {"sessions": 1, "responses": 7}},
    }


def test_options_of_the_line_once_or_for_each_response(tmp_path: Path) -> None:
    two = [["a", "b"], None, ["c", "d", "nan"], ["a", "b"]]
    lines = [
        session(1, "JFX", options=["J", "F", "X"]),
        session(2, ["a", "free", "d", "b"], options=two),
        session(3, "JF", options=[JF, JF]),
    ]
    found, _ = imported(tmp_path, lines)
    assert [(keys(d), d.choice, d.target) for d in found[:3]] == [
        (["J", "F", "X"], choice, None) for choice in "JFX"
    ]
    assert [(keys(d), d.choice, d.target) for d in found[3:7]] == [
        (["a", "b"], "a", None),
        ([], None, None),
        (["c", "d"], "d", None),
        (["a", "b"], "b", None),
    ]
    assert [d.target for d in found[7:]] == ["J", "J"]  # the same throughout
    many = [str(n) for n in range(50)]
    found, _ = imported(tmp_path, [session(1, "3", options=many)])
    assert len(found[0].options) == 50  # as many as you like
    come_back(imported(tmp_path, lines)[0], tmp_path)


def test_options_of_the_file_beside(tmp_path: Path) -> None:
    declare(tmp_path, {"bandit": JF, "x": ["a", "b"]})
    lines = [session(1, "JFX"), session(2, "J", options=["J", "F", "X"]), session(3, "F", "solo")]
    found, notes = imported(tmp_path, lines)
    assert [(d.participant, d.choice, keys(d)) for d in found] == [
        ("bandit/1", "J", JF),
        ("bandit/1", "F", JF),
        ("bandit/1", None, []),
        ("bandit/2", "J", ["J", "F", "X"]),
        ("solo/3", None, []),
    ]
    assert any("no transcript is of the experiment 'x'" in line for line in notes.odd)


def cards(who: Any, trials: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    text = "You will see cards.\n" + "".join(
        f"Seven cards are marked '{a}' and three are marked '{b}'. You predict <<{r}>>.\n"
        for a, b, r in trials
    )
    return {"text": text, "experiment": "cards", "participant": who}


def test_a_pattern_reads_labels_that_are_drawn_anew(tmp_path: Path) -> None:
    declare(tmp_path, {"cards": r"marked '(\w)'"})  # one group: all its matches
    lines = [cards(1, [("O", "Q", "Q"), ("X", "E", "X")]), cards(2, [("V", "Z", "Z")])]
    found, notes = imported(tmp_path, lines)
    assert [(keys(d), d.choice) for d in found] == [
        (["O", "Q"], "Q"),
        (["X", "E"], "X"),
        (["V", "Z"], "Z"),
    ]
    assert [d.target for d in found] == [None, None, "V"] and not notes.odd
    declare(tmp_path, r"marked '(\w)' and three are marked '(\w)'")  # for all beside it
    again, _ = imported(tmp_path, lines)
    assert [keys(d) for d in again] == [keys(d) for d in found]


def test_a_pattern_reads_what_was_said_before_the_first_response(tmp_path: Path) -> None:
    """problearn's missing quote; nothing is said again later."""
    intro = "You will see two houses labeled 'S' and I' in town."
    text = f"{intro} You choose <<S>>. A rat.\nYou choose <<I>>. A cat.\n"
    declare(tmp_path, {"zoo": r"labeled '?(\w)'? and '?(\w)'?"})
    found, _ = imported(tmp_path, [{"text": text, "experiment": "zoo", "participant": 1}])
    assert [(keys(d), d.choice, d.target) for d in found] == [(["S", "I"], r, "S") for r in "SI"]


def test_no_label_comes_from_a_response_one_s_own_or_other_people_s(tmp_path: Path) -> None:
    declare(tmp_path, {"cards": r"marked '(\w)'"})
    one = [("O", "Q", "Q"), ("X", "E", "X")]
    found, _ = imported(tmp_path, [cards(1, one), cards(2, [("A", "B", "B")])])
    for first in "OQZ":  # Z is a label of nobody
        other = [(one[0][0], one[0][1], first), one[1]]
        changed, _ = imported(tmp_path, [cards(1, other), cards(2, [("C", "D", "D")])])
        assert keys(changed[1]) == keys(found[1]) == ["X", "E"]
        assert keys(changed[0]) == ([] if first == "Z" else ["O", "Q"])


def test_a_pattern_that_never_ends_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tremble.datasets.psych_patterns.SECONDS", 1.0)
    declare(tmp_path, {"bandit": r"(a+)+(b)$"})
    line = {"text": "a" * 200_000 + " <<J>>", "experiment": "bandit", "participant": 1}
    with pytest.raises(UserError, match=r"line 1: the pattern .* does not end in time"):
        imported(tmp_path, [line])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bandit": "no group"}, "has no group; put"),
        ({"bandit": "(open"}, "is not a regular expression"),
        ({"bandit": r"(zzz)|(yyy)"}, "hold no two labels in any transcript"),
        ({"bandit": r"Two (machines)"}, "hold no two labels in any transcript"),
        ({"bandit": ["J"]}, r"options is \['J'\]; give a list of two or more"),
        ({"bandit": 3}, "options is 3; write"),
        ([], r"options is \[\]; give a list"),
    ],
)
def test_options_that_are_none(tmp_path: Path, options: Any, words: str) -> None:
    declare(tmp_path, options)
    with pytest.raises(UserError, match=words) as caught:
        imported(tmp_path, [session(1, "JF")])
    assert "options.json" in str(caught.value) and "\n" not in str(caught.value)


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
    with pytest.raises(UserError, match="5 faulty lines"):
        list(load(written(tmp_path, wrong), Notes()))  # none is left


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


def test_no_prompt_depends_on_its_own_response_or_on_anything_later(tmp_path: Path) -> None:
    said = {1: "JFJFJJ", 2: "FFJJFF"}
    flip = {"J": "F", "F": "J"}
    declare(tmp_path, {"bandit": r"machines, (\w) and (\w),"})
    original, _ = imported(tmp_path, [session(who, r) for who, r in said.items()])
    assert keys(original[0]) == JF
    for number in range(6):
        new = {w: r[:number] + "".join(flip[x] for x in r[number:]) for w, r in said.items()}
        lines = [session(who, r) for who, r in new.items()]
        for line in lines:
            line["text"] += "Thank you. The experiment is over."
        found, _ = imported(tmp_path, lines)
        for old, changed in zip(original, found, strict=True):
            later = (old.round or 0) > number + 1
            assert (standard(old) != standard(changed)) is later  # with the control
            assert keys(old) == keys(changed)


def test_no_prompt_depends_on_other_people_or_on_facts_about_this_one(tmp_path: Path) -> None:
    times = {"RTs": [1, 2]}
    original, _ = imported(tmp_path, [session(1, "JF", age=30, **times), session(2, "FJ")])
    changed, _ = imported(tmp_path, [session(1, "JF", age=70, RTs=[8, 9]), session(2, "FFFJJJ")])
    for old, new in zip(original[:2], changed[:2], strict=True):
        assert standard(old) == standard(new) and keys(old) == keys(new)
    assert (original[0].person, changed[0].person) == ({"age": 30}, {"age": 70})


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


def test_a_session_is_stored_once_and_checked(tmp_path: Path) -> None:
    sizes = []
    for count in (100, 200):
        file = written(tmp_path, [session(1, "JF" * count, options=JF), session(2, "FJ" * count)])
        summary = import_decisions(load(file, Notes()), tmp_path / "out.jsonl")
        assert summary["decisions"] == 4 * count and summary["target"] == {"session": count}
        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2  # a line a session
        sizes.append((tmp_path / "out.jsonl").stat().st_size)
    assert sizes[1] < 2.2 * sizes[0]  # linear in the number of responses
    found, faults, _ = check_decisions(tmp_path / "out.jsonl")
    assert found["decisions"] == 800 and found["faulty"] == 0 and not faults
    assert found["families"]["session"]["without_options"] == 400


def test_a_response_that_begins_another_is_closed_by_the_mark(tmp_path: Path) -> None:
    """1 and 10: 1 counts only where > follows, in the form of the transcript."""
    found, _ = imported(tmp_path, [session(1, ["1"], options=["1", "10"])])
    tokenizer = GreedyTokenizer([">>", "<<", "ress"])
    (paths,) = option_paths(tokenizer, [(standard(found[0]).plain(), keys(found[0]))])
    assert keys(found[0]) == ["1", "10"] and paths.terminated == (True, False)
    assert [tokenizer.decode([id_]) for id_ in paths.terminator] == [">>", ">"]
