"""`personas`, `participants` and cuts in a study file: what is asked, refused and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.sessions import session
from tests.support.studies import PAIR, run, scores, study_file
from tests.support.xrays import look
from tremble.api.methods import methods_facts
from tremble.api.plan import plan_study
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, name_hash
from tremble.errors import UserError
from tremble.prompts.interview import own_questions
from tremble.report.tables.methods import paragraph
from tremble.stats.frames.predictions import behind_interviews, controls_apart
from tremble.stats.tables.analysis import evidence_of
from tremble.stats.tables.controls import control_table
from tremble.store.study_folder import Store
from tremble.study.cells import Facts, cells, prompts_key, wordings
from tremble.study.file import read_study
from tremble.study.notes import caveats

TEXT = "You choose one of two.\nYou press <<J>>. You press <<F>>. You press <<J>>."
RUN = '[run]\ntoo_long = "cut"\n'


def sessions() -> list[Decision]:
    """Four participants with an age, of whom two have the same one, and one without."""
    ages = {"1": "21", "2": 22, "3": 21.0, "4": "nan"}
    decisions = [d for name, age in ages.items() for d in session(TEXT, name, person={"age": age})]
    return [*decisions, *session(TEXT, "1", experiment="two", person={"condition": "b"})]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    jsonl.write(sessions(), tmp_path / "mine.jsonl")
    return tmp_path


def test_every_wording_is_asked_behind_every_interview(data: Path) -> None:
    path = study_file(
        data, formulations=["standard", "naive"], controls=["no_rules"], personas=["own", "none"]
    )
    study = read_study(path)
    assert [asked.name for asked in wordings(study)] == [
        *("standard", "naive", "standard+no_rules", "standard+persona_own"),
        *("naive+no_rules", "naive+persona_own"),
    ]
    assert study.questions == own_questions()


def test_other_questions_are_read_from_the_file_named(data: Path) -> None:
    (data / "asked.toml").write_text('[[question]]\nfact = "age"\nask = "Old?"\n', "utf-8")
    path = study_file(data, personas=["own"], persona_questions="asked.toml")
    assert [one.ask for one in read_study(path).questions] == ["Old?"]
    (data / "asked.toml").write_text('[[question]]\nfact = "age"\nask = "Old?"\nx = 1', "utf-8")
    with pytest.raises(UserError, match=r"asked\.toml: unknown key 'x' in \[\[question\]\]"):
        read_study(path)
    with pytest.raises(UserError, match=r"There is no file of questions .*none\.toml"):
        read_study(study_file(data, personas=["own"], persona_questions="none.toml"))


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ({"participants": 0}, "participants in .* is 0; it must be a whole number from 1"),
        ({"session_characters": 0}, "session_characters in .* is 0; it must be a whole number"),
        ({"personas": ["mine"]}, 'personas holds \'mine\'; it must be one of "none", "own"'),
        ({"controls": ["persona_own"]}, "controls holds 'persona_own'; it must be one of"),
    ],
)
def test_values_that_no_study_takes(data: Path, study: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_study(study_file(data, **study))


@pytest.mark.parametrize(
    ("study", "text", "said"),
    [
        ({"participants": 5}, "", "participants = 5 is about sessions, but the data"),
        ({"session_characters": 9}, "", "session_characters = 9 is about sessions"),
        ({"personas": ["own"]}, "", r'personas = \["own"\] is about sessions'),
        ({}, RUN, "too_long = \"cut\" is about sessions, but the data of the study 'trial'"),
    ],
)
def test_keys_about_sessions_need_sessions(
    tmp_path: Path, study: dict[str, Any], text: str, said: str
) -> None:
    path = study_file(tmp_path, PAIR + text, data=["demo"], families=["lottery"], **study)
    with pytest.raises(UserError, match=said) as error:
        run(path, tmp_path / "out")
    assert "\n" not in str(error.value)


def test_interviews_need_facts_and_name_those_there_are(tmp_path: Path) -> None:
    jsonl.write(session(TEXT, person={"condition": "b", "age": "nan"}), tmp_path / "mine.jsonl")
    path = study_file(tmp_path, personas=["own", "other"])
    with pytest.raises(
        UserError, match=r"\(age, gender, .* and 20 more\); their facts are condition, age, so"
    ):
        run(path, tmp_path / "out")
    jsonl.write(session(TEXT), tmp_path / "mine.jsonl")
    path = study_file(tmp_path, personas=["own"])  # also where it is the only one
    with pytest.raises(UserError, match="they have no facts, so remove personas"):
        run(path, tmp_path / "out")


def test_a_fact_asked_for_that_nobody_has_is_named(data: Path) -> None:
    one = '[[question]]\nfact = "{}"\nask = "?"\n'
    asked = data / "asked.toml"
    path = study_file(data, personas=["own"], persona_questions="asked.toml")

    def said(*facts: str) -> list[list[str]]:
        asked.write_text("".join(one.format(fact) for fact in facts), "utf-8")
        heard: tuple[list[str], list[str]] = [], []
        run(path, data / "out", heard[0])
        plan_study(read_study(path), data / "planned", heard[1].append)
        return [[line for line in lines if "persona_questions" in line] for lines in heard]

    assert said("age", "Condition") == [[], []]
    # Five people: the participant 1 of the experiment "two" is another one.
    note = (
        "persona_questions: 0 of 5 participants have the fact 'eyecolour', so no interview asks "
        "for it; the facts in the data are age, condition."
    )
    assert said("age", "eyecolour") == [[f"Warning: {note}"], [note]]
    (both,) = said("shoe", "age", "eyecolour")[1]
    assert "have each of the facts 'shoe', 'eyecolour', so" in both


def test_other_questions_cut_sessions_elsewhere(data: Path) -> None:
    """A cut leaves room for the longest interview, also where only one arm is asked for."""
    asked = data / "asked.toml"
    more: dict[str, Any] = {"formats": ["plain"], "personas": ["own"]}
    path = study_file(data, PAIR + RUN, persona_questions="asked.toml", **more)
    facts = Facts("tokenizer", (), {}, [], None, 100)
    keys = set()
    for question in ("Old?", "How old are you, in years?"):
        asked.write_text(f'[[question]]\nfact = "age"\nask = "{question}"\n', "utf-8")
        study = read_study(path)
        alone = cells(study, dict.fromkeys(study.models, facts))[0]
        assert alone.formulation == "standard"
        keys.add(prompts_key(study, alone, facts, "data"))
    assert len(keys) == 2


def test_questions_that_nobody_asks_are_refused(data: Path) -> None:
    (data / "asked.toml").write_text('[[question]]\nfact = "age"\nask = "Old?"\n', "utf-8")
    only_none: list[dict[str, Any]] = [{}, {"personas": ["none"]}]
    for more in only_none:
        path = study_file(data, persona_questions="asked.toml", **more)
        with pytest.raises(UserError, match=r'asked\.toml" has no effect, because') as error:
            run(path, data / "out")
        assert "\n" not in str(error.value)


def test_a_cut_that_leaves_nothing_names_its_key_and_the_least_that_does(data: Path) -> None:
    least = len("You choose one of two.\nYou press <<J>>")
    parts: list[dict[str, Any]] = [{}, {"participants": 1}, {"sample": 2}]
    for part in parts:
        path = study_file(data, session_characters=least - 1, **part)
        with pytest.raises(UserError, match="session_characters = 37 leaves no response") as error:
            run(path, data / "out")
        assert str(error.value).endswith(
            "'mine.jsonl', because the earliest one ends after 38 characters; raise "
            "session_characters to at least 38, or remove it."
        )
    run(study_file(data, session_characters=least), data / "out")


def test_participants_and_cuts_take_the_same_part_in_plan_and_run(data: Path) -> None:
    # The first response ends after 23 + 10 + 5 characters, the second 17 further on.
    ends = len("You choose one of two.\nYou press <<J>>"), len(". You press <<F>>")
    path = study_file(data, participants=2, session_characters=sum(ends))
    plan = plan_study(read_study(path), data / "out", lambda _: None)
    assert run(path, data / "out") == 0
    frame = scores(data / "out")
    first = sorted((f"one/{n}" for n in range(1, 5)), key=name_hash)[:2]
    expected = {f"mine/{who}/r{n}" for who in (*first, "two/1") for n in (1, 2)}
    assert set(frame["decision"]) == expected
    assert plan["totals"]["rows"] == frame.height == 2 * len(expected)
    notes = [line for line in caveats(data / "out") if line.startswith("mine.jsonl: ")]
    assert notes[:2] == [
        "mine.jsonl: took 3 of 5 participants (1 of 2 experiments has more than 2).",
        f"mine.jsonl: cut 3 of 3 sessions at {sum(ends)} characters, which keeps 6 of 9 responses.",
    ]


def test_arms_are_run_and_are_no_controls_in_any_table(data: Path) -> None:
    path = study_file(data, personas=["none", "own", "other", "refused"])
    assert run(path, data / "out") == 0
    frame = scores(data / "out")
    behind = behind_interviews(frame)
    assert set(behind["formulation"]) == {
        f"standard+persona_{a}" for a in ("own", "other", "refused")
    }
    plain, controlled = controls_apart(frame)
    assert set(plain["formulation"]) == {"standard"} and controlled.is_empty()
    assert plain.height + behind.height == frame.height == 4 * 2 * 15
    evidence = evidence_of(frame, Store(data / "out").decisions())
    assert evidence.controlled.is_empty() and control_table(evidence, 99) == []
    # Nobody without facts is interviewed; the reason is stored and counted.
    reasons = behind.filter(pl.col("error").is_not_null())
    assert {name.rpartition("/")[0] for name in reasons["decision"]} == {"mine/one/4", "mine/two/1"}
    assert set(reasons["error_kind"]) == {"control_not_applicable"}
    # One of two with the same age is told the other's interview, which is the same prompt.
    base = behind.filter(pl.col("model").str.ends_with("base"))
    keys = base.select("decision", "formulation", "row_key")
    own, other = (
        keys.filter(pl.col("formulation") == f"standard+persona_{arm}").drop("formulation")
        for arm in ("own", "other")
    )
    both = own.join(other, on="decision", suffix="_other").drop_nulls()
    order = sorted(("one/1", "one/2", "one/3"), key=name_hash)
    ages = {"one/1": "21.0", "one/2": "22.0", "one/3": "21.0"}
    for at, who in enumerate(order):
        same = ages[who] == ages[order[(at + 1) % 3]]
        rows = both.filter(pl.col("decision").str.starts_with(f"mine/{who}/"))
        assert rows.height == 3
        assert (rows["row_key"] == rows["row_key_other"]).to_list() == [same] * 3


def test_what_is_written_of_interviews(data: Path) -> None:
    (data / "asked.toml").write_text('[[question]]\nfact = "age"\nask = "Old?"\n', "utf-8")
    path = study_file(data, personas=["own", "other"], persona_questions="asked.toml")
    assert run(path, data / "out") == 0
    record = Store(data / "out").read_run()
    assert record["persona_questions"] == [{"fact": "age", "ask": "Old?"}]
    asked = methods_facts(data / "out")["asked"]
    assert (asked["controls"], asked["personas"]) == ([], ["own", "other"])
    notes = [note for note in caveats(data / "out") if "interview" in note]
    assert notes[0] == (
        "The interview persona_own is not applicable to 6 of 15 decisions of mine.jsonl: the "
        "participant has no facts that the interview asks for; they are missing behind that "
        "interview."
    )


def test_xray_shows_a_session_behind_an_interview(data: Path) -> None:
    path = study_file(data, personas=["own"], participants=1)
    shown, alone = (
        look(path, "mine/one/2/r2", "mock:base", formulation=formulation)
        for formulation in ("standard+persona_own", "standard")
    )
    header = f"Interviewer: {own_questions()[0].ask}\nInterviewee: 22.0\n\n"
    (behind,), (without,) = shown["readings"], alone["readings"]
    assert behind["text"] == header + without["text"]
    first = min((f"one/{n}" for n in range(1, 5)), key=name_hash)
    left_out = "Not in the study's part of the data (participants = 1)."
    assert (left_out in alone["notes"]) == (first != "one/2")


def test_methods_say_what_part_of_sessions_was_taken(data: Path) -> None:
    path = study_file(data, personas=["own"], participants=2, session_characters=60)
    assert run(path, data / "out") == 0
    facts = methods_facts(data / "out")
    assert facts["left_out"]["participants"] == 2
    text = paragraph(facts)
    assert "We took at most 2 participants of each experiment." in text
    assert "Sessions were cut after the last response that ends within their first 60" in text
    assert "also scored behind an interview (personas: own)" in text
