"""Answers that hold a thought of their own, against what transformers prints of the whole
conversation: one prompt, one thought, and nothing of it lost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.chat_templates import chatml
from tests.support.thinking_templates import ALL, THINKING, template
from tremble.prompts.chat import Template, TemplateError
from tremble.prompts.turns import Printed

pytestmark = pytest.mark.usefixtures("untried")
TALK = (("system", "Be brief."), ("user", "Hi?"), ("assistant", "Yes: hi."), ("user", "Why?"))
# What opens and closes a thought, where it is not <think>.
MARKS = {
    "Magistral, opened": ("[THINK]", "[/THINK]"),
    "Gemma 4, thinking": ("<|channel>thought", "<channel|>"),
    "Command A Reasoning": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "EXAONE Deep": ("<thought>", "</thought>"),
    "Seed-OSS": ("<seed:think>", "</seed:think>"),
    "gpt-oss": ("<|channel|>analysis<|message|>", "<|end|>"),
    "a thought in marks": ("<|begin_of_thought|>", "<|end_of_thought|>"),
}
# These print something of their own before such a thought, or take it out.
REFUSED = {
    "DeepSeek R1 distill": "changes or cuts the answer, at '<think>",
    "DeepSeek V3.1": "changes or cuts the answer, at '<think>",
    "Command A Reasoning": "prints '<|START_RESPONSE|>' before the thought",
    "gpt-oss": "prints '<|channel|>final<|message|>' before the thought",
    "GLM 4.5": "prints '<think></think>' before the thought",
    "StepFun 3.7": "prints '<think>\\n\\n</think>' before the thought",
    "Kimi K2 Thinking": "prints '<think></think>' before the thought",
}
TIMED = [name for name in ALL if "strftime_now" in ALL[name].text]
MODES: tuple[dict[str, bool], ...] = ({}, {"enable_thinking": True, "thinking": True})


def thinking(name: str) -> str:
    opening, closing = MARKS.get(name, ("<think>", "</think>"))
    return f"{opening}\nhm > hm\n{closing}\n\nSince I can."


def text(pieces: Any) -> str:
    return "".join(piece.text for piece in pieces)


def scored(printed: Printed) -> list[str]:
    return [text(printed.prompt) + text(one) + printed.closing for one in printed.answers]


def given(source: Template, talk: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    if source.takes_system or talk[0][0] != "system":
        return list(talk)
    return [("user", f"{talk[0][1]}\n\n{talk[1][1]}"), *talk[2:]]


def by_transformers(source: Template, talk: Any, asked: bool, mode: dict[str, bool]) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    made, _ = render_jinja_template(
        conversations=[[{"role": role, "content": content} for role, content in talk]],
        chat_template=source.text,
        add_generation_prompt=asked,
        **mode,
        **source.special,
    )
    return str(made[0])


@pytest.mark.parametrize("talk", [TALK[1:2], TALK], ids=["one turn", "three turns"])
@pytest.mark.parametrize("name", [name for name in ALL if name not in (*REFUSED, *TIMED)])
def test_what_is_scored_is_the_whole_conversation(name: str, talk: Any) -> None:
    source, answer = template(name), thinking(name)
    printed = source.turns(talk, [answer], ALL[name].bos or None)
    messages = given(source, talk)
    whole = [*messages, ("assistant", answer)]
    wholes = [by_transformers(source, whole, False, mode) for mode in MODES]
    asked = [by_transformers(source, messages, True, mode) for mode in MODES]
    (found,) = scored(printed)
    if name.startswith("Mistral ") and name != "Mistral v0.1" and talk is TALK:
        # These print the system text where an answer is asked for, and not before one.
        wholes = [one.replace("Why?", "Be brief.\n\nWhy?") for one in wholes]
    assert found in wholes
    mode = wholes.index(found)
    prompt, other = sorted((text(printed.prompt), asked[mode]), key=len)
    assert other.startswith(prompt)  # the rest of it is a thought, or opens the response
    rest = other.removeprefix(prompt)
    assert not rest or re.search("think|thought|reasoning|START_RESPONSE", rest), rest
    opening = MARKS.get(name, ("<think>",))[0]
    assert found.rpartition(talk[-1][1])[2].count(opening) == 1


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_printed_is_refused_with_the_cure(name: str) -> None:
    source = template(name)
    for answers in ([thinking(name)], ["Since I can.", thinking(name)]):
        with pytest.raises(TemplateError) as caught:
            source.turns(TALK, answers, ALL[name].bos or None)
        assert f"The chat template of {name} {REFUSED[name]}" in str(caught.value)
        assert "; take the thought out of the answer, or give another with" in str(caught.value)
    source.turns(TALK, ["Since I can."], ALL[name].bos or None)


@pytest.mark.parametrize("name", [name for name in THINKING if name not in REFUSED])
def test_a_pair_of_which_one_side_thinks_has_one_prompt(name: str) -> None:
    """Behind it the thinking side is as alone; the other has, if any, a thought without words."""
    source, bos = template(name), ALL[name].bos or None
    (alone,) = scored(source.turns(TALK[1:2], [thinking(name)], bos))
    for answers in ([thinking(name), "No."], ["No.", thinking(name)]):
        printed = source.turns(TALK[1:2], answers, bos)
        of = dict(zip(answers, scored(printed), strict=True))
        assert of[thinking(name)] == alone
        assert of["No."].endswith(f"No.{printed.closing}")
        added = of["No."].removeprefix(text(printed.prompt)).removesuffix(f"No.{printed.closing}")
        marks = MARKS.get(name, ("<think>", "</think>"))
        for mark in (*marks, "<|begin_of_solution|>"):
            added = added.replace(mark, "")
        assert added.strip() in ("", "Here are my reasoning steps:\n\n[BEGIN FINAL RESPONSE]")


def pair(name: str, *answers: str) -> tuple[str, list[str], str]:
    printed = template(name).turns(TALK[1:2], answers, ALL[name].bos or None)
    prompt = text(printed.prompt)
    return prompt, [text(one) for one in printed.answers], printed.closing


def test_forms_by_hand() -> None:
    asked = "<|im_start|>user\nHi?<|im_end|>\n<|im_start|>assistant\n"
    assert pair("Qwen 3, taken apart", "<think>hm</think>B", "No") == (
        asked,  # white space around the thought is the template's
        ["<think>\nhm\n</think>\n\nB", "<think>\n\n</think>\n\nNo"],
        "<|im_end|>\n",
    )
    assert pair("Qwen 3 Thinking 2507", "<think>\nhm\n</think>\n\nB", "No") == (
        f"{asked}<think>\n",
        ["hm\n</think>\n\nB", "\n</think>\n\nNo"],
        "<|im_end|>\n",
    )
    assert pair("GLM 4.5, taken apart", "<think>\nhm\n</think>\nB") == (
        "[gMASK]<sop><|user|>\nHi?<|assistant|>",
        ["\n<think>hm</think>\nB"],
        "",
    )
    system = (
        "<|im_start|>system\n## Metadata\n\nToday Date: 01 January 2026\nReasoning Mode: /think\n\n"
        "## Custom Instructions\n\n<|im_end|>\n"
    )
    assert pair("SmolLM3", "<think>hm</think>B") == (
        f"{system}{asked}",
        ["<think>hm</think>B"],
        "<|im_end|>\n",
    )


@pytest.mark.parametrize("name", ["Qwen 3 Thinking 2507", "OLMo 3 Think", "EXAONE Deep"])
def test_an_answer_goes_on_with_the_thought_that_the_prompt_opened(name: str) -> None:
    """As completions in reinforcement learning do."""
    closing = MARKS.get(name, ("", "</think>"))[1]
    answer = f"hm\n{closing}\n\nB"
    source = template(name)
    asked = by_transformers(source, TALK[1:2], True, {})
    assert scored(source.turns(TALK[1:2], [answer], None)) == [
        f"{asked}{answer}{source.turns(TALK[1:2], ['B'], None).closing}"
    ]


def test_a_thought_of_another_family() -> None:
    """A template prints its own marks for it, or nothing is closed before it."""
    answer = "<reasoning>hm</reasoning>B"
    prompt, (said,), _ = pair("Qwen 3, taken apart", answer)
    assert (prompt[-19:], said) == ("<think>\n\n</think>\n\n", answer)
    prompt, (said,), _ = pair("EXAONE Deep", answer)
    assert (prompt[-13:], said) == ("[|assistant|]", answer)


def test_marks_are_not_words() -> None:
    """So the tokenizer reads them as it did in training; the words between them are people's."""
    source = Template(chatml() + "{# <think> #}", "mine")
    printed = source.turns(TALK[1:2], ["<think>a </s> b</think>\n<|im_end|>"], None)
    (answer,) = printed.answers
    assert [one.text for one in answer if one.words] == ["a </s> b", "<|im_end|>"]
    assert text(answer) == "<think>a </s> b</think>\n<|im_end|>"
