"""Sessions with marked responses: every response, options as the source says them, leaks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trip import come_back
from tests.support.toys import GreedyTokenizer
from tests.support.transcripts import INTRO, JF, declare, imported, keys, session, written
from tremble.api.check import check_decisions, import_decisions
from tremble.datasets.base import Notes
from tremble.datasets.psych import load
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import presentations
from tremble.tokenization.options import option_paths


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
    assert [(keys(d), d.choice, d.target) for d in found[:2]] == [(JF, "J", None), (JF, "F", None)]
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
    assert [d.target for d in found[7:]] == [None, None]  # what stands first means nothing
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
    assert notes.odd[0].endswith(
        "no transcript is of the experiment 'x'; the transcripts are of 'bandit', 'solo'."
    )


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
    assert [d.target for d in found] == [None] * 3 and not notes.odd
    declare(tmp_path, r"marked '(\w)' and three are marked '(\w)'")  # for all beside it
    again, _ = imported(tmp_path, lines)
    assert [keys(d) for d in again] == [keys(d) for d in found]


def test_a_pattern_reads_what_was_said_before_the_first_response(tmp_path: Path) -> None:
    """problearn's missing quote; nothing is said again later."""
    intro = "You will see two houses labeled 'S' and I' in town."
    text = f"{intro} You choose <<S>>. A rat.\nYou choose <<I>>. A cat.\n"
    declare(tmp_path, {"zoo": r"labeled '?(\w)'? and '?(\w)'?"})
    found, _ = imported(tmp_path, [{"text": text, "experiment": "zoo", "participant": 1}])
    assert [(keys(d), d.choice, d.target) for d in found] == [(["S", "I"], r, None) for r in "SI"]


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


def test_a_pattern_that_finds_nothing_is_shown_what_it_was_searched_in(tmp_path: Path) -> None:
    declare(tmp_path, {"bandit": "labelled (.) and (.)"})
    before = "".join(f"Machine {n}.\n" for n in range(100))
    lines = [
        {"text": f"{before}You press <<J>>. Then <<F>>.", "experiment": "bandit", "participant": 1},
        {"text": "Others <<J>>.", "experiment": "bandit", "participant": 2},
    ]
    with pytest.raises(UserError, match="hold no two labels in any") as caught:
        imported(tmp_path, lines)
    end = (before + "You press ")[-200:]
    assert str(caught.value).endswith(f"(before the first one: {'...' + end!r}).")
    with pytest.raises(UserError, match=r"\(before the first one: 'Others '\)\.$"):
        imported(tmp_path, lines[1:])


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


def test_a_session_is_stored_once_and_checked(tmp_path: Path) -> None:
    sizes = []
    for count in (100, 200):
        file = written(tmp_path, [session(1, "JF" * count, options=JF), session(2, "FJ" * count)])
        summary = import_decisions(load(file, Notes()), tmp_path / "out.jsonl")
        assert summary["decisions"] == 4 * count and summary["target"] == {}
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
