"""A model that cannot be had leaves nothing of itself in memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from tremble.errors import ModelUnavailable
from tremble.models.hub_cache import Downloads
from tremble.models.spec import ModelSpec
from tremble.study.available import Availability


class Weights:
    """Something large that a model's turn holds."""


def test_the_weights_of_a_model_that_fails_are_gone_before_the_next_has_its_turn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    models = Availability(Downloads(True))
    held: list[weakref.ref[Weights]] = []

    def fails(model: ModelSpec) -> None:
        weights = Weights()
        held.append(weakref.ref(weights))
        try:
            raise MemoryError
        except MemoryError as error:
            raise ModelUnavailable(f"{model.id} takes too much memory") from error

    models.ask_each([ModelSpec("a")], fails)
    gc.collect()
    assert held[0]() is None
    assert models.reasons() == {ModelSpec("a"): "a takes too much memory"}


def test_the_others_have_their_turn() -> None:
    models = Availability(Downloads(True))

    def ask(model: ModelSpec) -> str:
        if model.id == "b":
            raise ModelUnavailable("no b")
        return model.id.upper()

    specs = [ModelSpec(name) for name in "abc"]
    assert models.ask_each(specs, ask) == {specs[0]: "A", specs[2]: "C"}
    assert list(models.unavailable) == [specs[1]]
