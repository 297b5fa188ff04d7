"""Which models stand in a line, from which each stage starts, and over which items they are
measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.progress.training import lines_of
from tremble.stats.tables.stopping import stop_table
from tremble.stats.tables.trajectory import Training, task_table

STAGES = (("sft1", "sft", 1), ("sft2", "sft", 2), ("dpo1", "dpo", 1), ("dpo2", "dpo", 2))
MODELS = ("base", *(name for name, _, _ in STAGES))
ITEMS = 24


def record(checkpoints: tuple[tuple[str, str, int], ...] = STAGES, **more: Any) -> dict[str, Any]:
    made = [
        {"model": model, "stage": stage, "step": step, "run": "", "tokens": None}
        for model, stage, step in checkpoints
    ]
    return {"base": "base", "gain": "auto", "keep": 0.93, "beta": 0.1, **more, "checkpoints": made}


def nats(model: int, item: int, side: int) -> float:
    """Some log-probability of an answer and its end of turn, of which the chosen one gains."""
    return -9.0 - 0.3 * np.sin(7 * model + 3 * item + side) + (0.5 * model if side == 0 else 0.0)


def answers(
    models: tuple[str, ...] = MODELS, lacking: tuple[tuple[str, str], ...] = ()
) -> TaskAnswers:
    """Pairs of 4 and 3 tokens, an item a cluster; `lacking`: (model, decision) with an error."""
    sides = ("chosen", "rejected")
    items = [
        {"decision": f"i{n}/{side}", "item": f"i{n}", "cluster": f"c{n}", "subset": None}
        | {"side": side}
        for n in range(ITEMS)
        for side in sides
    ]
    scores = []
    for model in models:
        for n in range(ITEMS):
            for at, side in enumerate(sides):
                name = f"i{n}/{side}"
                gone = (model, name) in lacking
                scores.append(
                    {
                        "model": model,
                        "decision": name,
                        "error": "too long" if gone else None,
                        "response_logprob": None if gone else nats(MODELS.index(model), n, at) + 1,
                        "closing_logprob": None if gone else -1.0,
                        "response_tokens": None if gone else 4 - at,
                    }
                )
    return TaskAnswers(pl.DataFrame(items), pl.DataFrame(scores, infer_schema_length=None))


def dpo(model: str, reference: str, items: range | list[int] = range(ITEMS)) -> float:
    """The mean DPO loss, by hand."""
    losses = []
    for n in items:
        own = nats(MODELS.index(model), n, 0) - nats(MODELS.index(model), n, 1)
        before = nats(MODELS.index(reference), n, 0) - nats(MODELS.index(reference), n, 1)
        losses.append(np.log(1 + np.exp(-0.1 * (own - before))))
    return float(np.mean(losses))


def test_the_reference_is_what_the_last_stage_starts_from() -> None:
    rows = task_table(Training(record(), answers=answers()))
    assert [row["dpo_loss"] for row in rows] == pytest.approx([dpo(m, "sft2") for m in MODELS])
    started = record((*STAGES[:1], ("sft2", "dpo", 0), *STAGES[2:]))  # its own step 0
    rows = task_table(Training(started, answers=answers()))
    assert [row["dpo_loss"] for row in rows] == pytest.approx([dpo(m, "sft2") for m in MODELS])
    alone = record(tuple((model, "", at) for at, model in enumerate(MODELS)))
    rows = task_table(Training(alone, answers=answers()))
    assert [row["dpo_loss"] for row in rows] == pytest.approx([dpo(m, "base") for m in MODELS])


def test_no_model_takes_the_place_of_a_reference_without_scores() -> None:
    some = tuple(model for model in MODELS if model != "sft2")
    training = Training(record(), answers=answers(some))
    rows = task_table(training)
    assert [row["model"] for row in rows] == list(some)
    assert not any("dpo_loss" in row or "implicit_accuracy" in row for row in rows)
    assert {row["g"] for row in rows} == {None}
    why = "the model that the last stage starts from has no scores"
    assert {row["note"].partition("; ")[0] for row in rows} == {why}
    (stop,) = stop_table(training)
    assert (stop["checkpoint"], stop["reason"], stop["gain"]) == (None, why, None)
    # What is measured without a reference has its stop; of a stage without its start there is none.
    stops = stop_table(Training(record(gain="loss"), answers=answers(some)))
    assert [row["stage"] for row in stops] == ["all", "sft"]
    assert {row["measure"] for row in stops} == {"loss"}


def test_an_item_that_one_checkpoint_lacks_counts_at_none() -> None:
    training = Training(record(), answers=answers(lacking=(("sft1", "i3/rejected"),)))
    rows = task_table(training)
    left = [n for n in range(ITEMS) if n != 3]
    assert {(row["items"], row["missing"]) for row in rows} == {(ITEMS - 1, 1)}
    assert [row["dpo_loss"] for row in rows] == pytest.approx(
        [dpo(m, "sft2", left) for m in MODELS]
    )
    # Five tokens each with the end of turn.
    expected = [-np.mean([nats(at, n, 0) for n in left]) / 5 for at in range(len(MODELS))]
    assert [row["loss"] for row in rows] == pytest.approx(expected)


def test_a_checkpoint_without_any_score_is_not_in_the_line() -> None:
    sides = ("chosen", "rejected")
    lacking = tuple(("dpo1", f"i{n}/{side}") for n in range(ITEMS) for side in sides)
    rows = task_table(Training(record(), answers=answers(lacking=lacking)))
    assert [row["model"] for row in rows] == [model for model in MODELS if model != "dpo1"]
    assert {row["missing"] for row in rows} == {0}


def test_no_stop_without_its_reason() -> None:
    (row,) = stop_table(Training(record(), answers=answers(MODELS[1:])))
    assert (row["reason"], row["checkpoint"]) == ("the base model base has no scores", None)
    (row,) = stop_table(Training(record(), answers=answers(("base",))))
    assert row["reason"] == "no checkpoint but the base model has scores"
    assert stop_table(Training()) == []


def test_lines_of_runs() -> None:
    """Checkpoints without a run belong to all runs; a base that is one of them stands once."""
    checkpoints = record((("base", "sft", 0), ("sft1", "sft", 1)))["checkpoints"]
    more = [
        {"model": f"{run}{step}", "stage": "dpo", "step": step, "run": run, "tokens": None}
        for step in (1, 2)
        for run in ("a", "b")
    ]
    lines = lines_of({"base": "base", "checkpoints": [*checkpoints, *more]})
    assert [line.models for line in lines] == [
        ("base", "sft1", "a1", "a2"),
        ("base", "sft1", "b1", "b2"),
    ]
    assert [line.reference() for line in lines] == [1, 1]
    assert lines[0].of_stages() == {"sft": (0, 1), "dpo": (1, 2, 3)}
