"""What may be right in a record but often is not: one sentence each, with the cure.

Only records with a prompt of the user's own are asked whether the prompt names the options and says
how to answer: of games and sessions tremble writes the words itself, or takes them as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from tremble.decisions.record import Decision
from tremble.decisions.spread import largest_spread
from tremble.tokenization.options import boundary_warning, terminator_character

RATES_TOLERANCE = 0.015  # rates are printed with two decimals
_LONGER, _BY = 3, 15  # labels are of very unequal length: so many times, and so many characters
_UNSEEN = "\u200b\u2060\ufeff"  # of no width; `str.strip` leaves them
# What a page is made of. A letter alone may be an option's mark: it counts where it is closed.
_TAG = re.compile(
    r"</?(?:br|div|span|strong|em|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|img|font|input|label|"
    r"button|form|script|style|hr|sup|sub|center|section)\b[^<>]*>"
    r"|</[abipuq]>|<(?:a|p)\s[^<>]*>"
    r"|&(?:nbsp|amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});",
    re.IGNORECASE,
)
_KEY = re.compile(r'"(\w+)"\s*:')


def doubts(decision: Decision, text: str) -> Iterator[str]:
    """Sentences on one decision; `text` is its standard prompt in the plain format."""
    labels = [option.label for option in decision.options]
    if not labels:  # a response of a session
        return
    warning = boundary_warning(text, labels[0])
    if warning is not None:
        yield warning
    begins = [a for a in labels for b in labels if a != b and b.startswith(a)]
    if begins and terminator_character(text) is None:
        yield (
            f"the label {begins[0]!r} is the beginning of another label, and there is no open "
            "quote that could close it."
        )
    yield from _people(decision)
    yield from _rates(decision)
    yield from _labels(labels)
    if decision.prompt is not None:
        yield from _prompt(decision, text)


def _people(d: Decision) -> Iterator[str]:
    if d.choice is not None and d.participant is None and d.game is None:
        yield (
            "no participant: it is unknown whether two choices are by the same person, so no "
            "verdict is based on them; give participant, or say that everybody chose once "
            "(one_decision_each in the study file)."
        )


def _rates(d: Decision) -> Iterator[str]:
    total = sum((d.rates or {}).values())
    if d.rates is not None and abs(total - 1) > RATES_TOLERANCE:
        yield f"the rates add up to {total:.3f}; they are used unchanged."
    if d.rate_sd is None:
        return
    rate = None if d.rates is None or d.target is None else d.rates[d.target]
    if rate is not None and d.rate_sd > largest_spread(rate, d.n):
        people = "" if d.n is None else f" of {d.n:,} people"
        yield (
            f"rate_sd is {d.rate_sd:g}, more than is possible for this rate{people}, the square "
            "root of rate (1 - rate) n / (n - 1); it must be the standard deviation between "
            "people, from 0 to 1."
        )


def _labels(labels: list[str]) -> Iterator[str]:
    ends = [_ends(label) for label in labels]
    if len(set(ends)) > 1:
        odd = next(label for label, at in zip(labels, ends, strict=True) if any(at))
        yield (
            f"the label {odd!r} begins or ends with white space, and other labels do not; remove "
            "it, because a model reads it as part of the answer."
        )
    short, long = min(labels, key=len), max(labels, key=len)
    if len(long) >= _LONGER * len(short) and len(long) - len(short) >= _BY:
        yield (
            f"labels of very unequal length: {short!r} has {len(short)} characters, "
            f"{_cut(long)!r} {len(long)}; long labels are less likely because of their length "
            "alone, so use short labels of about the same length and explain them in the prompt."
        )
    tag = _TAG.search("\n".join(labels))
    if tag is not None:
        yield f"HTML in a label, {_cut(tag[0])!r}; a model reads it as text, so remove it."


def _ends(label: str) -> tuple[str, str]:
    """White space before and after a label, as written; also what has no width."""
    bare = label.strip().strip(_UNSEEN).strip()
    before = label.find(bare) if bare else 0
    return label[:before], label[before + len(bare) :]


def _prompt(d: Decision, text: str) -> Iterator[str]:
    unnamed = _unnamed(d, text)
    if unnamed:
        plural = "s" if len(unnamed) > 1 else ""
        yield (
            f"the prompt never names the option{plural} "
            f"{', '.join(map(repr, unnamed[:3]))}{' ...' if len(unnamed) > 3 else ''}; say in the "
            "prompt which answers are possible, in the words of the labels."
        )
    words = text.removesuffix(d.opening).casefold()
    opening = d.opening.lstrip()
    if opening.startswith("{"):
        asked = ["json", *(key.casefold() for key in _KEY.findall(opening))]
        if not any(word in words for word in asked):
            yield (
                f"the answer begins as JSON, {_cut(opening)!r}, but the prompt does not say so; "
                "end the prompt with, say, 'Answer as JSON with the key decision.', or give "
                "another opening ('opening': '' for none)."
            )
    tag = _TAG.search(text)
    if tag is not None:
        yield (
            f"HTML in the prompt, {_cut(tag[0])!r}; a model reads it as text, so write plain line "
            "breaks and characters."
        )
    for name in ("rounds", "Max rounds"):
        if d.round is not None and name in d.breakdown:
            yield (
                f"config {name} is read as the number of rounds that people were told about (in a "
                "breakdown by round); if it means something else, rename it."
            )


def _unnamed(d: Decision, text: str) -> list[str]:
    """Labels that a text nowhere holds, nor another spelling; of a scale in numbers only the ends
    need be named."""
    options = list(d.options)
    numbers = [_number(option.label) for option in options]
    if None not in numbers:
        options = [min(options, key=_size), max(options, key=_size)]
    body = text.removesuffix(d.opening) + "\n" + d.opening
    return [
        option.label
        for option in options
        if not any(_names(body, form) for form in (option.label, *option.surface_forms))
    ]


def _size(option: object) -> float:
    return _number(getattr(option, "label", "")) or 0.0


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None


def _names(text: str, label: str) -> bool:
    return _word(label).search(text) is not None


@lru_cache(maxsize=4096)
def _word(label: str) -> re.Pattern[str]:
    """A label as a word of its own; case counts where it is one letter. Scripts that are written
    without spaces have no words of their own."""
    bare = label.strip().strip(_UNSEEN).strip()
    pattern = re.escape(bare).replace(r"\ ", r"\s+")
    if bare.isascii():
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.compile(pattern, 0 if len(bare) == 1 else re.IGNORECASE)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
