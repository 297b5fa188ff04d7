"""The weights of a model, read into memory by transformers, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers.utils import find_adapter_config_file

from tremble.engines import memory
from tremble.engines.base import TOLERANCE
from tremble.engines.merging import before_merging, merged, unfit, with_adapter
from tremble.engines.restoring import Before, Fingerprint, fingerprint
from tremble.engines.tensors import Stored, check_shapes, check_tensors, stored_tensors
from tremble.errors import ModelUnavailable
from tremble.models.adapters import Adapter
from tremble.models.device import device_map, quantiser
from tremble.models.files import ADAPTER_CONFIG, loaded_weights
from tremble.models.from_files import code_revision, is_trusted, quiet
from tremble.models.open import ReadyModel
from tremble.models.spec import ModelSpec, RunOptions
from tremble.text import one_line, visible

# Where transformers looks for an adapter beside the weights: nowhere, whether or not peft is there.
_NO_ADAPTER = {"subfolder": "tremble-merges-adapters-itself"}
_PROBE = 16  # tokens that a merged adapter is tried on


@dataclass(frozen=True, slots=True)
class Weights:
    """A `model` of transformers with its weights; `name` is the user's for it.

    `account` is for the manifest: the `files` and how many `tensors` they hold; how many of these
    are `left_aside`, by part; whether the files hold an output head of their own though the
    configuration ties it to the embedding (`untied`); whether an adapter in the folder was not
    read (`adapter_left_aside`); how far log-probabilities of likely tokens are, with the adapter
    merged, from those of peft (`merged_to`, nat). `notes` are sentences for the user. `rows`: how
    many tokens the model can both read and put out, where its tokenizer knows more, else None.
    `adapted`: whether an adapter is merged; `before`: the weights without it, where they are kept;
    `plain`: what the model was when it was loaded, where adapters will be exchanged.
    """

    model: Any
    name: str
    account: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    rows: int | None = None
    adapted: bool = False
    before: Before | None = None
    plain: Fingerprint | None = None


def load_weights(ready: ReadyModel, options: RunOptions) -> Weights:
    """A model with its weights, and its adapter merged into them.

    Raises ModelUnavailable where the weights cannot be read, do not belong to the configuration,
    the tokenizer or the adapter, or do not fit into memory.
    """
    return _adapted(_without_adapter(ready, options), ready, options)


def with_other_adapter(weights: Weights, ready: ReadyModel, options: RunOptions) -> Weights | None:
    """The weights of one model as those of another that differs in its adapter alone, or has none;
    None where the first cannot be made again what it was when it was loaded; then it is of no use
    afterwards. Raises as `load_weights`."""
    if weights.adapted:
        if weights.before is None:
            return None
        weights.before.put_back()
    if weights.plain is not None and fingerprint(weights.model) != weights.plain:
        return None
    account = {name: value for name, value in weights.account.items() if name != "merged_to"}
    plain = replace(
        weights, name=ready.spec.id, account=account, notes=(), adapted=False, before=None
    )
    return _adapted(plain, ready, options)


def _adapted(weights: Weights, ready: ReadyModel, options: RunOptions) -> Weights:
    """Weights with the adapter of a model merged into them, if it has one."""
    assert ready.files is not None
    adapter, before, account = ready.files.adapter, None, dict(weights.account)
    plain = weights.plain
    if plain is None and ready.more_adapters:
        plain = fingerprint(weights.model)
    if adapter is not None:
        wrapped = with_adapter(weights.model, adapter)
        if ready.more_adapters and plain is not None:
            before = before_merging(wrapped, adapter)
        account["merged_to"] = _merge(wrapped, weights.model, adapter, ready.spec, options)
    rows = row_count(weights.model)
    if rows is None or ready.tokenizer.ids <= rows:
        rows = None
    else:
        _check_rows(ready, rows)
    adapted = adapter is not None
    return replace(weights, account=account, rows=rows, adapted=adapted, before=before, plain=plain)


def _without_adapter(ready: ReadyModel, options: RunOptions) -> Weights:
    """A model with its weights, as its files have them."""
    spec, config = ready.spec, ready.config
    assert ready.files is not None  # made-up models have an engine of their own
    folder = ready.files.folder
    if find_adapter_config_file(str(folder), **_NO_ADAPTER) is not None:
        raise _reads_adapter(folder)
    files = loaded_weights(folder)
    stored = stored_tensors(spec.id, files)
    if options.device == "cpu" and options.quantise is None:
        # A processor's memory is promised without limit, and the system ends whoever uses it.
        kept = getattr(config, "dtype", None)
        wide = getattr(torch, options.dtype).itemsize / getattr(kept, "itemsize", 4)
        needed = wide * sum(path.stat().st_size for path in files)
        if needed > memory.free_bytes(torch.device("cpu")):
            raise _too_large(spec, options)
    if [path.name for path in files] != ["model.safetensors"] and len(files) == 1:
        config.transformers_weights = files[0].name  # else only the usual names are looked for
    model, report = _loaded(ready, options, stored)
    aside = check_tensors(spec.id, model, stored, report)
    if getattr(model, "peft_config", None):
        raise _reads_adapter(folder)
    account = {
        "files": [path.name for path in files],
        "tensors": len(stored),
        "left_aside": aside,
        "untied": _is_untied(model),
        "adapter_left_aside": (folder / ADAPTER_CONFIG).is_file(),
    }
    notes = []
    adapter = ready.files.adapter
    if account["adapter_left_aside"] and adapter is None:
        notes.append(
            f"The adapter in {str(folder)!r} is ignored: the weights in that folder are scored "
            "without it; to merge it into them, give the folder as adapter in [[model]] as well."
        )
    return Weights(model, spec.id, account, tuple(notes))


def _reads_adapter(folder: Path) -> ModelUnavailable:
    """Where transformers would add it if, and only if, peft is installed too."""
    return ModelUnavailable(
        f"The adapter in {str(folder)!r} would be read together with the model by the installed "
        f"transformers; install a later version, or move {ADAPTER_CONFIG!r} elsewhere."
    )


def _loaded(ready: ReadyModel, options: RunOptions, stored: Stored) -> tuple[Any, dict[str, Any]]:
    """The model, and what transformers says of loading it."""
    from transformers import AutoModelForCausalLM

    spec, files = ready.spec, ready.files
    assert files is not None
    try:
        with quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                files.folder,
                config=ready.config,
                dtype=getattr(torch, options.dtype),
                use_safetensors=True,
                trust_remote_code=is_trusted(spec, options),
                code_revision=code_revision(files),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                device_map=device_map(options),
                quantization_config=quantiser(options),
                adapter_kwargs=dict(_NO_ADAPTER),
            )
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise _too_large(spec, options) from error
        _check_architecture(ready)
        # Ends that are tied, one of them of another shape, fail before shapes are reported.
        empty = _empty(ready, options)
        if empty is not None:
            check_shapes(spec.id, empty, stored)
        raise ModelUnavailable(
            f"The model {spec.id!r} cannot be loaded ({one_line(error)}); check that its folder "
            "is complete and that the installed transformers knows its architecture."
        ) from error
    return model, report


def _check_architecture(ready: ReadyModel) -> None:
    """Raises ModelUnavailable for one that transformers knows, and not as a language model."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    )

    kind = type(ready.config)
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING or not kind.__module__.startswith("transformers."):
        return
    shown = visible(str(ready.config.model_type))[:60]
    pictures = " for pictures and text" if kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING else ""
    raise ModelUnavailable(
        f"The model {ready.spec.id!r} has an architecture{pictures} ({shown!r}) that the "
        "installed transformers does not load as a language model; give a text model."
    )


