"""The schema of a study file: every key once, for reading, for errors, and for its documentation.

`docs/study_files.md` shows it as tables, which `scripts/write_study_schema.py` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tremble.engines import registry as engines
from tremble.models.device import DTYPES
from tremble.prompts import controls
from tremble.prompts.asked import ARMS
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import FORMULATIONS
from tremble.prompts.presentations import COUNTERBALANCES
from tremble.settings.schema import REQUIRED, Key, keys_of
from tremble.stats.verdict.answer import MARGINS

FORMATS = ("native", "plain", "chat")

_SELECTION = (
    ("model", "models, by `id`", '"*-Instruct"'),
    ("data", "entries of `data`", '"mine.jsonl"'),
    ("family", "families of decisions", '["lottery", "one_shot_matrix"]'),
    ("formulation", "wordings", '["observer", "predict_*"]'),
    ("format", "`plain` or `chat`; `native` is one of these for each model", '"chat"'),
    ("control", "controls; `none` is the prompt without a control", '"none"'),
)
_MARGINS = (
    (
        "level",
        "means count as equal up to this difference, as a share of the outcome's range",
        "0.1",
    ),
    ("effect", "effects count as equal up to this difference, as a share of the range, or", "0.1"),
    ("effect_share", "as a share of people's own effect, whichever is larger", "0.25"),
    ("near", "distributions count as the same up to this distance beyond chance", "0.1"),
    ("far", "and count as different above this distance", "0.2"),
    ("mass", "no verdict if the probability mass on the options is lower", "0.5"),
)
_OWN = (
    ("wording", "name", REQUIRED, "letters, digits and `_`; name it in `formulations`", '"calm"'),
    ("wording", "template", REQUIRED, "the user text, as a template", '"{{ history }}"'),
    (
        "wording",
        "system",
        None,
        "the system text, as a template; default: none",
        '"{{ rules }}\\n\\n{{ question }} {{ answer }}"',
    ),
    (
        "wording",
        "opening",
        None,
        "the text that opens the answer (no template); default: the decision's own opening",
        '"Answer: "',
    ),
    ("control", "name", REQUIRED, "letters, digits and `_`; name it in `controls`", '"brief"'),
    (
        "control",
        "rules",
        None,
        "a template that replaces the rules; default: the rules are unchanged",
        '"You play a game with another person."',
    ),
    (
        "control",
        "history",
        None,
        "a template that replaces the history, if there is one; default: unchanged",
        '"{{ history }}\\nNow it is your turn."',
    ),
)
SCHEMA = (
    Key("study", "name", "text", REQUIRED, "letters, digits, spaces and `.+-`", example='"trial"'),
    Key(
        "study",
        "data",
        "texts",
        (),
        "embedded data sets (by name) and JSONL files (paths start at the study file's folder); "
        "`run` and `plan` need at least one",
        example='["demo", "mine.jsonl"]',
    ),
    Key(
        "study",
        "families",
        "patterns",
        (),
        "only decisions of these families; default: all",
        example='["bargaining", "persuasion*"]',
    ),
    Key(
        "study",
        "sample",
        "count",
        None,
        "at most this many decisions of each family in each entry of `data`: [whole people and "
        "games](#a-part-of-the-data); default: all",
        example="200",
    ),
    Key(
        "study",
        "participants",
        "count",
        None,
        "at most this many participants of each experiment in [sessions](sessions.md), the same "
        "ones for every model; default: all",
        example="100",
    ),
    Key(
        "study",
        "session_characters",
        "count",
        None,
        "[cut sessions](sessions.md#cuts) after the last response that ends within this many "
        "characters; default: no cut",
        example="32768",
    ),
    Key(
        "study",
        "formulations",
        "texts",
        ("standard",),
        '[wordings](#wordings), built in or [your own](#wordings-of-your-own); `"all"`: both',
        every=tuple(FORMULATIONS),
        example='["standard", "observer"]',
    ),
    Key(
        "study",
        "formats",
        "texts",
        ("native",),
        "native: base plain, aligned chat; plain: both plain; chat: both chat, with the aligned "
        "model's template",
        words=FORMATS,
    ),
    Key(
        "study",
        "controls",
        "texts",
        (),
        "[changes to the prompt](#controls) that every wording is also tried with, built in or "
        "[your own](#wordings-of-your-own)",
        words=tuple(CONTROLS),
        more=controls.EXTENSIONS.names,
    ),
    Key(
        "study",
        "personas",
        "texts",
        ("none",),
        "[interviews before sessions](sessions.md#personas) that every wording is also tried with: "
        "the participant's own facts, another participant's, or no answers",
        words=("none", *ARMS),
    ),
    Key(
        "study",
        "persona_questions",
        "text",
        None,
        "a TOML file with the questions of these interviews; default: tremble's own questions",
        example='"questions.toml"',
    ),
    Key(
        "study",
        "counterbalance",
        "texts",
        (),
        "[what to vary](#counterbalancing) when every decision is shown again",
        words=COUNTERBALANCES,
    ),
    Key(
        "study",
        "spellings",
        "text",
        "exact",
        "exact: only the labels; all: also [other ways to write them](#spellings)",
        words=("exact", "all"),
    ),
    Key(
        "study",
        "special_tokens",
        "text",
        "plain",
        "plain: in transcripts of sessions, texts such as `<|im_end|>` are letters; source: they "
        "are the control tokens that the tokenizer takes them for",
        words=("plain", "source"),
    ),
    Key(
        "study",
        "reading",
        "patterns",
        ("joint",),
        "joint: all tokens of a label; next_token: only the first one, as in Shapira et al. "
        "(2026); if both are given, the second is compared with the first, as "
        "[controls](#controls) are",
        words=("joint", "next_token"),
    ),
    Key(
        "study",
        "closing",
        "text",
        "auto",
        "auto: a label that is the beginning of another one is closed with a quote; always: "
        "every label",
        words=("auto", "always"),
    ),
    Key(
        "study",
        "one_decision_each",
        "flag",
        False,
        "true: every single choice without a `participant` is by a different person; false: no "
        "conclusions are drawn from such choices",
    ),
    Key(
        "pair",
        "base",
        "text",
        REQUIRED,
        "the base model: a hub name, a folder or a .gguf file",
        example='"Qwen/Qwen2.5-0.5B"',
    ),
    Key(
        "pair",
        "aligned",
        "text",
        REQUIRED,
        "the aligned model of the pair",
        example='"Qwen/Qwen2.5-0.5B-Instruct"',
    ),
    Key(
        "pair",
        "type",
        "text",
        None,
        "how the aligned model was trained further; `misalignment` has means by type",
        example='"Instruction-tuned"',
    ),
    Key(
        "pair",
        "generation",
        "text",
        None,
        "the generation of the models; `misalignment` has means by generation, and the slope over "
        "generations: over these values if all are numbers, otherwise over 1, 2, 3, ... in the "
        "order of the file",
        example='"Qwen2.5"',
    ),
    Key(
        "model",
        "id",
        "text",
        REQUIRED,
        "a model of a pair, or a single model",
        example='"google/gemma-3-270m"',
    ),
    Key("model", "revision", "text", None, "a branch, tag or commit on the hub", example='"main"'),
    Key(
        "model",
        "adapter",
        "text",
        None,
        'a folder with a LoRA adapter; needs `pip install "tremble[adapters]"`',
        example='"my-lora"',
    ),
    Key(
        "model",
        "template",
        "text",
        None,
        "`gemma`, or a jinja file; default: the model's own chat template",
        example='"gemma"',
    ),
    *(
        Key(table, name, "text", default, meaning, example=example)
        for table, name, default, meaning, example in _OWN
    ),
    Key(
        "contrast",
        "by",
        "patterns",
        REQUIRED,
        "a key in the decisions' `config`, or a list of two keys for their interaction",
        example='"condition"',
    ),
    Key(
        "contrast",
        "control",
        "values",
        None,
        "the value that the others are compared with (for two keys, a list of two); default: "
        "each value is compared with all others",
        example='"control"',
    ),
    Key(
        "contrast",
        "family",
        "text",
        None,
        "only decisions of this family; default: every family whose decisions have the key",
        example='"bargaining"',
    ),
    Key(
        "run",
        "engine",
        "text",
        "transformers",
        "transformers: fast, computes shared beginnings of prompts once and checks itself; "
        "reference: one pass per prompt",
        words=engines.own_names(),
        more=engines.EXTENSIONS.names,
    ),
    Key(
        "run",
        "dtype",
        "text",
        "float32",
        "precision; one below float32 is compared with float32 before the first score",
        words=DTYPES,
    ),
    Key(
        "run",
        "device",
        "text",
        "cpu",
        "`cpu`, `cuda`, `cuda:1`, `mps`, or `auto`: all GPUs, then main memory",
        example='"auto"',
    ),
    Key("run", "batch", "count", 1, "sequences per pass of the reference engine", example="8"),
    Key(
        "run",
        "memory",
        "size",
        None,
        "about how much memory a pass may use in addition to the weights; default: depends on "
        "the free memory",
        example='"4 GB"',
    ),
    Key(
        "run",
        "quantise",
        "text",
        None,
        "[quantised weights](#quantised-weights); default: the weights unchanged",
        words=("8bit", "4bit"),
    ),
    Key(
        "run",
        "compile",
        "flag",
        False,
        "true: torch compiles the layers (on CPUs this needs a C++ compiler)",
    ),
    Key("run", "keep_models", "flag", True, "false: delete downloaded models after scoring"),
    Key(
        "run",
        "too_long",
        "text",
        "error",
        "error: the study does not start if a prompt is longer than a model's window; missing: "
        "such prompts count as missing; cut: [sessions are cut](sessions.md#cuts) to the responses "
        "that fit, other prompts count as missing",
        words=("error", "missing", "cut"),
    ),
    Key(
        "run",
        "remote_code",
        "texts",
        (),
        "models (by `id`) that may run their own code",
        example='["org/model"]',
    ),
    *(
        Key("verdict", name, "share", getattr(MARGINS, name), meaning, example=example)
        for name, meaning, example in _MARGINS
    ),
    *(
        Key(table, name, "patterns", (), meaning, example=example)
        for table in ("include", "exclude")
        for name, meaning, example in _SELECTION
    ),
)
TABLES = tuple(dict.fromkeys(key.table for key in SCHEMA))
REPEATED = (
    "pair",
    "model",
    "wording",
    "control",
    "contrast",
    "include",
    "exclude",
)  # written [[...]], once for each


def with_own(wordings: Sequence[str], controls: Sequence[str]) -> tuple[Key, ...]:
    """The schema of a study file that has wordings and controls of its own."""
    more = {"formulations": wordings, "controls": controls}
    return tuple(
        replace(
            key,
            every=(*key.every, *more[key.name]) if key.every else (),
            words=(*key.words, *more[key.name]) if key.words else (),
        )
        if key.table == "study" and key.name in more
        else key
        for key in SCHEMA
    )


def keys(table: str) -> dict[str, Key]:
    """The keys of a table by name, in the order of the schema."""
    return keys_of(SCHEMA, table)
