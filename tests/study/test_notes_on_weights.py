"""What is said of precisions: one sentence for many models."""

from __future__ import annotations

from typing import Any

from tremble.study.notes import _of_weights

STORED = "weights stored as Q4_K_M (de-quantised); not the published precision."


def manifest(model: str, precision: str = "Q4_K_M (de-quantised)") -> dict[str, Any]:
    return {"model": model, "weights_precision": precision, "identity": {"dtype": "float32"}}


def test_a_few_models_have_a_sentence_each() -> None:
    names = ["a", "b", "c", "d"]
    made = [manifest(name) for name in (*names, "a")]  # a has two jobs
    assert list(_of_weights([*made, manifest("whole", "as published")])) == [
        f"{name}: {STORED}" for name in names
    ]


def test_many_models_share_one() -> None:
    many = [manifest(f"checkpoint-{n}") for n in range(40)]
    other = manifest("half", "as published") | {"identity": {"dtype": "float16"}}
    assert list(_of_weights([*many, other])) == [
        f"checkpoint-0, checkpoint-1, checkpoint-2 and 37 more: {STORED}",
        "half: scored in float16, not float32.",
    ]
