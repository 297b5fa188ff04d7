"""Templates that do not print people's words as they are, or leave the answer no place."""

from __future__ import annotations

import pytest

from tests.support.toys import TEMPLATE
from tremble.decisions.record import Option
from tremble.prompts.chat import Template, TemplateError
from tremble.prompts.conversation import Conversation
from tremble.prompts.frame import altered
from tremble.prompts.prefill import NoPlaceForAnswer, prefill

pytestmark = pytest.mark.usefixtures("untried")
OPENED = '{"decision": "'
TALK = Conversation("The rules.", 'Take 3?\n\nSay "yes"\tor no  .', OPENED, (Option("a", "A"),))
EACH = "{% for m in messages %}<{{ m.role }}>"


NOTHING = "prints nothing of the user text"
UNPRINTED = {
    "nothing at all": ("<|assistant|>", NOTHING),
    "parts": (
        EACH + "{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}",
        f"{NOTHING} (it wants texts as lists of parts)",
    ),
    "the first part": (
        EACH + "{{ m.content[0].text }}{% endfor %}",
        f"{NOTHING} (it wants texts as lists of parts)",
    ),
    "other roles": (
        "{% for m in messages %}{% if m.role == 'human' %}{{ m.content }}{% endif %}{% endfor %}",
        NOTHING,
    ),
    "other keys": ("{% for m in messages %}{{ m.value }}{% endfor %}", NOTHING),
    "another variable": ("{% for m in conversation %}{{ m.content }}{% endfor %}", NOTHING),
    "a prompt": ("{{ prompt }}", NOTHING),
    "roles alone": (EACH + "{% endfor %}", NOTHING),
    "upper case": (EACH + "{{ m.content | upper }}{% endfor %}", "changes the letters"),
    "twice": (EACH + "{{ m.content }}{{ m.content }}{% endfor %}", "prints the user text 2 times"),
    "the last lines alone": (
        EACH + "{{ m.content.split('\\n\\n')[-1] }}{% endfor %}",
        "changes or cuts the user text, at 'Take 3?",
    ),
    "cut": (EACH + "{{ m.content[:25] }}{% endfor %}", "changes or cuts the user text, at"),
    "escaped": (EACH + "{{ m.content | tojson }}{% endfor %}", "at 'Take 3?\\n\\nSay "),
    "escaped for pages": (EACH + "{{ m.content | e }}{% endfor %}", "changes or cuts the user"),
    "white space": (
        EACH + "{{ m.content.split() | join(' ') }}{% endfor %}",
        "changes or cuts the user text, at 'Take 3?\\n\\nSay ",
    ),
    "tabs": (EACH + "{{ m.content | replace('\\t', ' ') }}{% endfor %}", '"yes"\\tor no  .\''),
    "long system texts dropped": (
        "{% for m in messages if m.role != 'system' or m.content | length > 12 %}{{ m.content }}"
        "{% endfor %}",
        "changes or cuts the system text, at 'The rules.'",
    ),
}


@pytest.mark.parametrize("kind", list(UNPRINTED))
def test_a_template_that_does_not_print_peoples_words_is_refused(kind: str) -> None:
    text, why = UNPRINTED[kind]
    with pytest.raises(TemplateError) as caught:
        Template(text, "org/x").render(TALK)
    assert why in str(caught.value)
    assert str(caught.value).startswith("The chat template of org/x ")
    assert str(caught.value).endswith(
        "; give another with template = in [[model]], or with --template."
    )


def test_it_is_refused_before_any_words_are_there() -> None:
    for kind in ("nothing at all", "parts", "other roles", "upper case", "twice"):
        with pytest.raises(TemplateError):
            Template(UNPRINTED[kind][0], "t").takes_system  # noqa: B018


@pytest.mark.parametrize("dropped", ["system", "user"])
def test_words_that_only_one_kind_of_conversation_has_are_missed(dropped: str) -> None:
    """Printed with the words that stand for people's, and not with theirs."""
    text = (
        f"{{% for m in messages %}}{{% if m.role != '{dropped}' or 'marker' in m.content %}}"
        "{{ m.content }}{% endif %}{% endfor %}"
    )
    with pytest.raises(TemplateError, match=f"changes or cuts the {dropped} text"):
        Template(text, "t").render(TALK)


TAKEN = "{% set p = '<assistant>' if add_generation_prompt else '' %}"
SAID = "{% set said = messages | map(attribute='content') | join %}"
EARLY = "prints its generation prompt before people's words"


