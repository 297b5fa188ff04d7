"""LoRA adapters, merged into the weights of their model.

peft warns, where tensors of an adapter have no place in the model or places stay empty, and goes
on with what fits. Here both are counted and refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tremble.disk.paths import path_of
from tremble.errors import MissingExtra, ModelUnavailable, UserError
from tremble.models.files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    check_header,
    read_json,
    reading,
    tensors_in,
)
from tremble.text import counted, one_line, times, visible

# Settings of LoRA that peft takes whatever is not zero for.
_FLAGS = ("use_rslora", "use_dora", "fan_in_fan_out", "lora_bias")


def adapter_files(adapter: str) -> list[Path]:
    """The configuration and the safetensors of an adapter's folder, which identify it.

    Raises UserError where it is no adapter's folder, ModelUnavailable where its weights are
    pickled, missing or damaged, or its configuration is none or asks for what is not done.
    """
    folder = path_of(adapter)
    path = folder / ADAPTER_CONFIG
    with reading(path):
        if not folder.is_dir():
            raise UserError(f"There is no adapter folder {str(folder)!r}; check the path.")
        if not path.is_file():
            raise UserError(
                f"No adapter_config.json in {adapter!r}; give the folder of a LoRA adapter."
            )
    config = read_json(path)
    if not isinstance(config, dict):
        raise ModelUnavailable(
            f"{str(path)!r} does not contain a JSON object; copy or download it again."
        )
    if config.get("megatron_config"):  # names a module that peft imports
        raise ModelUnavailable(
            f"{str(path)!r} has a megatron_config, which tremble does not support; save the "
            "adapter without it."
        )
    for key in _FLAGS:
        if not isinstance(config.get(key), bool | None):
            raise ModelUnavailable(
                f"{str(path)!r} has {key} = {visible(repr(config[key]))[:60]}, which is neither "
                "true nor false; copy or download the adapter again."
            )
    weights = folder / ADAPTER_WEIGHTS
    if not weights.is_file():
        pickled = folder / "adapter_model.bin"
        if pickled.is_file():
            raise ModelUnavailable(
                f"The adapter {adapter!r} has only pickled weights ({pickled.name}), which "
                "tremble does not read; save it as safetensors."
            )
        raise ModelUnavailable(
            f"The adapter {adapter!r} has no {ADAPTER_WEIGHTS!r}; copy or download it again."
        )
    check_header(weights)
    with reading(folder):
        return [path, *sorted(one for one in folder.iterdir() if one.suffix == ".safetensors")]


def with_adapter(model: Any, adapter: str) -> Any:
    """The model as peft wraps it, with every tensor of an adapter in its place, not merged yet.

    Raises ModelUnavailable where a tensor has no place or another shape, a place has no tensor, or
    the adapter is of a kind that cannot be merged.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingExtra(f"The adapter {adapter!r}", "adapters") from error
    folder = path_of(adapter)
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
            f"{len(surplus)} of the {counted(len(stored), 'tensor')} of the adapter {adapter!r} "
            f"do not fit its model (the first: {surplus[0]!r}); check that the adapter was "
            "trained on this model."
        )
    # An adapter whose training resized the model's ends carries them whole: weights, not additions.
    whole = {name: one for name, one in wrapped.state_dict().items() if name not in places}
    for name, tensor in stored.items():
        if tensor.whole_numbers:
            raise ModelUnavailable(
                f"The tensor {name!r} of the adapter {adapter!r} holds whole numbers "
                f"({tensor.dtype}), but its model needs decimal numbers; copy or download the "
                "adapter again."
            )
        asked = places.get(name, whole.get(name))
        if asked is not None and tuple(asked.shape) != tensor.shape:
            raise ModelUnavailable(
                f"The tensor {name!r} of the adapter {adapter!r} is {times(tensor.shape)}, but "
                f"its configuration and model need {times(asked.shape)}; check that the adapter "
                "was trained on this model."
            )
        if name in whole and not _is_in_place(weights[name], whole[name]):
            raise ModelUnavailable(
                f"The tensor {name!r} of the adapter {adapter!r} was not merged into its model; "
                "merge the adapter yourself and give the folder of the merged model as id."
            )
    if missing := _empty(wrapped, places, set(stored), found.missing_keys):
        raise _lacks(adapter, missing)
    return wrapped.eval()


def merged(wrapped: Any, adapter: str) -> Any:
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
            f"The adapter {adapter!r} cannot be merged into its model ({one_line(error)}); give "
            "another kind of LoRA adapter."
        ) from error


def unfit(adapter: str, error: Exception) -> ModelUnavailable:
    """What a user is told where peft fails with an adapter."""
    return ModelUnavailable(
        f"The adapter {adapter!r} cannot be merged into its model ({one_line(error)}); check that "
        "it was trained on this model."
    )


def _check_kind(adapter: str, config: dict[str, Any], known: Collection[str]) -> None:
    """Raises ModelUnavailable for a kind of adapter that peft does not have, or that adds to what
    is read instead of to the weights."""
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING

    kind = config.get("peft_type")
    known_kind = isinstance(kind, str) and kind in known
    if not known_kind or PEFT_TYPE_TO_CONFIG_MAPPING[kind]().is_prompt_learning:
        raise _not_merged(adapter, kind)


def _not_merged(adapter: str, kind: object) -> ModelUnavailable:
    shown = visible(str(getattr(kind, "value", kind)))[:60]
    return ModelUnavailable(
        f"The adapter {adapter!r} has peft_type = {shown!r}, which cannot be merged into weights; "
        "give a LoRA adapter."
    )


def _lacks(adapter: str, missing: list[str]) -> ModelUnavailable:
    return ModelUnavailable(
        f"The adapter {adapter!r} lacks {counted(len(missing), 'tensor')} that its configuration "
        f"requires for this model (the first: {missing[0]!r}); copy it again, or check that it "
        "was trained on this model."
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
