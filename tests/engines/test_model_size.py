"""The size of a model without its weights."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.support.toys import tiny_model
from tremble.engines.model_size import active_parameters, model_size
from tremble.models.spec import ModelSpec, RunOptions


def test_the_size_of_a_model_without_its_weights(tmp_path: Path) -> None:
    model = tiny_model("Gemma3Text")
    model.save_pretrained(tmp_path)
    found = model_size(ModelSpec(str(tmp_path)), RunOptions(dtype="bfloat16"), print)
    assert found is not None
    weights = list(model.parameters())
    assert found.parameters == sum(weight.numel() for weight in weights)
    assert found.weights == 2 * found.parameters
    linear = [part for part in model.modules() if isinstance(part, torch.nn.Linear)]
    head = model.get_output_embeddings()
    each = found.operations
    assert each.token == 2 * sum(part.weight.numel() for part in linear if part is not head)
    assert each.row == 2 * head.weight.numel()
    assert found.download == 0
    config = model.config
    heads = config.num_attention_heads * config.head_dim
    assert each.pair == 4 * heads * len(model.model.layers)
    assert each.one_pass == 0


def test_of_experts_those_count_that_a_token_goes_through() -> None:
    model = tiny_model("Olmoe")
    config = model.config
    experts = [w.numel() for n, w in model.named_parameters() if ".experts." in n]
    assert experts
    apart = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    others = sum(
        w.numel()
        for n, w in model.named_parameters()
        if w.ndim > 1 and id(w) not in apart and ".experts." not in n
    )
    share = config.num_experts_per_tok / config.num_experts
    assert active_parameters(model, config) == int(others + share * sum(experts))
