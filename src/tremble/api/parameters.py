"""Parameters, and facts about people, as columns of an exported table, under names that R and Stata
take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from tremble.store.schemas import with_columns

CONFIG, FACTS = "config", "facts"  # columns of decisions
PREFIXES = {CONFIG: "config", FACTS: "person"}  # how names of their columns begin
NAMELESS = "parameter"  # where no letter or digit of a name is ASCII
NAME_LENGTH = 32  # Stata's limit
EXACT = 2**53  # whole numbers up to here are numbers without loss in R and Stata


def parameter_columns(decisions: pl.DataFrame, kind: str = CONFIG) -> dict[str, str]:
    """The column (`config_NAME`, of facts `person_NAME`) of every parameter that a decision has, by
    the parameter's own name, in the order in which they first occur. No two parameters share a
    column: of names that are alike once cleaned, later ones have a number."""
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for config in _read(decisions, kind).values():
        for parameter in config:
            if parameter not in columns:
                columns[parameter] = _name(kind, parameter, taken)
    return columns


def parameters(
    decisions: pl.DataFrame, columns: Mapping[str, str], kind: str = CONFIG
) -> pl.DataFrame:
    """decision, and the values of each parameter in its column: numbers where all its values are
    numbers that stay what they are, else texts, those of other kinds as JSON."""
    configs = _read(decisions, kind)
    texts = pl.Series(kind, list(configs), pl.String)
    frame = {kind: texts}
    for parameter, column in columns.items():
        values = [config.get(parameter) for config in configs.values()]
        numbers = all(value is None or _is_number(value) for value in values)
        frame[column] = pl.Series(
            column,
            [float(v) if numbers and v is not None else _text(v) for v in values],
            pl.Float64 if numbers else pl.String,
        )
    made = with_columns(decisions, kind).select("decision", pl.col(kind).fill_null("{}"))
    joined = made.join(pl.DataFrame(frame), on=kind, how="left", maintain_order="left")
    return joined.drop(kind)


def _read(decisions: pl.DataFrame, kind: str) -> dict[str, Mapping[str, Any]]:
    """Every config of the decisions, by its text: many decisions share one."""
    texts = with_columns(decisions, kind)[kind].fill_null("{}").unique(maintain_order=True)
    return {text: json.loads(text or "{}") for text in texts}


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) <= EXACT


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _name(kind: str, parameter: str, taken: set[str]) -> str:
    """A name that R and Stata take as it is: letters, digits, underscores, at most 32."""
    plain = re.sub(r"\W+", "_", f"{PREFIXES[kind]}_{parameter}".lower(), flags=re.ASCII).strip("_")
    if plain == PREFIXES[kind]:
        plain = f"{PREFIXES[kind]}_{NAMELESS}"
    name, number = plain[:NAME_LENGTH], 1
    while name in taken:
        number += 1
        name = f"{plain[: NAME_LENGTH - len(str(number)) - 1]}_{number}"
    taken.add(name)
    return name
