"""Chat templates of models that think, or write channels, before they answer (`chat_templates`)."""

from __future__ import annotations

from tests.support.chat_templates import (
    COMMAND,
    COMMAND_PRINTED,
    EXAONE,
    EXAONE_PRINTED,
    PUBLISHED,
    Published,
    chatml,
    chatml_printed,
)
from tremble.prompts.chat import Template

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
_LLAMA3 = (
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content + '<|eot_id|>' }}"
)
_CLOSED = "<think>\\n\\n</think>\\n\\n"

# How Qwen 3 and GLM 4.5 take an answer apart that holds a thought.
_APART = (
    "{% set said = m.content.split('</think>')[-1] | trim if '</think>' in m.content else m.content"
    " %}{% set thought = m.content.split('</think>')[0].split('<think>')[-1] | trim "
    "if '</think>' in m.content else '' %}"
)

THINKING = {
    "Magistral, opened": Published(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}"
        "{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' }}{% elif m.role == 'user' %}"
        "{{ '[INST]' + m.content + '[/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}[THINK]{% endif %}",
        "<s>[SYSTEM_PROMPT][S][/SYSTEM_PROMPT][INST][U][/INST][THINK][/THINK]",
        "<s>",
        "[/THINK]",
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
    "Qwen 3": Published(
        chatml()
        + "{% if add_generation_prompt and enable_thinking is defined and not enable_thinking %}"
        f"{{{{ '{_CLOSED}' }}}}{{% endif %}}",
        chatml_printed("<think>\n\n</think>\n\n"),
    ),
    "Qwen 3, taken apart": Published(
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}"
        + _APART
        + "{% if loop.last %}{{ '<think>\\n' + thought + '\\n</think>\\n\\n' }}{% endif %}"
        "{{ said }}{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
        "{% if enable_thinking is defined and not enable_thinking %}"
        f"{{{{ '{_CLOSED}' }}}}{{% endif %}}{{% endif %}}",
        chatml_printed("<think>\n\n</think>\n\n"),
    ),
    "Qwen 3 Thinking 2507": Published(
        chatml(answer="<|im_start|>assistant\\n<think>\\n"),
        chatml_printed("<think>\n\n</think>\n\n"),
        added="\n</think>\n\n",
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
    "OLMo 3 Think": Published(
        chatml(answer="<|im_start|>assistant\\n<think>"),
        chatml_printed("<think>\n\n</think>\n\n"),
        added="\n\n</think>\n\n",
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
    "Command R7B": Published(
        COMMAND.replace("BEFORE", "<|START_RESPONSE|>")
        .replace("BEHIND", "<|END_RESPONSE|>")
        .replace("ANSWER", ""),
        COMMAND_PRINTED + "<|START_RESPONSE|>",
        "<BOS_TOKEN>",
        "<|START_RESPONSE|>",
    ),
    "Command A Reasoning": Published(
        COMMAND.replace("BEFORE", "<|START_RESPONSE|>")
        .replace("BEHIND", "<|END_RESPONSE|>")
        .replace("ANSWER", "<|START_THINKING|>"),
        COMMAND_PRINTED + "<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>",
        "<BOS_TOKEN>",
        "<|END_THINKING|><|START_RESPONSE|>",
    ),
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
    "GLM 4.5, taken apart": Published(
        "[gMASK]<sop>{% for m in messages %}{{ '<|' + m.role + '|>' }}"
        "{% if m.role == 'assistant' %}"
        + _APART
        + "{{ '\\n<think>' + (thought if loop.last else '') + '</think>\\n' + said }}"
        "{% else %}{{ '\\n' + m.content }}{% if m.role == 'user' and enable_thinking is defined "
        "and not enable_thinking %}/nothink{% endif %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is defined "
        "and not enable_thinking %}{{ '\\n<think></think>' }}{% endif %}{% endif %}",
        "[gMASK]<sop><|system|>\n[S]<|user|>\n[U]/nothink<|assistant|>\n<think></think>",
    ),
    "EXAONE Deep": Published(
        EXAONE.replace("ANSWER", "<thought>\\n"),
        EXAONE_PRINTED + "<thought>\n\n</thought>\n\n",
        added="\n</thought>\n\n",
    ),
    "EXAONE 4": Published(
        EXAONE.replace(
            "ANSWER", "<think>\\n' + ('' if enable_thinking else '\\n</think>\\n\\n') + '"
        ),
        EXAONE_PRINTED + "<think>\n\n</think>\n\n",
    ),
    "Seed-OSS": Published(
        "{% for m in messages %}{{ bos_token + m.role + '\\n' + m.content + eos_token }}"
        "{% if m.role == 'system' and thinking_budget == 0 %}"
        "{{ bos_token + 'system\\nYour thinking budget is 0.' + eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ bos_token + 'assistant\\n' }}"
        "{% if thinking_budget == 0 %}<seed:think><seed:cot_budget_reflect>{% endif %}{% endif %}",
        "<seed:bos>system\n[S]<seed:eos><seed:bos>system\nYour thinking budget is 0.<seed:eos>"
        "<seed:bos>user\n[U]<seed:eos><seed:bos>assistant\n"
        "<seed:think><seed:cot_budget_reflect>The current thinking budget is 0, so I will directly "
        "start answering the question.</seed:cot_budget_reflect>\n</seed:think>",
        "<seed:bos>",
        "The current thinking budget is 0, so I will directly start answering the question."
        "</seed:cot_budget_reflect>\n</seed:think>",
    ),
    "Nemotron Super 1.5": Published(  # its switch is a word of the system text, and is not used
        "{% set enable_thinking = '/no_think' not in messages[0].content %}{% for m in messages %}"
        + _LLAMA3
        + "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant"
        "<|end_header_id|>\\n\\n' }}{% if not enable_thinking %}"
        f"{{{{ '{_CLOSED}' }}}}{{% endif %}}{{% endif %}}",
        "<|start_header_id|>system<|end_header_id|>\n\n[S]<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n[U]<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "StepFun 3.7": Published(  # prints a thought without words before an answer
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}"
        "{{ '<think>\\n\\n</think>\\n' }}{% endif %}{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}",
        chatml_printed("<think>\n\n</think>\n"),
        added="\n</think>\n",
    ),
    "Apriel 1.6": Published(  # thinks in words
        "{% for m in messages %}{{ '<|begin_' + m.role + '|>\\n' + m.content + '\\n' }}"
        "{% if m.thought %}{{ '[BEGIN FINAL RESPONSE]' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}"
        "{{ '<|begin_assistant|>\\nHere are my reasoning steps:\\n' }}{% endif %}",
        "<|begin_system|>\n[S]\n<|begin_user|>\n[U]\n<|begin_assistant|>\n"
        "Here are my reasoning steps:\n\n[BEGIN FINAL RESPONSE]\n",
        added="\n[BEGIN FINAL RESPONSE]\n",
    ),
    "Nemotron Nano 2": Published(
        "{% set ns = namespace(think=true) %}{% for m in messages %}"
        "{% if '/no_think' in m.content %}{% set ns.think = false %}{% endif %}"
        "{{ '<SPECIAL_10>System\\n' if m.role == 'system' else '<SPECIAL_11>User\\n' if m.role =="
        " 'user' else '<SPECIAL_11>Assistant\\n' }}{{ m.content + '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<SPECIAL_11>Assistant\\n' }}"
        "{{ '<think>\\n\\n' if ns.think else '<think></think>' }}{% endif %}",
        "<SPECIAL_10>System\n[S]\n<SPECIAL_11>User\n[U]\n<SPECIAL_11>Assistant\n<think></think>",
        added="<think></think>",
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
    "a thought in marks": Published(  # OpenThinker's form
        chatml(answer="<|im_start|>assistant\\n<|begin_of_thought|>\\n\\n")
        + "{# <|begin_of_solution|> #}",
        chatml_printed("<|begin_of_thought|>\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n"),
        added="<|end_of_thought|>\n\n<|begin_of_solution|>\n\n",
    ),
}
EOS = {"Seed-OSS": "<seed:eos>"}

ALL: dict[str, Published] = {**PUBLISHED, **THINKING}


def template(name: str) -> Template:
    """A published one with its special tokens."""
    one = ALL[name]
    special = {"eos_token": EOS.get(name, "</s>"), **({"bos_token": one.bos} if one.bos else {})}
    return Template(one.text, name, special)
