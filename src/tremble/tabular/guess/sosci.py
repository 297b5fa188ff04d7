"""Data of SoSci Survey: one row for each interview."""

from __future__ import annotations

import re

from tremble.tabular.guess.draft import Draft, Values
from tremble.tabular.guess.looked import Look
from tremble.tabular.guess.plain import hints_of
from tremble.tabular.guess.tasks import drafted
from tremble.tabular.guess.words import word_set

NAME = "SoSci Survey data"
_OWN = word_set(
    "CASE SERIAL REF QUESTNNR MODE LANGUAGE STARTED LASTDATA FINISHED Q_VIEWER LASTPAGE MAXPAGE "
    "MISSING MISSREL TIME_RSI TIME_SUM DEG_TIME DEG_MISS DEGRADE MAILSENT STATUS"
)
_TIME = re.compile(r"TIME\d+")
_QUESTION = re.compile(r"[A-Z]{1,2}\d{2,3}(_\d{2}[a-z]?)?")
_DRAWN = re.compile(r"zufall|random|experimentalgruppe|condition|bedingung", re.IGNORECASE)


def fits(look: Look) -> bool:
    """By columns that SoSci Survey always writes."""
    return {"CASE", "QUESTNNR", "MODE", "STARTED"} <= set(look.names)


def draft(look: Look) -> Draft:
    """The map. Raises UserError where no column can be an outcome."""
    names = [name for name in look.names if name not in _OWN and not _TIME.fullmatch(name)]
    hints = hints_of(look, NAME, names, _drop(look), "CASE")
    drawn = {
        field.name: field
        for field in hints.fields
        if any(map(_DRAWN.search, field.questions)) or field.name.startswith(("RG", "ZG"))
    }
    hints.config = {name: field for name, field in drawn.items() if 2 <= len(field.counts) <= 10}
    hints.fields = [field for field in hints.fields if field.name not in drawn]
    hints.outcomes = tuple(
        field.name
        for field in hints.fields
        if _QUESTION.fullmatch(field.name) and len(field.counts) <= 11
    )
    hints.check.append("the file contains codes: write the texts of the answers as labels")
    return drafted(hints)


def _drop(look: Look) -> Values:
    """Tests of the questionnaire and interviews that were not finished, where there are some."""
    found: Values = {}
    modes = set(look.columns["MODE"]) - {None}
    if "interview" in modes and len(modes) > 1:
        found["MODE"] = sorted(mode for mode in modes if mode is not None and mode != "interview")
    for name, value in (("FINISHED", "0"), ("Q_VIEWER", "1")):
        held = set(look.columns.get(name, ())) - {None}
        if value in held and len(held) > 1:
            found[name] = [value]
    return found
