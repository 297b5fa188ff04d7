"""The tokens of a prompt for people: what each is, and what it scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from tremble.engines.base import Engine, Score
from tremble.tokenization.options import Tokenizer, TokenPaths, with_bos
from tremble.tokenization.trunk import Ids

Found = dict[str, Any]
DIFFERENCE = 1e-4  # nat: a stored score farther away than this is not the same number
_ADDS_UP = 1e-3  # nat: rounding between passes of different lengths stays far below


class TokenReader:
    """Reads ids of one tokenizer back as pieces of text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        texts = list(tokenizer.special_texts)
        encoded = tokenizer.encode(texts)
        self._special = {i[0]: t for t, i in zip(texts, encoded, strict=True) if len(i) == 1}

    @cached_property
    def _vocabulary(self) -> Sequence[str]:
        return self.tokenizer.pieces()

    def piece(self, token: int, before: int | None) -> str:
        """The text a token adds behind the token `before`; where it is only a part of a character,
        or prints nothing, its name in the vocabulary."""
        if token in self._special:
            return self._special[token]
        decode = self.tokenizer.decode
        # Some tokenizers print a word's space only behind another token.
        if before is None:
            text = decode([token])
        else:
            head, both = decode([before]), decode([before, token])
            text = both[len(head) :] if both.startswith(head) else decode([token])
        return text if text and "\ufffd" not in text else str(self._vocabulary[token])

    def tokens(self, ids: Sequence[int], before: int | None = None) -> list[Found]:
        """Each of some ids as `id`, `piece`, `mark` ("bos", "special" or None) and `join` (False).

        The id that the tokenizer itself puts first is a BOS wherever it stands, so that a second
        one is seen; where it puts none, the model's BOS is one at the beginning alone.
        """
        tokens = []
        for place, token in enumerate(ids):
            mark = "special" if self._special.get(token, "").strip() else None
            at_start = place == 0 and before is None
            if token in self.tokenizer.bos or (
                at_start
                and not self.tokenizer.bos
                and self._special.get(token) == self.tokenizer.special.get("bos_token", "")
            ):
                mark = "bos"
            tokens.append(
                {"id": token, "piece": self.piece(token, before), "mark": mark, "join": False}
            )
            before = token
        return tokens

    def straddled(self, text: str, paths: TokenPaths) -> list[Found]:
        """The last tokens of a context on its own that are others once an option follows."""
        ids = with_bos(self.tokenizer.encode([text])[0], self.tokenizer.bos)
        start = len(paths.prefix)
        return self.tokens(ids[start:], paths.prefix[-1])

    def path(self, paths: TokenPaths, number: int, tail: str) -> list[Found]:
        """The tokens of one option; `join` is set at those that hold text of the context, which
        ends with `tail` behind the prefix."""
        tokens = self.tokens(paths.paths[number], paths.prefix[-1])
        left = len(tail)
        for token in tokens:
            token["join"] = left > 0
            left -= len(token["piece"])
        return tokens


def score(
    engine: Engine, paths: TokenPaths, labels: Sequence[float | None] | None = None
) -> tuple[Score, list[list[float]] | None]:
    """One prompt's score, and each option's log-probabilities token by token, that of its
    terminator last where one is scored. `labels` are the options' log-probabilities where those
    are known.

    The second is None where the prompt has no score, and where the parts do not add up to it (a
    made-up model without probabilities of tokens).
    """
    [scored] = engine.score([paths])
    if scored.error is None and labels is not None:
        scored = replace(scored, logprobs=tuple(labels))
    if scored.error is not None or None in scored.logprobs:
        return scored, None
    totals = [value for value in scored.logprobs if value is not None]
    if all(len(path) == 1 for path in paths.paths) and not any(paths.terminated):
        return scored, [[value] for value in totals]
    steps = _steps(paths)
    asked = [
        TokenPaths(paths.prefix + node, tuple((t,) for t in after), (False,) * len(after))
        for node, after in steps.items()
    ]
    nodes = list(steps)
    known: dict[Ids, Mapping[int, float | None]] = {
        nodes[one.index]: dict(zip(steps[nodes[one.index]], one.logprobs, strict=False))
        for one in engine.score(asked)
    }
    parts = []
    for path, terminated, total in zip(paths.paths, paths.terminated, totals, strict=True):
        values = [known[path[:end]].get(path[end]) for end in range(len(path))]
        if terminated:
            values.append(_log_sum([known[path].get(token) for token in paths.terminator]))
        numbers = [value for value in values if value is not None]
        agrees = math.isclose(math.fsum(numbers), total, rel_tol=0.0, abs_tol=_ADDS_UP)
        if len(numbers) < len(values) or not agrees:
            return scored, None
        parts.append(numbers)
    return scored, parts


def _steps(paths: TokenPaths) -> dict[Ids, list[int]]:
    """Which next tokens are asked for at each place behind the prefix."""
    steps: dict[Ids, dict[int, None]] = {}
    for path, terminated in zip(paths.paths, paths.terminated, strict=True):
        for end in range(len(path)):
            steps.setdefault(path[:end], {})[path[end]] = None
        if terminated:
            steps.setdefault(path, {}).update(dict.fromkeys(paths.terminator))
    return {node: list(after) for node, after in steps.items()}


def _log_sum(values: Sequence[float | None]) -> float | None:
    shares = [math.exp(value) for value in values if value is not None]
    total = math.fsum(shares)
    return math.log(total) if total > 0 and len(shares) == len(values) else None
