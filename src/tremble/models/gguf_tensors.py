"""That every tensor of a GGUF file is in the model that was made of it, and every parameter of the
model from the file. transformers passes over tensors that its model has no place for, and fills
parameters that have no tensor with random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tremble.models.gguf_header import AGAIN, ANOTHER_FORM, Header, Refused
from tremble.models.gguf_rope import FREQS, LONG, SHORT
from tremble.text import visible

_ROTARY = (FREQS, SHORT, LONG)  # taken into account by the configuration


def check_extent(header: Header) -> None:
    """Raises Refused where a tensor lies over another one, or goes on beyond the file's end."""
    import gguf

    end, before = 0, ""
    for name, one in sorted(header.tensors.items(), key=lambda item: item[1].offset):
        try:
            block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(one.type)]
        except (ValueError, KeyError) as error:
            raise Refused(
                f"holds the tensor {_first([name])} as numbers of an unknown kind ({one.type})",
                ANOTHER_FORM,
            ) from error
        if one.offset < end:
            raise Refused(f"has {_first([before])} and {_first([name])} in the same place", AGAIN)
        before, end = name, one.offset + one.elements // block * size
        if end > header.data:
            raise Refused(f"is cut off within the tensor {_first([name])}", AGAIN)


def rotary_factors(file: Path, header: Header) -> dict[str, Sequence[float]]:
    """The factors per frequency that a file has, by tensor."""
    names = [name for name in _ROTARY if name in header.tensors]
    if not names:
        return {}
    import gguf

    held = {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors if tensor.name in names}
    return {
        name: [float(value) for value in gguf.dequantize(one.data, one.tensor_type).ravel()]
        for name, one in held.items()
    }


def check_tensors(header: Header, model: Any, report: Mapping[str, Any], biases: bool) -> None:
    """Raises Refused, with the tensor's name, for one that is missing, or that went nowhere.

    `report` is what transformers says of the loading. With `biases`, a model has biases since some
    tensors are some; those which the file lacks become zero.
    """
    places = _places(header, model)
    missing = sorted(report["missing_keys"])
    if biases:
        for name in [name for name in missing if name.endswith(".bias")]:
            model.get_parameter(name).data.zero_()
            missing.remove(name)
    tensors = {place: name for name, place in places.items()}
    if missing:
        named = _first([tensors.get(name, name) for name in missing])
        raise Refused(f"lacks the tensor {named}", AGAIN)
    odd = sorted(str(key[0]) for key in report["mismatched_keys"])
    if odd:
        named = _first([tensors.get(name, name) for name in odd])
        raise Refused(
            f"has the tensor {named} in a shape that does not match its own fields", AGAIN
        )
    lost = [*report["unexpected_keys"]]
    if not lost:
        lost = [name for name in header.tensors if name not in places and name not in _ROTARY]
    if lost:
        raise Refused(
            f"has the tensor {_first(lost)}, which transformers does not use in this architecture",
            ANOTHER_FORM,
        )


def _first(names: list[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{visible(names[0])[:100]!r}{more}"


def _places(header: Header, model: Any) -> dict[str, str]:
    """The parameter of the model that each tensor went to, as transformers has it.

    Architectures whose tensors transformers renames by rules report what had no place themselves.
    """
    try:
        from transformers.integrations.gguf import GGUF_ARCHS
    except ImportError:
        pass
    else:
        if header.architecture in GGUF_ARCHS:
            return dict.fromkeys(header.tensors, "")
    from transformers.modeling_gguf_pytorch_utils import (
        TENSOR_PROCESSORS,
        TensorProcessor,
        get_gguf_hf_weights_map,
    )

    processor = TENSOR_PROCESSORS.get(header.architecture, TensorProcessor)(
        config=model.config.to_dict()
    )
    places = get_gguf_hf_weights_map(model, processor)
    if header.architecture == "gpt2":
        places["output.weight"] = "lm_head.weight"  # stored on a way of its own
    # Experts stand together under a name without an ending.
    return {
        name: places.get(name) or places[name.removesuffix(".weight")]
        for name in header.tensors
        if name in places or name.removesuffix(".weight") in places
    } | {name: place for name, place in places.items() if name not in header.tensors}
