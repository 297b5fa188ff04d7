"""Log-probabilities of answers without kept logits are the plain ones, with the plain gradient, and
take no more memory for a long answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.toys import tiny_model

torch = pytest.importorskip("torch", reason="computes gradients")

PROMPT, ANSWERS = list(range(3, 24)), ([30, 31, 32, 33, 40, 41], [30, 31, 50, 51, 52, 53, 54, 55])


def batch() -> tuple[Any, Any, Any]:
    """Ids, mask and labels of two rows that share a prompt and the beginning of their answers."""
    rows = [PROMPT + one for one in ANSWERS]
    width = max(map(len, rows))
    ids = torch.tensor([[*one, *[0] * (width - len(one))] for one in rows])
    mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in rows])
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, : len(PROMPT)] = -100
    return ids, mask, labels


def plain(model: Any, labels: Any) -> Any:
    """Each row by itself, in double precision from the logits on."""
    out = torch.zeros(labels.shape[0], labels.shape[1] - 1, dtype=torch.float64)
    for number, answer in enumerate(ANSWERS):
        row = torch.tensor([PROMPT + answer])
        logs = model(row).logits[0].double().log_softmax(-1)
        for place in range(len(PROMPT), row.shape[1]):
            out[number, place - 1] = logs[place - 1, row[0, place]]
    return out


def gradients(model: Any, found: Any) -> dict[str, Any]:
    """By all weights of the layers, of a sum in which every token counts differently."""
    model.zero_grad()
    weights = torch.linspace(-1, 2, found.numel(), dtype=found.dtype).view_as(found)
    (found * weights).sum().backward()
    return {
        name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None
    }


# Granite's head has a scale; what Mixtral's layers give has more fields.
@pytest.mark.parametrize(
    "architecture", ["Llama", "Gemma3", "Gemma3Text capped", "Granite", "Mixtral"]
)
@pytest.mark.parametrize("rows", [2, 1000])
def test_values_and_gradients_are_the_plain_ones(
    architecture: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tremble.post_training import head
    from tremble.post_training.packed import label_logprobs

    monkeypatch.setattr(head, "PIECE", rows * 420)
    monkeypatch.setattr(head, "_LEAST", 1)
    model = tiny_model(architecture.split()[0])
    if "capped" in architecture:
        model.config.final_logit_softcapping = 2.0
        assert float(model(torch.tensor([PROMPT])).logits.detach().abs().max()) <= 2
    for one in (
        *model.get_output_embeddings().parameters(),
        *model.get_input_embeddings().parameters(),
    ):
        one.requires_grad_(False)
    ids, mask, labels = batch()
    assert head.split(model, input_ids=ids, attention_mask=mask, use_cache=False) is not None
    found, expected = label_logprobs(model, ids, mask, labels), plain(model, labels)
    assert torch.allclose(found.double(), expected, atol=1e-5)
    ours, others = gradients(model, found), gradients(model, plain(model, labels))
    assert ours.keys() == others.keys() and ours
    for name, one in others.items():
        assert torch.allclose(ours[name], one, atol=2e-5 * float(one.abs().max()) + 1e-7), name


def test_a_head_that_is_trained_gets_its_gradient() -> None:
    from tremble.post_training.packed import label_logprobs

    model = tiny_model("Llama")
    ids, mask, labels = batch()
    ours = gradients(model, label_logprobs(model, ids, mask, labels))
    others = gradients(model, plain(model, labels))
    assert float(others["lm_head.weight"].abs().max()) > 0
    for name, one in others.items():
        assert torch.allclose(ours[name], one, atol=2e-5 * float(one.abs().max()) + 1e-7), name


def test_no_more_than_a_piece_of_logits_is_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by every tensor that an operation makes, forward and backward."""
    from torch.utils._python_dispatch import TorchDispatchMode

    from tremble.post_training import head

    largest = 0

    class Watching(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and out.dim() and out.shape[-1] == words:
                largest = max(largest, out.shape[:-1].numel())
            return out

    words, rows = 5000, 300
    monkeypatch.setattr(head, "PIECE", 40 * words)
    weight = torch.randn(words, 8, requires_grad=False)
    hidden = torch.randn(rows, 8, requires_grad=True)
    chosen = torch.arange(rows)
    with Watching():
        found = head.logprobs(lambda some: some @ weight.T, hidden, chosen, words)
        kept = [one.numel() for one in found.grad_fn.saved_tensors]
        found.sum().backward()
    assert kept == [hidden.numel()]
    assert 0 < largest <= 40
    (slope,) = torch.autograd.grad(
        (hidden @ weight.T).log_softmax(-1)[chosen, chosen].sum(), hidden
    )
    assert torch.allclose(hidden.grad, slope, atol=1e-5)
