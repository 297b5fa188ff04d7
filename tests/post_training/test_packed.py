"""Log-probabilities of a batch as one row, against the model's own, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import peft
import pytest
import torch

from tests.support.toys import tiny_model
from tremble.post_training.packed import differs, label_logprobs, packed, row_logprobs
from tremble.post_training.samples import IGNORED

pytestmark = pytest.mark.usefixtures("one_thread")
SHARED = list(range(20, 45))  # 25 tokens, past every window of 8
# Rows as (prompt, answer): pairs with a prompt, answers that begin alike, one that ends in another,
# one of a single token, and one that shares nothing.
ROWS = [
    (SHARED, [50, 51, 52, 53]),
    (SHARED, [50, 51, 60]),
    (SHARED, [50, 51]),
    (SHARED[:12], [7, 8, 9]),
    ([5, 6], [100]),
    (SHARED, [50, 51, 52, 53]),  # one that is there already
]


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def model_of(architecture: str) -> Any:
    """With an adapter whose weights all count."""
    torch.manual_seed(1)
    # The router of Llama 4 is a layer that peft cannot wrap.
    targets = "all-linear" if architecture != "Llama4" else ["q_proj", "v_proj", "o_proj"]
    config = peft.LoraConfig(r=2, target_modules=targets, init_lora_weights=False)
    return peft.get_peft_model(tiny_model(architecture).double(), config).eval()


def batch(
    rows: Sequence[tuple[list[int], list[int]]], left: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """ids, mask and labels, padded on one side."""
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.full((len(rows), width), 1)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for number, (prompt, answer) in enumerate(rows):
        row = torch.tensor([*prompt, *answer])
        start = width - len(row) if left else 0
        ids[number, start : start + len(row)] = row
        mask[number, start : start + len(row)] = 1
        labels[number, start + len(prompt) : start + len(row)] = row[len(prompt) :]
    return ids, mask, labels


def alone(model: Any, rows: Sequence[tuple[list[int], list[int]]]) -> list[torch.Tensor]:
    found = []
    for prompt, answer in rows:
        row = torch.tensor([[*prompt, *answer]])
        logits = model(input_ids=row).logits[0]
        at = torch.arange(len(prompt) - 1, row.shape[1] - 1)
        found.append(logits.log_softmax(-1)[at, row[0, len(prompt) :]])
    return found


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {
        name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None
    }


@pytest.mark.parametrize("logprobs", [label_logprobs, row_logprobs])
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("architecture", ["Llama", "Gemma3Text", "GPT2", "Llama4", "Cohere2"])
def test_values_and_gradients_are_those_of_rows_alone(
    architecture: str, left: bool, logprobs: Callable[..., torch.Tensor]
) -> None:
    """Gradients of each token's own share of a sum, so that no two errors cancel out."""
    model = model_of(architecture)
    ids, mask, labels = batch(ROWS, left)
    found = logprobs(model.get_base_model(), ids, mask, labels)
    expected = alone(model, ROWS)
    wanted = labels[:, 1:] != IGNORED
    assert not bool(found[~wanted].any())
    assert [len(one) for one in expected] == wanted.sum(1).tolist()
    # Log-probabilities are handed on as float32.
    assert torch.allclose(found[wanted].double(), torch.cat(expected), atol=2e-6, rtol=0)
    shares = torch.linspace(0.5, 2.0, int(wanted.sum()))
    own = gradients(model, (torch.cat(expected) * shares).sum())
    packed_ones = gradients(model, (found[wanted].double() * shares).sum())
    assert own.keys() == packed_ones.keys()
    assert all("lora_" in name for name in own)
    assert sum(float(one.abs().sum()) for one in own.values()) > 1
    for name, one in own.items():
        assert torch.allclose(packed_ones[name], one, rtol=1e-5, atol=1e-5), name


def test_the_head_runs_over_positions_before_answers_alone() -> None:
    model = tiny_model("Llama").double()
    seen = []
    model.lm_head.register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    ids, mask, labels = batch(ROWS, left=False)
    with torch.no_grad():
        label_logprobs(model, ids, mask, labels)
    # Distinct beginnings up to a token of an answer, itself included.
    places = {
        tuple([*prompt, *answer][: len(prompt) + at + 1])
        for prompt, answer in ROWS
        for at in range(len(answer))
    }
    assert seen == [(1, len(places), 32)]
    assert len(places) < sum(len(answer) for _, answer in ROWS)


def test_every_token_is_computed_once() -> None:
    made = packed([np.array([*prompt, *answer]) for prompt, answer in ROWS])
    beginnings = {
        tuple([*prompt, *answer][: at + 1])
        for prompt, answer in ROWS
        for at in range(len(prompt) + len(answer))
    }
    assert len(made.ids) == len(beginnings)
    for (prompt, answer), places in zip(ROWS, made.places, strict=True):
        assert made.ids[places].tolist() == [*prompt, *answer]
        assert made.depths[places].tolist() == list(range(len(places)))
        for at, place in enumerate(places):
            assert np.flatnonzero(made.sees[place]).tolist() == sorted(places[: at + 1])


def test_no_answer_is_no_pass() -> None:
    ids, mask, labels = batch(ROWS, left=False)
    found = label_logprobs(None, ids, mask, torch.full_like(labels, IGNORED))
    assert found.shape == (len(ROWS), ids.shape[1] - 1)
    assert not bool(found.any())


def test_a_model_that_reads_in_order_is_noticed() -> None:
    """A state-space model goes through a packed row as through one text."""
    rows = [[*prompt, *answer] for prompt, answer in ROWS]
    torch.set_default_dtype(torch.float32)
    for architecture in ("Mamba", "RecurrentGemma", "FalconH1", "Zamba2"):
        assert differs(tiny_model(architecture), rows) is not None, architecture
    for architecture in ("Llama", "Gemma3", "Qwen3Moe"):
        assert differs(tiny_model(architecture), rows) is None, architecture


def test_attention_that_this_way_has_not_is_noticed() -> None:
    torch.set_default_dtype(torch.float32)
    rows = [[*prompt, *answer] for prompt, answer in ROWS]
    assert "softcap" in str(differs(tiny_model("Gemma2"), rows))
    assert "differ" in str(differs(tiny_model("GptOss"), rows))  # sinks


def test_the_check_leaves_a_model_in_training() -> None:
    torch.set_default_dtype(torch.float32)
    model = tiny_model("Llama").train()
    assert differs(model, [[3, 4, 5], [3, 4, 6]]) is None
    assert model.training
