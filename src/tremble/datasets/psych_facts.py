"""Which columns of a transcript's line are facts about the participant: the 25 of Psych-201."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

# As Psych-201 names them, but for "diagnosis", which it calls "clinical diagnosis".
FACTS = (
    *("age", "gender", "nationality", "education", "diagnosis"),
    *("STICSA-T somatic", "STICSA-T cognitive", "STAI-S", "STAI-T", "IUS", "RRQ", "AUDIT", "DAST"),
    *("PSWQ", "GAD-7", "SDS", "OCI", "PHQ-9", "PHQ-8", "BAS Drive", "BAS Fun Seeking"),
    *("BAS Reward Responsiveness", "BDI-II", "BIS-11", "BIS-10"),
)
_OTHER_NAMES = {"clinical diagnosis": "diagnosis", "diagnoses": "diagnosis"}
_TIMES = {"rt", "rts", "reactiontime", "reactiontimes", "responsetime", "responsetimes"}
_MISSING = {"n/a", "nan", "null", ""}


def _key(name: str) -> str:
    """What spellings of one name share: STAI_T, stai-t and STAI-T are one."""
    return re.sub(r"[\W_]+", "", name).casefold()


_BY_KEY = {_key(name): name for name in FACTS} | {
    _key(name): fact for name, fact in _OTHER_NAMES.items()
}


def value_of(value: Any) -> Any:
    """A value of a column; None where it is missing: null, NaN, "nan", "N/A"."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and value.strip().casefold() in _MISSING:
        return None
    return value


def is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def facts_of(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in a line, under the names of `FACTS`; of two spellings of one the first that says
    something. Lists are no facts, whatever they are called."""
    facts: dict[str, Any] = {}
    for name, value in columns.items():
        fact = _BY_KEY.get(_key(name))
        told = value_of(value)
        if fact is not None and fact not in facts and is_scalar(told):
            facts[fact] = told
    return facts


def times_of(columns: Mapping[str, Any]) -> tuple[float | None, ...] | None:
    """The reaction times in a line, as its source has them; None where it has none."""
    for name, value in columns.items():
        if _key(name) in _TIMES and isinstance(value, list):
            return tuple(map(_time, value))
    return None


def _time(value: Any) -> float | None:
    if value_of(value) is None or not is_scalar(value):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None
