"""Passes of a stand-in: what is kept of a model, and how its times become those of the whole."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Gemma3TextConfig

from tests.support.architectures import ARCHITECTURES
from tests.support.toys import tiny_model
from tremble.engines.cost import Cost, Work
from tremble.engines.shared_prefix import stand_in as stand_ins
from tremble.engines.shared_prefix import trial as trials
from tremble.engines.shared_prefix.stand_in import Layers, StandIn, stand_in
from tremble.engines.shared_prefix.trial import Pass, like, timed, trial
from tremble.models.spec import RunOptions

pytestmark = pytest.mark.usefixtures("one_thread")
ALONE = {"Mamba", "FalconMamba", "RecurrentGemma", "FalconH1", "Zamba2"}


def test_layers_left_out_take_what_later_ones_of_their_kind_take() -> None:
    """Of 15 three were kept; the first, of 9 seconds, also made the mask."""
    one = torch.nn.Identity()
    assert Layers((one,) * 3, 15).more([9.0, 2.0, 4.0]) == 12 * 3.0
    assert Layers((one,), 4).more([5.0]) == 3 * 5.0
    assert Layers((one,) * 2, 2).more([5.0, 1.0]) == 0


class Slow(torch.nn.Module):  # type: ignore[misc]
    """A part that takes so many seconds of a clock."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.clock[0] += self.seconds
        return x


def test_times_of_the_whole_model_by_hand() -> None:
    """Embedding 1 s; layers of 5, 2, 4 s that stand for ten of a kind, of 3 s for one, and the last
    of 6 s; the head 0.5 s, of a vocabulary four times as large."""
    now = [0.0]
    parts = [Slow(now, seconds) for seconds in (1, 5, 2, 4, 3, 6, 0.5)]
    _, first, second, third, other, last, _ = parts
    model = torch.nn.Sequential(*parts)
    kinds = [Layers((first, second, third), 10), Layers((other,), 1)]
    made = StandIn(model, kinds, last, 4.0, lambda: now[0])
    body, tail = made.time(lambda: model(torch.zeros(1)))
    assert body == 1 + 5 + 2 + 4 + 3 + 6 + 7 * 3.0
    assert tail == 4 * 0.5
    assert made.time(lambda: model(torch.zeros(1))) == (body, tail)  # nothing is added up
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in parts)


def test_a_cost_is_found_again_from_its_passes() -> None:
    true = Cost(token=1e-4, pair=2e-8, row=4e-3, one_pass=0.01)
    now = [0.0]
    timed_passes: list[Pass] = []

    def run(asked: Pass) -> Callable[[], object]:
        def once() -> None:
            now[0] += true.seconds(asked.work())
            timed_passes.append(asked)

        return once

    def timing(once: Callable[[], object]) -> tuple[float, float]:
        began = now[0]
        once()
        tail = true.row * timed_passes[-1].rows
        return now[0] - began - tail, tail

    made: Any = SimpleNamespace(clock=lambda: now[0], time=timing)
    work = Work(50_000, 50_000 * 400, 1000, 25)

    def design(tokens: int) -> list[Pass]:
        usual = like(work, min(tokens, 2048), 128)
        return [usual, Pass(usual.tokens, 0, usual.rows), like(work, usual.tokens // 4, 128)]

    found = timed(made, run, design)
    assert found.seconds(work) == pytest.approx(true.seconds(work), rel=1e-6)
    other = Work(9000, 9000 * 50, 900, 5)
    assert found.seconds(other) == pytest.approx(true.seconds(other), rel=1e-6)
    assert now[0] < 2 * trials.SECONDS


@pytest.mark.parametrize(
    ("work", "tokens", "expected"),
    [
        # 20 tokens a row, each of which sees 400: 390 of them before its branch.
        (Work(20_000, 8_000_000, 1000), 2000, Pass(2000, 390, 100)),
        # No more than 100 rows in a pass.
        (Work(2000, 100_000, 1000), 2000, Pass(200, 48, 100)),
        # One prompt that shares nothing.
        (Work(101, 5151, 1), 2000, Pass(101, 0, 1)),
        (Work(5, 15, 0), 2000, Pass(5, 0, 1)),
        (Work(0, 0, 0, 0), 2000, Pass(1, 0, 1)),
    ],
)
def test_a_pass_is_like_those_of_a_study(work: Work, tokens: int, expected: Pass) -> None:
    assert like(work, tokens, 100) == expected


@pytest.mark.parametrize("made", [Pass(10, 3, 2), Pass(10, 0, 3), Pass(7, 5, 7), Pass(1, 0, 1)])
def test_a_made_up_pass_is_what_it_counts(made: Pass) -> None:
    cut, work = made.slice(words=4), made.work()
    assert len(cut.ids) == len(cut.depths) == work.tokens == made.tokens
    assert cut.ids.max() < 4
    assert cut.depths[0] == made.depth
    assert work.pairs == sum(depth + 1 for depth in cut.depths.tolist())
    assert len(np.unique(cut.reads[:, 0])) == work.rows == made.rows
    assert cut.reads[-1, 0] == made.tokens - 1


def test_what_is_kept_of_a_model() -> None:
    """Ten sliding layers and two full ones, the last of which stands apart; of 100,000 words those
    that a pass can be told by."""
    types = (["sliding_attention"] * 5 + ["full_attention"]) * 2
    arguments = {**ARCHITECTURES["Gemma3Text"].arguments, "num_hidden_layers": 12}
    config = Gemma3TextConfig(**{**arguments, "layer_types": types, "vocab_size": 100_000})
    made = stand_in(config, RunOptions(dtype="bfloat16"), False, 1e9)
    assert made is not None
    assert [(len(kind.kept), kind.count) for kind in made.layers] == [(3, 10), (1, 1)]
    assert made.words == 100_000 / stand_ins.WORDS
    assert made.model.config.layer_types == ["sliding_attention"] * 3 + ["full_attention"] * 2
    assert list(made.model.model.layers)[-1] is made.last
    weights = list(made.model.parameters())
    assert {weight.dtype for weight in weights} == {torch.bfloat16}
    assert all(bool(torch.isfinite(weight).all()) for weight in weights)
    assert config.num_hidden_layers == 12 and len(config.layer_types) == 12
    # Where memory is short fewer layers are kept, and in the end there is none.
    few = sum(weight.numel() for weight in weights) * 2 - 1
    less = stand_in(config, RunOptions(dtype="bfloat16"), False, few)
    assert less is not None and [len(kind.kept) for kind in less.layers] == [2, 1]
    assert stand_in(config, RunOptions(), False, 1000) is None


@pytest.mark.slow
@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_every_architecture_can_be_tried(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "SECONDS", 0.01)
    found = trial(
        tiny_model(architecture).config,
        RunOptions(),
        False,
        Work(500, 500 * 50, 50, 1),
        Work(2000, 2000 * 60, 50, 50),
    )
    assert found is not None
    # Llama4Tempered shares only in passes shorter than its attention's first step.
    assert found.shared == (architecture not in ALONE | {"Llama4Tempered"})
    assert found.cost.seconds(Work(500, 500 * 50, 50, 1)) > 0


def test_what_cannot_be_tried() -> None:
    """Weights that are made as they are loaded, layers on several devices, no such architecture."""
    config = tiny_model("Llama").config
    work = Work(500, 500 * 50, 50, 1)
    for options in (RunOptions(quantise="8bit"), RunOptions(device="auto")):
        assert trial(config, options, False, work, work) is None
    assert trial(SimpleNamespace(), RunOptions(), False, work, work) is None
