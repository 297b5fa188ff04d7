"""How large a model is and what it computes for a token, from its configuration alone."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tremble.engines.cost import Cost
from tremble.errors import ModelUnavailable
from tremble.models.files import Notify
from tremble.models.from_files import is_trusted, read_config
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
    """How many `parameters`; bytes of the weights in memory, and still to be downloaded (None: not
    known); what passes compute (see `operations`); `shape` is the same for models whose passes
    take equally long, `trusted` says whether code of the model's own may run."""

    parameters: int
    weights: int
    download: int | None
    operations: Cost
    config: Any
    itemsize: int
    shape: str = ""
    trusted: bool = False

    def pass_bytes(self, device: str, longest: int) -> int:
        """What the largest pass takes on top of the weights, with prompts of up to `longest`
        tokens, where memory is not short."""
        import torch

        from tremble.engines.memory import pass_bytes

        kind = torch.device("cuda" if device == "auto" else device)
        return pass_bytes(self.config, self.itemsize, kind, longest)

    def cost(self, gflops: float) -> Cost:
        """What passes should take on a machine whose square matrix products run at `gflops`, to a
        factor of four or so: what passes do besides is not in it."""
        return self.operations.times(1 / (gflops * 1e9 * _REACHED))


def model_size(spec: ModelSpec, options: RunOptions, notify: Notify) -> ModelSize | None:
    """The size of a model, without its weights; None for a made-up one, which has none.

    Raises what `ModelSource.files` raises, and ModelUnavailable where transformers does not know
    the model.
    """
    source = source_of(spec.id)
    if source.made_up:
        return None
    import torch
    from transformers import AutoModelForCausalLM

    files = source.files(spec, notify, weights=False)
    trust = is_trusted(spec, options)
    try:
        config = read_config(spec, files, options)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    except Exception as error:
        raise ModelUnavailable(
            f"The size of {spec.id!r} cannot be determined ({one_line(error)}); check that the "
            "installed transformers knows its architecture."
        ) from error
    parameters = sum(part.numel() for part in model.parameters())
    each = _BYTES[options.dtype] if options.quantise is None else _QUANTISED[options.quantise]
    return ModelSize(
        parameters=parameters,
        weights=int(parameters * each),
        download=source.missing_bytes(spec),
        operations=operations(model),
        config=config,
        itemsize=int(_BYTES[options.dtype]),
        shape=_shape(model),
        trusted=trust,
    )


def operations(model: Any) -> Cost:
    """Floating-point operations in place of seconds: of a token through the layers, of a (token,
    token it sees) pair, of a decision row through the output head."""
    text = model.config.get_text_config()
    heads = getattr(text, "num_attention_heads", None) or 0
    width = getattr(text, "head_dim", None) or (text.hidden_size // heads if heads else 0)
    layers = getattr(text, "num_hidden_layers", None) or 0
    head = model.get_output_embeddings()
    return Cost(
        token=2 * active_parameters(model, text),
        pair=4 * heads * width * layers,
        row=2 * (0 if head is None else head.weight.numel()),
        one_pass=0.0,
    )


def widest_window(config: Any) -> int:
    """Tokens of the widest window or chunk that layers of a model see; 0 where none is limited."""
    text = config.get_text_config()
    names = ("sliding_window", "attention_chunk_size")
    return max(int(getattr(text, name, None) or 0) for name in names)


def _shape(model: Any) -> str:
    """A hash of what decides how long passes take: twins have the same."""
    text = model.config.get_text_config()
    kinds = [getattr(text, name, None) for name in ("layer_types", "sliding_window")]
    weights = [(name, tuple(weight.shape)) for name, weight in model.named_parameters()]
    return sha256(repr((type(model).__name__, kinds, weights)).encode()).hexdigest()


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