@pytest.mark.parametrize(
    "text",
    [
        TAKEN + "{{ p }}" + EACH + "{{ m.content }}{% endfor %}",
        TAKEN + "{{ p }}" + EACH + "{{ m.content }}<end>\n{% endfor %}",
        TAKEN + EACH + "{% if loop.last %}{{ p }}{% endif %}{{ m.content }}{% endfor %}",
    ],
)
def test_a_generation_prompt_before_peoples_words_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match=EARLY):
        Template(text, "t").takes_system  # noqa: B018


def test_one_that_is_there_without_a_system_text_alone_is_refused_for_such_prompts() -> None:
    first = "{% if messages[0].role == 'user' %}{{ p }}{% endif %}"
    last = "{% if messages[0].role != 'user' %}{{ p }}{% endif %}"
    template = Template(TAKEN + first + EACH + "{{ m.content }}{% endfor %}" + last, "t")
    assert template.render(TALK).endswith("<assistant>" + OPENED)
    with pytest.raises(TemplateError, match=EARLY):
        template.render(Conversation("", TALK.user, OPENED, ()))


@pytest.mark.parametrize(
    "asked", ["'<assistant>'", "'<assistant>' if add_generation_prompt else ''"]
)
@pytest.mark.parametrize("end", ["", "<end>"])
def test_a_generation_prompt_that_goes_before_some_words_is_refused(asked: str, end: str) -> None:
    text = (
        f"{SAID}{{% set p = {asked} %}}{{{{ p if '?' in said }}}}{EACH}{{{{ m.content }}}}{end}"
        "{% endfor %}{{ p if '?' not in said }}"
    )
    template = Template(text, "t")
    calm = Conversation("The rules.", "assistant", OPENED, ())
    assert (
        template.render(calm) == f"<system>The rules.{end}<user>assistant{end}<assistant>{OPENED}"
    )
    with pytest.raises(TemplateError, match="does not print its generation prompt after"):
        template.render(TALK)


@pytest.mark.parametrize("user", ["Be quick.", "assistant", "/no_think"])
def test_what_stands_behind_words_may_go_by_them(user: str) -> None:
    """A thought that is closed for some, and a remark."""
    text = (
        EACH + "{{ m.content }}{% if 'quick' in m.content %} Soon.{% endif %}<end>{% endfor %}"
        "{% if add_generation_prompt %}<assistant><think>"
        "{{ '</think>' if messages[-1].content in ('/no_think', 'assistant') }}{% endif %}"
    )
    printed = Template(text, "t").render(Conversation("", user, OPENED, ()))
    remark = " Soon." if "quick" in user else ""
    thought = "<think>\n\n</think>\n\n" if "quick" in user else "<think></think>"
    assert printed == f"<user>{user}{remark}<end><assistant>{thought}{OPENED}"


@pytest.mark.parametrize(
    ("twice", "system", "user", "whose"),
    [
        ("'?' in m.content", "The rules.", "Take it?", "user"),
        ("'?' in m.content", "", "Take it?", "user"),
        ("'?' in m.content", "Rules?", "Take it.", "system"),
        ("'?' in m.content", "Take it? Yes.", "Take it?", "(system|user)"),
        ("messages | length == 1", "", "Take it.", "user"),
    ],
)
def test_words_that_are_printed_twice_for_some_words_are_refused(
    twice: str, system: str, user: str, whose: str
) -> None:
    text = EACH + "{{ m.content }}{% if " + twice + " %} {{ m.content }}{% endif %}{% endfor %}"
    template = Template(text, "t")
    assert template.takes_system
    with pytest.raises(TemplateError, match=f"prints the {whose} text 2 times"):
        template.render(Conversation(system, user, OPENED, ()))


@pytest.mark.parametrize(
    ("dropped", "system", "user"),
    [
        ("system", "Be kind.", "Be kind. Take it?"),
        ("system", "Be kind.", "Be kind."),
        ("user", "You are asked: Take it?", "Take it?"),
        ("system", "user", "Take it?"),
        ("user", "The rules.", "system"),
    ],
)
def test_words_that_are_dropped_are_missed_though_they_stand_elsewhere(
    dropped: str, system: str, user: str
) -> None:
    text = (
        EACH + f"{{% if m.role != '{dropped}' or 'marker' in m.content %}}"
        "{{ m.content }}{% endif %}{% endfor %}<assistant>"
    )
    talk = Conversation(system, user, OPENED, ())
    with pytest.raises(TemplateError, match=f"prints nothing of the {dropped} text"):
        Template(text, "t").render(talk)


