"""The likeliest tokens of a large vocabulary, by blocks, against sorting all of it."""

from __future__ import annotations

import pytest
import torch

from tremble.engines.shared_prefix.readout import likeliest


@pytest.mark.parametrize("width", [40, 512, 30_000, 51_200, 51_201, 262_144])
@pytest.mark.parametrize("count", [1, 7])
def test_the_likeliest_are_those_of_a_sort(width: int, count: int) -> None:
    logits = torch.randn(5, width, generator=torch.Generator().manual_seed(width + count))
    logits[1, -count:] = torch.arange(50.0, 50 + count)  # the last places, outside whole blocks
    logits[2, 10 : 10 + count] = torch.arange(50.0, 50 + count)  # all in one block
    values, places = likeliest(logits, count)
    ordered = logits.sort(dim=-1, descending=True)
    assert torch.equal(values, ordered.values[:, :count])
    assert torch.equal(places, ordered.indices[:, :count])


def test_a_small_vocabulary_gives_all_it_has() -> None:
    values, places = likeliest(torch.tensor([[1.0, 3.0, 2.0]]), 7)
    assert values.tolist() == [[3.0, 2.0, 1.0]]
    assert places.tolist() == [[1, 2, 0]]
