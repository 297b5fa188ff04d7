"""Decisions as a table: theory and topology stand beside what people did."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tremble.baselines.base import baseline_predictions
from tremble.baselines.cases import NO_NUMBERS
from tremble.datasets.base import Notes
from tremble.datasets.demo import load
from tremble.decisions.record import Decision, Option
from tremble.study.decision_frame import decision_frame


def one_shot(own: list[Any], other: list[Any], **more: Any) -> Decision:
    keys = [str(row) for row in range(1, len(own) + 1)]
    return Decision(
        "d",
        "mine",
        "one_shot_matrix",
        tuple(Option(key, f"option {key}") for key in keys),
        rates={key: 1 / len(keys) for key in keys},
        role="row",
        rules={"own_payoffs": own, "other_payoffs": other},
        **more,
    )


def test_a_dilemma_is_named_and_solved() -> None:
    dilemma = one_shot([[3, 1], [4, 2]], [[3, 4], [1, 2]])
    larger = one_shot([[1, 2], [3, 4], [5, 6]], [[1, 2], [3, 4], [5, 6]])
    named = one_shot([[3, 1], [4, 2]], [[3, 4], [1, 2]], config={"topology": "mine"})
    frame = decision_frame([dilemma, larger, named])
    configs = [json.loads(text) for text in frame["config"]]
    assert configs == [{"topology": "dilemma"}, {}, {"topology": "mine"}]
    assert frame["normative"].to_list()[0] == [0.0, 1.0]
    assert frame["normative_why"].to_list()[0] is None


@pytest.mark.slow
def test_every_embedded_decision_has_a_theory_or_a_reason(tmp_path: Path) -> None:
    frame = decision_frame(load(tmp_path, Notes()))
    assert frame.height == 1911
    silent = frame.filter(pl.col("normative").is_null())
    assert 0 < silent.height < frame.height / 2
    assert silent["normative_why"].null_count() == 0
    sums = frame["normative"].drop_nulls().list.sum()
    whole = frame.filter(pl.col("normative_why").is_null())["normative"].list.sum()
    assert ((whole - 1).abs() < 1e-9).all()
    assert (sums < 1 + 1e-9).all()


def test_a_prompt_of_ones_own_has_no_theory() -> None:
    own = Decision("d", "mine", "custom", (Option("a", "a"), Option("b", "b")), prompt="Go?")
    frame = decision_frame([own])
    assert frame.select("normative", "normative_why").rows() == [
        (None, "no game that tremble knows")
    ]


def test_what_was_read_is_told_apart_by_system_prompt_and_opening() -> None:
    options = (Option("a", "a"), Option("b", "b"))

    def own(**more: Any) -> Decision:
        return Decision("d", "mine", "lottery", options, **{"prompt": "Go?", **more})

    texts = [own(), own(participant="p"), own(system="Go?", prompt=""), own(opening="I ")]
    read = [json.loads(text)["read"] for text in decision_frame(texts)["numbers"]]
    assert read[0] == read[1] and len(set(read)) == 3
    # A family of games that baselines know does not make numbers of a prompt.
    frame = decision_frame([replace(one, id=str(i), choice="a") for i, one in enumerate(texts)])
    said = baseline_predictions(frame).filter(pl.col("baseline") == "prospect_theory")
    assert said["prediction"].null_count() == 4
    assert set(said["why"]) == {NO_NUMBERS}
