r"""How the tokenizer of a GGUF file splits texts before it merges, as the file names it.

The field of the pre-tokenizer is a name alone; what it stands for is written in llama.cpp
(llama-vocab.cpp), and in the tokenizer.json that models were published with. transformers knows
some of these names, and takes GPT-2's split for all others: numbers of four digits then become
other tokens. The patterns here are those of tokenizer.json, with `\p{..}` where llama.cpp lists
letters.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tremble.models.gguf_header import ANOTHER_FORM, Header, Refused, Value
from tremble.text import visible

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_REST}"
_QWEN2 = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_REST}"
_QWEN35 = (
    rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_REST_SLASH = _REST.replace(r"[\r\n]*|", r"[\r\n/]*|", 1)
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    rf"|\p{{N}}|{_REST_SLASH}"
)
_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTIONS}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTIONS}?|\p{{N}}{{1,3}}|{_REST_SLASH}"
)
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DEEPSEEK3 = (
    r"\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)


class _Split(NamedTuple):
    """The patterns, each applied to what the one before left in pieces; whether a piece that is a
    token is taken whole, whatever the merges; whether a beginning-of-sequence token comes first
    where no field says so."""

    patterns: tuple[str, ...]
    whole: bool = False
    begins: bool = False


SPLITS: dict[str, _Split] = {}
for _split, _names in (
    (_Split((_GPT2,)), "gpt-2 phi-2 olmo jais mpt mellum gigachat a.x-4.0 exaone4 trillion"),
    (_Split((r"\p{N}", _GPT2)), "smollm starcoder refact command-r codeshell exaone minerva-7b"),
    (_Split((_LLAMA3,), True, True), "llama3 llama-v3 llama-bpe falcon3 pixtral midm-2.0 lfm2"),
    (_Split((_LLAMA3,)), "dbrx smaug-bpe chatglm-bpe"),
    (_Split((_QWEN2,)), "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan grok-2"),
    (_Split((_QWEN35,)), "qwen35"),
    (_Split((_GPT4O,)), "gpt-4o llama4 kanana2 talkie minimax-m2"),
    (_Split((_TEKKEN,), True, True), "tekken"),
    (_Split(_DEEPSEEK3), "deepseek-v3 hunyuan-dense"),
    (
        _Split((r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, "[0-9][0-9][0-9]")),
        "falcon",
    ),
    (
        _Split(("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")),
        "deepseek-coder",
    ),
    (_Split((r" ?[^(\s|.,!?…。，、।۔،)]+",)), "bloom"),
):
    SPLITS.update(dict.fromkeys(_names.split(), _split))
# Names that the first converter had right: GPT-2's split, and what transformers knew by itself,
# but for tokens that are to be taken whole.
_RIGHT_AT_FIRST = {name for name, split in SPLITS.items() if split.patterns == (_GPT2,)} | {
    *("dbrx", "smaug-bpe", "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "qwen35"),
    *("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"),
}
_KINDS = ("gpt2", "llama", "t5", "gemma4")  # of tokenizers
_PROBES = ("x", " Round  2\n\n1. It's 1000, 12345.67 or ½?\n", "<|x|> <s>")
_TEXT_ONLY = {"gemma", "gemma2", "gemma3"}  # their own class never puts a space before a text


def check_tokenizer(header: Header) -> None:
    """Raises Refused for a tokenizer, or a way to split texts, that is not known."""
    kind, pre = _kind(header), header.fields.get("tokenizer.ggml.pre")
    if kind not in _KINDS:
        raise _unknown("tokenizer", "model", kind)
    if kind == "gpt2" and pre not in SPLITS:
        raise _unknown("pre-tokenizer", "pre", pre)
    if header.architecture in _TEXT_ONLY and _space(header) is True:
        raise Refused("puts a space before every text, which Gemma does not", ANOTHER_FORM)


def tokenizer_arguments(header: Header) -> dict[str, Any]:
    """What a tokenizer is to be made with, beyond what every transformers reads: whether a
    beginning-of-sequence token comes first, as the file says or its kind has it."""
    kind, split = _kind(header), _split_of(header)
    begins = header.fields.get("tokenizer.ggml.add_bos_token")
    if kind not in ("gpt2", "llama"):
        return {}
    if begins is None and (kind == "llama" or (split is not None and split.begins)):
        begins = True
    return {} if begins is None else {"add_bos_token": bool(begins)}


def split_as_named(header: Header, tokenizer: Any, reloaded: Any) -> Any:
    """A tokenizer that splits as the file says; `tokenizer` where it does, and goes on to when its
    own class has saved it and loaded it anew (`reloaded` does that)."""
    from transformers import PreTrainedTokenizerFast

    backend = tokenizer.backend_tokenizer
    split = _split_of(header)
    if split is not None:
        wanted = _pre_tokenizer(split)
        if not _same(backend.pre_tokenizer, wanted):
            backend.pre_tokenizer = wanted
        if split.whole:
            backend.model.ignore_merges = True
    elif _kind(header) == "llama" and header.architecture not in _TEXT_ONLY:
        _space_before(backend, _space(header) is not False)
    if _alike(tokenizer, reloaded(tokenizer)):
        return tokenizer
    named = tokenizer.special_tokens_map.items()
    plain = PreTrainedTokenizerFast(
        tokenizer_object=backend, **{name: text for name, text in named if isinstance(text, str)}
    )
    plain.chat_template = tokenizer.chat_template
    if not _alike(tokenizer, reloaded(plain)):
        pre = visible(str(header.fields.get("tokenizer.ggml.pre")))[:60]
        raise Refused(
            f"has the pre-tokenizer {pre!r}, which transformers replaces in this architecture",
            ANOTHER_FORM,
        )
    return plain


def tokens_right_at_first(header: Header) -> bool:
    """Whether the first converter's tokenizer made the same tokens of every text."""
    kind = _kind(header)
    if kind == "gpt2":
        return header.fields.get("tokenizer.ggml.pre") in _RIGHT_AT_FIRST
    if header.architecture == "phi3":
        return _space(header) is not False
    return kind != "llama" or header.architecture in _TEXT_ONLY


