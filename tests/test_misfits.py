"""What does not fit, counted in decisions: by hand, on rows as a study holds them."""

from __future__ import annotations

import polars as pl
import pytest

from tremble.misfits import misfit_notes, reason_of
from tremble.rendering import MISFIT

Rows = list[tuple[str, str, str, str]]


def rows(formulation: str, **reasons: str) -> Rows:
    return [("demo", formulation, name, MISFIT + why) for name, why in reasons.items()]


def notes(rows: Rows) -> list[str]:
    names = ("dataset", "formulation", "decision", "error")
    return misfit_notes(pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row"))


def test_a_decision_counts_once_and_under_what_does_not_fit_it() -> None:
    found = [
        *rows("reversed_roles", a="no side", b="no side", c="own prompt"),
        *rows("reversed_roles", a="no side", b="no side", c="own prompt"),  # another model
        *rows("reversed_roles", a="no side"),  # another presentation
        *rows("reversed_roles+next_token", a="no side", b="no side", c="own prompt"),
        # The wording does not fit a, b and c with or without the control; d is the control's.
        *rows("reversed_roles+no_history", a="no side", b="no side", c="own prompt", d="no past"),
        *rows("standard+no_history", d="no past"),
        *rows("standard+renamed", d="amounts in words"),
    ]
    assert notes(found) == [
        "The wording reversed_roles does not fit 3 decisions of demo: most often (2), no side.",
        "The control no_history does not fit 1 decision of demo: no past.",
        "The control renamed does not fit 1 decision of demo: amounts in words.",
    ]
    # The same decision of another data set is another decision.
    again = [("mine.jsonl", *row[1:]) for row in rows("standard+renamed", d="amounts in words")]
    assert notes([*found, *again])[-1] == (
        "The control renamed does not fit 1 decision of mine.jsonl: amounts in words."
    )
    assert notes([]) == []


def test_a_reason_that_two_models_give_apart_is_most_frequent_by_decisions() -> None:
    found = rows("simplified", a="not closed", b="own prompt", c="own prompt")
    found += 3 * rows("simplified", a="not closed")  # four rows, one decision
    assert notes(found) == [
        "The wording simplified does not fit 3 decisions of demo: most often (2), own prompt."
    ]


@pytest.mark.parametrize(
    ("formulation", "error", "said"),
    [
        ("standard+no_history", MISFIT + "no past", "the control does not fit: no past"),
        ("minimal", MISFIT + "no past", MISFIT + "no past"),
        ("minimal+next_token", MISFIT + "no past", MISFIT + "no past"),
        ("standard+no_history", "too long", "too long"),
    ],
)
def test_a_reason_names_the_control_where_it_is_one(
    formulation: str, error: str, said: str
) -> None:
    assert reason_of(formulation, error) == said
