"""Tokenizers and models small enough to check by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.support.architectures import ARCHITECTURES


class GreedyTokenizer:
    """Longest match from the left over a given vocabulary, so that tokens span joins at will."""

    def __init__(self, words: Sequence[str], bos: bool = False, lower: bool = False) -> None:
        self.words = [*words, *(chr(code) for code in range(32, 127)), "\n", "<s>"]
        self.lower = lower
        self.plain = False
        self._bos = (self.words.index("<s>"),) if bos else ()
        self.template: str | None = None

    @property
    def key(self) -> str:
        return repr((self.words, self.lower, self.plain))

    @property
    def bos(self) -> tuple[int, ...]:
        return self._bos

    @property
    def special(self) -> Mapping[str, str]:
        return {"bos_token": "<s>"}

    @property
    def special_texts(self) -> Sequence[str]:
        return ["<s>"]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._encode(text.lower() if self.lower else text) for text in texts]

    def encode_ends(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]] | None:
        made = []
        for ids in self.encode(texts):
            made.append((ids, list(accumulate(len(self.words[one]) for one in ids))))
        return made

    def literal(self) -> GreedyTokenizer:
        other = copy(self)
        other.plain = True
        return other

    @property
    def control(self) -> frozenset[int]:
        return frozenset({self.words.index("<s>")})

    @property
    def added(self) -> frozenset[int]:
        return frozenset()

    def _encode(self, text: str) -> list[int]:
        ids = []
        while text:
            known = (w for w in self.words if not self.plain or w != "<s>")
            word = max((w for w in known if text.startswith(w)), key=len)
            ids.append(self.words.index(word))
            text = text[len(word) :]
        return ids

    def pieces(self) -> Sequence[str]:
        return self.words

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.words[index] for index in ids)


TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def bpe_tokenizer(bos: bool = False, template: str | None = TEMPLATE) -> Any:
    """A byte-level BPE tokenizer, trained here, whose merges cross the join of prompt and label."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    inner.train_from_iterator(
        ['Answer: yes or no: {"decision": "accept"} reject option J Option F yes please'] * 20,
        trainer,
    )
    if bos:
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", inner.token_to_id("<s>"))]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(architecture: str, vocabulary: int = 420, seed: int = 0) -> Any:
    """A random model built from its config, with weights large enough to have opinions."""
    import torch
    import transformers

    described = ARCHITECTURES[architecture]
    ids = {"vocab_size": vocabulary, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    arguments = dict(described.arguments)
    if "text_config" in arguments:
        arguments["text_config"] = {**arguments["text_config"], **ids}
    else:
        arguments.update(ids)
    torch.manual_seed(seed)
    config = getattr(transformers, described.config)(**arguments)
    model = getattr(transformers, described.model)(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("A_log"):
                parameter.sub_(3.0)  # a state that lasts for tens of tokens, not for one
            elif parameter.dim() == 1 or parameter.min() == parameter.max():
                # Biases are born zero and norms one, which would hide mistakes.
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
            else:
                parameter.mul_(described.growth)
    return model


def save_tiny(
    folder: Path, architecture: str = "Llama", seed: int = 0, template: str | None = TEMPLATE
) -> Path:
    """A tiny model and its tokenizer as a model folder."""
    tokenizer = bpe_tokenizer(template=template)
    model = tiny_model(architecture, len(tokenizer), seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
