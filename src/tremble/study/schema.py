"""The schema of a study file: every key once, for reading, for errors, and for its documentation.

`docs/study_files.md` shows it as tables, which `scripts/write_study_schema.py` writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from tremble.engines.registry import names as engine_names
from tremble.errors import UserError
from tremble.models.device import DTYPES
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import FORMULATIONS
from tremble.prompts.presentations import COUNTERBALANCES
from tremble.stats.verdict.answer import MARGINS
from tremble.text import abridged, as_written, did_you_mean

Kind = Literal["text", "texts", "patterns", "flag", "count", "size", "share"]
FORMATS = ("native", "plain", "chat")
REQUIRED = object()  # the default of a key that must be there
_UNITS = {
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one table of a study file.

    `default` is what it is when left out (None: nothing), or REQUIRED; `words` are the only values
    it takes, `every` what "all" stands for. `patterns` is a text or a list of texts; `size` is
    read as bytes.
    """

    table: str
    name: str
    kind: Kind
    default: Any
    meaning: str
    words: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    example: str = ""  # in TOML, where neither `words` nor a flag gives one


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
        "[wordings](#wordings)",
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
        "[what every formulation is also put under](#controls)",
        words=tuple(CONTROLS),
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
    Key(
        "run",
        "engine",
        "text",
        "transformers",
        "transformers: shared prefixes, checked; reference: one prompt, one pass",
        words=engine_names(),
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
REPEATED = ("pair", "model", "include", "exclude")  # written [[...]], once for each


def keys(table: str) -> dict[str, Key]:
    """The keys of a table by name, in the order of the schema."""
    return {key.name: key for key in SCHEMA if key.table == table}


class Reader:
    """Reads the tables of one file, whose path is named in every error."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, message: str) -> NoReturn:
        message = abridged(message)
        raise UserError(f"{self.path}: {message}{'' if message.endswith('?') else '.'}")

    def known(self, table: Mapping[str, Any], names: list[str], where: str = "") -> None:
        """Raises UserError for a key that is not among `names`."""
        for key in table:
            if key not in names:
                inside = f" in {where}" if where else ""
                raise UserError(
                    f"{self.path}: unknown key {key!r}{inside}{did_you_mean(key, names)}"
                )

    def one(self, content: Mapping[str, Any], table: str) -> dict[str, Any]:
        """The values of a table that stands once, with defaults in place of what is left out.

        Raises UserError for unknown keys and wrong values, as does `each`.
        """
        entries = content.get(table, {})
        if not isinstance(entries, dict):
            self.fail(f"{table} must be a table, written [{table}]")
        return self._values(entries, table, f"[{table}]")

    def each(self, content: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
        """The values of a table that is written once for each."""
        entries = content.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.fail(f"{table} must be written [[{table}]], once for each")
        return [self._values(entry, table, f"[[{table}]]") for entry in entries]

    def _values(self, given: Mapping[str, Any], table: str, where: str) -> dict[str, Any]:
        known = keys(table)
        self.known(given, list(known), where)
        return {
            name: self._value(key, given.get(name), where)
            if name in given or key.default is REQUIRED
            else key.default
            for name, key in known.items()
        }

    def _value(self, key: Key, value: Any, where: str) -> Any:
        name, given = key.name, as_written(value)
        if key.kind == "flag":
            if not isinstance(value, bool):
                self.fail(f"{name} in {where} is {given}; it must be true or false")
            return value
        if key.kind == "count":
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not 1 <= value < 2**31:
                self.fail(
                    f"{name} in {where} is {given}; it must be a whole number from 1"
                    f"{f' to {2**31 - 1}' if whole and value > 1 else ''}"
                )
            return value
        if key.kind == "share":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1:
                self.fail(f"{name} in {where} is {given}; it must be a number from 0 to 1")
            return float(value)
        if key.kind == "size":
            return self._bytes(name, value, where)
        if key.kind == "text":
            if key.words and value not in key.words:
                self.fail(f"{name} is {given}; {_one_of(value, key.words)}")
            if not isinstance(value, str) or not value:
                self.fail(f"{name} in {where} is {given}; it must be a text in quotes")
            return value
        return self._texts(key, value)

    def _texts(self, key: Key, value: Any) -> tuple[str, ...]:
        if key.every and value == "all":
            return key.every
        if key.kind == "patterns" and isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not value or not all(isinstance(x, str) for x in value):
            what = 'it must be "all" or a list' if key.every else "it must be a list"
            example = next(iter(key.words or key.every), key.name)
            self.fail(f'{key.name} is {as_written(value)}; {what} of texts such as ["{example}"]')
        for word in value:
            if key.words and word not in key.words:
                self.fail(f"{key.name} holds {word!r}; {_one_of(word, key.words)}")
            if value.count(word) > 1:
                self.fail(f"{key.name} holds {word!r} {value.count(word)} times; keep one")
        return tuple(value)

    def _bytes(self, name: str, value: Any, where: str) -> int:
        """A size such as "4 GB" (thousands) or "8 GiB" (1,024s) in bytes."""
        amount = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?) *([kmgt]i?b)", str(value).strip().lower())
        size = int(float(amount[1]) * _UNITS[amount[2]]) if amount else 0
        if not isinstance(value, str) or not size:
            self.fail(
                f"{name} in {where} is {as_written(value)}; it must be a size such as "
                '"4 GB" or "512 MiB"'
            )
        return size


def _one_of(value: Any, words: Sequence[str]) -> str:
    """What a key takes, and which of it is close to `value`."""
    shown = ", ".join(f'"{word}"' for word in words)
    hint = did_you_mean(value, list(words)) if isinstance(value, str) else ""
    return f"it must be one of {shown}{hint if hint.endswith('?') else ''}"
