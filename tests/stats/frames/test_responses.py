"""Responses as one number each, against computation by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.stat_frames import DECISIONS, decision
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.responses import Responses, responses

_MORE = {"values": pl.List(pl.Float64), "n": pl.Int64, "rate_sd": pl.Float64}
_LIKERT: dict[str, Any] = {"keys": ["1", "2", "3"], "target": None, "values": [1.0, 2.0, 5.0]}


def _of(*rows: dict[str, Any], predicted: dict[str, list[float]] | None = None) -> list[Responses]:
    frame = pl.DataFrame(list(rows), schema=DECISIONS | _MORE)
    keys = {row["decision"]: row["keys"] for row in rows}
    held = [
        {"decision": name, "key": key, "prediction": share, "mass": 0.9}
        for name, shares in (predicted or {}).items()
        for key, share in zip(keys[name], shares, strict=True)
    ]
    run = {"model": "m", "format": "plain", "formulation": "standard"}
    predictions = pl.DataFrame([run | one for one in held]) if held else Evidence().predictions
    return list(responses(Evidence(decisions=frame, predictions=predictions)))


def test_values_of_choices_and_of_rates() -> None:
    """Printed rates that add up to .9 are rescaled; n people's mean has the variance of one
    person's value over n."""
    (made,) = _of(
        decision("a", choice="3", **_LIKERT),
        decision("b", rates=[0.1, 0.5, 0.3], n=10, **_LIKERT),
        decision("c", rates=[0.1, 0.5, None], n=10, **_LIKERT),
        predicted={"a": [0.5, 0.25, 0.25]},
    )
    mean = (0.1 + 1.0 + 1.5) / 0.9
    assert made.people == pytest.approx([5.0, mean])
    square = (0.1 * 1 + 0.5 * 4 + 0.3 * 25) / 0.9
    assert made.variance == pytest.approx([np.nan, (square - mean**2) / 10], nan_ok=True)
    assert made.model == pytest.approx(np.array([[0.5 + 0.5 + 1.25, np.nan]]), nan_ok=True)
    assert (made.scale, made.uneven, made.valued) == (4.0, None, True)
    assert made.without == 1 and made.names.to_list() == ["a", "b"]


def test_of_options_with_several_ranges_the_scale_is_the_median_one() -> None:
    """One question in thousands among four on a scale of 0 to 8, one of them moved by 100."""
    keys = list("abc")
    spans = [[0.0, 4.0, 8.0]] * 3 + [[100.0, 104.0, 108.0], [1000.0, 500.0, 0.0]]
    rows = [
        decision(str(i), keys=keys, values=values, choice="b", target=None)
        for i, values in enumerate(spans)
    ]
    (made,) = _of(*rows)
    assert made.ranges == pytest.approx([8, 8, 8, 8, 1000]) and made.scale == 8.0
    assert made.uneven is not None
    assert made.uneven.startswith("options' values range over 8 to 1,000")
    (even,) = _of(*rows[:4])
    assert (even.scale, even.uneven) == (8.0, None)


def test_without_values_the_target_counts() -> None:
    """A rate as printed; of two options with rates the first where none is named; of three options
    without target or value there is no number."""
    (made,) = _of(
        decision("a", choice="no"),
        decision("b", target="no", choice="no"),
        decision("c", target=None, rates=[0.2, 0.8], n=4),
        decision("d", keys=["x", "y", "z"], target="z", rates=[0.2, 0.3, 0.4], n=4, rate_sd=0.3),
        decision("e", keys=["x", "y", "z"], target=None, rates=[0.2, 0.3, 0.4], n=4),
        decision("f", keys=["x", "y", "z"], target=None, choice="x"),
        decision("g"),
        predicted={"b": [0.3, 0.7], "c": [0.6, 0.4]},
    )
    assert made.people == pytest.approx([0.0, 1.0, 0.2, 0.4])
    assert made.variance == pytest.approx([np.nan, np.nan, 0.04, 0.0225], nan_ok=True)
    assert made.model == pytest.approx(np.array([[np.nan, 0.7, 0.6, np.nan]]), nan_ok=True)
    assert (made.scale, made.valued, made.without) == (1.0, False, 2)


def test_values_and_the_target_are_never_mixed() -> None:
    """Where some decisions of a family have values, the others are counted, not taken in."""
    first, second = _of(
        decision("a", choice="3", **_LIKERT),
        decision("b", choice="yes"),
        decision("c", family="persuasion", choice="yes"),
    )
    assert first.people == pytest.approx([5.0]) and first.without == 1
    assert second.people == pytest.approx([1.0]) and not second.valued
