"""The core study's rule of who wins: the higher r, after two filters."""

from __future__ import annotations

from tremble.text import against, decimal

MIN_MASS = 0.80
MIN_R = 0.30
MIN_N = 30
# A mean of values that all equal the threshold can fall short of it by rounding.
SLACK = 1e-9


def winner(r_base: float, r_aligned: float) -> str:
    """'base', 'aligned', or 'tie' where nothing but rounding tells them apart."""
    if abs(r_base - r_aligned) <= SLACK:
        return "tie"
    return "base" if r_base > r_aligned else "aligned"


def dropped(
    r: tuple[float, float],
    mass: tuple[float | None, float | None],
    min_mass: float | None = MIN_MASS,
    min_r: float | None = MIN_R,
) -> str | None:
    """Why the core study's filters drop a pair (base, aligned), or None where it is kept.

    Kept means mass >= `min_mass` for both and max(r) >= `min_r`; None switches a filter off.
    An unknown mass cannot pass.
    """
    reasons = []
    if min_mass is not None:
        for name, value in zip(("base", "aligned"), mass, strict=True):
            if value is None:
                reasons.append(f"mass of {name} not measured")
            elif value < min_mass - SLACK:
                reasons.append(
                    f"mass of {name} {against(value, min_mass)} below {decimal(min_mass)}"
                )
    if min_r is not None and max(r) < min_r - SLACK:
        reasons.append(f"both r below {decimal(min_r)}")
    return "; ".join(reasons) or None
