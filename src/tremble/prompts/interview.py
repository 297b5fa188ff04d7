"""Interviews: facts about a participant as questions and answers, before a session.

The form and the rules for values are those of Psych-201 (arXiv:2605.07632); the questions that ship
here are tremble's own, and a study file may name others (`persona_questions`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tremble.disk.paths import is_file
from tremble.errors import UserError
from tremble.settings.reader import Reader
from tremble.settings.schema import REQUIRED, Key
from tremble.settings.toml import content_of, text_in

SCHEMA = (
    Key("question", "fact", "text", REQUIRED, "the fact about a participant", example='"age"'),
    Key("question", "ask", "text", REQUIRED, "the question", example='"How old are you?"'),
)
NOT_SAID = "I prefer not to say"
OWN_FILE = Path(__file__).with_name("embedded") / "interview.toml"
# Words that stand for no answer, those of the source first; compared without regard to capitals.
_NO_ANSWER = (
    *("nan", "no-specify", "no-spe", "prefer not to answer", "prefer not to say"),
    *("rather not say", "n/a", "null", ""),
)
_GENDERS = {
    **dict.fromkeys(("Female", "F", "Woman"), "female"),
    **dict.fromkeys(("Male", "M", "Man"), "male"),
    **dict.fromkeys(("NB", "Other"), "other"),
}
_DIAGNOSES = {"Healthy": None, "Depression": "depression", "Bipolar": "bipolar"}
_OTHER_NAMES = {"clinical diagnosis": "diagnosis"}  # the source's name of the column it fills


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one fact, which is called by its name among the facts of a person."""

    fact: str
    ask: str


Questions = tuple[Question, ...]


def fact_key(name: str) -> str:
    """What names of one fact have in common: `GAD_7`, `gad-7` and `GAD-7` are the same.

    >>> fact_key("Clinical_Diagnosis")
    'diagnosis'
    """
    key = re.sub(r"[\W_]+", " ", name).strip().casefold()
    return _OTHER_NAMES.get(key, key)


def answer(fact: str, value: Any) -> str | None:
    """What a participant says about a fact, None where the value says nothing.

    An age is a number from 0 to 100, as Python prints it as a float; lists and truth values are no
    answers.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if text.casefold() in _NO_ANSWER:
        return None
    key = fact_key(fact)
    if key == "age":
        return _age(text)
    if key == "gender":
        return _GENDERS.get(text, text)
    if key == "diagnosis":
        return _DIAGNOSES.get(text, text)
    return text if not isinstance(value, float) or math.isfinite(value) else None


def answers(questions: Questions, person: Mapping[str, Any]) -> dict[str, str]:
    """The facts of a person that are asked for and known, as they are said, in the order of the
    questions. `person`: the facts as a record has them, in any spelling of their names."""
    known: dict[str, Any] = {}
    for name, value in person.items():
        if known.get(fact_key(name)) is None:
            known[fact_key(name)] = value
    said = {one.fact: answer(one.fact, known.get(fact_key(one.fact))) for one in questions}
    return {fact: text for fact, text in said.items() if text is not None}


def interview(questions: Questions, said: Mapping[str, str]) -> str:
    """The interview about these facts, as it stands before a session; empty without any."""
    return "".join(
        f"Interviewer: {one.ask}\nInterviewee: {said[one.fact]}\n\n"
        for one in questions
        if one.fact in said
    )


def refused(questions: Questions, said: Mapping[str, str]) -> str:
    """The same interview, in which nothing is answered."""
    return interview(questions, dict.fromkeys(said, NOT_SAID))


@cache
def own_questions() -> Questions:
    """The questions that ship with tremble."""
    return read_questions(OWN_FILE)


def read_questions(path: Path) -> Questions:
    """The questions in a file of tables [[question]] with `fact` and `ask`, in its order.

    Raises UserError for a missing file, text that is not TOML, unknown and missing keys, a fact
    that is asked for twice, a mark of responses in a question, and a file without questions.
    """
    if not is_file(path):
        raise UserError(f"There is no file of questions {str(path)!r}; check persona_questions.")
    content = content_of(text_in(path), path, "a file of questions")
    where = Reader(path, SCHEMA)
    where.known(content, ["question"])
    questions = tuple(Question(**entry) for entry in where.each(content, "question"))
    if not questions:
        where.fail('there is no question; add [[question]] with fact = "age" and ask = "..."')
    seen: dict[str, str] = {}
    for one in questions:
        before = seen.get(fact_key(one.fact))
        if before is not None:
            also = "" if before == one.fact else f", once as {before!r}"
            where.fail(f"two [[question]] ask for the fact {one.fact!r}{also}; keep one")
        seen[fact_key(one.fact)] = one.fact
        if mark := re.search(r"<<|>>|\n", one.ask):
            what = "a line break" if mark[0] == "\n" else f"{mark[0]}, a mark of responses"
            where.fail(f"the question about {one.fact!r} contains {what}; write it without")
    return questions


def _age(text: str) -> str | None:
    try:
        years = float(text)
    except ValueError:
        return None
    return str(years) if 0 <= years <= 100 else None
