"""What `data check` says of experiments: true cases, and close ones that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import tremble
from tremble.api.check import check_decisions
from tremble.decisions import jsonl
from tremble.study.decision_frame import decision_frame
from tremble.study.session_notes import old_session_notes


def warnings(tmp_path: Path, *sessions: dict[str, Any]) -> list[str]:
    path = tmp_path / "m.jsonl"
    with path.open("w") as out:
        for number, session in enumerate(sessions):
            record = {"kind": "session", "id": f"s{number}", "participant": str(number), **session}
            out.write(json.dumps({"study": "exp", **record}) + "\n")
    _, faults, said = check_decisions(path)
    assert not faults
    return [line.partition(": ")[2] for line in said]


SAID = "JFFJFJJJFF"


def text(trial: str, said: Sequence[str] = SAID) -> dict[str, Any]:
    trials = (trial.format(r=r, other="F" if r == "J" else "J", n=n) for n, r in enumerate(said))
    return {"text": "Two machines.\n" + "".join(trials)}


def test_a_response_told_before_its_mark(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, text("You chose machine {r}. You press <<{r}>>. Fine.\n"))
    assert said.startswith(
        "exp: in 10 of 10 responses the text says the response before its mark, after "
        "'chose machine ', so a model can copy it"
    )
    # A response that always stands first is told by the order.
    assert warnings(tmp_path, text("See machine {r} and machine {other}. You press <<{r}>>.\n"))
    # Both on the table, told after the mark, or of the trial before.
    for trial in (
        "You see machine J and machine F. You press <<{r}>>.\n",
        "You press <<{r}>>. You chose machine {r}.\n",
        "You press <<{r}>>. The right machine was {other}.\n",
    ):
        assert not warnings(tmp_path, text(trial)), trial


def test_marks_around_forced_choices(tmp_path: Path) -> None:
    trial = "{n}: you are instructed to press {r} now. You press <<{r}>>.\n"
    said = warnings(tmp_path, text(trial))
    assert any(
        line.startswith("exp: 10 responses of 10 are in marks though the text leaves no choice")
        for line in said
    )
    for free in (
        "You have to press {r} or {other}. You press <<{r}>>.\n",
        "You must decide. You press <<{r}>>.\n",
    ):
        assert not any("leaves no choice" in line for line in warnings(tmp_path, text(free)))


def test_one_letter_for_two_things(tmp_path: Path) -> None:
    two = "Spaceship B or spaceship C flies to alien C or alien D. You press <<{r}>>.\n"
    (said,) = warnings(tmp_path, text(two))
    assert said.startswith("exp: in 1 session one letter means two things (")
    assert "spaceship C, alien C" in said or "alien C, spaceship C" in said
    pressed = "You ask alien J or alien Q. You press <<{r}>>.\n"
    (said,) = warnings(tmp_path, text(pressed))
    assert "(alien J, and J is a response)" in said
    slow = "A large X means that you were too slow. You press <<{r}>>.\n"
    some = [text(slow, said) for said in ("XKXK", "JFJF", "FKFK")]
    (said,) = warnings(tmp_path, *some)
    assert said.startswith("exp: in 1 session") and "(large X, and X is a response)" in said
    apart = "Spaceship B or spaceship C flies to alien K or alien L. You press <<{r}>>.\n"
    same = "You choose Row J or Row F. You press <<{r}>>.\n"
    assert not warnings(tmp_path, text(apart)) and not warnings(tmp_path, text(same))


def test_a_key_and_a_thing_of_one_letter_that_everybody_has(tmp_path: Path) -> None:
    for told in ("You see alien J.", "You meet an alien named J.", "The alien is called 'J'."):
        for keys in ("Press key J or key F.", "Use the buttons J and F.", "You can press J or F."):
            trial = f"{keys} {told} You press <<{{r}}>>.\n"
            (said,) = warnings(tmp_path, text(trial, "JJJ"), text(trial, "JFJ"))
            assert said.startswith(
                "exp: in 2 sessions one letter means two things (key J, alien J)"
            )
    for told in (
        "Press key J or key F. Alien J or alien F?",  # what the keys choose
        "Press key J or key F. Gamble J or safe bet F?",
        "Press J for slot J, or press F to go on. Press F or J.",
        "Press key J or key F. You see alien K.",
        "Press key K or key L. You see alien K.",  # nobody presses these
    ):
        trial = told + " You press <<{r}>>.\n"
        assert not warnings(tmp_path, text(trial, "FJJ"), text(trial, "JFJ")), told


def test_sessions_and_marks_that_say_nothing(tmp_path: Path) -> None:
    unmarked = {"text": "You press J."}
    empty = {"text": "You say <<>>. And <<nan>>."}
    closed = {"text": "Is it < or >? You say <<>>>. You say <<<>>. You say <<>>>. Then <<>>."}
    all_closed = {"text": "You say <<>>>."}
    path = tmp_path / "m.jsonl"
    assert warnings(tmp_path, unmarked, unmarked, empty, closed, all_closed, text("<<{r}>>.")) == [
        "the text has no << >>, so no study uses this session; put << before and >> after each "
        "response.",
        "no response has text (nan and None are none), so no study uses this session; mark what "
        "the participant answered, or remove the line.",
        "no response has text (nan and None are none), so no study uses this session; if people "
        "answered >, write the answer as a word.",
        "exp: the responses of 2 marks are empty and followed by >; if people answered >, write "
        "the answer as a word.",
    ]
    assert "lines 1 and 2: the text has no" in check_decisions(path)[2][0]
    assert check_decisions(path)[0]["decisions"] == 1 + len(SAID)
    assert len(list(jsonl.read(path))) == 1 + len(SAID)  # nothing else changes for a study


def test_reaction_times_that_do_not_match(tmp_path: Path) -> None:
    trial = "You press <<{r}>> after 69{n} milliseconds.\n"
    right = [690 + n for n in range(10)]
    assert not warnings(tmp_path, {**text(trial), "reaction_times": right})
    (said,) = warnings(tmp_path, {**text(trial), "reaction_times": right[1:]})
    assert said.startswith("exp: in 1 session there are more or fewer reaction times than")
    shifted = [n + 50 for n in right]
    (said,) = warnings(tmp_path, {**text(trial), "reaction_times": shifted})
    assert "the text of 10 responses has another reaction time than the column" in said
    assert "'after 690 milliseconds', 740" in said


def test_who_has_an_old_import_is_told(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text("\n".join(map(json.dumps, old())))
    code, _, errors = tremble("data", "check", path)
    assert code == 0 and errors.count("import the source again with `tremble data") == 1
    assert "lines 2 and 3: options from other people's responses" in errors
    (said,) = old_session_notes("old.jsonl", decision_frame(jsonl.read(path)))
    assert said.startswith("old.jsonl: options from other people's responses")
    new = {"kind": "session", "dataset": "psych", "id": "s", "participant": "p"}
    path.write_text(json.dumps({**new, "text": "x <<J>>"}))
    assert not old_session_notes("new.jsonl", decision_frame(jsonl.read(path)))


def old() -> Iterator[dict[str, Any]]:
    text, press = {"type": "text", "text": "x "}, {"type": "response", "response": "J"}
    game = {"kind": "game", "id": "g", "dataset": "psych", "family": "session", "rules": {}}
    yield {**game, "events": [text, press, text, press]}
    for number in (1, 2):
        decision = {"id": f"g/r{number}", "game": "g", "at": 2 * number - 1, "choice": "J"}
        yield {**decision, "options": ["J", "F"], "participant": "p"}


@pytest.mark.parametrize("strict", [False, True])
def test_the_command_reads_on_after_faulty_lines(tmp_path: Path, strict: bool) -> None:
    lines = [
        {"text": f"Say <<{said}>> now.", "experiment": "e", "participant": number}
        for number, said in enumerate(["a", "b<<", "", "c", ">>", "<<", "<<d"])
    ]
    source, out = tmp_path / "x.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(map(json.dumps, lines)))
    options = ["--strict"] if strict else ["--json"]
    code, said, errors = tremble("data", "import", "psych", source, "--out", out, *options)
    for line in (2, 5, 6):
        assert f"x.jsonl, line {line}, column " in errors
    assert "line 7" not in errors
    assert (code, out.exists()) == ((2, False) if strict else (1, True))
    if strict:
        assert "4 faulty lines, so nothing was imported" in errors
        return
    assert "4 lines have errors and were not imported" in errors
    found = json.loads(said)
    assert (found["sessions"], found["responses"], found["empty"], found["faulty"]) == (3, 3, 1, 4)
    assert found["by_study"] == {"e": {"sessions": 3, "responses": 3}}
    code, _, errors = tremble("data", "import", "demo", source, "--out", out, "--strict")
    assert code == 2 and "--strict is for psych" in errors
