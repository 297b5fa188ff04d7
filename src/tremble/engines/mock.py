"""A model made of known probabilities over bytes, for tests in milliseconds.

`mock` and `mock:NAME` are model names everywhere: the same name always gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from tremble.engines import TOP, Limits, Row, combine
from tremble.tokens import Ids, TokenPaths

BOS = 256
VOCABULARY = 257

NextToken = Callable[[Ids], npt.NDArray[np.float64]]


class ByteTokenizer:
    """One token per UTF-8 byte, and a BOS where asked for."""

    def __init__(self, bos: bool = True, template: str | None = None) -> None:
        self._bos: Ids = (BOS,) if bos else ()
        self.template = template

    @property
    def key(self) -> str:
        return f"bytes, BOS {self._bos}"

    @property
    def bos(self) -> Ids:
        return self._bos

    @property
    def special(self) -> Mapping[str, str]:
        return {"bos_token": "<bos>"}

    @property
    def special_texts(self) -> Sequence[str]:
        return ["<bos>"]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = []
        for text in texts:
            head, mark, rest = text.partition("<bos>")
            special = [BOS] if mark and not head else []
            encoded.append(special + list((rest if special else text).encode()))
        return encoded

    def pieces(self) -> Sequence[str]:
        return [chr(byte) for byte in range(256)] + ["<bos>"]

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(index for index in ids if index < 256).decode(errors="replace")


# A chat template of its own, so that the chat format can be tested without a model.
MOCK_TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)


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
        return {"engine": "mock", "weights": self.name, "adapter": None, "dtype": "float64"}

    def limits(self) -> Limits:
        return Limits(self.window, "float64", "cpu")

    def report(self) -> dict[str, Any]:
        return {"path": "mock"}

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Row]:
        for index, paths in enumerate(prompts):
            if paths.error is not None:
                yield Row(index, error=paths.error)
            elif self.next_token is None:
                yield self._hashed(index, paths)
            else:
                yield self._computed(index, paths, self.next_token)

    def _hashed(self, index: int, paths: TokenPaths) -> Row:
        seed = blake2b(f"{self.name} {paths.key()}".encode(), digest_size=8).digest()
        weights = np.random.default_rng(int.from_bytes(seed, "big")).dirichlet(
            [1.0] * len(paths.paths)
        )
        return Row(
            index,
            tuple(math.log(max(0.9 * float(weight), 1e-300)) for weight in weights),
            0.9,
            ord("?"),
            math.log(0.05),
        )

    @staticmethod
    def _computed(index: int, paths: TokenPaths, next_token: NextToken) -> Row:
        with np.errstate(divide="ignore"):
            logs = {node: np.log(next_token(paths.prefix + node)) for node in paths.nodes()}
        likeliest = sorted(enumerate(logs[()].tolist()), key=lambda pair: -pair[1])
        return combine(
            paths,
            index,
            {node: dict(enumerate(row.tolist())) for node, row in logs.items()},
            {
                path: float(np.logaddexp.reduce(logs[path][list(paths.closing)]))
                for path, closed in zip(paths.paths, paths.closed, strict=True)
                if closed
            },
            likeliest[: TOP + len(paths.paths)],
        )
