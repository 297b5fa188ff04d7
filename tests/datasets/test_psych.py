"""Sessions with marked responses: options from others, leaks, linear storage, bad input."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trip import come_back
from tests.support.toys import GreedyTokenizer
from tremble.api.check import check_decisions, import_decisions
from tremble.datasets.base import Notes
from tremble.datasets.psych import load
from tremble.decisions.jsonl import read as read_records
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations
from tremble.study.decision_frame import decision_frame
from tremble.tokenization.options import option_paths

INTRO = "Two machines, J and F, stand before you.\n\n"


def session(
    who: Any, responses: Sequence[str], experiment: str = "bandit", **more: Any
) -> dict[str, Any]:
    trials = "".join(f"You press <<{r}>>. You get {i} points.\n" for i, r in enumerate(responses))
    return {"text": INTRO + trials, "experiment": experiment, "participant": who, **more}


def written(tmp_path: Path, lines: list[Any]) -> Path:
    file = tmp_path / "sessions.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def imported(tmp_path: Path, lines: list[Any]) -> tuple[list[Decision], Notes]:
    notes = Notes()
    return list(load(written(tmp_path, lines), notes)), notes


def keys(decision: Decision) -> list[str]:
    return [option.key for option in decision.options]


def test_the_prompt_is_the_text_up_to_the_response(tmp_path: Path) -> None:
    lines = [session(1, "JFJ"), session(2, "FJFF")]
    found, notes = imported(tmp_path, lines)
    texts = [line["text"] for line in lines]
    wanted = [(text[: m.end()], text) for text in texts for m in re.finditer("<<", text)]
    assert [standard(d).plain() for d in found] == [text for text, _ in wanted]
    for decision, (before, text) in zip(found, wanted, strict=True):
        assert text[len(before) :].startswith(f"{decision.choice}>>")
        assert presentations(decision) == (0,)
    assert not notes.dropped
    said = standard(found[1])
    assert said.user == INTRO + "You press <<J>>. You get 0 points."
    assert (said.system, said.opening) == ("", "You press <<")  # what an assistant has begun
    assert [(d.participant, d.round, d.cluster) for d in found][2:4] == [
        ("bandit/1", 3, "psych/bandit/1"),
        ("bandit/2", 1, "psych/bandit/2"),
    ]
    assert found[0].target == "F" and found[0].line == 1 and found[3].line == 2


def test_a_text_of_one_line_is_read_as_it_stands(tmp_path: Path) -> None:
    lines = [
        {"text": f"You say <<{a}>> and <<{b}>>", "experiment": "e", "participant": who}
        for who, a, b in (("x", "yes", "no"), ("y", "no", "yes"))
    ]
    found, _ = imported(tmp_path, lines)
    assert [standard(d).plain() for d in found][:2] == ["You say <<", "You say <<yes>> and <<"]


def test_options_are_what_others_responded_and_never_one_s_own(tmp_path: Path) -> None:
    lines = [session(1, "JFX"), session(2, "FJ"), session(3, "JJZ"), session(9, "JQ", "other")]
    found, notes = imported(tmp_path, lines)
    by = {d.participant: keys(d) for d in found}
    # X is 1's alone and Z is 3's alone: each is an option for the others only.
    assert by == {
        "bandit/1": ["F", "J", "Z"],
        "bandit/2": ["F", "J", "X", "Z"],
        "bandit/3": ["F", "J", "X"],
    }
    assert notes.dropped == {
        "a response that no other participant of the experiment gave": 2,
        "responses where others gave fewer than two different ones": 2,
    }
    assert {d.target for d in found} == {None}
    # The same person on two lines is still no other participant.
    found, notes = imported(tmp_path, [session(1, "JF"), session(1, "FJ"), session("2", "J")])
    assert {d.participant for d in found} == {"bandit/2"}
    assert notes.dropped["responses where others gave fewer than two different ones"] == 4
    found, _ = imported(tmp_path, [session(1, "JF"), session(1, "FJ"), session(2, "JF")])
    assert [d.id for d in found][:4] == [
        "psych/bandit/1/r1",
        "psych/bandit/1/r2",
        "psych/bandit/1/2/r1",
        "psych/bandit/1/2/r2",
    ]


def test_an_option_that_others_gave_stays_whoever_else_gives_it(tmp_path: Path) -> None:
    """Brute force: the options of each are the union over the lines of all others."""
    people = {"a": "JJF", "b": "F", "c": "KJ", "d": "K", "e": "MM"}
    found, notes = imported(tmp_path, [session(who, said) for who, said in people.items()])
    for decision in found:
        others = [said for who, said in people.items() if f"bandit/{who}" != decision.participant]
        assert keys(decision) == sorted(set("".join(others)))
    assert len(found) == 7 and notes.dropped.total() == 2


@pytest.mark.parametrize(("count", "kept"), [(20, 20), (21, 0)])
def test_more_than_twenty_different_responses_are_no_choice(
    tmp_path: Path, count: int, kept: int
) -> None:
    numbers = [str(n) for n in range(count)]
    text = "".join(f"You say <<{n}>>.\n" for n in numbers)
    lines = [{"text": text, "experiment": "e", "participant": who} for who in (1, 2)]
    found, notes = imported(tmp_path, lines)
    assert len(found) == 2 * kept
    if kept:
        assert keys(found[0]) == numbers  # by size: 9 before 10
    else:
        reason = "responses where others gave more than 20 different ones"
        assert notes.dropped == {reason: 2 * count}


def test_declared_options_of_the_line_or_of_the_file_beside(tmp_path: Path) -> None:
    lines = [session(1, "JFX"), session(2, "J", options=["J", "F", "X"]), session(3, "F", "solo")]
    (tmp_path / "options.json").write_text(json.dumps({"bandit": ["J", "F"], "x": ["a", "b"]}))
    found, notes = imported(tmp_path, lines)
    assert [(d.participant, d.choice, keys(d)) for d in found] == [
        ("bandit/1", "J", ["J", "F"]),
        ("bandit/1", "F", ["J", "F"]),
        ("bandit/2", "J", ["J", "F", "X"]),
    ]
    assert notes.dropped == {
        "a response that is not among the declared options": 1,
        "responses where others gave fewer than two different ones": 1,
    }
    many = [str(n) for n in range(50)]
    found, _ = imported(tmp_path, [session(1, "3", options=many)])
    assert len(found) == 1 and len(found[0].options) == 50  # declared: as many as you like


def test_sessions_without_responses_and_empty_responses_are_counted(tmp_path: Path) -> None:
    lines = [session(1, ["J", "", " ", "F"]), session(2, "JF"), session(3, "")]
    found, notes = imported(tmp_path, lines)
    assert [(d.participant, d.round) for d in found][:2] == [("bandit/1", 1), ("bandit/1", 4)]
    assert notes.dropped == {"an empty response": 2, "a session without responses": 1}
    assert {tuple(keys(d)) for d in found} == {("F", "J")}


def test_names_that_join_to_one_stay_two(tmp_path: Path) -> None:
    """Names that a plain "/" between them would join to the same id, and names as they are."""
    names = [("a/b", "c"), ("a", "b/c"), ("a", "b%2Fc"), ("a%2Fb", "c"), ("a", "c"), ("a", "c/2")]
    lines = [session(who, "JF" * (at + 1), name) for at, (name, who) in enumerate(names)]
    lines.append(session("c", "FJ", "a"))  # a second session of ("a", "c")
    lines = [{**line, "options": ["J", "F"]} for line in lines]
    found, _ = imported(tmp_path, lines)
    assert len({d.id for d in found}) == len(found) == sum(2 * (at + 1) for at in range(6)) + 2
    assert len({d.cluster for d in found}) == 7 and len({d.participant for d in found}) == 6
    assert {"psych/a/c", "psych/a/c/2"} < {d.cluster for d in found}
    again = come_back(found, tmp_path)
    assert [standard(d).plain() for d in again] == [standard(d).plain() for d in found]


def test_a_session_given_twice_counts_once(tmp_path: Path) -> None:
    one, two = session(1, "JF"), session(2, "FJ")
    found, notes = imported(tmp_path, [one, two, one, session(1, "JJ"), two])
    assert len(found) == 6
    assert notes.dropped == {"a session that another line repeats word for word": 2}


def test_no_prompt_depends_on_its_own_response_or_on_anything_later(tmp_path: Path) -> None:
    said = {1: "JFJFJJ", 2: "FFJJFF"}
    flip = {"J": "F", "F": "J"}
    original, _ = imported(tmp_path, [session(who, r) for who, r in said.items()])
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
    original, _ = imported(tmp_path, [session(1, "JF", age=30), session(2, "FJ")])
    changed, _ = imported(tmp_path, [session(1, "JF", age=70), session(2, "FFFJJJ")])
    for old, new in zip(original[:2], changed[:2], strict=True):
        assert standard(old) == standard(new) and keys(old) == keys(new)
    assert (original[0].person, changed[0].person) == ({"age": 30}, {"age": 70})


@pytest.mark.slow
def test_a_session_is_stored_once_and_comes_back(tmp_path: Path) -> None:
    sizes = []
    for count in (100, 200):
        lines = [session(1, "JF" * count), session(2, "FJ" * count), session(3, "JQFQ")]
        file = written(tmp_path, lines)
        summary = import_decisions(load(file, Notes()), tmp_path / "out.jsonl")
        assert summary["decisions"] == 4 * count + 2
        assert summary["target"] == {"session": 1}  # the two of person 3, one of them F
        sizes.append((tmp_path / "out.jsonl").stat().st_size)
    assert sizes[1] < 2.2 * sizes[0]  # linear in the number of responses
    again = list(read_records(tmp_path / "out.jsonl"))
    come_back(load_some(file), tmp_path)
    assert Counter(d.target for d in again) == {None: 4 * 200, "F": 2}
    assert set(decision_frame(again[:9])["normative_why"]) == {"no game that tremble knows"}
    found, faults, _ = check_decisions(tmp_path / "out.jsonl")
    assert found["faulty"] == 0 and not faults


def test_records_keep_odd_sessions(tmp_path: Path) -> None:
    odd = 'Say "j"\u2028 or \\n:\r\n<<{}>>\t\u0000 then\n<<{}>>, \ud83d\ude00 "}}'
    lines = [
        {"text": odd.format(a, b), "experiment": "\u00e9 /", "participant": who, **more}
        for who, a, b, more in (
            (1, "1", "10", {"options": ["10", "1", "\\"], "age": -0.0, "note": None}),
            ("2", "\u0130", "i\u0307", {"nested": {"deep": [1, 1.0, [True, "", {}]]}}),
            (2**70, "i\u0307", "\u0130", {"tiny": 1e-17}),
        )
    ]
    found, _ = imported(tmp_path, lines)
    assert {d.choice for d in found} == {"1", "10", "\u0130", "i\u0307"}
    come_back(found, tmp_path)


def load_some(file: Path) -> list[Decision]:
    return list(load(file, Notes()))[:50]


def test_a_response_that_begins_another_is_closed_by_the_mark(tmp_path: Path) -> None:
    """1 and 10: 1 counts only where > follows, in the form of the transcript."""
    lines = [session(who, "1") for who in (1, 2)]
    for line, other in zip(lines, ("10", "10"), strict=True):
        line["text"] += f"You press <<{other}>>.\n"
    found, _ = imported(tmp_path, lines)
    tokenizer = GreedyTokenizer([">>", "<<", "ress"])
    (paths,) = option_paths(tokenizer, [(standard(found[0]).plain(), keys(found[0]))])
    assert keys(found[0]) == ["1", "10"] and paths.terminated == (True, False)
    assert [tokenizer.decode([id_]) for id_ in paths.terminator] == [">>", ">"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not JSON", ["not JSON (Expecting value", "'not JSON'", "one JSON object per line"]),
        ('{"text": NaN}', ["NaN", "not JSON"]),
        ('{"age": 1e999}', ["it holds 1e999, which is too large"]),
        ('{"age": 1' + 5000 * "0" + "}", ["more than 4300 digits, which is too large"]),
        ('{"text": "\\ud800"}', ["half of a surrogate pair"]),
        ("[1]", ["'[1]' is not an object"]),
        ({"participant": 1, "experiment": "e"}, ["text is missing"]),
        ({"participant": 1, "text": "x"}, ["experiment is missing"]),
        ({"experiment": "e", "text": "x"}, ["participant is missing"]),
        ({"experiment": "e", "text": "x", "participant": 1.5}, ["participant is 1.5"]),
        (session(1, "J", options=["J"]), ["options is", "['J']", "two or more different"]),
        (session(1, "J", options=["J", "J"]), ["options is"]),
        (session(1, "J", options=["J", " "]), ["options is"]),
        (session(1, "J", options=["J", 1]), ["options is"]),
        (session(1, ["a<<b"]), ["<< near", "has no matching mark"]),
        (session(1, ["a>>b"]), [">> near", "has no matching mark"]),
        ({**session(1, "J"), "text": "You say <<J"}, ["'<<J' is never closed", "put >>"]),
    ],
)
def test_a_fault_is_one_sentence_with_file_line_value_and_cure(
    tmp_path: Path, line: Any, words: list[str]
) -> None:
    file = tmp_path / "sessions.jsonl"
    text = line if isinstance(line, str) else json.dumps(line)
    file.write_text(json.dumps(session(1, "JF")) + "\n\n" + text + "\n")
    with pytest.raises(UserError) as caught:
        list(load(file, Notes()))
    message = str(caught.value)
    assert f"{file}, line 3: " in message and message.endswith(".") and "\n" not in message
    for word in words:
        assert word in message


def test_files_and_sidecars_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"0 \.jsonl files"):
        list(load(tmp_path, Notes()))
    with pytest.raises(UserError, match="no file or folder"):
        list(load(tmp_path / "x", Notes()))
    file = written(tmp_path, [])
    with pytest.raises(UserError, match="is empty"):
        list(load(tmp_path, Notes()))
    written(tmp_path, [session(1, "JF"), session(2, "FJ")])
    assert len(list(load(tmp_path, Notes()))) == 4
    (tmp_path / "options.json").write_text("[]")
    with pytest.raises(UserError, match=r"options\.json: a JSON list; write an object"):
        list(load(file, Notes()))
    (tmp_path / "options.json").write_text('{"bandit": ["J"]}')
    with pytest.raises(UserError, match=r"experiment 'bandit': options is \['J'\];"):
        list(load(file, Notes()))
    (tmp_path / "options.json").unlink()
    file.write_bytes(json.dumps(session(1, "J")).encode() + b"\n\xff\n")
    with pytest.raises(UserError, match="line 2: not UTF-8 at byte 0"):
        list(load(file, Notes()))
