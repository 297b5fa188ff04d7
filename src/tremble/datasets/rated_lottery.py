"""A choice between two gambles with the share of people who took the second one, the target."""

from __future__ import annotations

from typing import Any

from tremble.decisions.record import Decision
from tremble.games import lottery


def rated_lottery(id_: str, dataset: str, rate_b: float, **facts: Any) -> Decision:
    """The decision in which `rate_b` of all choices were gamble b; `facts` are what else a
    `Decision` holds."""
    return Decision(
        id=id_,
        dataset=dataset,
        family="lottery",
        options=lottery.OPTIONS,
        target="b",
        rates={"a": round(1 - rate_b, 10), "b": rate_b},  # 1 - .9 is .09999999999999998
        **facts,
    )