def _kind(header: Header) -> Value:
    return header.fields.get("tokenizer.ggml.model")


def _space(header: Header) -> Value:
    return header.fields.get("tokenizer.ggml.add_space_prefix")


def _split_of(header: Header) -> _Split | None:
    pre = header.fields.get("tokenizer.ggml.pre")
    return SPLITS.get(pre) if _kind(header) == "gpt2" and isinstance(pre, str) else None


def _unknown(what: str, field: str, value: Value) -> Refused:
    if value is None:
        return Refused(f"has no {what} ('tokenizer.ggml.{field}')", ANOTHER_FORM)
    return Refused(
        f"has the {what} {visible(str(value))[:60]!r}, which tremble does not know", ANOTHER_FORM
    )


def _pre_tokenizer(split: _Split) -> Any:
    from tokenizers import Regex, pre_tokenizers

    if split.patterns == (_GPT2,):
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    cuts = [pre_tokenizers.Split(Regex(one), behavior="isolated") for one in split.patterns]
    return pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _space_before(backend: Any, space: bool) -> None:
    """Let a space come before every text and behind every special token, or none. transformers
    leaves it out where there is one already, which neither llama.cpp does nor Llama 2 as it was
    published."""
    from tokenizers import normalizers

    spaces = normalizers.Replace(" ", "▁")
    backend.normalizer = (
        normalizers.Sequence([normalizers.Prepend("▁"), spaces]) if space else spaces
    )
    backend.pre_tokenizer = None


def _same(one: Any, other: Any) -> bool:
    return bool(_written(one) == _written(other))


def _written(pre_tokenizer: Any) -> Any:
    from tokenizers import Tokenizer, models

    bare = Tokenizer(models.BPE())
    if pre_tokenizer is not None:
        bare.pre_tokenizer = pre_tokenizer
    return json.loads(bare.to_str())["pre_tokenizer"]


def _alike(one: Any, other: Any) -> bool:
    """Whether two tokenizers split and begin texts alike; a class may add a normaliser of its own
    to what a file holds, as its published tokenizer has it."""
    inner, another = one.backend_tokenizer, other.backend_tokenizer
    return (
        _same(inner.pre_tokenizer, another.pre_tokenizer)
        and getattr(inner.model, "ignore_merges", None)
        == getattr(another.model, "ignore_merges", None)
        and all(one(text)["input_ids"] == other(text)["input_ids"] for text in _PROBES)
    )