def _empty(ready: ReadyModel, options: RunOptions) -> Any:
    """The model of a configuration without any weights; None where there is none to be had, or
    where quantised weights have shapes of their own."""
    from transformers import AutoModelForCausalLM

    if getattr(ready.config, "quantization_config", None) is not None:
        return None
    try:
        with quiet(), torch.device("meta"):
            return AutoModelForCausalLM.from_config(
                ready.config, trust_remote_code=is_trusted(ready.spec, options)
            )
    except Exception:  # whatever it is stopped the loading, too
        return None


def _is_untied(model: Any) -> bool:
    """Whether the files hold an output head that differs from the embedding, though the
    configuration says that they are one: transformers 5 goes by the files."""
    ends = model.get_input_embeddings(), model.get_output_embeddings()
    if not getattr(model.config, "tie_word_embeddings", False) or None in ends:
        return False
    weights: list[Any] = [getattr(end, "weight", None) for end in ends]
    return None not in weights and weights[0].data_ptr() != weights[1].data_ptr()


def _merge(
    wrapped: Any, model: Any, adapter: Adapter, spec: ModelSpec, options: RunOptions
) -> float:
    """Merges an adapter into the model that it is around, and says how far that moved
    log-probabilities.

    Raises ModelUnavailable where they moved by more than rounding does or are no numbers, and
    where the model does not run with it.
    """
    try:
        before = _probe(wrapped, model)
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise _too_large(spec, options) from error
        raise unfit(adapter, error) from error
    whole = merged(wrapped, adapter).eval()
    after = _probe(whole, whole)
    likely = before.topk(5).indices
    moved = float((before[likely] - after[likely]).abs().max())
    if not math.isfinite(moved):
        raise ModelUnavailable(
            f"The model {spec.id!r} with the adapter {adapter.name!r} returns invalid numbers in "
            f"{options.dtype}; {_wider(options.dtype)}."
        )
    # Quantised weights are rounded anew.
    if options.quantise is None and moved > TOLERANCE[options.dtype]:
        raise ModelUnavailable(
            f"Merging the adapter {adapter.name!r} into its model changes log-probabilities by "
            f"{moved:.2g} nat; merge it yourself and give the folder of the merged model as id."
        )
    return moved


