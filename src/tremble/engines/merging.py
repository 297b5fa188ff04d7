"""LoRA adapters, merged into the weights of their model.

peft warns, where tensors of an adapter have no place in the model or places stay empty, and goes
on with what fits. Here both are counted and refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

import torch

from tremble.engines import memory
from tremble.engines.restoring import Before
from tremble.errors import MissingExtra, ModelUnavailable
from tremble.models.adapters import Adapter
from tremble.models.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, read_json, tensors_in
from tremble.text import counted, one_line, times, visible


def with_adapter(model: Any, adapter: Adapter) -> Any:
    """The model as peft wraps it, with every tensor of an adapter in its place, not merged yet.

    Raises ModelUnavailable where a tensor has no place or another shape, a place has no tensor, or
    the adapter is of a kind that cannot be merged.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingExtra(f"The adapter {adapter.name!r}", "adapters") from error
    folder = adapter.folder
    _check_kind(adapter, read_json(folder / ADAPTER_CONFIG), set(peft.PeftType))
    stored = tensors_in(folder / ADAPTER_WEIGHTS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say of tensors is counted here
            wrapped = peft.PeftModel.from_pretrained(
                model, str(folder), ignore_mismatched_sizes=True
            )
            places = peft.get_peft_model_state_dict(wrapped, save_embedding_layers=False)
            weights = peft.load_peft_weights(str(folder), device="cpu")
            found = peft.set_peft_model_state_dict(wrapped, weights, ignore_mismatched_sizes=True)
    except KeyError as error:  # a tensor that the configuration implies and peft looks up
        raise _lacks(adapter, [str(error.args[0] if error.args else "")]) from error
    except Exception as error:
        raise unfit(adapter, error) from error
    if not hasattr(wrapped.base_model, "merge_and_unload"):
        raise _not_merged(adapter, wrapped.peft_config["default"].peft_type)
    if surplus := sorted(found.unexpected_keys):
        raise ModelUnavailable(
            f"{len(surplus)} of the {counted(len(stored), 'tensor')} of the adapter "
            f"{adapter.name!r} do not fit its model (the first: {surplus[0]!r}); check that the "
            "adapter was trained on this model."
        )
    # An adapter whose training resized the model's ends carries them whole: weights, not additions.
    whole = {name: one for name, one in wrapped.state_dict().items() if name not in places}
    for name, tensor in stored.items():
        if tensor.whole_numbers:
            raise ModelUnavailable(
                f"The tensor {name!r} of the adapter {adapter.name!r} holds whole numbers "
                f"({tensor.dtype}), but its model needs decimal numbers; copy or download the "
                "adapter again."
            )
        asked = places.get(name, whole.get(name))
        if asked is not None and tuple(asked.shape) != tensor.shape:
            raise ModelUnavailable(
                f"The tensor {name!r} of the adapter {adapter.name!r} is {times(tensor.shape)}, "
                f"but its configuration and model need {times(asked.shape)}; check that the "
                "adapter was trained on this model."
            )
        if name in whole and not _is_in_place(weights[name], whole[name]):
            raise ModelUnavailable(
                f"The tensor {name!r} of the adapter {adapter.name!r} was not merged into its "
                "model; merge the adapter yourself and give the folder of the merged model as id."
            )
    if missing := _empty(wrapped, places, set(stored), found.missing_keys):
        raise _lacks(adapter, missing)
    return wrapped.eval()


def merged(wrapped: Any, adapter: Adapter) -> Any:
    """The model of transformers with its adapter merged into its weights.

    An output head that is the embedding's own matrix gets one of its own where the adapter changes
    one of the two: peft adds to the one that it was trained on, merged it would be added to both.
    Raises ModelUnavailable where peft cannot merge it.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    inner = wrapped.get_base_model()
    ends = [inner.get_input_embeddings(), inner.get_output_embeddings()]
    layers = [getattr(end, "base_layer", end) for end in ends]
    weights: list[Any] = [getattr(layer, "weight", None) for layer in layers]
    if any(isinstance(end, BaseTunerLayer) for end in ends) and weights[0] is weights[1]:
        layers[1].weight = type(weights[1])(weights[1].detach().clone(), requires_grad=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tie that was just taken apart
            return wrapped.merge_and_unload()
    except Exception as error:  # variants that cannot be merged
        raise ModelUnavailable(
            f"The adapter {adapter.name!r} cannot be merged into its model ({one_line(error)}); "
            "give another kind of LoRA adapter."
        ) from error


def before_merging(wrapped: Any, adapter: Adapter) -> Before | None:
    """The weights of the layers that an adapter is around, which merging will change.

    None where putting them back would plainly not give the model back: the file of the adapter
    holds tensors of the model whole, or it adds to an embedding or output head; and where there is
    too little memory. What this does not foresee, `fingerprint` finds.
    """
    from peft.tuners.lora import LoraLayer
    from peft.tuners.tuners_utils import BaseTunerLayer

    inner = wrapped.get_base_model()
    config = adapter.config()
    if config.get("modules_to_save") or config.get("trainable_token_indices"):
        return None
    if set(wrapped.state_dict()) & set(tensors_in(adapter.folder / ADAPTER_WEIGHTS)):
        return None
    ends = {id(inner.get_input_embeddings()), id(inner.get_output_embeddings())}
    changed: list[torch.nn.Parameter] = []
    for module in inner.modules():
        if not isinstance(module, BaseTunerLayer):
            continue
        layer = module.get_base_layer()
        if not isinstance(module, LoraLayer) or {id(module), id(layer)} & ends:
            return None
        changed += list(layer.parameters(recurse=False))
    if not changed:
        return None
    needed = sum(one.numel() * one.element_size() for one in changed)
    return None if needed > memory.free_bytes(torch.device("cpu")) else Before(inner, changed)


def unfit(adapter: Adapter, error: Exception) -> ModelUnavailable:
    """What a user is told where peft fails with an adapter."""
    return ModelUnavailable(
        f"The adapter {adapter.name!r} cannot be merged into its model ({one_line(error)}); check "
        "that it was trained on this model."
    )


def _check_kind(adapter: Adapter, config: dict[str, Any], known: Collection[str]) -> None:
    """Raises ModelUnavailable for a kind of adapter that peft does not have, or that adds to what
    is read instead of to the weights."""
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING

    kind = config.get("peft_type")
    known_kind = isinstance(kind, str) and kind in known
    if not known_kind or PEFT_TYPE_TO_CONFIG_MAPPING[kind]().is_prompt_learning:
        raise _not_merged(adapter, kind)


def _not_merged(adapter: Adapter, kind: object) -> ModelUnavailable:
    shown = visible(str(getattr(kind, "value", kind)))[:60]
    return ModelUnavailable(
        f"The adapter {adapter.name!r} has peft_type = {shown!r}, which cannot be merged into "
        "weights; give a LoRA adapter."
    )


def _lacks(adapter: Adapter, missing: list[str]) -> ModelUnavailable:
    return ModelUnavailable(
        f"The adapter {adapter.name!r} lacks {counted(len(missing), 'tensor')} that its "
        f"configuration requires for this model (the first: {missing[0]!r}); copy it again, or "
        "check that it was trained on this model."
    )


def _empty(
    wrapped: Any, places: dict[str, Any], names: set[str], not_loaded: Collection[str]
) -> list[str]:
    """The places of an adapter's tensors that none of its file's went to.

    Older adapters of models with experts have other names than the places, and peft converts them:
    then only what peft says of places counts.
    """
    if names - set(places) - set(wrapped.state_dict()):
        return sorted(name for name in not_loaded if ".default" in name)
    return sorted(set(places) - names)


def _is_in_place(stored: Any, loaded: Any) -> bool:
    """Whether a tensor of the model is the stored one, in the precision that the model has. One
    that is kept on a disk cannot be seen, and counts as it."""
    return loaded.is_meta or bool((loaded.detach().cpu() == stored.to(loaded.dtype)).all())
