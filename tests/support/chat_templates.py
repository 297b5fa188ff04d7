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


def _chatml(answer: str = "") -> str:
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
_R1_END = "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
_R1 = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}"
    "{% elif m.role == 'assistant' %}{{ '<｜Assistant｜>' }}"
    "{{ m.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
)
_HARMONY = (
    "{{ '<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\\n"
    "Knowledge cutoff: 2024-06\\nCurrent date: ' + strftime_now('%Y-%m-%d') + '\\n\\nReasoning: '"
    " + (reasoning_effort | default('medium')) + '\\n\\n# Valid channels: analysis, commentary, "
    "final. Channel must be included for every message.<|end|>' }}"
    "{% for m in messages %}{% if m.role == 'system' %}"
    "{{ '<|start|>developer<|message|># Instructions\\n\\n' + m.content + '\\n\\n<|end|>' }}"
    "{% elif m.role == 'user' %}{{ '<|start|>user<|message|>' + m.content + '<|end|>' }}"
    "{% else %}{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|return|>' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
_COMMAND = (
    "{{ bos_token }}{% for m in messages %}<|START_OF_TURN_TOKEN|>{% if m.role == 'system' %}"
    "<|SYSTEM_TOKEN|>{{ m.content }}{% elif m.role == 'user' %}<|USER_TOKEN|>{{ m.content }}"
    "{% else %}<|CHATBOT_TOKEN|>BEFORE{{ m.content }}BEHIND{% endif %}<|END_OF_TURN_TOKEN|>"
    "{% endfor %}{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>ANSWER"
    "{% endif %}"
)
_COMMAND_PRINTED = (
    "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>[S]<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>[U]<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
)
_EXAONE = turns("[|R|]", "{{ '[|endofturn|]\\n' }}", "{{ '[|assistant|]ANSWER' }}")
_EXAONE_PRINTED = "[|system|][S][|endofturn|]\n[|user|][U][|endofturn|]\n[|assistant|]"
_NO_SYSTEM = "{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
_CLOSED = "<think>\\n\\n</think>\\n\\n"

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
    "Magistral, opened": Published(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}"
        "{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' }}{% elif m.role == 'user' %}"
        "{{ '[INST]' + m.content + '[/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}[THINK]{% endif %}",
        "<s>[SYSTEM_PROMPT][S][/SYSTEM_PROMPT][INST][U][/INST][THINK][/THINK]",
        "<s>",
        "[/THINK]",
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
    "Gemma 4, thinking": Published(
        "{{ bos_token }}{% for m in messages %}"
        "{{ '<|turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}"
        "{{ m.content | trim }}{{ '<turn|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|turn>model\\n<|channel>thought\\n' }}{% endif %}",
        "<bos><|turn>system\n[S]<turn|>\n<|turn>user\n[U]<turn|>\n<|turn>model\n"
        "<|channel>thought\n<channel|>",
        "<bos>",
        "<channel|>",
    ),
    "Qwen 1.5": Published(chatml("You are a helpful assistant"), _chatml()),
    "Qwen 2.5": Published(
        chatml("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."), _chatml()
    ),
    "Qwen 3": Published(
        chatml()
        + "{% if add_generation_prompt and enable_thinking is defined and not enable_thinking %}"
        f"{{{{ '{_CLOSED}' }}}}{{% endif %}}",
        _chatml("<think>\n\n</think>\n\n"),
    ),
    "Qwen 3 Thinking 2507": Published(
        chatml(answer="<|im_start|>assistant\\n<think>\\n"),
        _chatml("<think>\n\n</think>\n\n"),
        added="\n</think>\n\n",
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
    "Phi 4 reasoning": Published(  # its own system text in place of any other
        "<|im_start|>system<|im_sep|>You are Phi. Structure your response: <think> {Thought} "
        "</think> {Solution}.<|im_end|>{% for m in messages if m.role != 'system' %}"
        "<|im_start|>{{ m.role }}<|im_sep|>{{ m.content }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant<|im_sep|>{% endif %}",
        "<|im_start|>system<|im_sep|>You are Phi. Structure your response: <think> {Thought} "
        "</think> {Solution}.<|im_end|><|im_start|>user<|im_sep|>[S]\n\n[U]<|im_end|>"
        "<|im_start|>assistant<|im_sep|>",
        own_role=False,
    ),
    "OLMo 2": Published(
        _LINES, "<|endoftext|><|system|>\n[S]\n<|user|>\n[U]\n<|assistant|>\n", "<|endoftext|>"
    ),
    "OLMo 3 Think": Published(
        chatml(answer="<|im_start|>assistant\\n<think>"),
        _chatml("<think>\n\n</think>\n\n"),
        added="\n\n</think>\n\n",
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
    "DeepSeek R1 distill": Published(
        _R1 + _R1_END,
        "<｜begin▁of▁sentence｜>[S]<｜User｜>[U]<｜Assistant｜><think>\n\n</think>\n\n",
        "<｜begin▁of▁sentence｜>",
        "\n</think>\n\n",
    ),
    "DeepSeek V3.1": Published(
        _R1.replace("'<｜Assistant｜>'", "'<｜Assistant｜></think>'")
        + "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}"
        "{{ '<think>' if thinking else '</think>' }}{% endif %}",
        "<｜begin▁of▁sentence｜>[S]<｜User｜>[U]<｜Assistant｜></think>",
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
        chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"), _chatml()
    ),
    "SmolLM3": Published(
        "{{ '<|im_start|>system\\n## Metadata\\n\\nToday Date: ' + strftime_now('%d %B %Y')"
        " + '\\nReasoning Mode: ' + ('/think' if enable_thinking else '/no_think')"
        " + '\\n\\n## Custom Instructions\\n\\n' }}{% if messages[0].role == 'system' %}"
        "{{ messages[0].content.rstrip() }}{% set talk = messages[1:] %}{% else %}"
        "{% set talk = messages %}{% endif %}{{ '<|im_end|>\\n' }}{% for m in talk %}"
        "{{ '<|im_start|>' + m.role + '\\n' }}"
        "{% if m.role == 'assistant' and not enable_thinking %}"
        f"{{{{ '{_CLOSED}' }}}}{{% endif %}}"
        "{{ m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\\n' }}{% if not enable_thinking %}"
        f"{{{{ '{_CLOSED}' }}}}{{% endif %}}{{% endif %}}",
        "<|im_start|>system\n## Metadata\n\nToday Date: 01 January 2026\nReasoning Mode: /no_think"
        "\n\n## Custom Instructions\n\n[S]<|im_end|>\n<|im_start|>user\n[U]<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
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
        _COMMAND.replace("BEFORE", "").replace("BEHIND", "").replace("ANSWER", ""),
        _COMMAND_PRINTED,
        "<BOS_TOKEN>",
    ),
    "Command R7B": Published(
        _COMMAND.replace("BEFORE", "<|START_RESPONSE|>")
        .replace("BEHIND", "<|END_RESPONSE|>")
        .replace("ANSWER", ""),
        _COMMAND_PRINTED + "<|START_RESPONSE|>",
        "<BOS_TOKEN>",
        "<|START_RESPONSE|>",
    ),
    "Command A Reasoning": Published(
        _COMMAND.replace("BEFORE", "<|START_RESPONSE|>")
        .replace("BEHIND", "<|END_RESPONSE|>")
        .replace("ANSWER", "<|START_THINKING|>"),
        _COMMAND_PRINTED + "<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>",
        "<BOS_TOKEN>",
        "<|END_THINKING|><|START_RESPONSE|>",
    ),
    "InternLM 2.5": Published(chatml(first="{{ bos_token }}"), "<s>" + _chatml(), "<s>"),
    "gpt-oss": Published(
        _HARMONY,
        "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
        "Knowledge cutoff: 2024-06\nCurrent date: 2026-01-01\n\nReasoning: medium\n\n"
        "# Valid channels: analysis, commentary, final. Channel must be included for every message."
        "<|end|><|start|>developer<|message|># Instructions\n\n[S]\n\n<|end|>"
        "<|start|>user<|message|>[U]<|end|><|start|>assistant<|channel|>final<|message|>",
        added="<|channel|>final<|message|>",
    ),
    "GLM 4.5": Published(
        "[gMASK]<sop>{% for m in messages %}{{ '<|' + m.role + '|>\\n' }}"
        "{% if m.role == 'assistant' %}{{ '<think></think>\\n' }}{% endif %}{{ m.content }}"
        "{% if m.role == 'user' and not enable_thinking %}/nothink{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>"
        "{{ '' if enable_thinking else '\\n<think></think>' }}{% endif %}",
        "[gMASK]<sop><|system|>\n[S]<|user|>\n[U]/nothink<|assistant|>\n<think></think>",
    ),
    "EXAONE 3.5": Published(_EXAONE.replace("ANSWER", ""), _EXAONE_PRINTED),
    "EXAONE Deep": Published(
        _EXAONE.replace("ANSWER", "<thought>\\n"),
        _EXAONE_PRINTED + "<thought>\n\n</thought>\n\n",
        added="\n</thought>\n\n",
    ),
    "EXAONE 4": Published(
        _EXAONE.replace(
            "ANSWER", "<think>\\n' + ('' if enable_thinking else '\\n</think>\\n\\n') + '"
        ),
        _EXAONE_PRINTED + "<think>\n\n</think>\n\n",
    ),
    "Seed-OSS": Published(
        "{% for m in messages %}{{ bos_token + m.role + '\\n' + m.content + eos_token }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ bos_token + 'assistant\\n' }}"
        "{% if thinking_budget == 0 %}<seed:think><seed:cot_budget_reflect>The current thinking "
        "budget is 0.</seed:cot_budget_reflect>{{ '\\n' }}</seed:think>{% endif %}{% endif %}",
        "<seed:bos>system\n[S]<seed:eos><seed:bos>user\n[U]<seed:eos><seed:bos>assistant\n"
        "<seed:think><seed:cot_budget_reflect>The current thinking budget is 0."
        "</seed:cot_budget_reflect>\n</seed:think>",
        "<seed:bos>",
    ),
    "Nemotron Nano 2": Published(
        "{% set ns = namespace(think=true) %}{% for m in messages %}"
        "{% if '/no_think' in m.content %}{% set ns.think = false %}{% endif %}"
        "{{ '<SPECIAL_10>System\\n' if m.role == 'system' else '<SPECIAL_11>User\\n' if m.role =="
        " 'user' else '<SPECIAL_11>Assistant\\n' }}{{ m.content + '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<SPECIAL_11>Assistant\\n' }}"
        "{{ '<think>\\n' if ns.think else '<think></think>' }}{% endif %}",
        "<SPECIAL_10>System\n[S]\n<SPECIAL_11>User\n[U]\n<SPECIAL_11>Assistant\n<think></think>",
        added="<think></think>",
    ),
    "Minitron": Published(
        "{% for m in messages %}{{ '<extra_id_0>System\\n' + m.content + '\\n\\n' if m.role =="
        " 'system' else '<extra_id_1>User\\n' + m.content + '\\n' if m.role == 'user' else"
        " '<extra_id_1>Assistant\\n' + m.content + '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<extra_id_1>Assistant\\n' }}{% endif %}",
        "<extra_id_0>System\n[S]\n\n<extra_id_1>User\n[U]\n<extra_id_1>Assistant\n",
    ),
    "Hunyuan A13B": Published(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}"
        "{{ m.content + '<|extra_4|>' }}{% elif m.role == 'user' %}{{ m.content + '<|extra_0|>' }}"
        "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt and enable_thinking is defined and not enable_thinking %}"
        "{{ '<think>\\n\\n</think>\\n' }}{% endif %}",
        "<|startoftext|>[S]<|extra_4|>[U]<|extra_0|><think>\n\n</think>\n",
        "<|startoftext|>",
    ),
    "Kimi K2 Thinking": Published(
        "{% for m in messages %}<|im_{{ m.role }}|>{{ m.role }}<|im_middle|>"
        "{% if m.role == 'assistant' %}<think>{{ m.reasoning_content }}</think>{% endif %}"
        "{{ m.content }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>{% endif %}",
        "<|im_system|>system<|im_middle|>[S]<|im_end|><|im_user|>user<|im_middle|>[U]<|im_end|>"
        "<|im_assistant|>assistant<|im_middle|><think></think>",
        added="<think></think>",
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
    "a thought in marks": Published(  # OpenThinker's form
        chatml(answer="<|im_start|>assistant\\n<|begin_of_thought|>\\n\\n")
        + "{# <|begin_of_solution|> #}",
        _chatml("<|begin_of_thought|>\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n"),
        added="<|end_of_thought|>\n\n<|begin_of_solution|>\n\n",
    ),
}
EOS = {"Seed-OSS": "<seed:eos>"}
