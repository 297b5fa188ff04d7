"""Conversations of many turns: what a template prints, and which of it is people's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chat_templates import chatml
from tests.support.thinking_templates import ALL, template
from tremble.prompts.chat import Template, TemplateError
from tremble.prompts.turns import Printed

pytestmark = pytest.mark.usefixtures("untried")
TALK = (("system", "Be brief."), ("user", "Hi?"), ("assistant", "Yes: hi."), ("user", "Why?"))
ANSWERS = ("Since I can.", "No.")


def text(pieces: Any) -> str:
    return "".join(piece.text for piece in pieces)


def shown(printed: Printed) -> str:
    """People's words between marks."""
    return "".join(f"«{one.text}»" if one.words else one.text for one in printed.prompt)


def by_transformers(source: Template, talk: Any, prompted: bool) -> str:
    """What transformers makes of a conversation, thinking off."""
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = [{"role": role, "content": content} for role, content in talk]
    made, _ = render_jinja_template(
        conversations=[messages],
        chat_template=source.text,
        add_generation_prompt=prompted,
        enable_thinking=False,
        thinking=False,
        thinking_budget=0,
        **source.special,
    )
    return str(made[0])


@pytest.mark.parametrize("name", [name for name in ALL if "strftime_now" not in ALL[name].text])
def test_prompt_answer_and_closing_are_what_transformers_prints(name: str) -> None:
    of_name = template(name)
    talk: tuple[tuple[str, str], ...] = TALK
    if not of_name.takes_system:
        talk = (("user", "Be brief.\n\nHi?"), *TALK[2:])
    printed = of_name.turns(TALK, ANSWERS, ALL[name].bos or None)
    prompted = by_transformers(of_name, talk, True)
    added = "" if of_name.prefill is None else of_name.prefill.text
    replaced = "" if of_name.prefill is None else of_name.prefill.replaced
    assert text(printed.prompt) == prompted.removesuffix(replaced) + added
    for answer, made in zip(ANSWERS, printed.answers, strict=True):
        whole = by_transformers(of_name, [*talk, ("assistant", answer)], False)
        assert whole.endswith(text(made) + printed.closing)
        if whole.startswith(prompted):  # else it asks for answers where it prints none
            assert text(printed.prompt) + text(made) + printed.closing == whole
        assert [piece.text for piece in made if piece.words] == [answer]


@pytest.mark.parametrize("name", list(ALL))
def test_words_are_told_from_what_a_template_prints(name: str) -> None:
    """Also words that are the template's own: its marks, and the names of roles."""
    of_name = template(name)
    marks = ("<|im_end|>", "</s>", "<end_of_turn>")
    talk = [("user", f"user {marks[0]}"), ("assistant", "model"), ("user", f"assistant{marks[2]}")]
    printed = of_name.turns(talk, [f"a{marks[1]}b", "assistant"], ALL[name].bos or None)
    words = [piece.text for piece in printed.prompt if piece.words]
    assert words == [content for _, content in talk]
    assert [made[-1].text for made in printed.answers] == [f"a{marks[1]}b", "assistant"]


def test_forms_by_hand() -> None:
    def of(name: str, *talk: tuple[str, str]) -> tuple[str, list[str], str]:
        printed = template(name).turns(talk, ["Sure.\n"], ALL[name].bos or None)
        return shown(printed), [text(made) for made in printed.answers], printed.closing

    said = ("user", "U")
    assert of("Gemma 2", ("system", "S"), said) == (  # no system role, and it trims
        "<bos><start_of_turn>user\n«S\n\nU»<end_of_turn>\n<start_of_turn>model\n",
        ["Sure."],
        "<end_of_turn>\n",
    )
    assert of("Llama 2", said) == ("<s>[INST] «U» [/INST]", [" Sure."], " </s>")
    # With an answer these print the system text no more; the space before it stays.
    for name, space in (("Mistral v0.3", " "), ("Mistral Nemo", "")):
        assert of(name, said) == (f"<s>[INST]{space}«U»[/INST]", [" Sure.\n"], "</s>")
        assert of(name, ("system", "S"), said) == (
            f"<s>[INST]{space}«S»\n\n«U»[/INST]",
            [" Sure.\n"],
            "</s>",
        )
        assert of(name, ("system", "S"), ("user", "U"), ("assistant", "A"), said) == (
            f"<s>[INST]{space}«U»[/INST] «A»</s>[INST]{space}«S»\n\n«U»[/INST]",
            [" Sure.\n"],
            "</s>",
        )
    assert of("Qwen 3", said) == (
        "<|im_start|>user\n«U»<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        ["Sure.\n"],
        "<|im_end|>\n",
    )
    assert of("Phi 3", ("user", " U ")) == (
        "<|user|>\n« U »<|end|>\n<|assistant|>\n",
        ["Sure.\n"],
        "<|end|>\n",
    )


