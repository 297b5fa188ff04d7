"""Two correlations that share a variable: does one prediction fit the same people better?

All three take observations as independent of each other. Choices of one participant or game are
not, so these stand beside the bootstrap of clusters, not in its place; with clustered choices
their p is too small and the interval too short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats as scipy_stats


@dataclass(frozen=True, slots=True)
class Dependent:
    """r(a, y) - r(b, y) on n independent observations; p are two-sided.

    `t` with n - 3 degrees of freedom: Williams. `z`: Steiger. `low`, `high`: Zou's 95% interval.
    All but `difference` are None where `note` says why.
    """

    difference: float | None
    t: float | None
    t_p: float | None
    z: float | None
    z_p: float | None
    low: float | None
    high: float | None
    note: str | None


def williams_t(r_ay: float, r_by: float, r_ab: float, n: int) -> float:
    """Williams' (1959) t with n - 3 degrees of freedom (Steiger 1980, equation 7)."""
    determinant = 1 - r_ay**2 - r_by**2 - r_ab**2 + 2 * r_ay * r_by * r_ab
    mean = (r_ay + r_by) / 2
    spread = 2 * determinant * (n - 1) / (n - 3) + mean**2 * (1 - r_ab) ** 3
    return (r_ay - r_by) * math.sqrt((n - 1) * (1 + r_ab) / spread)


def steiger_z(r_ay: float, r_by: float, r_ab: float, n: int) -> float:
    """Steiger's (1980) Z: Dunn and Clark's statistic with the average r in the covariance."""
    mean = ((r_ay + r_by) / 2) ** 2
    covariance = r_ab * (1 - 2 * mean) - mean * (1 - 2 * mean - r_ab**2) / 2
    shared = covariance / (1 - mean) ** 2
    return (math.atanh(r_ay) - math.atanh(r_by)) * math.sqrt((n - 3) / (2 - 2 * shared))


def zou_interval(
    r_ay: float, r_by: float, r_ab: float, n: int, level: float = 0.95
) -> tuple[float, float]:
    """Zou's (2007, Psychological Methods 12) interval for r_ay - r_by by two Fisher intervals."""
    reach = float(scipy_stats.norm.ppf((1 + level) / 2)) / math.sqrt(n - 3)
    bounds = [
        (math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)) for r in (r_ay, r_by)
    ]
    (low_a, high_a), (low_b, high_b) = bounds
    rest = 1 - r_ay**2 - r_by**2 - r_ab**2
    shared = ((r_ab - r_ay * r_by / 2) * rest + r_ab**3) / ((1 - r_ay**2) * (1 - r_by**2))
    down, up = (r_ay - low_a, high_b - r_by), (high_a - r_ay, r_by - low_b)
    difference = r_ay - r_by
    return difference - _length(down, shared), difference + _length(up, shared)


def _length(sides: tuple[float, float], cosine: float) -> float:
    """Third side of a triangle; the estimated correlation may make it slightly imaginary."""
    return math.sqrt(max(0.0, sides[0] ** 2 + sides[1] ** 2 - 2 * cosine * sides[0] * sides[1]))


def dependent_test(r_ay: float | None, r_by: float | None, r_ab: float | None, n: int) -> Dependent:
    """All three for predictions a and b of the same outcomes y; an undefined r is None."""
    if r_ay is None or r_by is None or r_ab is None:
        return _none(None, "r undefined")
    difference = r_ay - r_by
    if n < 4:
        return _none(difference, f"n = {n}, at least 4 are needed")
    if max(abs(r_ay), abs(r_by)) >= 1:
        return _none(difference, "r is 1 or -1")
    determinant = 1 - r_ay**2 - r_by**2 - r_ab**2 + 2 * r_ay * r_by * r_ab
    if determinant <= 1e-12 or abs(r_ab) >= 1 - 1e-12:
        return _none(difference, "the two predictions and the outcome are linearly dependent")
    t = williams_t(r_ay, r_by, r_ab, n)
    z = steiger_z(r_ay, r_by, r_ab, n)
    low, high = zou_interval(r_ay, r_by, r_ab, n)
    t_p = 2 * float(scipy_stats.t.sf(abs(t), n - 3))
    z_p = 2 * float(scipy_stats.norm.sf(abs(z)))
    return Dependent(difference, t, t_p, z, z_p, low, high, None)


def _none(difference: float | None, note: str) -> Dependent:
    return Dependent(difference, None, None, None, None, None, None, note)