REPEATED = {
    "system text in the user text": ("Be kind.", "Be kind. Take it? Be kind."),
    "user text in the system text": ("You are asked: Take it? Yes.", "Take it?"),
    "the same twice": ("Take it?", "Take it?"),
    "a sentence twice": ("Be kind.\n\nBe kind.", "Take it?\n\nTake it?"),
    "words of the frame": ("system", "user"),
    "an answerer": ("assistant", "assistant"),
    "one letter": ("s", "e"),
    "a mark": ("<user>", "<assistant>"),
    "short": ("", "Yes"),
    "without a system text": ("", "user user"),
    "white space": (" a b\n", "\n\na b\n\na b "),
}


@pytest.mark.parametrize("headed", [False, True])
@pytest.mark.parametrize("kind", list(REPEATED))
def test_words_that_people_repeat_are_printed(kind: str, headed: bool) -> None:
    system, user = REPEATED[kind]
    refused = "{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}" if headed else ""
    text = EACH + refused + "{{ m.content }}\n{% endfor %}Yes user: <assistant>"
    printed = Template(text, "t").render(Conversation(system, user, OPENED, ()))
    if headed:
        first = f"<user>{system}\n\n" if system else "<user>"
    else:
        first = f"<system>{system}\n<user>" if system else "<user>"
    assert printed == f"{first}{user}\nYes user: <assistant>{OPENED}"


def test_white_space_around_words_may_go_and_the_first_message_may_be_all_that_is_printed() -> None:
    talk = Conversation(" The rules.\n", "\nTake 3? ", OPENED, ())
    trimmed = Template(EACH + "{{ m.content | trim }}{% endfor %}", "t")
    assert trimmed.render(talk) == "<system>The rules.<user>Take 3?" + OPENED
    first = Template("{{ messages[0].content }}", "t")
    assert first.render(TALK) == f"{TALK.system}\n\n{TALK.user}{OPENED}"
    assert not first.takes_system


def test_where_words_are_changed_is_shown() -> None:
    assert altered("a b", "x a b y") is None
    assert altered(" a b\n", "a b") is None
    assert altered("0123456789" * 3 + "!", "0123456789" * 3) == "567890123456789!"
    assert altered("abc", "") == "abc"


H = "<|start|>developer<|message|>x<|end|><|start|>user<|message|>y<|end|>"
CHANNELS = "<|start|><|channel|><|message|>"


@pytest.mark.parametrize(
    ("end", "after"),
    [
        ("<|start|>assistant", "<|start|>assistant<|channel|>final<|message|>"),
        ("<|start|>assistant<|message|>", "<|start|>assistant<|channel|>final<|message|>"),
        ("<|start|>assistant<|channel|>", "<|start|>assistant<|channel|>final<|message|>"),
        ("<|start|>assistant<|channel|>final", "<|start|>assistant<|channel|>final<|message|>"),
        ("<|start|>assistant<|channel|>analysis", "<|start|>assistant<|channel|>final<|message|>"),
        (
            "<|start|>assistant<|channel|>analysis<|message|>",
            "<|start|>assistant<|channel|>analysis<|message|><|end|><|start|>assistant"
            "<|channel|>final<|message|>",
        ),
    ],
)
def test_an_answer_gets_its_final_channel(end: str, after: str) -> None:
    added = prefill(f"<|end|>{end}", None, CHANNELS)
    assert added is not None
    assert added.after(f"{H}{end}") == H + after


def test_a_final_channel_that_is_there_is_left_alone_and_one_without_a_turn_is_refused() -> None:
    assert prefill("<|end|><|start|>assistant<|channel|>final<|message|>", None, CHANNELS) is None
    with pytest.raises(NoPlaceForAnswer, match="does not begin a turn"):
        prefill("<|end|>", None, CHANNELS)


