"""What each table of a study says, in sentences whose numbers come from the table.

Used by `demo_analysis.py`. A conclusion stands under the condition that it follows from, so that
other rows give other sentences.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from demo_answers import distributions, levels, numbers, theory, theory_pairs, verdict, worth
from demo_words import LEVEL, Results, because, best, less_wrong, listed, of, smallest_p, where

from tremble.published.pairs import family_of
from tremble.report.tables.further import plain_words
from tremble.report.tables.table import count, family_name
from tremble.stats.filters import MIN_MASS, MIN_N
from tremble.stats.inference.intervals import FEW_CLUSTERS
from tremble.text import decimal

Row = dict[str, Any]


def models(results: Results) -> str:
    rows = results.analysis.models
    known = sorted((row for row in rows if row["r"] is not None), key=lambda row: row["r"])
    unknown = [row for row in rows if row["r"] is None]
    low = sorted((row for row in rows if (row["mass"] or 0) < MIN_MASS), key=lambda r: r["mass"])
    missing = sum(row["missing"] for row in rows)
    parts = [f"{count(missing)} decisions are missing." if missing else "No decision is missing."]
    if known:
        ends = [f"{decimal(row['r'])} ({where(row)})" for row in (known[0], known[-1])]
        parts.append(f"r ranges from {ends[0]} to {ends[1]}.")
    if unknown:
        parts.append(f"It is undefined in {because(unknown)}.")
    if low:
        parts.append(
            f"The mass is below {decimal(MIN_MASS)} in {of(len(low), rows)}, lowest in "
            f"{where(low[0])} ({decimal(low[0]['mass'])}): there, the model often answers "
            "something other than the options."
        )
    return " ".join(parts)


def pairs(results: Results) -> str:
    rows = results.analysis.pairs
    kept = [row for row in rows if row["kept"]]
    dropped = [row for row in rows if row["winner"] and not row["kept"]]
    none = [row for row in rows if not row["winner"]]
    parts = [f"The filters keep {of(len(kept), rows, 'comparisons')}."]
    if kept:
        won = listed(f"{row['winner']} in {family_name(row['family'])}" for row in kept)
        parts.append(f"The higher r belongs to {won}.")
    if dropped:
        higher = listed(f"{family_name(row['family'])} ({row['winner']} higher)" for row in dropped)
        parts.append(f"Dropped: {higher}.")
    parts.append(less_wrong(row for row in rows if row["winner"]))
    if none:
        parts.append(f"There is no winner in {because(none, 'why')}.")
    return " ".join(filter(None, parts))


def tests(results: Results) -> str:
    return smallest_p(results.analysis.tests, "kept pair", "kept pairs")


def baselines(results: Results) -> str:
    simple, model = best(results.analysis.baselines), best(results.analysis.models)
    both = [family for family in model if family in simple]
    above = [family for family in both if simple[family]["r"] > model[family]["r"]]
    told = listed(
        f"{family_name(family)} ({plain_words(simple[family]['baseline'])} "
        f"{decimal(simple[family]['r'])}, best model {decimal(model[family]['r'])})"
        for family in above
    )
    text = (
        f"The best baseline has a higher r than every model in {of(len(above), both, 'families')}"
    )
    text += f": {told}." if above else "."
    few = [row for row in simple.values() if row["n"] < MIN_N]
    if few:
        text += f" Below {MIN_N} decisions, as in {listed(map(where, few))}, r says little."
    return text


def intervals(results: Results) -> str:
    rows = results.further["intervals"]
    clear = [row for row in rows if row["low"] is not None and row["low"] * row["high"] > 0]
    without = [row for row in rows if row["low"] is None]
    rough = [row for row in rows if row["low"] is not None and row["clusters"] < FEW_CLUSTERS]
    told = listed(f"{where(row)} ({decimal(row['r'])})" for row in clear)
    parts = [
        f"The interval leaves out zero in {of(len(clear), rows)}{': ' if clear else ''}{told}."
    ]
    if without:
        parts.append(f"There is no interval in {because(without)}.")
    if rough:
        parts.append(f"It is rough in {listed(family_name(row['family']) for row in rough)}.")
    points = [row for row in rows if row["points"] != row["decisions"]]
    if points:
        told = listed(
            f"{family_name(row['family'])} has {count(row['points'])} for "
            f"{count(row['decisions'])} decisions"
            for row in points
        )
        parts.append(
            f"A problem with three or more options counts as one point per option: {told}."
        )
    return " ".join(parts)


def differences(results: Results) -> str:
    rows = results.further["differences"]
    clear = [row for row in rows if row["low"] is not None and row["low"] * row["high"] > 0]
    told = listed(
        f"{family_name(row['family'])} ({decimal(row['difference'])}, "
        f"{'base' if row['difference'] > 0 else 'aligned'} higher)"
        for row in clear
    )
    parts = [
        f"The interval leaves out zero in {of(len(clear), rows)}{': ' if clear else ''}{told}."
    ]
    few = [row for row in clear if row["decisions"] < MIN_N]
    if few:
        parts.append(
            f"Of these, {listed(map(where, few))} {'has' if len(few) == 1 else 'have'} fewer than "
            f"{MIN_N} decisions, too few for a winner in the table Pairs, whatever the p."
        )
    both = [row for row in rows if None not in (row["p"], row["williams_p"])]
    smaller = [row for row in both if row["williams_p"] < row["p"]]
    parts.append(
        "Williams' test, which treats the decisions of one person as independent, has the smaller "
        "p "
        f"in {of(len(smaller), both)}."
    )
    tested = [row for row in rows if row["p"] is not None]
    if len(tested) > 1:
        left = [row for row in tested if row["p_holm"] <= LEVEL]
        told = f": {listed(family_name(row['family']) for row in left)}" if left else ""
        parts.append(
            "After Holm's adjustment over all tests of one format and wording, "
            f"{of(len(left), tested)} {'stays' if len(left) == 1 else 'stay'} at or below "
            f"{decimal(LEVEL)}{told}."
        )
    return " ".join(parts)


def votes(results: Results) -> str:
    rows = results.further["votes"]
    if not rows:
        return "No pair is kept, so there is nothing to test."
    text = smallest_p(rows, "model family", "model families")
    without = [row for row in rows if row["p"] is None]
    reasons = listed(row["note"] for row in without if row["note"])
    return text + (f" No p in {of(len(without), rows)}: {reasons}." if without else "")


def ceilings(results: Results) -> str:
    rows = results.further["ceilings"]
    model = best(results.analysis.models)
    told = listed(
        f"{family_name(row['family'])} {decimal(row['ceiling'])}"
        + (
            f" (best model {decimal(model[row['family']]['r'])})"
            if row["family"] in model
            else " (no model has an r)"
        )
        for row in rows
        if row["ceiling"] is not None
    )
    unknown = [row for row in rows if row["ceiling"] is None]
    text = (
        f"The highest r that can be expected: {told}."
        if told
        else "No noise ceiling is known here."
    )
    if unknown:
        text += f" It is unknown in {listed(map(where, unknown))}; the note says why."
    return f"{text} n counts the points whose noise is known; the ceiling applies only to them."


def measures(results: Results) -> str:
    rows = results.further["measures"]
    both = [row for row in rows if None not in (row["log_loss"], row["log_loss_tempered"])]
    better = [row for row in both if row["log_loss_tempered"] < row["log_loss"]]
    parts = [f"A temperature lowers the log loss in {of(len(better), both)}."]
    many = [row for row in better if row["n"] >= MIN_N]
    if many:
        top = max(many, key=lambda row: row["log_loss"] - row["log_loss_tempered"])
        parts.append(
            f"With at least {MIN_N} decisions, the gain is largest in {where(top)}, from "
            f"{decimal(top['log_loss'])} to {decimal(top['log_loss_tempered'])} nats; a guess of "
            f"even odds between two options has a log loss of {decimal(math.log(2))}."
        )
    bound = [row for row in rows if "at its bound" in (row["note"] or "")]
    if bound:
        parts.append(
            f"The temperature ends at a bound in {of(len(bound), rows)}, which then have no slope."
        )
    wrong = [row for row in rows if (row["slope"] or 0) < 0]
    parts.append(
        "The calibration slope, 1 where predictions are right, is negative in "
        f"{of(len(wrong), rows)}."
    )
    below = {where(row) for row in results.further["intervals"] if (row["high"] or 0) < 0}
    sure = [where(row) for row in wrong if where(row) in below]
    if sure:
        parts.append(
            f"In {listed(sure)} the interval of r also lies below zero: the more likely the model "
            "finds the target, the less often people chose it."
        )
    return " ".join(parts)


def reliability(results: Results) -> str:
    rows = [row for row in results.further["reliability"] if row["n"] >= MIN_N]
    if not rows:
        return f"No bin has {MIN_N} decisions, so no row says much."
    worst = max(rows, key=lambda row: abs(row["prediction"] - row["outcome"]))
    return (
        f"Among bins with at least {MIN_N} decisions, prediction and people are furthest apart in "
        f"{where(worst)}: predicted {decimal(worst['prediction'])}, people "
        f"{decimal(worst['outcome'])} (n = {worst['n']:,.0f}). A problem with three or more "
        "options spreads its weight over its points, so n need not be a whole number."
    )


def added(results: Results) -> str:
    rows = [
        row for row in results.further["added"] if row["gain"] is not None and row["n"] >= MIN_N
    ]
    if not rows:
        return f"No baseline with an r has {MIN_N} decisions, so the comparison is not made."
    least: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = row["model"], row["format"], row["family"]
        if key not in least or row["gain"] < least[key]["gain"]:
            least[key] = row
    top = max(least.values(), key=lambda row: row["gain"])
    return (
        f"With at least {MIN_N} decisions, and compared with the baseline that leaves least to "
        f"add, a model adds at most {decimal(top['gain'])} of R² ({where(top)}, compared with "
        f"{plain_words(top['baseline'])}). If the partial correlation is negative, the model adds "
        "information only because its predictions are reversed. Nothing is computed for a "
        "constant baseline, or if all people did the same."
    )


def wins(name: str) -> Callable[[Results], str]:
    def sentence(results: Results) -> str:
        rows = [row for row in results.further[name] if row["family"] != "all"]
        if not rows:
            return no_topology(results) if name == "topology" else "Nothing to break down."
        kept = [row for row in rows if row["kept"]]
        base, aligned = (sum(row[side] for row in kept) for side in ("base", "aligned"))
        text = f"A pair is kept in {of(len(kept), rows, 'subsets')}"
        text += f" (base wins {base}, aligned {aligned})." if kept else "."
        left = len(rows) - len(kept)
        if left:
            by_filter = sum(
                "dropped by the filters" in (row["note"] or "") for row in rows if not row["kept"]
            )
            text += (
                f" Of the others, {count(by_filter)} are dropped by the filters and "
                f"{count(left - by_filter)} have too few decisions or situations, or one outcome; "
                "the note says which."
            )
        return text

    return sentence


def no_topology(results: Results) -> str:
    """Why no game has one: it needs two by two options and payoffs that all differ."""
    small = [
        json.loads(row["numbers"])
        for row in results.decisions.select("config", "numbers").iter_rows(named=True)
        if json.loads(row["config"] or "{}").get("size") == "2x2"
    ]
    tied = sum(
        any(len({value for line in game[side] for value in line}) < 4 for side in ("own", "other"))
        for game in small
    )
    text = "There is nothing to show: a topology needs two by two options and no ties in payoffs"
    if not small:
        return f"{text}, and these data have no such one-shot game."
    return f"{text}; of {len(small)} such one-shot games, {tied} have ties."


def groups(results: Results) -> str:
    rows = results.further["groups"]
    names = list(
        dict.fromkeys(m for p in results.analysis.pairs for m in (p["base"], p["aligned"]))
    )
    known = [name for name in names if family_of(name)]
    values = listed(f"{row['group']} {row['value'] or 'not known'}" for row in rows)
    text = f"The pairs are grouped under {values}."
    if len(known) < len(names):
        unknown = listed(name for name in names if name not in known)
        alone = bool(known) and any(row["value"] for row in rows)
        told = f" the group is that of {listed(known)} alone" if alone else ""
        text += (
            f" The catalogue of pairs does not know {unknown};{told or ' so there is no group'}."
        )
    if all(row["kept"] < 2 for row in rows if row["family"] != "all"):
        text += " An interval of the median needs at least two pairs."
    return text


def sweep(results: Results) -> str:
    rows = [row for row in results.further["sweep"] if row["family"] != "all"]
    told, never = [], []
    for family in dict.fromkeys(row["family"] for row in rows):
        here = [row for row in rows if row["family"] == family]
        kept = [row for row in here if row["kept"]]
        if kept:
            sides = listed(sorted({row["direction"] or "neither" for row in kept}))
            told.append(f"{family_name(family)} under {len(kept)} of {len(here)} ({sides})")
        else:
            never.append(family_name(family))
    text = f"Pairs are kept in {listed(told)} combinations of the filters." if told else ""
    if never:
        text += (
            f" No pair is kept in {listed(never)}: no filter gives a winner where the table Pairs "
            "has "
            "none."
        )
    return (
        f"{text} Where mass or min r is “none”, that filter is off.".strip() if rows else "No pair."
    )


def presentations(results: Results) -> str:
    rows = results.further["presentations"]
    if not rows:
        return "Every decision is shown in one presentation."
    wide = max(rows, key=lambda row: row["sd"])
    return (
        "Where decisions are shown in more than one presentation, the share of the target moves "
        f"most in {where(wide)}, by {decimal(wide['sd'])} (standard deviation): this much depends "
        "on position and label alone."
    )


SENTENCES: dict[str, Callable[[Results], str]] = {
    "models": models,
    "pairs": pairs,
    "tests": tests,
    "baselines": baselines,
    "verdict": verdict,
    "numbers": numbers,
    "intervals": intervals,
    "levels": levels,
    "distributions": distributions,
    "differences": differences,
    "votes": votes,
    "ceilings": ceilings,
    "measures": measures,
    "reliability": reliability,
    "added": added,
    "worth": worth,
    "theory": theory,
    "theory_pairs": theory_pairs,
    "parameter": wins("parameter"),
    "round": wins("round"),
    "topology": wins("topology"),
    "formulation": wins("formulation"),
    "presentations": presentations,
    "groups": groups,
    "sweep": sweep,
}
