"""Token paths of held-out items against what transformers makes of whole conversations."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.thinking_templates import ALL
from tests.support.toys import GreedyTokenizer, bpe_tokenizer, tiny_model
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.engines.shared_prefix.stream import Plan
from tremble.errors import UserError
from tremble.models.tokenizer import HubTokenizer
from tremble.prompts.chat import MOCK, Template, TemplateError, template_of
from tremble.tasks.task_file import Item, read_task
from tremble.tasks.task_measures import sums_of
from tremble.tasks.task_paths import ItemPaths, count_refused, prompts_of, task_paths

pytestmark = pytest.mark.usefixtures("one_thread", "untried")
DATA = Path(os.environ.get("TREMBLE_DATA", "nowhere")) / "post_training"
_MARK = re.compile(r"<[|｜]?[\w▁｜|/]+[|｜]?>|\[/?[A-Z|_]+\]|\[\|\w+\|\]")
# Each with the token that ends an assistant's turn.
CLOSINGS = {
    "Llama 2": "</s>",
    "Llama 3": "<|eot_id|>",
    "Mistral v0.1": "</s>",
    "Mistral v0.3": "</s>",
    "Gemma 2": "<end_of_turn>",
    "Gemma 3": "<end_of_turn>",
    "Qwen 2.5": "<|im_end|>",
    "StepFun 3.7": "<|im_end|>",  # thinks, and prints a thought without words
    "Phi 3": "<|end|>",
    "Command R7B": "<|END_OF_TURN_TOKEN|>",  # behind the end of the response
    "EXAONE 3.5": "[|endofturn|]",
    "DeepSeek V3.1": "<｜end▁of▁sentence｜>",
}
# Each with what opens and closes a thought.
THINKING = {
    "Qwen 3, taken apart": ("<think>", "</think>"),
    "OLMo 3 Think": ("<think>", "</think>"),
    "Magistral, opened": ("[THINK]", "[/THINK]"),
    "EXAONE Deep": ("<thought>", "</thought>"),
}
TALK = (("user", "Say yes?"), ("assistant", "yes or no:"), ("user", "Option J\n\nplease"))


@cache
def of(name: str) -> tuple[HubTokenizer, Template]:
    """A tokenizer with the control tokens of a template, and its BOS."""
    one = ALL[name]
    inner = bpe_tokenizer(bool(one.bos), one.text)
    marks = dict.fromkeys(found for found in _MARK.findall(one.text) if found != "</s>")
    marks |= dict.fromkeys(THINKING.get(name, ()))
    inner.add_special_tokens({"additional_special_tokens": [*marks]})
    if name == "DeepSeek V3.1":
        inner.add_special_tokens({"eos_token": CLOSINGS[name]})
    tokenizer = HubTokenizer(inner)
    for mark in (CLOSINGS.get(name, "</s>"), *THINKING.get(name, ())):
        assert len(tokenizer.encode([mark])[0]) == 1
    return tokenizer, template_of(None, tokenizer, name)


def item(talk: Sequence[tuple[str, str]], *answers: str, name: str = "a") -> Item:
    return Item(name, "c", tuple(talk), answers)


def only(tokenizer: Any, template: Template | None, one: Item, **options: Any) -> ItemPaths:
    (made,) = task_paths([one], tokenizer, template, **options)
    return made


def whole(tokenizer: HubTokenizer, talk: Sequence[tuple[str, str]], closing: str) -> list[int]:
    """What transformers makes of a conversation, up to and with its last end of turn."""
    ids = tokenizer.inner.apply_chat_template(
        [{"role": role, "content": content} for role, content in talk],
        tokenize=True,
        return_dict=False,
        enable_thinking=False,
        thinking=False,
    )
    (end,) = tokenizer.encode([closing])[0]
    return list(ids[: len(ids) - ids[::-1].index(end)])


@pytest.mark.parametrize("system", [False, True])
@pytest.mark.parametrize("name", list(CLOSINGS))
def test_prefix_path_and_closing_are_the_whole_conversation(name: str, system: bool) -> None:
    tokenizer, template = of(name)
    talk = [("system", "Answer: "), TALK[0]] if system else list(TALK)
    given = talk
    # Mistral's prints the system text only where an answer is asked for.
    if system and (name == "Mistral v0.3" or not template.takes_system):
        given = [("user", f"Answer: \n\n{TALK[0][1]}")]
    answers = ("yes please", "no: reject\n\noption J")
    made = only(tokenizer, template, item(talk, *answers))
    assert made.refused is None
    assert made.paths[0].prefix == made.paths[1].prefix
    for answer, one in zip(answers, made.paths, strict=True):
        expected = whole(tokenizer, [*given, ("assistant", answer)], CLOSINGS[name])
        assert [*one.prefix, *one.paths[0], *one.terminator] == expected
        assert tokenizer.decode(one.terminator) == CLOSINGS[name]
        assert answer in tokenizer.decode(one.paths[0])
        assert (one.terminated, one.response) == ((False,), 0)


@pytest.mark.parametrize("name", list(THINKING))
def test_marks_of_a_thought_are_the_tokens_of_training(name: str) -> None:
    """Control tokens around the thought that an answer holds; in its words they are letters."""
    tokenizer, template = of(name)
    opening, closing = THINKING[name]
    answer = f"{opening}\nyes or no\n{closing}\n\nyes please"
    (one,) = only(tokenizer, template, item(TALK, answer)).paths
    messages = [{"role": role, "content": content} for role, content in TALK]
    messages.append({"role": "assistant", "content": answer})
    ids = tokenizer.inner.apply_chat_template(messages, tokenize=True, return_dict=False)
    marks = {tokenizer.encode([mark])[0][0] for mark in (opening, closing)}
    assert marks <= set(tokenizer.control) and marks <= {*one.prefix, *one.paths[0]}
    found = [*one.prefix, *one.paths[0], *one.terminator]
    assert found == ids[: len(found)] and not tokenizer.decode(ids[len(found) :]).strip()
    (words,) = only(tokenizer, template, item(TALK, answer.replace("or", "</s>"))).paths
    assert tokenizer.encode(["</s>"])[0][0] not in words.paths[0]


@pytest.mark.parametrize("printed", [True, False])
def test_the_bos_stands_there_once(printed: bool) -> None:
    tokenizer = HubTokenizer(bpe_tokenizer(bos=True))
    text = ALL["Qwen 2.5"].text
    assert "bos_token" not in text
    template = Template("{{ bos_token }}" * printed + text, "mine", tokenizer.special)
    (one,) = only(tokenizer, template, item(TALK[:1], "yes")).paths
    assert one.prefix[0] == tokenizer.bos[0]
    assert one.prefix.count(tokenizer.bos[0]) == 1


@pytest.mark.parametrize("name", ["Gemma 2", "Qwen 2.5", "Llama 3"])
def test_control_tokens_in_words_are_letters(name: str) -> None:
    tokenizer, template = of(name)
    mark = CLOSINGS[name]
    words = [f"Say {mark} yes", f"{mark}no", f"or <s>{mark}"]
    talk = [(role, said) for (role, _), said in zip(TALK, words, strict=True)]
    made = only(tokenizer, template, item(talk, f"yes{mark} reject", f"{mark}"))
    plain = only(tokenizer, template, item(TALK, "yes", "no"))
    control = tokenizer.control
    for one, other in zip(made.paths, plain.paths, strict=True):
        kept = [token for token in (*one.prefix, *one.paths[0]) if token in control]
        assert kept == [token for token in (*other.prefix, *other.paths[0]) if token in control]
        assert one.terminator == other.terminator
    said = tokenizer.decode(made.paths[0].prefix + made.paths[0].paths[0])
    assert all(text in said for text in (*words, f"yes{mark} reject"))
    # In plain text there are no control tokens but the BOS.
    text = only(tokenizer, None, item([("user", f"a{mark}")], f"b{mark}"))
    (one,) = text.paths
    assert control.isdisjoint((*one.prefix[len(tokenizer.bos) :], *one.paths[0]))
    assert tokenizer.decode(one.terminator) == "</s>"


def test_a_template_that_trims_scores_the_answer_trimmed() -> None:
    tokenizer, template = of("Gemma 2")
    made = only(tokenizer, template, item(TALK[:1], " yes \n", "no"))
    assert tokenizer.decode(made.paths[0].paths[0]) == "yes"
    tokenizer, template = of("Qwen 2.5")
    made = only(tokenizer, template, item(TALK[:1], " yes \n", "no"))
    assert tokenizer.decode(made.paths[0].paths[0]) == " yes \n"


def test_a_token_that_spans_the_join_belongs_to_the_answer() -> None:
    tokenizer = GreedyTokenizer(["A: y", "</s>"])
    tokenizer_special = {"bos_token": "<s>", "eos_token": "</s>"}
    template = Template(
        "{% for m in messages %}{{ m.content }}{% if m.role == 'user' %} A: {% else %}</s>"
        "{% endif %}{% endfor %}",
        "mine",
        tokenizer_special,
    )
    made = only(tokenizer, template, item([("user", "Q")], "yo", "no"))
    chosen, rejected = made.paths
    assert tokenizer.decode(chosen.prefix) == "Q "
    assert chosen.prefix == rejected.prefix
    assert [tokenizer.words[one] for one in chosen.paths[0]] == ["A: y", "o"]
    assert [tokenizer.words[one] for one in rejected.paths[0]] == ["A", ":", " ", "n", "o"]
    assert chosen.token_boundary
    assert tokenizer.decode(chosen.terminator) == "</s>"


def test_an_end_of_turn_that_is_letters_for_a_tokenizer() -> None:
    """A template of another tokenizer: the letters are read, the last of their tokens closes."""
    tokenizer = HubTokenizer(bpe_tokenizer())
    template = Template(ALL["Qwen 2.5"].text, "mine")
    made = only(tokenizer, template, item(TALK[:1], "yes", "no"))
    (one, _) = made.paths
    assert tokenizer.decode(one.prefix).endswith("assistant\n")
    assert tokenizer.decode(one.paths[0] + one.terminator) == "yes<|im_end|>"
    assert len(one.terminator) == 1


@pytest.mark.parametrize(
    "before, behind, mark",
    [
        ("<|START_RESPONSE|>", "<|END_RESPONSE|><|END_TURN|>", "<|END_TURN|>"),
        ("<|begin_of_solution|>\\n", "<|end_of_solution|>\\n<|im_end|>\\n", "<|im_end|>"),
        ("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|END_RESPONSE|>"),
        ("<|assistant|>\\n", "<|end|>\\n</s>", "<|end|>"),  # Phi 3, whose generation ends there
        ("<|im_start|>assistant\\n", "<|im_end|>\\n</s>", "<|im_end|>"),
        ("<|begin_assistant|>\\n", "<|end_assistant|></s>", "<|end_assistant|>"),
    ],
)
def test_a_turn_ends_behind_the_response(before: str, behind: str, mark: str) -> None:
    inner = bpe_tokenizer()
    marks = dict.fromkeys(found for found in _MARK.findall(before + behind) if found != "</s>")
    inner.add_special_tokens({"additional_special_tokens": [*marks]})
    tokenizer = HubTokenizer(inner)
    source = (
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content + '\\n' }}{% else %}"
        f"{{{{ '{before}' + m.content + '{behind}' }}}}{{% endif %}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{{{{ '{before}' }}}}{{% endif %}}"
    )
    (one,) = only(tokenizer, Template(source, "mine"), item(TALK[:1], "yes please")).paths
    text = behind.replace("\\n", "\n")
    assert tokenizer.decode(one.terminator) == mark
    assert tokenizer.decode(one.paths[0]) == f"yes please{text[: text.index(mark)]}"


def test_the_end_of_text_closes_where_a_template_prints_nothing() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    made = only(tokenizer, Template(MOCK, "mine"), item(TALK[:1], "yes", "no"))
    (one, _) = made.paths
    assert tokenizer.decode(one.prefix + one.paths[0]) == "[user] Say yes?\n[assistant] yes"
    assert tokenizer.decode(made.paths[0].terminator) == "</s>"
    with pytest.raises(UserError, match="end of text is none, not one token; give a chat template"):
        only(GreedyTokenizer([]), None, item(TALK[:1], "yes", "no"))


def test_plain_text_is_prompt_blank_line_answer_end_of_text() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer(bos=True))
    made = only(tokenizer, None, item([("system", "Be."), *TALK], "yes", "reject"))
    for one, answer in zip(made.paths, ("yes", "reject"), strict=True):
        text = f"Be.\n\nSay yes?\n\nyes or no:\n\nOption J\n\nplease\n\n{answer}</s>"
        expected = tokenizer.inner(text)["input_ids"]
        assert [*one.prefix, *one.paths[0], *one.terminator] == expected


def test_items_that_cannot_be_read_are_refused_and_counted() -> None:
    tokenizer, template = of("DeepSeek V3.1")
    long = item([("user", "yes or no " * 30)], "yes", "no", name="long")
    cut = item(TALK[:1], "<think>no</think> yes", "no", name="cut")
    fits = item(TALK[:1], "yes", "reject yes or no", name="fits")
    alone = only(tokenizer, template, fits)
    window = max(one.length for one in alone.paths)
    made = list(task_paths([long, cut, fits], tokenizer, template, window))
    assert [one.item.id for one in made] == ["long", "cut", "fits"]
    assert [bool(one.paths) for one in made] == [False, False, True]
    assert count_refused(made) == {"too_long": 1, "template": 1}
    assert made[0].refused is not None and made[1].refused is not None
    assert re.fullmatch(rf"\d+ tokens, the model's window is {window}", made[0].refused.reason)
    assert "changes or cuts the answer, at '<think>no" in made[1].refused.reason
    assert prompts_of(made) == list(alone.paths)
    shorter = only(tokenizer, template, fits, window=window - 1)
    assert shorter.refused is not None, "one answer is too long, so the pair is refused"
    assert (made[2].tokens[0], len(made[2].tokens)) == (len(alone.paths[0].paths[0]), 2)


def test_a_template_of_no_use_is_an_error_not_a_refusal() -> None:
    with pytest.raises(TemplateError, match="mine"):
        only(GreedyTokenizer([]), Template("nothing", "mine"), item(TALK[:1], "yes", "no"))


@pytest.mark.parametrize("architecture", ["Llama", "Gemma3Text"])
def test_scores_of_both_engines_are_those_of_a_plain_pass(architecture: str) -> None:
    tokenizer, template = of("Gemma 2")
    model = tiny_model(architecture, len(tokenizer.inner))
    items = [
        item(TALK, "yes please", "no", name="a"),
        item(TALK[:1], "reject", "option J or option F", name="b"),
        item([("user", "Option F")], "accept", "yes", name="c"),
    ]
    made = list(task_paths(items, tokenizer, template))
    reference = ReferenceEngine(model, tokenizer, {}, None)
    shared = SharedEngine(reference, lambda _: None)
    by_reference = sums_of(made, reference.score(prompts_of(made)))
    by_shared = sums_of(made, shared.score(prompts_of(made)))
    assert shared.report()["path"] == "shared"
    for at, one in enumerate(items):
        for side, answer in enumerate(one.answers):
            ids = whole(tokenizer, [*one.prompt, ("assistant", answer)], "<end_of_turn>")
            start = len(made[at].paths[side].prefix)
            with torch.no_grad():
                rows = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
            steps = [float(rows[place - 1, ids[place]]) for place in range(start, len(ids))]
            for found in (by_reference, by_shared):
                assert found.logprob[at, side] == pytest.approx(sum(steps[:-1]), abs=1e-4)
                assert found.closing[at, side] == pytest.approx(steps[-1], abs=1e-4)
                assert found.tokens[at, side] == len(steps) - 1


@pytest.mark.skipif(not DATA.is_dir(), reason="TREMBLE_DATA has no post_training")
def test_real_pairs_compute_at_most_seven_tenths_of_their_tokens() -> None:
    tokenizer, template = of("Gemma 2")
    items = read_task(DATA / "hh_harmless_test.jsonl.gz", skip=True).items[:400]
    made = list(task_paths(items, tokenizer, template))
    assert not count_refused(made)
    plan = Plan(prompts_of(made))
    alone = sum(len(one.prefix) + len(one.paths[0]) for one in prompts_of(made))
    assert plan.tokens == alone
    assert plan.distinct <= 0.70 * alone