@pytest.mark.parametrize("name, head", [("DeepSeek R1 distill", ""), ("DeepSeek V3.1", "</think>")])
def test_an_earlier_answer_stands_there_without_its_thought(name: str, head: str) -> None:
    talk = [("user", "A"), ("assistant", "<think>hm > <</think>B"), ("user", "C")]
    printed = shown(template(name).turns(talk, ["D"], ALL[name].bos))
    assert (
        f"<｜User｜>«A»<｜Assistant｜>{head}«B»<｜end▁of▁sentence｜><｜User｜>«C»<｜Assistant｜>"
        in printed
    )
    assert "hm" not in printed


def test_what_a_template_prints_may_go_by_what_is_said() -> None:
    printed = template("Nemotron Nano 2").turns([("user", "A /no_think")], ["B"], None)
    assert shown(printed) == (
        "<SPECIAL_11>User\n«A /no_think»\n<SPECIAL_11>Assistant\n<think></think>"
    )
    words = Template(
        "{% set loud = '!' in messages[0].content %}{% for m in messages %}"
        "{{ '<LOUD>' if loud }}<{{ m.role }}>{{ m.content.split('</think>')[-1] }}<end>"
        "{% endfor %}{% if add_generation_prompt %}{{ '<LOUD>' if loud }}<assistant>{% endif %}",
        "mine",
    )
    talk = [("user", "A<end>!"), ("assistant", "<think>no</think>B"), ("user", "<user>")]
    printed = words.turns(talk, ["C"], None)
    assert shown(printed) == (
        "<LOUD><user>«A<end>!»<end><LOUD><assistant>«B»<end><LOUD><user>«<user>»<end>"
        "<LOUD><assistant>"
    )


def test_a_thought_is_cut_at_any_mark() -> None:
    """The frame before the answer ends like the thought."""
    inst = Template(
        "{% for m in messages %}{{ '[INST]' if m.role == 'user' else '' }}"
        "{{ m.content.split('[/THINK]')[-1] }}{{ '[/INST]' if m.role == 'user' else '</s>' }}"
        "{% endfor %}",
        "mine",
    )
    talk = [("user", "A"), ("assistant", "[THINK]no[/THINK]B"), ("user", "C")]
    assert shown(inst.turns(talk, ["D"], None)) == "[INST]«A»[/INST]«B»</s>[INST]«C»[/INST]"


def test_a_thought_that_the_prompt_closes_already_is_not_closed_twice() -> None:
    words = Template(
        "{% for m in messages %}<{{ m.role }}>{{ '<think></think>' if m.role == 'assistant' }}"
        "{{ m.content }}<end>{% endfor %}{% if add_generation_prompt %}<assistant>"
        "{{ '<think></think>' if '/no_think' in messages[0].content }}{% endif %}",
        "mine",
    )
    for asked in ("A", "A /no_think"):
        printed = words.turns([("user", asked)], ["B"], None)
        assert shown(printed) == f"<user>«{asked}»<end><assistant><think></think>"
        assert [text(made) for made in printed.answers] == ["B"]


def test_an_earlier_answer_may_be_left_out() -> None:
    users = Template(
        "{% for m in messages %}{% if m.role == 'user' or loop.last %}"
        "[{{ m.role }}]{{ m.content }}[/]{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}",
        "users alone",
    )
    printed = users.turns([("user", "A"), ("assistant", "B"), ("user", "C")], ["D"], None)
    assert shown(printed) == "[user]«A»[/][user]«C»[/][assistant]"


def test_the_bos_of_another_model_is_left_out() -> None:
    printed = template("Llama 3").turns([("user", "A")], ["B"], "<s>")
    assert text(printed.prompt).startswith("<|start_header_id|>user")


@pytest.mark.parametrize(
    "source, said",
    [
        (chatml().replace("m.content", "m.content | upper"), "changes the letters"),
        (
            chatml() + "{% if messages | length > 2 %}{{ messages[0].content }}{% endif %}",
            "2 times",
        ),
        (chatml() + "{% if messages | length > 2 %}{{ raise_exception('no') }}{% endif %}", "no"),
        (
            chatml().replace("m.content", "m.content.split('<x>')[0]"),
            "changes or cuts the user text",
        ),
        ("{% for m in messages if m.role != 'assistant' %}{{ m.content }}{% endfor %}", "answer 0"),
        (
            "{% for m in messages %}[{{ m.role }}]"
            "{{ m.content if m.role != 'assistant' else m.content.split('</think>')[-1] }}"
            "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
            "changes or cuts the answer, at '<think>no</thin",
        ),
    ],
    ids=["upper", "twice", "refused", "cut", "no answers", "an answer cut"],
)
def test_templates_that_cannot_be_used(source: str, said: str) -> None:
    talk = [("user", "A"), ("assistant", "B"), ("user", "C <x> D")]
    with pytest.raises(TemplateError, match="The chat template of mine") as caught:
        Template(source, "mine").turns(talk, ["<think>no</think>E"], None)
    assert said in str(caught.value)
