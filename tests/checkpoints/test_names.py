"""Stage and step in the names that checkpoints have."""

from __future__ import annotations

import pytest

from tremble.checkpoints.names import KNOWN, Step, step_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("checkpoint-100", Step(None, 100)),
        ("checkpoint-0", Step(None, 0)),
        ("step1000", Step(None, 1000)),
        ("step1000-tokens4B", Step(None, 1000, 4_000_000_000)),
        ("step-001000-2BT", Step(None, 1000, 2_000_000_000)),
        ("step500-tokens1.5T", Step(None, 500, 1_500_000_000_000)),
        ("step10-tokens250M", Step(None, 10, 250_000_000)),
        ("stage1-step-40000", Step("stage1", 40_000)),
        ("stage2-ingredient1-step1000-tokens3B", Step("stage2-ingredient1", 1000, 3_000_000_000)),
        ("annealing_step_7", Step("annealing", 7)),
        ("sft-checkpoint-12", Step("sft", 12)),
        ("global_step_500", Step(None, 500)),
        ("global_step500", Step(None, 500)),
        ("step_500", Step(None, 500)),
        ("iter_0001000", Step(None, 1000)),
        ("ckpt_356", Step(None, 356)),
        ("epoch-3", Step(None, 3, unit="epoch")),
        ("epoch_1-step_500", Step(None, 500)),
        ("Step-5", Step(None, 5)),
    ],
)
def test_names_in_use(name: str, expected: Step) -> None:
    assert step_of(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("main", "", "final", "checkpoint", "checkpoint-best", "step-", "v1.0", "footstep3", "7b"),
        *(
            "tmp-checkpoint-8",
            "step-1000-old",
            "checkpoint-1.5",
            "step²",
            f"step{'9' * 400}",
            "step1000-tokens4",
        ),
    ],
)
def test_names_without_a_step(name: str) -> None:
    assert step_of(name) is None


def test_the_names_that_errors_list_are_known() -> None:
    listed = KNOWN.replace(" and ", ", ").split(", ")
    assert len(listed) == 7
    assert all(step_of(name) for name in listed)
