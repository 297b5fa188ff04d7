"""Who wins a pair, by the rule of Shapira et al. (2026): the higher r, after two filters."""

from __future__ import annotations

from dataclasses import dataclass

from tremble.text import against, decimal

MIN_MASS = 0.80
MIN_R = 0.30
MIN_N = 30
# A mean of values that all equal the threshold can fall short of it by rounding.
SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Filters:
    """The least mean mass of both models, and the least r of the better one; None switches one
    off."""

    min_mass: float | None = MIN_MASS
    min_r: float | None = MIN_R


FILTERS = Filters()


def winner(r_base: float, r_aligned: float) -> str:
    """'base', 'aligned', or 'tie' where nothing but rounding tells them apart."""
    if abs(r_base - r_aligned) <= SLACK:
        return "tie"
    return "base" if r_base > r_aligned else "aligned"


def dropped(
    r: tuple[float, float], mass: tuple[float | None, float | None], filters: Filters = FILTERS
) -> str | None:
    """Why the filters drop a pair (base, aligned), or None where it is kept.

    Kept means mass >= `min_mass` for both and max(r) >= `min_r`. An unknown mass cannot pass.
    """
    least, reasons = filters.min_mass, []
    if least is not None:
        for name, value in zip(("base", "aligned"), mass, strict=True):
            if value is None:
                reasons.append(f"mass of {name} not measured")
            elif value < least - SLACK:
                reasons.append(f"mass of {name} {against(value, least)} below {decimal(least)}")
    if filters.min_r is not None and max(r) < filters.min_r - SLACK:
        reasons.append(f"both r below {decimal(filters.min_r)}")
    return "; ".join(reasons) or None
