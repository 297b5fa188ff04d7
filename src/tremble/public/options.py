"""The keywords of `tr.Study`, which are keys of a study file, and files made of what is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from tremble.errors import UserError
from tremble.public.words import check_keywords
from tremble.settings.toml import key_text, value_text
from tremble.stats.frames.treatments import Contrast, parse
from tremble.study.schema import REPEATED, keys

_ONCE = ("study", "run", "verdict")  # tables whose keys are keywords
_GIVEN = ("name", "data")  # of [study]: `Study` has parameters for them
_RULES = ("include", "exclude")
_OWN = {"wordings": "wording", "own_controls": "control"}  # keyword -> table, by name
Model = str | os.PathLike[str]
Names = str | Sequence[str]  # one, or several


class StudyOptions(TypedDict, total=False):
    """Keywords of `tr.Study`: the keys of a study file (docs/study_files.md), with the same names,
    values and defaults. `include` and `exclude` are lists of dicts. `wordings` and `own_controls`
    are the tables [[wording]] and [[control]]: dicts from names to dicts of the other keys.

    >>> import tremble as tr
    >>> options: tr.StudyOptions = {"formulations": ["standard", "observer"], "sample": 20}
    >>> study = tr.Study("mine", data="demo", models=["mock:one"], **options)
    >>> "sample = 20" in study.text
    True
    """

    families: Names
    sample: int
    participants: int
    session_characters: int
    formulations: Names
    formats: Sequence[str]
    controls: Sequence[str]
    personas: Sequence[str]
    persona_questions: str
    counterbalance: Sequence[str]
    spellings: str
    special_tokens: str
    reading: Names
    closing: str
    one_decision_each: bool
    engine: str
    dtype: str
    device: str
    batch: int
    memory: str
    quantise: str
    compile: bool
    keep_models: bool
    too_long: str
    remote_code: Sequence[str]
    level: float
    effect: float
    effect_share: float
    near: float
    far: float
    mass: float
    include: Sequence[Mapping[str, Names]]
    exclude: Sequence[Mapping[str, Names]]
    wordings: Mapping[str, Mapping[str, str]]
    own_controls: Mapping[str, Mapping[str, str]]


def study_text(
    name: str,
    data: Sequence[str],
    models: Mapping[str, Sequence[Mapping[str, Any]]],
    options: Mapping[str, Any],
) -> str:
    """The text of a study file. `models`: rows of the tables pair, model and contrast; `options`:
    keywords, of which those that are None are left out.

    Raises UserError for a keyword that is none, and for a value that no study file can hold. What
    is wrong with values otherwise is for who reads the text.
    """
    check_keywords(f"Study({name!r})", options, [*_keywords(), *_RULES, *_OWN])
    tables = {table: dict[str, Any]() for table in _ONCE}
    tables["study"] = {"name": name, "data": list(data)}
    for key, value in options.items():
        if key not in (*_RULES, *_OWN) and value is not None:
            tables[_keywords()[key]][key] = value
    parts = [_table(f"[{table}]", values) for table, values in tables.items() if values]
    several = {**models, **{rule: options.get(rule) or () for rule in _RULES}}
    several |= {table: _named(keyword, options.get(keyword)) for keyword, table in _OWN.items()}
    for table in REPEATED:
        rows = several.get(table, ())
        parts += [_table(f"[[{table}]]", _mapping(table, row)) for row in rows]
    return "# Written by tremble, from Python.\n" + "\n".join(parts)


def tables_text(tables: Mapping[str, Any]) -> str:
    """A dict of tables, and of lists of tables, as TOML.

    Raises UserError for what is no table, and for a value that TOML cannot hold.
    """
    parts = []
    for name, held in tables.items():
        rows, heading = (held, f"[[{name}]]") if isinstance(held, list) else ([held], f"[{name}]")
        for row in rows:
            if not isinstance(row, Mapping):
                raise UserError(f"{name} is {held!r}; give a dict, or a list of dicts.")
            parts.append(_table(heading, row))
    return "# Written by tremble, from Python.\n" + "\n".join(parts)


def _named(keyword: str, given: Any) -> list[Mapping[str, Any]]:
    """Rows of a table out of a dict from names to their other keys."""
    if given is None:
        return []
    if not isinstance(given, Mapping) or not all(
        isinstance(one, Mapping) for one in given.values()
    ):
        raise UserError(
            f"{keyword} is {given!r}; give a dict from names to dicts with the keys "
            f"{', '.join(name for name in keys(_OWN[keyword]) if name != 'name')}."
        )
    return [{"name": name, **one} for name, one in given.items()]


def _keywords() -> dict[str, str]:
    """The table of each key that is a keyword of its own."""
    return {key: table for table in _ONCE for key in keys(table) if key not in _GIVEN}


def _mapping(table: str, row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise UserError(
            f"{table} holds {row!r}; give dicts with the keys {', '.join(keys(table))}."
        )
    return row


def _table(heading: str, values: Mapping[str, Any]) -> str:
    lines = [
        f"{_key(heading, str(key))} = {_value(key, value)}"
        for key, value in values.items()
        if value is not None
    ]
    return "\n".join([heading, *lines, ""])


def _key(heading: str, key: str) -> str:
    _check_characters(heading, key)
    return key_text(key)


def _value(key: str, value: Any, holds: str = "is") -> str:
    """A value as TOML has it; `holds` is what its key does with it, in the error."""
    if hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        _check_characters(key, value)
    elif isinstance(value, Iterable) and not isinstance(value, Mapping | bytes):
        return f"[{', '.join(_value(key, inner, 'holds') for inner in value)}]"
    elif not isinstance(value, int | float):
        raise UserError(
            f"{key} {holds} {value!r}, a {type(value).__name__}; give texts, numbers, true or "
            "false, or lists of them."
        )
    return value_text(value)


def _check_characters(key: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{key} contains half a character; type the text again.") from error


def pair_rows(pairs: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Pairs as rows of [[pair]]: each a base model and its aligned twin, or a dict with both.

    Raises UserError for what is no pair.
    """
    rows: list[Mapping[str, Any]] = []
    for pair in [pairs] if isinstance(pairs, str | Mapping) else pairs:
        if isinstance(pair, Mapping):
            rows.append(pair)
            continue
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise UserError(
                f"pairs holds {pair!r}; give pairs of a base and an aligned model, such as "
                'pairs=[("BASE", "ALIGNED")].'
            )
        rows.append({"base": pair[0], "aligned": pair[1]})
    return rows


def model_rows(models: Any) -> list[Mapping[str, Any]]:
    """Models as rows of [[model]]: names, or dicts with id and perhaps base, revision,
    adapter, template."""
    one = isinstance(models, str | os.PathLike | Mapping)
    return [
        model if isinstance(model, Mapping) else {"id": model}
        for model in ([models] if one else models)
    ]


def contrast_rows(contrasts: Any) -> list[Mapping[str, Any]]:
    """Contrasts as rows of [[contrast]]: texts as `tremble analyze --contrast` takes them
    ("frame=neutral"), or dicts with by and perhaps control and family.

    Raises UserError for a text that cannot be read.
    """
    one = isinstance(contrasts, str | Mapping | Contrast)
    rows: list[Mapping[str, Any]] = []
    for contrast in [contrasts] if one else contrasts:
        parsed = parse(contrast) if isinstance(contrast, str) else contrast
        if isinstance(parsed, Contrast):
            by, control = list(parsed.by), parsed.control and list(parsed.control)
            alone = len(by) == 1
            parsed = {
                "by": by[0] if alone else by,
                "control": control[0] if alone and control else control,
                "family": parsed.family,
            }
        rows.append(parsed)
    return rows
