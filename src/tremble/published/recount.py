"""One printed figure held against a recount: the record, and the comparisons it is made with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tremble.published.figures import Entry
from tremble.published.sweep import MASS, MIN_CORR, count, possible_counts
from tremble.stats.inference.significance import binomial

YES, ROUNDING, NO = "yes", "within rounding", "no"


@dataclass(frozen=True, slots=True)
class Claim:
    """What Shapira et al. (2026) print, and what a recount from the embedded figures gives.

    `source` is the embedded table and its row. `recounted` is None where nothing can be
    recounted. `agrees` is "yes", "within rounding" (a plain count of the printed two decimals
    differs, but true values within .005 of them exist that give the printed figure), "no", or
    None where there is nothing to compare. `reason` says how it was recounted, or why not.
    """

    source: str
    claim: str
    printed: str
    recounted: str | None
    agrees: str | None
    reason: str


def unknown(source: str, claim: str, printed: str, reason: str) -> Claim:
    return Claim(source, claim, printed, None, None, reason)


def same(source: str, claim: str, printed: str, recounted: str, agrees: bool, reason: str) -> Claim:
    return Claim(source, claim, printed, recounted, YES if agrees else NO, reason)


def counted(
    source: str,
    claim: str,
    printed: tuple[int, int],
    entries: Sequence[Entry],
    reason: str = "both filters, two decimals",
) -> Claim:
    """Wins at the main filters (.8, .3), the ties named, and both sides' counts held jointly."""
    recounted = count(entries, MASS, MIN_CORR)
    wins = (recounted["base"], recounted["aligned"])
    if wins == printed:
        agrees = YES
    else:
        agrees = ROUNDING if printed in possible_counts(entries, MASS, MIN_CORR) else NO
        reason += (
            f"; true values allow base {recounted['base_min']} to {recounted['base_max']}, "
            f"aligned {recounted['aligned_min']} to {recounted['aligned_max']}"
        )
    ties = f", {recounted['ties']} tied" if recounted["ties"] else ""
    return Claim(source, claim, ratio(printed), ratio(wins) + ties, agrees, reason)


def ratio(wins: tuple[int, int]) -> str:
    return f"{wins[0]}:{wins[1]}"


def rounds_to(value: float, printed: str) -> bool:
    """Whether a value is within half a unit of a printed number's last digit.

    The bound itself counts as either neighbour: .0625 may be printed .062 or .063.
    """
    number = Decimal(printed)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(1).scaleb(exponent) / 2
    return abs(Decimal(value) - number) <= half * (1 + Decimal("1e-9"))


def p_of(wins: tuple[int, int]) -> float:
    """One-sided binomial p in the winner's direction."""
    return binomial(max(wins), min(wins))


def p_agrees(p: float, printed: str) -> bool:
    """'<1e-6' is a bound, everything else a rounded number."""
    return p < float(printed[1:]) if printed.startswith("<") else rounds_to(p, printed)


def p_claim(source: str, claim: str, wins: tuple[int, int], printed: str) -> Claim:
    """A printed p against the binomial p of printed counts."""
    p, exact = p_of(wins), "one-sided binomial p of the printed counts"
    shown = printed if printed.startswith("<") else f"p {printed}"
    return same(source, claim, shown, f"{p:.2e}", p_agrees(p, printed), exact)


def ratio_claim(source: str, claim: str, wins: tuple[int, int], printed: str) -> Claim:
    """A printed ratio of the larger to the smaller side against printed counts."""
    value = max(wins) / min(wins)
    agrees = math.isfinite(value) and rounds_to(value, printed)
    return same(source, claim, f"{printed}:1", f"{value:.2f}:1", agrees, f"from {ratio(wins)}")


def as_markdown(claims: Sequence[Claim]) -> str:
    """A table with a line per claim; a claim that cannot be recounted shows dashes."""
    lines = [
        "| source | claim | printed | recounted | agrees | reason |",
        "|---|---|---|---|---|---|",
    ]
    for c in claims:
        cells = (c.source, c.claim, c.printed, c.recounted or "–", c.agrees or "–", c.reason)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
