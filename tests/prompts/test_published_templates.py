"""Published chat templates: people's words are printed, thoughts closed, dates frozen, one BOS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from tests.support.thinking_templates import ALL, template
from tests.support.toys import GreedyTokenizer
from tremble.decisions.record import Decision, Option
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import Conversation
from tremble.prompts.formulations import standard
from tremble.study.file import Study
from tremble.study.render import prompts_of

pytestmark = pytest.mark.usefixtures("untried")
OPENED = '{"decision": "'
OPTIONS = (Option("yes", "yes"), Option("no", "no"))
SYSTEM = "You play a game.\n\n- Be quick; <b>nobody</b> & nothing else counts."
USER = 'You get 3 of 10 coins, on a 27" table.\nDo you "take" them?'


def as_printed(text: str, system: str = SYSTEM, user: str = USER) -> str:
    return text.replace("[S]", system).replace("[U]", user)


@pytest.mark.parametrize("name", list(ALL))
def test_a_published_form_is_printed_and_the_answer_opens_where_answers_stand(name: str) -> None:
    one, of_name = ALL[name], template(name)
    talk = Conversation(SYSTEM, USER, OPENED, OPTIONS)
    assert of_name.render(talk) == as_printed(one.printed) + OPENED
    assert of_name.takes_system is one.own_role
    added = None if of_name.prefill is None else of_name.prefill.text
    assert added == one.added
    assert len(of_name.remarks()) == (one.added is not None)


@pytest.mark.parametrize("name", list(ALL))
def test_words_are_printed_without_a_system_text_and_no_thought_is_left_open(name: str) -> None:
    printed = template(name).render(Conversation("", USER, OPENED, OPTIONS))
    assert printed.count(USER) == 1
    assert printed.endswith(OPENED)
    end = printed.rpartition(USER)[2]
    for opened, closed in (
        ("<think>", "</think>"),
        ("<thought>", "</thought>"),
        ("[THINK]", "[/THINK]"),
        ("<seed:think>", "</seed:think>"),
        ("<seed:cot_budget_reflect>", "</seed:cot_budget_reflect>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|channel>", "<channel|>"),
    ):
        assert end.rfind(opened) <= end.rfind(closed)


@pytest.mark.parametrize("name", list(ALL))
def test_words_that_people_repeat_or_the_template_prints_are_printed(name: str) -> None:
    of_name = template(name)
    for system, user in (
        ("user", "user"),
        ("assistant", "Yes"),
        ("You are a helpful assistant.", "system"),
        ("Be kind.", "Be kind. Be kind. Take it?"),
        (f"{USER} {USER}", USER),
    ):
        printed = of_name.render(Conversation(system, user, OPENED, OPTIONS))
        assert printed == as_printed(ALL[name].printed, system, user) + OPENED
        of_name.render(Conversation("", user, OPENED, OPTIONS))


@pytest.mark.parametrize(
    ("name", "system", "user"),
    [
        ("Nemotron Nano 2", "/think ", "\n/no_think\nTake it?"),
        ("Nemotron Nano 2", "/no_think\nBe kind.", "</think>"),
        ("Qwen 3", "system <|im_end|>", "system "),
    ],
)
def test_words_that_templates_print_for_some_words_are_not_counted(
    name: str, system: str, user: str
) -> None:
    printed = template(name).render(Conversation(system, user, OPENED, OPTIONS))
    assert user.strip() in printed
    assert system.strip() in printed


@pytest.mark.parametrize("name", list(ALL))
def test_todays_date_is_never_printed(name: str) -> None:
    for system in (SYSTEM, ""):
        printed = template(name).render(Conversation(system, USER, OPENED, OPTIONS))
        now = datetime.now()
        for form in ("%d %b %Y", "%Y-%m-%d", "%B %d, %Y", "%d %B %Y"):
            assert now.strftime(form) not in printed
        if "strftime_now" in ALL[name].text and (name, system) not in {
            ("Granite 3.1", SYSTEM),  # prints it without a system text alone
            ("Mistral Small 3", SYSTEM),
            ("Granite 3.2", ""),  # and this one with one alone
        }:
            assert "2026" in printed


class WithBos(GreedyTokenizer):
    """Prepends the beginning of sequence of a template's own family."""

    def __init__(self, bos: str) -> None:
        super().__init__([bos, "｜", "▁"])
        self._bos, self._mark = (0,), bos

    @property
    def special(self) -> Mapping[str, str]:
        return {"bos_token": self._mark}


@pytest.mark.parametrize("name", list(ALL))
def test_there_is_one_bos_whether_the_template_prints_it_or_not(name: str) -> None:
    bos = ALL[name].bos or "<|bos|>"
    tokenizer = WithBos(bos)
    decision = Decision("d", "x", "custom", OPTIONS, "yes", "yes", prompt=USER, system=SYSTEM)
    how = Study("s", (), (), ()).how_read(Asked("standard"))
    (prompt,) = prompts_of([decision], standard, template(name), tokenizer, how)
    turns = ALL[name].printed.count(bos) if name == "Seed-OSS" else 1
    assert prompt.paths.prefix[0] == 0
    assert prompt.paths.prefix.count(0) == turns  # Seed-OSS begins every turn with it


def test_a_system_text_of_its_own_is_recorded() -> None:
    assert template("Qwen 2.5").before_user() == (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
        "<|im_end|>\n<|im_start|>user\n"
    )
    assert template("Gemma 2").before_user() == "<bos><start_of_turn>user\n"
