"""The categories of the experiments in Psych-101 and Psych-201, as their authors sort them.

`figures/psych_categories.csv` has a line for each of the 157 experiments: its name there, the
collection, and the one category that it belongs to, empty for the nine that belong to none.
"""

from __future__ import annotations

from functools import lru_cache

from tremble.published.figures import table

CITATION = (
    "Psych-201 (2026). arXiv:2605.07632; categories of experiments: github.com/marcelbinz/"
    "Psych-201, commit c63dea1, Apache-2.0."
)


@lru_cache(maxsize=1)
def categories() -> dict[str, str]:
    """experiment -> category ("Risky Choice"), for the experiments that have one."""
    rows = table("psych_categories")
    return {row["experiment"]: row["category"] for row in rows if row["category"]}
