"""Chat templates of the families in the catalogue and of others, written for the tests from the
documented form of their prompts (model cards, the harmony format), quirks included: who refuses the
system role, who prints the date, who has a system text of its own, who thinks.

`printed` is what must stand before the opened answer, by hand: [S] is the system text, [U] the user
text. `added` is the part of it that the template does not print itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    text: str
    printed: str
    bos: str = ""
    added: str | None = None
    own_role: bool = True  # for the system text; else it heads the user text


def turns(before: str, behind: str, answer: str, first: str = "") -> str:
    """A template of one form for all roles: `before` and `behind` a text, R is the role in them;
    `answer` opens the answer."""
    head, tail = (part.replace("R", "{{ m.role }}") for part in (before, behind))
    return (
        f"{first}{{% for m in messages %}}{head}{{{{ m.content }}}}{tail}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{answer}{{% endif %}}"
    )


def chatml(own: str = "", answer: str = "<|im_start|>assistant\\n", first: str = "") -> str:
    """ChatML; `own` is the system text where none is given."""
    default = ""
    if own:
        default = (
            "{% if messages[0].role != 'system' %}"
            f"{{{{ '<|im_start|>system\\n{own}<|im_end|>\\n' }}}}{{% endif %}}"
        )
    return turns(
        "{{ '<|im_start|>' + m.role + '\\n' }}",
        "{{ '<|im_end|>\\n' }}",
        f"{{{{ '{answer}' }}}}",
        first + default,
    )


def chatml_printed(answer: str = "") -> str:
    return (
        "<|im_start|>system\n[S]<|im_end|>\n<|im_start|>user\n[U]<|im_end|>\n"
        f"<|im_start|>assistant\n{answer}"
    )


_LINES = turns(
    "{{ '<|' + m.role + '|>\\n' }}", "{{ '\\n' }}", "{{ '<|assistant|>\\n' }}", "{{ bos_token }}"
)
_LLAMA3_TURN = (
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim"
    " + '<|eot_id|>' }}"
)
_LLAMA3_ANSWER = (
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
_LLAMA3_USER = (
    "<|start_header_id|>user<|end_header_id|>\n\n[U]<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)
_LAST_USER = (  # the system text stands in the last user turn
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}"
    "{% set talk = messages[1:] %}{% else %}{% set talk = messages %}{% endif %}"
    "{{ bos_token }}{% for m in talk %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% if m.role == 'user' %}OPEN"
    "{% if loop.last and system is defined %}{{ system + '\\n\\n' }}{% endif %}"
    "{{ m.content + '[/INST]' }}{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)
_GEMMA_TURN = (
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}HEAD"
    "{{ m.content | trim }}{{ '<end_of_turn>\\n' }}"
)
COMMAND = (
    "{{ bos_token }}{% for m in messages %}<|START_OF_TURN_TOKEN|>{% if m.role == 'system' %}"
    "<|SYSTEM_TOKEN|>{{ m.content }}{% elif m.role == 'user' %}<|USER_TOKEN|>{{ m.content }}"
    "{% else %}<|CHATBOT_TOKEN|>BEFORE{{ m.content }}BEHIND{% endif %}<|END_OF_TURN_TOKEN|>"
    "{% endfor %}{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>ANSWER"
    "{% endif %}"
)
COMMAND_PRINTED = (
    "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>[S]<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>[U]<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
)
EXAONE = turns("[|R|]", "{{ '[|endofturn|]\\n' }}", "{{ '[|assistant|]ANSWER' }}")
EXAONE_PRINTED = "[|system|][S][|endofturn|]\n[|user|][U][|endofturn|]\n[|assistant|]"
_NO_SYSTEM = "{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"

PUBLISHED = {
    "Llama 2": Published(
        "{% if messages[0].role == 'system' %}{% set talk = messages[1:] %}"
        "{% set head = '<<SYS>>\\n' + messages[0].content + '\\n<</SYS>>\\n\\n' %}"
        "{% else %}{% set talk = messages %}{% set head = '' %}{% endif %}"
        "{% for m in talk %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' }}"
        "{{ (head if loop.first else '') + m.content | trim + ' [/INST]' }}"
        "{% else %}{{ ' ' + m.content | trim + ' ' + eos_token }}{% endif %}{% endfor %}",
        "<s>[INST] <<SYS>>\n[S]\n<</SYS>>\n\n[U] [/INST]",
        "<s>",
    ),
    "Llama 3": Published(
        "{% for m in messages %}{{ bos_token if loop.first else '' }}"
        + _LLAMA3_TURN
        + "{% endfor %}"
        + _LLAMA3_ANSWER,
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n[S]<|eot_id|>"
        + _LLAMA3_USER,
        "<|begin_of_text|>",
    ),
    "Llama 3.1": Published(
        "{{ bos_token }}{{ '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date:"
        " December 2023\\nToday Date: ' + strftime_now('%d %b %Y') + '\\n\\n' }}"
        "{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}"
        "{% set talk = messages[1:] %}{% else %}{% set talk = messages %}{% endif %}<|eot_id|>"
        "{% for m in talk %}" + _LLAMA3_TURN + "{% endfor %}" + _LLAMA3_ANSWER,
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date:"
        " December 2023\nToday Date: 01 Jan 2026\n\n[S]<|eot_id|>" + _LLAMA3_USER,
        "<|begin_of_text|>",
    ),
    "Mistral v0.1": Published(
        "{{ bos_token }}{% for m in messages %}"
        "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}{% if m.role == 'user' %}"
        "{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
        "{% endfor %}",
        "<s>[INST] [S]\n\n[U] [/INST]",
        "<s>",
        own_role=False,
    ),
    "Mistral v0.3": Published(
        _LAST_USER.replace("OPEN", "{{ '[INST] ' }}"), "<s>[INST] [S]\n\n[U][/INST]", "<s>"
    ),
    "Mistral Nemo": Published(
        _LAST_USER.replace("OPEN", "[INST]"), "<s>[INST][S]\n\n[U][/INST]", "<s>"
    ),
    "Mistral Small 3": Published(
        "{{ bos_token }}{% if messages[0].role != 'system' %}{{ '[SYSTEM_PROMPT]You are Mistral "
        "Small 3. Today is ' + strftime_now('%Y-%m-%d') + '.[/SYSTEM_PROMPT]' }}{% endif %}"
        "{% for m in messages %}{% if m.role == 'system' %}"
        "{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' }}{% elif m.role == 'user' %}"
        "{{ '[INST]' + m.content + '[/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
        "{% endfor %}",
        "<s>[SYSTEM_PROMPT][S][/SYSTEM_PROMPT][INST][U][/INST]",
        "<s>",
    ),
    "Gemma 2": Published(
        "{{ bos_token }}{% for m in messages %}"
        + _NO_SYSTEM
        + _GEMMA_TURN.replace("HEAD", "")
        + "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
        "<bos><start_of_turn>user\n[S]\n\n[U]<end_of_turn>\n<start_of_turn>model\n",
        "<bos>",
        own_role=False,
    ),
    "Gemma 3": Published(
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set talk = messages[1:] %}"
        "{% set head = messages[0].content + '\\n\\n' %}{% else %}{% set talk = messages %}"
        "{% set head = '' %}{% endif %}{% for m in talk %}"
        + _GEMMA_TURN.replace("HEAD", "{{ head if loop.first else '' }}")
        + "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
        "<bos><start_of_turn>user\n[S]\n\n[U]<end_of_turn>\n<start_of_turn>model\n",
        "<bos>",
    ),
    "Qwen 1.5": Published(chatml("You are a helpful assistant"), chatml_printed()),
    "Qwen 2.5": Published(
        chatml("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
        chatml_printed(),
    ),
    "Phi 3": Published(
        turns("{{ '<|' + m.role + '|>\\n' }}", "{{ '<|end|>\\n' }}", "{{ '<|assistant|>\\n' }}"),
        "<|system|>\n[S]<|end|>\n<|user|>\n[U]<|end|>\n<|assistant|>\n",
    ),
    "Phi 4": Published(
        turns("<|im_start|>R<|im_sep|>", "<|im_end|>", "<|im_start|>assistant<|im_sep|>"),
        "<|im_start|>system<|im_sep|>[S]<|im_end|><|im_start|>user<|im_sep|>[U]<|im_end|>"
        "<|im_start|>assistant<|im_sep|>",
    ),
    "OLMo 2": Published(
        _LINES, "<|endoftext|><|system|>\n[S]\n<|user|>\n[U]\n<|assistant|>\n", "<|endoftext|>"
    ),
    "Falcon 3": Published(_LINES, "<|system|>\n[S]\n<|user|>\n[U]\n<|assistant|>\n"),
    "Tulu 3": Published(_LINES, "<|system|>\n[S]\n<|user|>\n[U]\n<|assistant|>\n"),
    "Yi 1.5": Published(
        "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
        "{% for m in messages %}{% if m.role == 'user' %}"
        "{{ '<|im_start|>user\\n' + m.content + '<|im_end|>\\n<|im_start|>assistant\\n' }}"
        "{% elif m.role == 'assistant' %}{{ m.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}",
        "[S]<|im_start|>user\n[U]<|im_end|>\n<|im_start|>assistant\n",
    ),
    "DeepSeek LLM": Published(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
        "{{ 'User: ' + m.content + '\\n\\n' }}{% elif m.role == 'assistant' %}"
        "{{ 'Assistant: ' + m.content + eos_token }}{% else %}{{ m.content + '\\n\\n' }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}",
        "<｜begin▁of▁sentence｜>[S]\n\nUser: [U]\n\nAssistant:",
        "<｜begin▁of▁sentence｜>",
    ),
    "Granite 3.1": Published(
        "{% if messages[0].role != 'system' %}{{ '<|start_of_role|>system<|end_of_role|>Knowledge "
        "Cutoff Date: April 2024.\\nToday\\'s Date: ' + strftime_now('%B %d, %Y') + '.\\nYou are "
        "Granite, developed by IBM.<|end_of_text|>\\n' }}{% endif %}"
        + turns(
            "<|start_of_role|>R<|end_of_role|>",
            "{{ '<|end_of_text|>\\n' }}",
            "<|start_of_role|>assistant<|end_of_role|>",
        ),
        "<|start_of_role|>system<|end_of_role|>[S]<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|>[U]<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>",
    ),
    "Granite 3.2": Published(  # dated also behind a system text; thinks where it is asked to
        "{% for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}"
        "{% if m.role == 'system' %}{{ '\\nToday\\'s Date: ' + strftime_now('%B %d, %Y') + '.' }}"
        "{% if thinking %}{{ '\\nWrite your thoughts first.' }}{% endif %}{% endif %}"
        "{{ '<|end_of_text|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}",
        "<|start_of_role|>system<|end_of_role|>[S]\nToday's Date: January 01, 2026."
        "<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>[U]<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>",
    ),
    "SmolLM2": Published(
        chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
        chatml_printed(),
    ),
    "StableLM 2 Zephyr": Published(
        turns(
            "{{ '<|' + m.role + '|>\\n' }}",
            "{{ '<|endoftext|>\\n' }}",
            "{{ '<|assistant|>\\n' }}",
        ),
        "<|system|>\n[S]<|endoftext|>\n<|user|>\n[U]<|endoftext|>\n<|assistant|>\n",
    ),
    "Command R": Published(
        COMMAND.replace("BEFORE", "").replace("BEHIND", "").replace("ANSWER", ""),
        COMMAND_PRINTED,
        "<BOS_TOKEN>",
    ),
    "InternLM 2.5": Published(chatml(first="{{ bos_token }}"), "<s>" + chatml_printed(), "<s>"),
    "EXAONE 3.5": Published(EXAONE.replace("ANSWER", ""), EXAONE_PRINTED),
    "Minitron": Published(
        "{% for m in messages %}{{ '<extra_id_0>System\\n' + m.content + '\\n\\n' if m.role =="
        " 'system' else '<extra_id_1>User\\n' + m.content + '\\n' if m.role == 'user' else"
        " '<extra_id_1>Assistant\\n' + m.content + '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<extra_id_1>Assistant\\n' }}{% endif %}",
        "<extra_id_0>System\n[S]\n\n<extra_id_1>User\n[U]\n<extra_id_1>Assistant\n",
    ),
    "H2O Danube 3": Published(
        "{% for m in messages %}" + _NO_SYSTEM + "{% if m.role == 'user' %}"
        "{{ '<|prompt|>' + m.content + eos_token }}{% else %}"
        "{{ '<|answer|>' + m.content + eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|answer|>{% endif %}",
        "<|prompt|>[S]\n\n[U]</s><|answer|>",
        own_role=False,
    ),
    "SOLAR": Published(
        turns(
            "{{ '### ' + m.role | capitalize + ':\\n' }}",
            "{{ '\\n\\n' }}",
            "{{ '### Assistant:\\n' }}",
        ),
        "### System:\n[S]\n\n### User:\n[U]\n\n### Assistant:\n",
    ),
}
