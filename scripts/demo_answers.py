"""What the verdict, the tables behind its questions and those on theory say, in sentences made of
their rows.

Used by `demo_sentences.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import polars as pl
from demo_words import Results, because, less_wrong, listed, of, where

from tremble.report.tables.table import count, family_name
from tremble.stats.filters import SLACK
from tremble.stats.frames.evidence import Evidence
from tremble.stats.tables.worth import worth_table
from tremble.stats.verdict.answer import CANNOT_SAY, NO, YES, Margins
from tremble.text import decimal

Row = dict[str, Any]
QUESTIONS = ("ranking", "levels", "effects", "distribution")
# What does not arise, and where.
WITHOUT = {
    "levels": "levels (three or more options without values or a target)",
    "effects": "effects (no contrast)",
    "distribution": "distribution (two options, or no text that two people read)",
}


def verdict(results: Results) -> str:
    rows = results.verdicts
    told = Counter(row["replace"] for row in rows)
    answers = [
        f"“{answer}” {times(number)}{reasons(rows, answer, results.margins)}"
        for answer, number in told.most_common()
    ]
    parts = [f"Can the model replace participants? {'; '.join(answers)}."]
    if ranked := [row for row in rows if row["ranking"] == NO]:
        below = [row for row in ranked if row["high"] < 0]
        better = len(ranked) - len(below)
        why = [f"a baseline predicts people better ({better})"] if better else []
        why += [f"r is below zero ({len(below)})"] if below else []
        parts.append(f"Where ranking is “no”, it is because {' or '.join(why)}.")
    said = {name: [row for row in rows if row[name] == YES] for name in QUESTIONS}
    good = [f"{name} in {listed(map(where, found))}" for name, found in said.items() if found]
    parts.append(
        f"The answer is “yes” for {'; for '.join(good)}." if good else "No answer is “yes”."
    )
    never = [why for name, why in WITHOUT.items() if all(row[name] is None for row in rows)]
    if never:
        parts.append(f"Not asked here: {listed(never)}.")
    return " ".join(parts)


def times(number: int) -> str:
    return "once" if number == 1 else f"{count(number)} times"


def reasons(rows: Iterable[Row], answer: str, margins: Margins) -> str:
    """What makes a "no" or "cannot say", with how often it does; else nothing."""
    if answer not in (NO, CANNOT_SAY):
        return ""
    found: Counter[str] = Counter()
    for row in rows:
        if row["replace"] == answer:
            if row["mass"] is None or row["mass"] < margins.mass - SLACK:
                found[f"a mass below {decimal(margins.mass)}"] += 1
            else:
                found.update(name for name in QUESTIONS if row[name] == answer)
    why = listed(f"{name} ({count(number)})" for name, number in found.most_common())
    return f", because of {why}"


def numbers(results: Results) -> str:
    rows = results.verdicts
    both = [row for row in rows if None not in (row["r"], row["r_baseline"])]
    lower = [row for row in both if row["r"] < row["r_baseline"]]
    parts = []
    if both:
        parts.append(
            f"The best baseline has a higher r than the model in {of(len(lower), both)} with both."
        )
    known = [row for row in rows if row["high"] is not None and row["ceiling"]]
    if known:
        short = [row for row in known if row["high"] < row["ceiling"]]
        nearest = min(known, key=lambda row: row["ceiling"] - row["high"])
        parts.append(
            f"Where the noise ceiling is known, even the upper end of the interval is below it in "
            f"{of(len(short), known)}; {where(nearest)} comes closest, with an upper end of "
            f"{decimal(nearest['high'])} and a ceiling of {decimal(nearest['ceiling'])}."
        )
    return " ".join(parts) or "No r can be compared with a baseline or a noise ceiling."


def levels(results: Results) -> str:
    rows = results.further["levels"]
    known = [row for row in rows if row["low"] is not None]
    high = [row for row in known if row["low"] > 0]
    low = [row for row in known if row["high"] < 0]
    parts = [
        f"{of(len(known), rows)} have an interval. Predictions are clearly too high (the whole "
        f"interval is above zero) in {_differences(high)}; clearly too low (below zero) in "
        f"{_differences(low)}."
    ]
    if without := [row for row in rows if row["low"] is None]:
        parts.append(f"There is no interval in {because(map(_first, without))}.")
    sloped = [row for row in rows if row["slope_low"] is not None]
    below = [row for row in sloped if row["slope_high"] < 1]
    above = [row for row in sloped if row["slope_low"] > 1]
    if sloped:
        parts.append(
            f"Of {count(len(sloped))} slopes with an interval, the whole interval lies below 1 in "
            f"{count(len(below))} and above 1 in {count(len(above))}."
        )
    return " ".join(parts)


def _differences(rows: Iterable[Row]) -> str:
    told = listed(f"{where(row)} ({decimal(row['difference'])})" for row in rows)
    return told or "none"


def _first(row: Row) -> Row:
    """The row with the first part of its note, which says why there is no interval."""
    return row | {"note": (row["note"] or "").split("; ")[0].removeprefix("no interval: ")}


def distributions(results: Results) -> str:
    rows = results.further["distributions"]
    if not rows:
        return "No text with three or more options was read by two people."
    parts = []
    if known := [row for row in rows if row["low"] is not None]:
        clear = [row for row in known if row["low"] > 0]
        far = max(known, key=lambda row: row["share"])
        parts.append(
            f"The excess is clearly above zero (its whole interval) in {of(len(clear), known)}. "
            "It is "
            f"largest in {where(far)}: the mean distance ({far['distance']}) is "
            f"{decimal(far['mean'])}, of which {decimal(far['chance'])} is expected by chance."
        )
    if without := [row for row in rows if row["low"] is None]:
        parts.append(f"There is no interval in {because(map(_first, without))}.")
    return " ".join(parts)


def worth(results: Results) -> str:
    rows = results.further["worth"]
    if not rows:
        return (
            "There is nothing to show: no prompt without a history was answered by two identified "
            "people."
        )
    parts = []
    if known := [row for row in rows if row["k"] is not None]:
        top = max(known, key=lambda row: row["k"])
        fewer = [row for row in known if row["k"] < 1]
        parts.append(
            f"The highest k is {decimal(top['k'])} ({where(top)}). It is below 1, so the model is "
            f"worth less than one other person, in {of(len(fewer), known)}."
        )
    if without := [row for row in rows if row["k"] is None]:
        parts.append(f"There is no k in {because(without)}.")
    odds = listed(
        f"{decimal(row['k'])} in {family_name(row['family'])}"
        for row in even_odds(results.analysis.evidence)
        if row["k"] is not None
    )
    if odds:
        parts.append(
            "For comparison, predicting equal shares of all options, which uses no information, "
            f"gives {odds}."
        )
    return " ".join(parts)


def even_odds(evidence: Evidence) -> list[Row]:
    """`worth` of predictions that give every option of a decision the same probability."""
    options = evidence.decisions.select("decision", options=pl.col("keys").list.len())
    predictions = (
        evidence.predictions.join(options, on="decision", maintain_order="left")
        .with_columns(prediction=1 / pl.col("options"))
        .drop("options")
    )
    return worth_table(replace(evidence, predictions=predictions))


def theory(results: Results) -> str:
    rows = results.further["theory"]
    decided = [row for row in rows if row["closer"] is not None]
    people = [row for row in decided if row["closer"] == "people"]
    none = [row for row in rows if row["closer"] is None]
    text = "“Closer” means a higher r with theory, if the interval of the difference excludes zero"
    text += (
        f"; people are closer than the model in {of(len(people), decided, 'such comparisons')}."
        if decided
        else "."
    )
    if none:
        text += f" Neither is closer in {listed(family_name(row['family']) for row in none)}."
    return text


def theory_pairs(results: Results) -> str:
    rows = results.further["theory_pairs"]
    told = {side: [row for row in rows if row["closer"] == side] for side in ("base", "aligned")}
    parts = [
        f"{side.capitalize()} is closer in {listed(map(where, closer))}."
        for side, closer in told.items()
        if closer
    ]
    none = [row for row in rows if row["closer"] is None]
    if none:
        parts.append(f"Neither is closer in {because(none)}.")
    parts.append(less_wrong(row for row in rows if row["closer"]))
    return " ".join(filter(None, parts))
