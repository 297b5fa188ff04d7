"""The schema of a study file: every key once, for reading, for errors, and for its documentation.

`docs/study_files.md` shows it as tables, which `scripts/write_study_schema.py` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tremble.engines import registry as engines
from tremble.models.device import DTYPES
from tremble.prompts import controls
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
    ("control", "controls; `none` is everything as it was", '"none"'),
)
_MARGINS = (
    ("level", "means may differ by so much of the outcome's range and count as equal", "0.1"),
    ("effect", "effects may differ by so much of the range, or", "0.1"),
    ("effect_share", "by so much of people's own effect, whichever is more", "0.25"),
    ("near", "distributions are alike up to such a distance beyond chance", "0.1"),
    ("far", "and are not alike beyond such a distance", "0.2"),
    ("mass", "nothing is said where the options have less of the probability", "0.5"),
)
_OWN = (
    ("wording", "name", REQUIRED, "letters, digits and `_`; name it in `formulations`", '"calm"'),
    ("wording", "template", REQUIRED, "the user text, as a template", '"{{ history }}"'),
    (
        "wording",
        "system",
        None,
        "the system text, as a template; left out: none",
        '"{{ rules }}\\n\\n{{ question }} {{ answer }}"',
    ),
    (
        "wording",
        "opening",
        None,
        "what opens the answer, as it is; left out: the decision's own opening",
        '"Answer: "',
    ),
    ("control", "name", REQUIRED, "letters, digits and `_`; name it in `controls`", '"brief"'),
    (
        "control",
        "rules",
        None,
        "a template for the rules; left out: as they are",
        '"You play a game with another person."',
    ),
    (
        "control",
        "history",
        None,
        "a template for the history, where there is one; left out: as it is",
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
        "embedded data sets by name, and JSONL files, with paths from the study file's folder; "
        "`run` and `plan` need one",
        example='["demo", "mine.jsonl"]',
    ),
    Key(
        "study",
        "families",
        "patterns",
        (),
        "only decisions of these families; left out: of all",
        example='["bargaining", "persuasion*"]',
    ),
    Key(
        "study",
        "sample",
        "count",
        None,
        "at most so many decisions of each family of an entry of `data`: "
        "[whole people and games](#a-part-of-the-data); left out: all",
        example="200",
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
        "[what every formulation is also put under](#controls), built in or "
        "[your own](#wordings-of-your-own)",
        words=tuple(CONTROLS),
        more=controls.EXTENSIONS.names,
    ),
    Key(
        "study",
        "counterbalance",
        "texts",
        (),
        "[what every decision is also shown in another way of](#counterbalancing)",
        words=COUNTERBALANCES,
    ),
    Key(
        "study",
        "spellings",
        "text",
        "exact",
        "exact: labels alone; all: also [other ways to write them](#spellings)",
        words=("exact", "all"),
    ),
    Key(
        "study",
        "reading",
        "patterns",
        ("joint",),
        "joint: all tokens of a label; next_token: the first one, as the core study reads; where "
        "both are named, the second is held against the first as [controls](#controls) are",
        words=("joint", "next_token"),
    ),
    Key(
        "study",
        "closing",
        "text",
        "auto",
        "auto: a label that begins another one is closed; always: every label",
        words=("auto", "always"),
    ),
    Key(
        "study",
        "one_decision_each",
        "flag",
        False,
        "true: of single choices whose `participant` is not named every one is another person's; "
        "else nothing is concluded from them",
    ),
    Key(
        "pair",
        "base",
        "text",
        REQUIRED,
        "the base model: a hub name, a folder, a .gguf file",
        example='"Qwen/Qwen2.5-0.5B"',
    ),
    Key(
        "pair",
        "aligned",
        "text",
        REQUIRED,
        "its aligned twin",
        example='"Qwen/Qwen2.5-0.5B-Instruct"',
    ),
    Key(
        "model",
        "id",
        "text",
        REQUIRED,
        "a model of a pair, or one without a twin",
        example='"google/gemma-3-270m"',
    ),
    Key("model", "revision", "text", None, "a branch, tag or commit of the hub", example='"main"'),
    Key(
        "model",
        "adapter",
        "text",
        None,
        'a LoRA folder; `pip install "tremble[adapters]"`',
        example='"my-lora"',
    ),
    Key(
        "model",
        "template",
        "text",
        None,
        "`gemma`, or a jinja file; left out: the model's own",
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
        "a key of the decisions' `config`, or a list of two for their interaction",
        example='"condition"',
    ),
    Key(
        "contrast",
        "control",
        "values",
        None,
        "the value that the others are held against, for two keys a list of two; left out: each "
        "value against the rest",
        example='"control"',
    ),
    Key(
        "contrast",
        "family",
        "text",
        None,
        "only decisions of this family; left out: every family whose decisions have the key",
        example='"bargaining"',
    ),
    Key(
        "run",
        "engine",
        "text",
        "transformers",
        "transformers: shared prefixes, checked; reference: one prompt, one pass",
        words=engines.own_names(),
        more=engines.EXTENSIONS.names,
    ),
    Key(
        "run",
        "dtype",
        "text",
        "float32",
        "a lower one than float32 is measured against it before the first score",
        words=DTYPES,
    ),
    Key(
        "run",
        "device",
        "text",
        "cpu",
        "`cpu`, `cuda`, `cuda:1`, `mps`, or `auto`: over all GPUs, then main memory",
        example='"auto"',
    ),
    Key("run", "batch", "count", 1, "sequences a pass, where the reference scores", example="8"),
    Key(
        "run",
        "memory",
        "size",
        None,
        "about what a pass may take on top of the weights; left out: by what is free",
        example='"4 GB"',
    ),
    Key(
        "run",
        "quantise",
        "text",
        None,
        "[quantised weights](#quantised-weights); left out: the weights as they are",
        words=("8bit", "4bit"),
    ),
    Key(
        "run",
        "compile",
        "flag",
        False,
        "true: torch compiles the layers (needs a C++ compiler on processors)",
    ),
    Key(
        "run", "keep_models", "flag", True, "false: delete what this run downloaded, model by model"
    ),
    Key(
        "run",
        "too_long",
        "text",
        "error",
        "error: a prompt beyond a model's window refuses the study; missing: such prompts are "
        "counted as missing",
        words=("error", "missing"),
    ),
    Key(
        "run",
        "remote_code",
        "texts",
        (),
        "models whose own code may run, by `id`",
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
