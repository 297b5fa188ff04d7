"""How much of the gain a stop keeps, where nobody says it."""

from __future__ import annotations

from tremble.errors import UserError

# A convention: the share of task performance that early stopping kept on average in
# arXiv 2605.12199, an outcome there and not a threshold.
KEEP = 0.93


def check_keep(keep: float) -> None:
    """Raises UserError unless `keep` is above 0 and at most 1."""
    if not 0 < keep <= 1:
        raise UserError(
            f"keep = {keep} is no share of the gain; choose a number above 0 and at most 1, "
            f"such as {KEEP}."
        )