@pytest.mark.parametrize(
    ("end", "answered", "text", "after"),
    [
        ("<A><think>", None, "", "<A><think>\n\n</think>\n\n"),
        ("<A><think>\n", None, "", "<A><think>\n\n</think>\n\n"),
        ("<A><think>\n\n\n", None, "", "<A><think>\n\n</think>\n\n"),
        ("<A><think>\n", "<A><think>\n</think>", "", "<A><think>\n</think>"),
        ("<A><think>\n", "<A><think> </think>\n", "", "<A><think> </think>\n"),
        ("<A><think>\n", "<A>", "'<think></think>\\n'", "<A><think></think>\n"),
        ("<A><think>\n", "<A>", "'<think>\n</think>\n'", "<A><think>\n</think>\n"),
        ("<A><think>\n", "<A>", "split('<think></think>x')", "<A><think>\n\n</think>\n\n"),
        ("<A><think><reflection>", None, "", "<A><think><reflection>\n</reflection>\n</think>\n\n"),
        ("<A><think>\nOkay.", None, "", "<A><think>\nOkay.\n</think>\n\n"),
        ("<A><|no_think|><think>", None, "", "<A><|no_think|><think>\n\n</think>\n\n"),
        ("<A><notes_of_thought>", None, "", "<A><notes_of_thought>\n\n</notes_of_thought>\n\n"),
        ("<A><reasoning>", None, "", "<A><reasoning>\n\n</reasoning>\n\n"),
        ("<A>◁think▷", None, "", "<A>◁think▷◁/think▷"),
        ("<A><|thinking_start|>", None, "", "<A><|thinking_start|>\n\n<|thinking_end|>\n\n"),
        ("<A><|think|>", None, "'<|/think|>'", "<A><|think|>\n\n<|/think|>\n\n"),
        ("<A><|think|>", "<A><|think|><|end_think|>", "", "<A><|think|><|end_think|>"),
        ("<A><seed:think>", None, "", "<A><seed:think>\n</seed:think>"),
    ],
)
def test_a_thought_is_closed_as_its_family_closes_it(
    end: str, answered: str | None, text: str, after: str
) -> None:
    added = prefill(end, answered, text)
    assert added is not None
    assert added.after("U" + end) == "U" + after


@pytest.mark.parametrize(
    "end",
    [
        "<A>",
        "",
        "<A><think>\n\n</think>\n\n",
        "<A></think>",
        " Think in <think> tags.<|im_end|><A>",
        "[THINK]x[/THINK][/INST]",
        "\n\nThink first.\n### Assistant:\n",
        "<|im_start|>assistant\n",
        "<|START_THINKING|><|END_THINKING|>",
        "<A><|no_think|>",
        "<A>\n<think_off>\n",
        "<A><|thinking_mode_off|>",
        "<A><nothink>",
        "<A><|reasoning:off|>",
        "<A><think_on>",
        "<A>/no_think\n",
        "<|thinker|>",
        "<analyst>\n",
        "\nHuman-like reasoning bot:",
        "<|im_start|>analyst\n",
        "\n### Deep-Thinker: ",
    ],
)
def test_nothing_is_added_where_no_thought_is_open(end: str) -> None:
    assert prefill(end, None, "<think></think>") is None
    assert prefill(end, f"{end} ", "") is None  # a space before answers is no mark


def test_a_thought_of_which_the_end_is_not_known_is_refused() -> None:
    text = TEMPLATE.replace("<|assistant|>", "<|assistant|><|think|>")
    match = r"begins a thought \(<\|think\|>\).*; give another"
    with pytest.raises(TemplateError, match=match):
        Template(text, "t").render(TALK)
    with pytest.raises(TemplateError, match=match):
        Template(text, "t").remarks()


@pytest.mark.parametrize(
    "end",
    [
        "<A>Let me think: ",
        "\n\n### Reasoning:\n",
        "<A>Expert analysis:\n",
        "<A>Let me think on this:",
        "<A>I know, thinking:",
    ],
)
def test_a_thought_begun_in_words_is_refused_or_ended_in_words(end: str) -> None:
    with pytest.raises(NoPlaceForAnswer, match="begins a thought"):
        prefill(end, None, "")
    added = prefill(end, None, "'[BEGIN FINAL RESPONSE]'")
    assert added is not None
    assert added.after(end) == f"{end}\n[BEGIN FINAL RESPONSE]\n"


def test_what_is_said_may_decide_whether_a_thought_is_opened() -> None:
    text = (
        "{% set ns = namespace(x='') %}{% for m in messages %}{% set ns.x = ns.x + m.content %}"
        "<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
        "{{ '<think>' if 'ponder' in ns.x else '' }}"
    )
    template = Template(text, "t")
    assert template.prefill is None
    assert template.render(TALK).endswith("<assistant>" + OPENED)
    pondering = Conversation("Please ponder.", TALK.user, OPENED, ())
    assert template.render(pondering).endswith("<assistant><think>\n\n</think>\n\n" + OPENED)


def test_the_key_of_a_template_is_that_of_its_text_and_special_tokens_alone() -> None:
    """As 0.1.0 wrote it into the names of folders: by hand."""
    from hashlib import sha256

    template = Template("{{ messages[0].content }}", "t", {"bos_token": "<s>"})
    content = '["{{ messages[0].content }}", [["bos_token", "<s>"]]]'
    assert template.key == sha256(content.encode()).hexdigest()[:8]
