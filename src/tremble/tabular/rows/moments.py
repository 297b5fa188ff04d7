"""Numbers and times, by which rows are ordered, as numbers that compare as they do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tremble.tabular.cells import measured
from tremble.tabular.rows.places import brief

Moment = int | float
_TIME = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"(?:[ _T](?P<hour>\d\d?)[:h](?P<minute>\d\d)"
    r"(?:[.:](?P<second>\d\d)(?:[.,](?P<part>\d{1,12}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?: ?(?:(?P<utc>Z|UTC|GMT)|(?P<ahead>[+-]\d\d)(?::?(?P<more>\d\d))?))?)?"
)
_START = datetime(1, 1, 1)
_DIGITS = 12  # of a part of a second


class NoMoment(Exception):
    """Texts that cannot be ordered; its text says which, as an object of "holds"."""


def moments_of(texts: Iterable[str], decimal: str) -> dict[str, Moment]:
    """A number for each text by which they compare: numbers, or times as ISO 8601 and programs
    write them (2026-03-01 9:05, 2026-03-01T09:05:07.25+01:00, 2026-03-01 01:05 PM).

    Raises NoMoment for what is neither, for numbers beside times, and for times of which some have
    a time zone alone.
    """
    texts = list(texts)
    numbers = {text: measured(text, decimal) for text in texts}
    if all(number is not None for number in numbers.values()):
        return {text: _plain(number) for text, number in numbers.items()}
    found: dict[str, Moment] = {}
    zoned: dict[bool, str] = {}
    for text in texts:
        moment = _moment(text)
        if moment is None:
            raise NoMoment(brief(text))
        found[text], in_zone = moment
        zoned.setdefault(in_zone, text)
    if len(zoned) > 1:
        raise NoMoment(f"{zoned[True]!r} with a time zone and {zoned[False]!r} without one")
    return found


def _plain(number: Any) -> Moment:
    return int(number) if number == number.to_integral_value() else float(number)


def _moment(text: str) -> tuple[int, bool] | None:
    """A time in 10**-12 seconds, and whether its zone is known; None for what is none."""
    read = _TIME.fullmatch(text)
    if read is None:
        return None
    hour = int(read["hour"] or 0)
    if read["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if read["half"] in "Pp" else 0)
    try:
        moment = datetime(
            int(read["year"]),
            int(read["month"]),
            int(read["day"]),
            hour,
            int(read["minute"] or 0),
            int(read["second"] or 0),
        )
    except ValueError:  # the 30th of February
        return None
    seconds = (moment - _START) // timedelta(seconds=1)
    if read["ahead"]:
        sign = -1 if read["ahead"].startswith("-") else 1
        seconds -= sign * (abs(int(read["ahead"])) * 3600 + int(read["more"] or 0) * 60)
    part = int((read["part"] or "").ljust(_DIGITS, "0"))
    return seconds * 10**_DIGITS + part, bool(read["utc"] or read["ahead"])
