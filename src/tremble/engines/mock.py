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

from tremble.engines.base import TOP, Limits, Score, combine
from tremble.models.byte_tokenizer import MOCK_TEMPLATE, ByteTokenizer
from tremble.models.mock import MockModel
from tremble.tokenization.options import Ids, TokenPaths

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
        template: str | None = MOCK_TEMPLATE,
    ) -> None:
        self.name = name
        self.next_token = next_token
        self.window = window
        self._tokenizer = ByteTokenizer(template=template)

    @property
    def tokenizer(self) -> ByteTokenizer:
        return self._tokenizer

    def identity(self) -> dict[str, Any]:
        return MockModel(self.name).identity()

    def limits(self) -> Limits:
        return Limits(self.window, "float64", "cpu")

    def report(self) -> dict[str, Any]:
        return {"path": "mock"}

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
        weights = np.random.default_rng(int.from_bytes(seed, "big")).dirichlet(
            [1.0] * len(paths.paths)
        )
        return Score(
            index,
            tuple(math.log(max(0.9 * float(weight), 1e-300)) for weight in weights),
            0.9,
            ord("?"),
            math.log(0.05),
        )

    @staticmethod
    def _computed(index: int, paths: TokenPaths, next_token: NextToken) -> Score:
        with np.errstate(divide="ignore"):
            logs = {node: np.log(next_token(paths.prefix + node)) for node in paths.nodes()}
        likeliest = sorted(enumerate(logs[()].tolist()), key=lambda pair: -pair[1])
        return combine(
            paths,
            index,
            {node: dict(enumerate(row.tolist())) for node, row in logs.items()},
            {
                path: float(np.logaddexp.reduce(logs[path][list(paths.terminator)]))
                for path, terminated in zip(paths.paths, paths.terminated, strict=True)
                if terminated
            },
            likeliest[: TOP + len(paths.paths)],
        )
