"""Exports of Qualtrics: one row for each response, texts of questions in the second row."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tremble.tabular.guess.draft import Draft, Values
from tremble.tabular.guess.looked import Look
from tremble.tabular.guess.plain import hints_of
from tremble.tabular.guess.tasks import drafted
from tremble.tabular.guess.words import word_set

NAME = "a Qualtrics export"
_OWN = word_set(
    "StartDate EndDate Status IPAddress Progress Finished RecordedDate ResponseId ResponseID "
    "RecipientLastName RecipientFirstName RecipientEmail ExternalReference LocationLatitude "
    "LocationLongitude DistributionChannel UserLanguage ResponseSet Name ExternalDataReference "
    "EmailAddress"
)
# Kinds of responses that are none of participants, as words and as codes.
_NO_PEOPLE = (
    "Survey Preview",
    "Survey Test",
    "Spam",
    "Offline Survey Preview",
    *("1", "2", "8", "9", "12", "17", "40", "48"),
)
_UNFINISHED = ("False", "FALSE", "false", "0")
_BESIDE = re.compile(r".*(_TEXT|_DO(_.*)?|_(First|Last) Click|_Page Submit|_Click Count)")
_CHECK = re.compile(r"to show that|attention|please (select|choose|mark|pick)", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”'‘’„«»]([^\"“”'‘’„«»]+)[\"“”'‘’„«»]")


def fits(look: Look) -> bool:
    """By columns that Qualtrics always writes."""
    names = set(look.names)
    ids = {"ResponseId", "ResponseID"} & names
    return bool(ids) and len(names & _OWN) > 4


def draft(look: Look) -> Draft:
    """The map. Raises UserError where no column can be an outcome."""
    names = [
        name
        for name in look.names
        if name not in _OWN and not name.startswith("Duration") and not _BESIDE.fullmatch(name)
    ]
    drop, checks = _checks(look, names, _drop(look))
    person = next(name for name in ("ResponseId", "ResponseID") if name in look.names)
    asked = {*drop, *checks}
    hints = hints_of(look, NAME, [one for one in names if one not in asked], drop, person)
    hints.check += [
        f"{name!r} seems to be an attention check: list the wrong answers under [drop]"
        for name in checks
    ]
    hints.found.append("one row for each response, with the texts of the questions")
    return drafted(hints)


def _drop(look: Look) -> Values:
    """Previews and unfinished responses, where there are some."""
    found: Values = {}
    for name, values in (("Status", _NO_PEOPLE), ("Finished", _UNFINISHED)):
        seen = set(look.columns.get(name, ())) - {None}
        gone = [value for value in values if value in seen]
        if gone and len(gone) < len(seen):
            found[name] = gone
    return found


def _checks(look: Look, names: Sequence[str], drop: Values) -> tuple[Values, list[str]]:
    """With the wrong answers to attention checks, as far as the question names the right one, and
    the checks for which it does not."""
    kept = look.without(drop)
    found, open_ = dict(drop), []
    for name in names:
        text = look.questions.get(name, "")
        if not _CHECK.search(text) or len(text) > 300:
            continue
        held = sorted({value for value in look.columns[name] if value is not None})
        right = [word for word in _QUOTED.findall(text) if word.strip() in held]
        wrong = [value for value in held if value not in right]
        if len(right) == 1 and wrong and right[0] in set(kept.columns[name]):
            found[name] = wrong
        elif not right and 2 <= len(held) <= 10:
            open_.append(name)
    return found, open_
