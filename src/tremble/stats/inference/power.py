"""What so many decisions can show, before anything is scored."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, norm
from scipy.stats import t as student

from tremble.stats.inference.arms import ROUNDING

# A difference that a two-sided test at .05 finds with a probability of .80 is so many errors wide.
POWER = float(norm.ppf(0.975) + norm.ppf(0.80))


def smallest_difference(n: int, r: float = 0.3, between: float = 0.5) -> float | None:
    """The smallest difference between two correlations with the same people that `n` independent
    decisions show with a probability of .80 at .05, two-sided; None below four decisions.

    Both correlations lie about `r`, and the two predictions correlate at `between`. The error is
    the large-sample one of Olkin and Siotani (1976), as in Steiger (1980, equation 3) for
    correlations that share a variable.

    Raises ValueError where no three variables can correlate so.
    """
    if 1 - 2 * r**2 - between**2 + 2 * r**2 * between < 0:
        raise ValueError(f"no three variables correlate at {r}, {r} and {between}")
    if n < 4:
        return None
    shared = between * (1 - 2 * r**2) - r**2 * (1 - 2 * r**2 - between**2) / 2
    return POWER * math.sqrt((2 * (1 - r**2) ** 2 - 2 * shared) / n)


def smallest_mean(differences: np.ndarray) -> float | None:
    """The smallest mean difference that so many people (`differences`, one each) show with a
    probability of .80 by a two-sided t test at .05, if they vary as these do; None below two people
    and where nothing varies. By the noncentral t of Cohen's power analysis (1988), the chance of a
    significant difference in the wrong direction left out."""
    n = len(differences)
    sd = float(np.std(differences, ddof=1)) if n > 1 else 0.0
    if not sd > ROUNDING * float(np.max(np.abs(differences), initial=0.0)):
        return None
    bound = float(student.ppf(0.975, n - 1))

    def lacks(noncentral: float) -> float:
        return 0.80 - float(nct.sf(bound, n - 1, noncentral))

    return float(brentq(lacks, 0.0, 2 * bound + POWER)) * sd / math.sqrt(n)
