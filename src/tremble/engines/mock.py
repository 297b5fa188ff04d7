"""A model made of known probabilities over bytes, for tests in milliseconds.

`mock` and `mock:NAME` are model names everywhere: the same name always gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from tremble.engines.base import Limits, ResponseScore, Score
from tremble.engines.reads import Values, reads_of, score_of
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.files import Notify
from tremble.models.mock import mock_identity
from tremble.models.open import ReadyModel
from tremble.models.spec import RunOptions
from tremble.prompts.chat import MOCK
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Ids

_TOKENS = 257
NextToken = Callable[[Ids], npt.NDArray[np.float64]]


class MockEngine:
    """Log-probabilities of a made-up byte model.

    `next_token` maps the ids before a position to the probabilities of the 257 next tokens;
    without it, nine tenths of the mass fall on the options of each prompt, split by a hash.
    """

    def __init__(
        self,
        name: str = "mock",
        next_token: NextToken | None = None,
        window: int | None = None,
        template: str | None = MOCK,
    ) -> None:
        self.name = name
        self.next_token = next_token
        self.window = window
        self._tokenizer = ByteTokenizer(template=template)

    @property
    def tokenizer(self) -> ByteTokenizer:
        return self._tokenizer

    def identity(self) -> dict[str, Any]:
        return mock_identity(self.name)

    def limits(self) -> Limits:
        return Limits(self.window, "float64", "cpu")

    def report(self) -> dict[str, Any]:
        return {"path": "mock"}

    def efforts(self, prompts: Sequence[TokenPaths]) -> Sequence[float]:
        return [1.0] * len(prompts)  # refused ones as well: to look at each would take as long

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        for index, paths in enumerate(prompts):
            if paths.refusal is not None:
                yield Score.refused(index, paths.refusal)
            elif self.next_token is None:
                yield self._hashed(index, paths)
            else:
                yield self._computed(index, paths, self.next_token)

    def _hashed(self, index: int, paths: TokenPaths) -> Score:
        seed = blake2b(f"{self.name} {paths.key()}".encode(), digest_size=8).digest()
        drawn = np.random.default_rng(int.from_bytes(seed, "big"))
        weights = drawn.dirichlet([1.0] * len(paths.paths))
        if paths.response is not None and len(weights) == 1:  # no options that share the mass
            weights = drawn.uniform(size=1)
        logprobs = tuple(math.log(max(0.9 * float(weight), 1e-300)) for weight in weights)
        response = None
        if (said := paths.response) is not None:
            first = logprobs[said] == max(logprobs) and logprobs[said] > math.log(0.5)
            response = ResponseScore(logprobs[said], math.log(0.9), len(paths.paths[said]), first)
        whole = self._whole(paths) if paths.whole else None
        return Score(
            index,
            logprobs,
            0.9,
            ord("?"),
            math.log(0.05),
            response=response,
            distribution=whole,
        )

    def _whole(self, paths: TokenPaths) -> npt.NDArray[np.float32]:
        """A distribution over all tokens, of the name and the prompt alone."""
        seed = blake2b(f"{self.name} {[*paths.prefix]}".encode(), digest_size=8).digest()
        drawn = np.random.default_rng(int.from_bytes(seed, "big"))
        logits = drawn.normal(size=_TOKENS)
        logits -= np.logaddexp.reduce(logits)
        return logits.astype(np.float32)

    @staticmethod
    def _computed(index: int, paths: TokenPaths, next_token: NextToken) -> Score:
        values = {}
        for read in reads_of(paths):
            with np.errstate(divide="ignore"):
                logs = np.log(next_token(paths.prefix + read.place))
            listed = logs.tolist()
            best = sorted(enumerate(listed), key=lambda pair: -pair[1]) if read.likeliest else []
            values[read.place] = Values(
                {token: listed[token] for token in read.tokens},
                None
                if read.summed is None
                else float(np.logaddexp.reduce(logs[list(read.summed)])),
                best[: read.likeliest],
                logs.astype(np.float32) if read.whole else None,
            )
        return score_of(paths, index, values)


def open_engine(model: ReadyModel, options: RunOptions, notify: Notify) -> MockEngine:
    """The engine of a made-up model."""
    return MockEngine(model.spec.id, window=model.window)
