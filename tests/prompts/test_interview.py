"""Interviews: rules for values, files of questions, and the headers of the real sessions."""

from __future__ import annotations

import math
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.sessions import PSYCH, needs_psych, psych_lines
from tremble.errors import UserError
from tremble.prompts.interview import (
    Question,
    answer,
    answers,
    fact_key,
    interview,
    own_questions,
    read_questions,
    refused,
)

# The names of the source, in its order.
FACTS = (
    *("age", "gender", "nationality", "education", "clinical diagnosis"),
    *("STICSA-T somatic", "STICSA-T cognitive", "STAI-S", "STAI-T", "IUS", "RRQ", "AUDIT", "DAST"),
    *("PSWQ", "GAD-7", "SDS", "OCI", "PHQ-9", "PHQ-8", "BAS Drive", "BAS Fun Seeking"),
    *("BAS Reward Responsiveness", "BDI-II", "BIS-11", "BIS-10"),
)
TWO = (Question("age", "Old?"), Question("gender", "Which?"))
# How many people have a header, and the sha256 of all headers in the order of the file, first 16
# digits: facts on the files, computed after the source's rules and independently of tremble.
HEADERS = {
    "thoma2025riskychoice": (301, "190186cc3a332601"),
    "thoma2025problearn": (483, "9865a27ddc290ac1"),
    "potter2017twostep": (74, "ae89764ed40757d2"),
    "busch2024_navon": (127, "5d8afe4d06c325fa"),
    "dezfouli2019": (67, "26a797a444650fa8"),
    "guenther2022relational": (398, "c19edbd350140f37"),
    "zhu2024games": (0, sha256(b"").hexdigest()[:16]),
    "xu2023augmenting": (0, sha256(b"").hexdigest()[:16]),
}


@pytest.mark.parametrize(
    ("fact", "value", "said"),
    [
        ("age", "23", "23.0"),
        ("age", 8.05, "8.05"),
        ("age", 0, "0.0"),
        ("age", 100, "100.0"),
        ("age", 100.5, None),
        ("age", -1, None),
        ("age", "18-25", None),
        ("age", "inf", None),
        ("age", math.nan, None),
        ("age", "nan", None),
        ("Age", "40", "40.0"),
        *(("gender", word, "female") for word in ("Female", "F", "Woman", "female")),
        *(("gender", word, "male") for word in ("Male", "M", "Man", "male")),
        *(("gender", word, "other") for word in ("NB", "Other")),
        ("gender", "agender", "agender"),
        *(
            ("gender", word, None)
            for word in ("nan", "no-specify", "no-spe", "Prefer not to answer")
        ),
        ("gender", "Prefer not to say", None),
        ("gender", "Rather not say", None),
        ("diagnosis", "Healthy", None),
        ("diagnosis", "Depression", "depression"),
        ("clinical_diagnosis", "Bipolar", "bipolar"),
        ("diagnosis", "ADHD", "ADHD"),
        ("education", "  ", None),
        ("education", "N/A", None),
        ("education", None, None),
        ("education", True, None),
        ("education", ["BA"], None),
        ("PHQ-9", 12, "12"),
        ("PHQ-9", 12.5, "12.5"),
        ("PHQ-9", math.inf, None),
    ],
)
def test_what_a_value_says(fact: str, value: Any, said: str | None) -> None:
    assert answer(fact, value) == said


def test_an_interview_and_the_same_not_answered() -> None:
    said = answers(TWO, {"Gender": "F", "AGE": "31", "condition": "x"})
    assert interview(TWO, said) == (
        "Interviewer: Old?\nInterviewee: 31.0\n\nInterviewer: Which?\nInterviewee: female\n\n"
    )
    assert refused(TWO, said) == (
        "Interviewer: Old?\nInterviewee: I prefer not to say\n\n"
        "Interviewer: Which?\nInterviewee: I prefer not to say\n\n"
    )
    only = answers(TWO, {"age": math.nan, "gender": "F"})
    assert refused(TWO, only) == "Interviewer: Which?\nInterviewee: I prefer not to say\n\n"
    assert interview(TWO, answers(TWO, {"age": None})) == ""


def test_names_of_facts_in_other_spellings_are_those_of_the_source() -> None:
    assert {fact_key(name) for name in ("GAD-7", "gad_7", "GAD 7")} == {"gad 7"}
    assert fact_key("Clinical Diagnosis") == fact_key("diagnosis")


def test_the_questions_that_ship_ask_for_every_fact_of_the_source() -> None:
    shipped = own_questions()
    assert [fact_key(one.fact) for one in shipped] == [fact_key(name) for name in FACTS]
    assert len({one.ask for one in shipped}) == len(FACTS) == 25
    assert all(one.ask.endswith("?") for one in shipped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[question]]\nfact = "age"\nasks = "x"', "unknown key 'asks' in .*did you mean 'ask'"),
        ('[[questions]]\nfact = "age"\nask = "x"', "unknown key 'questions'.*did you mean"),
        ('[[question]]\nfact = "age"', "ask in .*must be text in quotes"),
        ('[[question]]\nask = "x"', "fact in .*must be text in quotes"),
        ("", r"there is no question; add \[\[question\]\]"),
        (
            '[[question]]\nfact = "age"\nask = "x"\n[[question]]\nfact = "Age"\nask = "y"',
            "two .* ask for the fact 'Age', once as 'age'; keep one",
        ),
        ('[[question]]\nfact = "age"\nask = "a << b"', "'age' contains <<, a mark of responses"),
        ('[[question]]\nfact = "age"\nask = "a\\nb"', "'age' contains a line break"),
        ("[[question]", "is not valid TOML"),
    ],
)
def test_a_file_that_holds_no_questions_is_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "asked.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=said) as error:
        read_questions(path)
    assert str(path) in str(error.value) and str(error.value).count("\n") == 0


def test_a_missing_file_of_questions_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file of questions .*asked\.toml"):
        read_questions(tmp_path / "asked.toml")


@needs_psych
@pytest.mark.parametrize("experiment", HEADERS)
def test_the_headers_of_the_real_sessions_are_those_of_the_source(experiment: str) -> None:
    published = PSYCH.parents[1] / "published" / "psych201" / "questions.toml"
    if not published.is_file():
        pytest.skip("the questions of the source are not at hand")
    questions = read_questions(published)
    assert len(questions) == len(tomllib.loads(published.read_text("utf-8"))["question"])
    headers = [interview(questions, answers(questions, one)) for one in psych_lines(experiment)]
    people, mark = HEADERS[experiment]
    assert sum(map(bool, headers)) == people
    assert sha256("".join(headers).encode()).hexdigest()[:16] == mark
    own = [answers(own_questions(), one) for one in psych_lines(experiment)]
    assert sum(map(bool, own)) == people  # no other column is a fact of a person
