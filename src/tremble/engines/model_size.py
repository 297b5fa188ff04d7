"""How large a model is and what it computes for a token, from its configuration alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tremble.engines.cost import Cost
from tremble.errors import ModelUnavailable
from tremble.models.files import Notify
from tremble.models.open import source_of
from tremble.models.spec import ModelSpec, RunOptions
from tremble.text import one_line

_BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
_QUANTISED = {"8bit": 1.0, "4bit": 0.5}
# Of the rate of a square matrix product, what a pass reaches with everything else it does: between
# 0.6 and 0.9 in the measurements of docs/performance.md.
_REACHED = 0.7


@dataclass(frozen=True, slots=True)
class ModelSize:
    """`parameters`, of which `active` are multiplied for a token, output head not counted; bytes
    of the weights in memory, and still to be downloaded (None: not known). `pair`, `row`:
    operations for a (token, token it sees) pair, and for a decision row."""

    parameters: int
    active: int
    weights: int
    download: int | None
    pair: int
    row: int
    config: Any
    itemsize: int

    def pass_bytes(self, device: str, longest: int) -> int:
        """What the largest pass takes on top of the weights, with prompts of up to `longest`
        tokens, where memory is not short."""
        import torch

        from tremble.engines.memory import pass_bytes

        kind = torch.device("cuda" if device == "auto" else device)
        return pass_bytes(self.config, self.itemsize, kind, longest)

    def cost(self, gflops: float) -> Cost:
        """What passes should take on a machine whose square matrix products run at `gflops`, to a
        factor of two or so."""
        rate = gflops * 1e9 * _REACHED
        return Cost(2 * self.active / rate, self.pair / rate, self.row / rate, 0.0)


def model_size(spec: ModelSpec, options: RunOptions, notify: Notify) -> ModelSize | None:
    """The size of a model, without its weights; None for a made-up one, which has none.

    Raises what `ModelSource.files` raises, and ModelUnavailable where transformers does not know
    the model.
    """
    source = source_of(spec.id)
    if source.made_up:
        return None
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = source.files(spec, notify, weights=False).folder
    trust = spec.id in options.remote_code
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    except Exception as error:
        raise ModelUnavailable(
            f"The size of {spec.id!r} cannot be told ({one_line(error)}); check that its "
            "architecture is known to the installed transformers."
        ) from error
    text = config.get_text_config()
    heads = getattr(text, "num_attention_heads", None) or 0
    width = getattr(text, "head_dim", None) or (text.hidden_size // heads if heads else 0)
    parameters = sum(part.numel() for part in model.parameters())
    each = _BYTES[options.dtype] if options.quantise is None else _QUANTISED[options.quantise]
    head = model.get_output_embeddings()
    return ModelSize(
        parameters=parameters,
        active=active_parameters(model, text),
        weights=int(parameters * each),
        download=source.missing_bytes(spec),
        pair=4 * heads * width * (getattr(text, "num_hidden_layers", None) or 0),
        row=2 * (0 if head is None else head.weight.numel()),
        config=config,
        itemsize=int(_BYTES[options.dtype]),
    )


def active_parameters(model: Any, config: Any) -> int:
    """Weights of two and more dimensions, embeddings and output head left out; of experts, as many
    as a token goes through."""
    apart = {
        part.weight
        for part in (model.get_input_embeddings(), model.get_output_embeddings())
        if part is not None
    }
    experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
    chosen = getattr(config, "num_experts_per_tok", None)
    total = 0.0
    for name, weight in model.named_parameters():
        if weight.ndim < 2 or weight in apart:
            continue
        share = chosen / experts if ".experts." in name and experts and chosen else 1.0
        total += share * weight.numel()
    return int(total)
