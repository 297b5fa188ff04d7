"""Statistics over scored decisions, one module each; `analyze` puts them into four tables."""

from tremble.stats.analysis import Analysis, analyze
from tremble.stats.comparisons import Comparison
from tremble.stats.correlation import pearson
from tremble.stats.outcomes import outcomes
from tremble.stats.pairs import MIN_MASS, MIN_R, pair_table
from tremble.stats.predictions import predictions
from tremble.stats.significance import CORE_FAMILIES, binomial, wilcoxon

__all__ = [
    "CORE_FAMILIES",
    "MIN_MASS",
    "MIN_R",
    "Analysis",
    "Comparison",
    "analyze",
    "binomial",
    "outcomes",
    "pair_table",
    "pearson",
    "predictions",
    "wilcoxon",
]
