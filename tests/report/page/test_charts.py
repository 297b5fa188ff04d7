"""Bins of the drawings."""

from __future__ import annotations

import polars as pl
import pytest

from tests.support.pages import study
from tests.support.stat_frames import decision, frames, score
from tremble.report.page.charts import binned
from tremble.stats.tables.analysis import evidence_of


def test_bins_hold_every_point_once_and_their_means() -> None:
    found = binned(study()[0].evidence)
    plain = found.filter(pl.col("model") == "acme/base", pl.col("family") == "negotiation")
    assert plain["points"].sum() == 40
    assert (plain["prediction"] * 10).floor().cast(pl.Int32).to_list() == plain["bin"].to_list()
    assert (plain["outcome"] * plain["points"]).sum() == pytest.approx(20)


def test_a_certain_prediction_is_in_the_last_bin() -> None:
    people = [decision("d", choice="yes")]
    found = binned(evidence_of(*frames([score("d", [1.0, 0.0])], people)))
    assert found["bin"].to_list() == [9]
