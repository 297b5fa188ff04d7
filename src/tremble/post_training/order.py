"""The order in which a stage sees its samples, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tremble.post_training.samples import Sample


def in_training(
    samples: Sequence[Sample], count: int, seed: int, exchange: bool = False
) -> list[Sample]:
    """`count` samples, pass after pass over all of them, each pass in an order of its own.

    `exchange`: in a half of the pairs, the same in every pass, chosen and rejected change places;
    what is then learnt is no preference of anybody.
    """
    draw = np.random.default_rng(seed)
    turned = set(draw.permutation(len(samples))[: len(samples) // 2].tolist()) if exchange else ()
    order: list[int] = []
    while len(order) < count:
        order += draw.permutation(len(samples)).tolist()
    return [
        samples[place].exchanged() if place in turned else samples[place] for place in order[:count]
    ]
