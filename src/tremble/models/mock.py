"""Made-up models, `mock` and `mock:NAME`: a tokenizer and an identity, and nothing on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tremble.models.byte_tokenizer import MOCK_TEMPLATE, ByteTokenizer


def is_mock(model: str) -> bool:
    """Whether a model's name is that of a made-up one."""
    return model == "mock" or model.startswith("mock:")


@dataclass(frozen=True, slots=True)
class MockModel:
    """A made-up model as far as it is known without an engine; `window` in tokens."""

    name: str
    window: int | None = None

    @property
    def tokenizer(self) -> ByteTokenizer:
        return ByteTokenizer(template=MOCK_TEMPLATE)

    def identity(self) -> dict[str, Any]:
        """What belongs in the model key."""
        return {"engine": "mock", "weights": self.name, "adapter": None, "dtype": "float64"}
