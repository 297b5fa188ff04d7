"""Data of PsychoPy: one row for each trial, a file for each person."""

from __future__ import annotations

import re

from tremble.tabular.guess.draft import Draft, Values
from tremble.tabular.guess.looked import Look
from tremble.tabular.guess.plain import hints_of
from tremble.tabular.guess.tasks import drafted
from tremble.tabular.guess.words import PRACTICE, word_set, words_of

NAME = "PsychoPy data"
_LOOP = re.compile(r"(.*)\.(thisRepN|thisTrialN|thisN|thisIndex|ran|order|stepSize|intensity)")
_TIMED = re.compile(
    r".*\.(rt|t|started|stopped|duration|corr|x|y|time|leftButton|midButton|.*_raw)"
)
_OWN = word_set("notes session date expName psychopyVersion frameRate expStart OS")
_ANSWER = re.compile(r".*\.(keys|response|clicked_name|text|rating)")


def fits(look: Look) -> bool:
    """By its version, or by the counters of its loops."""
    names = set(look.names)
    return "psychopyVersion" in names or any(name.endswith(".thisTrialN") for name in names)


def draft(look: Look) -> Draft:
    """The map. Raises UserError where no column can be an outcome."""
    loop = _loop(look)
    drop: Values = {} if loop is None else {f"{loop}.thisN": [""]}
    names = [
        name
        for name in look.names
        if name not in _OWN and not _LOOP.fullmatch(name) and not _TIMED.fullmatch(name)
    ]
    known = "participant" if "participant" in look.names else None
    hints = hints_of(look, NAME, names, drop, known)
    hints.outcomes = tuple(name for name in names if _ANSWER.fullmatch(name))
    answers = [field for field in hints.fields if field.name in hints.outcomes]
    if answers:
        first = min(field.number for field in answers)
        late = [field.name for field in hints.fields if field.number > first]
        hints.before = tuple(name for name in late if name not in hints.outcomes)
    if loop is not None:
        hints.found.append(f"the trials of the loop {loop!r}; other rows are excluded")
        if hints.round is None:
            hints.order = f"{loop}.thisN"
    return drafted(hints)


def _loop(look: Look) -> str | None:
    """The loop with the most trials that are no practice."""
    loops = [name.removesuffix(".thisN") for name in look.names if name.endswith(".thisN")]
    filled = {
        loop: sum(cell is not None for cell in look.columns[f"{loop}.thisN"])
        for loop in loops
        if not PRACTICE.intersection(words_of(loop))
    }
    inner = {loop: count for loop, count in filled.items() if count}
    return max(inner, key=lambda loop: inner[loop]) if inner else None
