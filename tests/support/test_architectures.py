"""The tiny models themselves: float32 is exact enough on them, and every part of a pass counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support.architectures import ARCHITECTURES, WINDOW
from tests.support.toys import tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

LENGTH = 100
IDS = torch.randint(2, 420, (1, LENGTH), generator=torch.Generator().manual_seed(1))


def log_probabilities(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits[0].double()
    return torch.log_softmax(logits, dim=-1)


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_float32_keeps_log_probabilities_to_1e_5_nat(architecture: str) -> None:
    single = log_probabilities(tiny_model(architecture), IDS)
    model = tiny_model(architecture).double()
    model.set_experts_implementation("eager")  # the grouped product knows no float64
    exact = log_probabilities(model, IDS)
    assert float((single - exact).abs().max()) < 5e-6  # so that two passes agree to 1e-5


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_the_last_row_depends_on_tokens_before_it_and_on_none_after(architecture: str) -> None:
    model = tiny_model(architecture)
    place = LENGTH - WINDOW // 2
    changed = IDS.clone()
    changed[0, place] = (changed[0, place] + 7) % 400 + 5
    difference = (log_probabilities(model, changed) - log_probabilities(model, IDS)).abs()
    assert float(difference[:place].max()) < 1e-5
    assert float(difference[-1].max()) > 1e-3  # a hundred times the tolerance of the tests
