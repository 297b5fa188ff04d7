"""Replace: can the model replace participants here, everything considered?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tremble.stats.filters import SLACK
from tremble.stats.verdict.answer import (
    CANNOT_SAY,
    IN_PART,
    MARGINS,
    NO,
    NOT_SHOWN,
    YES,
    Answer,
    Margins,
)
from tremble.stats.verdict.read import Read
from tremble.text import against, decimal

_KEYS = 5  # config keys that a sentence names


def replace(
    answers: Mapping[str, Answer | None],
    read: Read,
    keys: Sequence[str] | None = (),
    margins: Margins = MARGINS,
) -> Answer:
    """The first that holds, of the answers by question:

    - the mass is below the filter, or not known: "cannot say", since the model answers something
      else;
    - any "no": "no"; any "cannot say": "cannot say";
    - all "yes": "yes"; all "not shown": "not shown"; else "in part".

    Without a contrast at most "in part": `keys` are what of the config could be contrasted,
    None where choices have no mean that a contrast could compare.
    """
    if _below(read, margins):
        return Answer(CANNOT_SAY, _prompt_at_fault(read, margins))
    given = {name: answer.answer for name, answer in answers.items() if answer is not None}
    for answer in (NO, CANNOT_SAY):
        if named := [name for name, one in given.items() if one == answer]:
            texts = all(one.texts for one in map(answers.get, named) if one is not None)
            return Answer(answer, _because(named, texts), texts)
    if set(given.values()) == {NOT_SHOWN}:
        nothing = "your data cannot tell; more people or items may help"
        lacking = _contrasts(keys) if answers.get("effects") is None else ""
        return Answer(NOT_SHOWN, f"{nothing}{lacking}")
    open_ = [f"{name}: {one}" for name, one in given.items() if one != YES]
    if answers.get("effects") is None:
        without = "effects were not compared" + _contrasts(keys)
        return Answer(IN_PART, "; ".join([*(open_ or [f"{_listed(list(given))}: yes"]), without]))
    if not open_:
        return Answer(YES, f"{_listed(list(given))}: all yes")
    return Answer(IN_PART, "; ".join(open_))


def _because(names: Sequence[str], texts: bool) -> str:
    return f"because of {_listed(names)}{', for these texts only' if texts else ''}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _below(read: Read, margins: Margins) -> bool:
    return read.mass is None or read.mass < margins.mass - SLACK


def cautious(answer: Answer | None, read: Read, margins: Margins = MARGINS) -> Answer | None:
    """An answer to another question; where the mass is below the margin or not known, its reason
    begins with that: what follows was measured, but nothing follows from it."""
    if answer is None or answer.answer == CANNOT_SAY or not _below(read, margins):
        return answer
    if read.mass is None:
        return answer._replace(why=f"no conclusion without the mass; measured: {answer.why}")
    return answer._replace(why=f"too little mass for a conclusion; measured: {answer.why}")


def _prompt_at_fault(read: Read, margins: Margins) -> str:
    if read.mass is None:
        return (
            "how much of the probability is on the options was not measured, so there is no "
            "conclusion"
        )
    text = (
        f"the options have only {share_of(read.mass, margins.mass)} of the probability, too little "
        f"for a conclusion (at least {decimal(margins.mass)} is needed)"
    )
    if read.likeliest is not None:
        text += f"; the likeliest other answer is {read.likeliest}"
    return f"{text}; `tremble xray` shows the prompt"


def share_of(mass: float, least: float) -> str:
    """With one digit that is no zero at least, and not rounded to what it falls short of."""
    if 0 < mass < 0.01:
        return decimal(mass, math.ceil(-math.log10(mass)))
    return against(mass, least)


def _contrasts(keys: Sequence[str] | None) -> str:
    if keys is None:
        return "; effects need options with values or a target option"
    if not keys:
        return "; no config key has two or more values to contrast"
    shown = ", ".join(keys[:_KEYS]) + (", ..." if len(keys) > _KEYS else "")
    return f"; add a [[contrast]] by {shown} to the study file"
