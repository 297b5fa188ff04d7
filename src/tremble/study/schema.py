"""The schema of a study file: every key once, for reading, for errors, and for its documentation.

`docs/study_files.md` shows it as tables, which `scripts/write_study_schema.py` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tremble.engines import registry as engines
from tremble.models.device import DTYPES
from tremble.settings.schema import REQUIRED, Key, keys_of
from tremble.stats.verdict.answer import MARGINS
from tremble.study.schema_study import STUDY
from tremble.study.schema_trajectory import TRAJECTORY

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
    *STUDY,
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
        "label",
        None,
        "the generation of the models; `misalignment` has means by generation, and the slope over "
        "generations: over these values if all are numbers, otherwise over 1, 2, 3, ... in the "
        "order of the file",
        example="2.5",
    ),
    Key(
        "model",
        "id",
        "text",
        REQUIRED,
        "a model of a pair, or a single model; also the folder or hub name of a LoRA adapter "
        '(needs `pip install "tremble[adapters]"`)',
        example='"google/gemma-3-270m"',
    ),
    Key(
        "model",
        "base",
        "text",
        None,
        "for an adapter: the model that it is merged into; default: the one that it was trained "
        "on, as its adapter_config.json says",
        example='"google/gemma-3-270m"',
    ),
    Key("model", "revision", "text", None, "a branch, tag or commit on the hub", example='"main"'),
    Key(
        "model",
        "adapter",
        "text",
        None,
        "an adapter that is merged into the model; give its own name as id to compare it with the "
        "model",
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
    *TRAJECTORY,
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
    "checkpoint",
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
