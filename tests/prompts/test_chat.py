"""Chat templates: rendered like transformers does, sandboxed, dated, with one BOS."""

from __future__ import annotations

import pytest

from tests.support.toys import TEMPLATE, GreedyTokenizer, bpe_tokenizer
from tremble.decisions.record import Decision, Option
from tremble.models.tokenizer import HubTokenizer
from tremble.prompts.asked import Asked
from tremble.prompts.chat import GEMMA, Template, TemplateError, template_of
from tremble.prompts.conversation import Conversation
from tremble.prompts.formulations import standard
from tremble.study.file import Study
from tremble.study.render import prompts_of

OPENED = '{"decision": "'
TALK = Conversation("The rules.", "Round 1 of 10:", OPENED, (Option("a", "A"), Option("b", "B")))
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}

STYLES = {
    "roles": TEMPLATE,
    "bos": "{{ bos_token }}" + TEMPLATE,
    "blocks": (
        "{%- for m in messages %}\n    {%- if m.role == 'system' %}\n[SYS]{{ m.content | trim }}\n"
        "    {%- else %}\n[{{ m['role'] | upper }}]{{ m.content }}\n    {%- endif %}\n"
        "{%- endfor %}\n{%- if add_generation_prompt %}[ASSISTANT]{% endif %}"
    ),
    "generation": (
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
        "{% endgeneration %}{% else %}<{{ m.role }}>{{ m.content }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    ),
    "loops": (
        "{% for m in messages %}{% if loop.index > 5 %}{% break %}{% endif %}"
        "{{ m | tojson }}{% endfor %}{{ tools | tojson }}"
    ),
    "json": (
        "{% set d = {'b': 'é', 'a': [1]} %}{{ d | tojson }}{{ d | tojson(ensure_ascii=True) }}"
        "{{ d | tojson(true) }}{{ d | tojson(indent=2) }}{{ d | tojson(false, 2) }}"
        "{{ d | tojson(separators=(',', ':')) }}{{ d | tojson(sort_keys=true) }}" + TEMPLATE
    ),
}


@pytest.mark.parametrize("style", list(STYLES))
def test_rendering_equals_transformers(style: str) -> None:
    tokenizer = bpe_tokenizer(template=STYLES[style])
    expected = tokenizer.apply_chat_template(
        [
            {"role": "system", "content": TALK.system},
            {"role": "user", "content": TALK.user},
        ],
        tokenize=False,
        add_generation_prompt=True,
    )
    template = template_of(None, HubTokenizer(tokenizer), "tiny")
    assert template.render(TALK) == expected + OPENED


def test_the_answer_is_the_assistants_prefill_with_nothing_between() -> None:
    assert Template(TEMPLATE, "t").render(TALK).endswith("<|assistant|>" + OPENED)


def test_the_date_is_frozen() -> None:
    dated = Template("{{ strftime_now('%d %b %Y') }}" + TEMPLATE, "t")
    assert dated.render(TALK).startswith("01 Jan 2026")


@pytest.mark.parametrize(
    "text",
    [
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}",
        "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}",
        GEMMA,
    ],
)
def test_a_template_that_refuses_or_drops_the_system_role_gets_it_in_the_user_text(
    text: str,
) -> None:
    template = Template(text, "t", SPECIAL)
    assert not template.takes_system
    rendered = template.render(TALK)
    assert "The rules.\n\nRound 1 of 10:" in rendered
    assert rendered.count("The rules.") == 1


def test_thinking_is_switched_off_where_the_template_has_the_switch() -> None:
    thinking = Template(
        TEMPLATE + "{% if enable_thinking is defined and not enable_thinking %}<think></think>"
        "{% endif %}",
        "t",
    )
    assert thinking.switches == {"enable_thinking": False}
    assert thinking.render(TALK).endswith("<think></think>" + OPENED)
    assert Template(TEMPLATE, "t").switches == {}


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ 1 / 0 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ cycler.__init__.__globals__.os.getcwd() }}",
    ],
)
def test_templates_run_in_a_sandbox_and_their_failures_are_one_sentence(text: str) -> None:
    with pytest.raises(TemplateError, match="cannot be rendered"):
        Template(text, "evil").render(TALK)


def test_broken_jinja_is_one_sentence() -> None:
    with pytest.raises(TemplateError, match="not valid jinja"):
        Template("{% for %}", "broken").render(TALK)


def test_gemma_by_name_and_no_template_at_all() -> None:
    bare = HubTokenizer(bpe_tokenizer(template=None))
    named = template_of("gemma", bare, "tiny")
    assert named.render(TALK) == (
        "<s><start_of_turn>user\nThe rules.\n\nRound 1 of 10:<end_of_turn>\n"
        "<start_of_turn>model\n" + OPENED
    )
    with pytest.raises(TemplateError, match=r"'tiny' has no chat template.*template ="):
        template_of(None, bare, "tiny")
    with pytest.raises(TemplateError, match=r"'nowhere.jinja' is neither"):
        template_of("nowhere.jinja", bare, "tiny")


def _prompt(template: Template, tokenizer: HubTokenizer | GreedyTokenizer) -> tuple[str, list[str]]:
    decision = Decision("d", "x", "custom", TALK.options, "a", "a", prompt="Hello")
    study = Study("s", (), (), ())
    (prompt,) = prompts_of(
        [decision], standard, template, tokenizer, study.how_read(Asked("standard"))
    )
    return prompt.text, [tokenizer.decode([token]) for token in prompt.paths.prefix]


def test_one_bos_also_after_a_template_that_prints_it() -> None:
    for prepends in (True, False):
        tokenizer = HubTokenizer(bpe_tokenizer(bos=prepends))
        _, tokens = _prompt(Template(STYLES["bos"], "t", SPECIAL), tokenizer)
        assert tokens.count("<s>") == 1
        assert tokens[0] == "<s>"


def test_a_partners_bos_is_not_written_out_in_a_model_that_does_not_know_it() -> None:
    partner = Template("{{ bos_token }}" + TEMPLATE, "partner", {"bos_token": "<|begin|>"})
    text, tokens = _prompt(partner, HubTokenizer(bpe_tokenizer(bos=True)))
    assert "<|begin|>" not in text
    assert tokens.count("<s>") == 1


def test_the_partners_template_is_tokenised_with_the_models_own_vocabulary() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    size = len(tokenizer.pieces())
    text, tokens = _prompt(Template("<|turn|>{{ messages[0].content }}", "p"), tokenizer)
    assert text.startswith("<|turn|>Hello")
    assert "<|turn|>" not in tokens  # several ordinary tokens; nothing was added
    assert len(tokenizer.pieces()) == size
