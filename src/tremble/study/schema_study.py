"""The keys of [study] in a study file: what is asked, of which data, in which words."""

from __future__ import annotations

from tremble.prompts import controls
from tremble.prompts.asked import ARMS
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import FORMULATIONS
from tremble.prompts.presentations import COUNTERBALANCES
from tremble.settings.schema import REQUIRED, Key

FORMATS = ("native", "plain", "chat")
STUDY = (
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
)