def _wider(dtype: str) -> str:
    """What helps where numbers are too large for a dtype."""
    if dtype == "float32":
        return "copy or download the adapter again, or leave it out"
    return 'in [run], set dtype = "float32"' + (' or "bfloat16"' if dtype == "float16" else "")


def _probe(model: Any, inner: Any) -> torch.Tensor:
    """Log-probabilities after some tokens, [vocabulary]."""
    rows = inner.config.get_text_config().vocab_size
    ids = (torch.arange(1, _PROBE + 1) * 7919 % rows)[None].to(input_device(inner))
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits[0, -1].float()
    return logits - logits.logsumexp(dim=-1)


def input_device(model: Any) -> torch.device:
    """Where ids go: to the embedding, or where its hook works when it is kept elsewhere."""
    embedding = model.get_input_embeddings()
    device = getattr(getattr(embedding, "_hf_hook", None), "execution_device", None)
    return torch.device(next(iter(embedding.parameters())).device if device is None else device)


def _check_rows(ready: ReadyModel, rows: int) -> None:
    """Raises ModelUnavailable where any text may hold tokens for which the model has no row."""
    if beyond := ready.tokenizer.used_from(rows):
        first, count = min(beyond), ready.tokenizer.ids
        raise ModelUnavailable(
            f"The tokenizer of {ready.spec.id!r} has {count:,} tokens, but the model has rows for "
            f"{rows:,} ({beyond[first]!r} is number {first:,}, counted from 0); put the model's "
            "own tokenizer into the folder, or resize the model's weights for this tokenizer."
        )


def row_count(model: Any) -> int | None:
    """Tokens that a model can both read and put out; None where its parts do not say."""
    ends = model.get_input_embeddings(), model.get_output_embeddings()
    weights = [getattr(end, "weight", None) for end in ends]
    # Four-bit weights are stored in another shape.
    sizes = [len(weight) for weight in weights if weight is not None and weight.dim() == 2]
    sizes = [size for size in sizes if size > 1]
    return min(sizes, default=None)


def _too_large(spec: ModelSpec, options: RunOptions) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model {spec.id!r} does not fit into the memory of the device "
        f"{options.device!r} in {options.dtype}; in [run], set a smaller dtype, quantise, "
        'or device = "auto" (all GPUs and main memory together).'
    )
