"""Whether the tensors of a model's files are those that its configuration asks for.

transformers fills what is missing with random numbers, leaves aside what is left over, and takes
either of two that stand for one, each with a warning at most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tremble.errors import ModelUnavailable
from tremble.models.files import StoredTensor, tensors_in
from tremble.text import counted, times

Stored = dict[str, StoredTensor]

# Parts of published checkpoints that a model of text leaves aside, each a component of a name.
# Towers for pictures and sounds, what leads from them to the text model, and what speaks.
_TOWERS = (
    "vision_tower vision_model vision_encoder vision_embed_tokens vision_projection visual vqmodel "
    "embed_vision image_newline img_processor img_projection mm_projector multi_modal_projector "
    "audio_tower audio_model audio_encoder audio_projection embed_audio depth_decoder talker "
    "token2wav code2wav"
)
# Heads besides the next token's: of later tokens (MTP), of a reward (TRL's value head).
_HEADS = "mtp mtp_layers v_head"
_PARTS = frozenset(f"{_TOWERS} {_HEADS}".split())
# Only in layers that predict later tokens.
_MTP_LAYER = frozenset({"eh_proj", "enorm", "hnorm"})
# What older versions of transformers stored, and newer ones compute.
_COMPUTED = re.compile(
    r"rotary_emb\.(inv_freq|original_inv_freq|(sin|cos)_cached)$|(^|\.)position_ids$"
)
_MASK = re.compile(r"(^|\.)(attn|attention|self_attn|self_attention)\.(bias|masked_bias)$")
# Of a head of classes or rewards, whole: "score" is also a component of other names.
_SCORE = re.compile(r"score\.(weight|bias)$")
# Of a cache in a lower precision, which is not used.
_CACHE_SCALE = re.compile(r"\.(k|v|kv)_scale$")
_LAYER = re.compile(r"(?:.*?\.)?(?:layers|h|blocks)\.(\d+)\.")
_EXPERT = re.compile(r"(.*\.experts)\.(\d+)\.(.+)")
_OUTER = re.compile(r"((model|language_model|transformer|gpt_neox|backbone)\.)+")


def stored_tensors(model: str, files: Collection[Path]) -> Stored:
    """The tensors in a model's files, by name.

    Raises ModelUnavailable where two of them stand for one, or one of several experts lacks one.
    """
    stored: Stored = {}
    places: dict[str, tuple[str, str]] = {}
    for path in files:
        for name, tensor in tensors_in(path).items():
            outer = _OUTER.match(name)
            inner = name if outer is None else name[outer.end() :]
            if inner in places:
                other, file = places[inner]
                both = f"{other!r} in {file!r} and {name!r} in {path.name!r}"
                raise ModelUnavailable(
                    f"The weights of {model!r} contain the same tensor twice ({both}); copy or "
                    "download them again."
                )
            places[inner] = name, path.name
            stored[name] = tensor
    _check_experts(model, stored)
    return stored


def _check_experts(model: str, stored: Stored) -> None:
    """Raises ModelUnavailable where an expert between others is not there, or lacks a tensor that
    others have, or has it in another shape: they are put together in the order of their numbers,
    whichever these are."""
    found: dict[str, dict[str, set[int]]] = {}
    first: dict[tuple[str, str], str] = {}
    for name, tensor in stored.items():
        if match := _EXPERT.fullmatch(name):
            found.setdefault(match[1], {}).setdefault(match[3], set()).add(int(match[2]))
            other = first.setdefault((match[1], match[3]), name)
            if tensor.shape != stored[other].shape:
                raise ModelUnavailable(
                    f"The tensor {name!r} of {model!r} is {times(tensor.shape)}, where {other!r} "
                    f"is {times(stored[other].shape)}; copy or download the model again."
                )
    for layer, parts in found.items():
        every = set().union(*parts.values())
        if max(every) > 10_000:  # as many as no model has (see `limits`)
            raise _lacking(model, [f"{layer}.{len(every)}"])
        for part, numbers in sorted(parts.items()):
            if lost := set(range(max(every) + 1)) - numbers:
                raise _lacking(model, [f"{layer}.{min(lost)}.{part}"])


def check_tensors(
    name: str, model: Any, stored: Stored, report: Mapping[str, Any]
) -> dict[str, int]:
    """What of the tensors of a model's files is left aside, and how many tensors each part has;
    `report` is what transformers says of loading them.

    Raises ModelUnavailable where tensors are missing, of another shape, or left over.
    """
    if missing := sorted(report["missing_keys"]):
        raise _lacking(name, missing)
    for tensor, found, asked in sorted(report["mismatched_keys"]):
        raise _mismatched(name, tensor, found, asked)
    if messages := list(report["error_msgs"]):
        raise ModelUnavailable(
            f"The weights of {name!r} do not fit its configuration ({messages[0]}); copy or "
            "download the model again."
        )
    over = sorted(report["unexpected_keys"])
    _check_kinds(name, model, stored)
    aside: Counter[str] = Counter(_own_list(model, set(stored) - set(over)))
    left = []
    mtp = _mtp_layers(model, stored)
    buffers = {buffer for buffer, _ in model.named_buffers()}
    for tensor in over:
        part = _part(tensor, stored, mtp, buffers)
        if part is None:
            left.append(tensor)
        else:
            aside[part] += 1
    if left:
        raise ModelUnavailable(
            f"The weights of {name!r} contain {counted(len(left), 'tensor')} that its "
            f"configuration does not know (the first: {left[0]!r}); copy or download the model "
            "again, including config.json."
        )
    return dict(sorted(aside.items()))


def check_shapes(name: str, empty: Any, stored: Stored) -> None:
    """Raises ModelUnavailable where a stored tensor has another shape than in an empty model of the
    configuration."""
    places = {place: tuple(tensor.shape) for place, tensor in empty.state_dict().items()}
    for tensor, found in sorted(stored.items()):
        for place in _namesakes(tensor, empty.base_model_prefix):
            if places.get(place, found.shape) != found.shape:
                raise _mismatched(name, tensor, found.shape, places[place])


def _check_kinds(name: str, model: Any, stored: Stored) -> None:
    """Raises ModelUnavailable where whole numbers stand for weights, as only quantised models have
    them: they would be read as if they were the weights."""
    quantiser = getattr(model, "hf_quantizer", None)  # none for a method that is not known
    if quantiser is not None and quantiser.pre_quantized:
        return
    weights = {weight for weight, _ in model.named_parameters()}
    for tensor, described in stored.items():
        names = _namesakes(tensor, model.base_model_prefix)
        if described.whole_numbers and (weights.intersection(names) or _EXPERT.fullmatch(tensor)):
            raise ModelUnavailable(
                f"The tensor {tensor!r} of {name!r} holds whole numbers ({described.dtype}), as "
                "only quantised weights do, but its configuration has no quantisation that the "
                "installed transformers knows; copy or download the model again."
            )


def _part(tensor: str, stored: Stored, mtp: set[str], buffers: set[str]) -> str | None:
    """What a tensor without a place belongs to, that a model of text leaves aside; None where it
    is nothing known."""
    for component in tensor.split("."):
        if component in _PARTS:
            return component
    layer = _LAYER.match(tensor)
    if layer is not None and layer[0] in mtp:
        return "mtp"
    if _COMPUTED.search(tensor) or any(_same(tensor, buffer) for buffer in buffers):
        return "buffers"
    if _SCORE.match(tensor):
        return "score"
    if _CACHE_SCALE.search(tensor):
        return "cache_scales"
    mask, found = _MASK.search(tensor), stored.get(tensor)
    if mask is not None and found is not None and _is_mask(mask[3], found.shape):
        return "masks"
    return None


def _is_mask(name: str, shape: tuple[int, ...]) -> bool:
    """Whether `bias` is a mask, square for each of one text and one head, and no row; or
    `masked_bias` the one number that it puts."""
    return len(shape) == 4 if name == "bias" else shape in ((), (1,))


def _mtp_layers(model: Any, stored: Stored) -> set[str]:
    """The layers behind the last one that predict later tokens, as many as the configuration
    has, as the names of their tensors begin."""
    text = model.config.get_text_config()
    layers = getattr(text, "num_hidden_layers", None) or 0
    more = getattr(text, "num_nextn_predict_layers", None) or 0
    begins: set[str] = set()
    for name in stored:
        match = _LAYER.match(name)
        if match and layers <= int(match[1]) < layers + more and _MTP_LAYER & {*name.split(".")}:
            begins.update(_namesakes(match[0], model.base_model_prefix))
    return begins


def _own_list(model: Any, reported_not: Iterable[str]) -> Iterator[str]:
    """ "own list" for every tensor that transformers leaves aside by a list of the architecture's
    own, and so does not report."""
    patterns = list(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ())
    patterns += [r"rotary_emb\.inv_freq", r"(^|\.)position_ids$"]
    places = set(model.state_dict())
    for tensor in reported_not:
        listed = any(re.search(pattern, tensor) for pattern in patterns)
        if listed and not places.intersection(_namesakes(tensor, model.base_model_prefix)):
            yield "own list"


def _namesakes(tensor: str, prefix: str) -> tuple[str, ...]:
    """The names that a tensor may have in the model."""
    return tensor, f"{prefix}.{tensor}", tensor.removeprefix(f"{prefix}.")


def _same(tensor: str, buffer: str) -> bool:
    return buffer == tensor or buffer.endswith(f".{tensor}") or tensor.endswith(f".{buffer}")


def _mismatched(
    model: str, tensor: str, found: Iterable[int], asked: Iterable[int]
) -> ModelUnavailable:
    return ModelUnavailable(
        f"The tensor {tensor!r} of {model!r} is {times(found)} in its file, but {times(asked)} in "
        "its configuration; copy or download the model again."
    )


def _lacking(model: str, missing: list[str]) -> ModelUnavailable:
    return ModelUnavailable(
        f"The weights of {model!r} lack {counted(len(missing), 'tensor')} that its configuration "
        f"requires (the first: {missing[0]!r}); copy or download them again."
    )
