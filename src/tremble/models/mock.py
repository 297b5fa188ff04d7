"""Made-up models, `mock` and `mock:NAME`: a tokenizer and an identity, and nothing on disk."""

from __future__ import annotations

from typing import Any

from tremble.errors import UserError
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.files import ModelFiles, Notify
from tremble.models.open import Here, Opened, ReadyModel
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.chat import MOCK

WINDOW: int | None = None  # tokens


def mock_identity(name: str) -> dict[str, Any]:
    """What belongs in the model key of a made-up model."""
    return {"engine": "mock", "weights": name, "adapter": None, "dtype": "float64"}


class _Mock:
    """The source of made-up models."""

    made_up = True
    has_revisions = False
    engine = "mock"

    def owns(self, name: str) -> bool:
        return name == "mock" or name.startswith("mock:")

    def files(self, spec: ModelSpec, notify: Notify, weights: bool = True) -> ModelFiles:
        raise UserError(
            f"The model {spec.id!r} is a built-in fake model without files; give another model."
        )

    def opened(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> Opened:
        return Opened(ByteTokenizer(template=MOCK), WINDOW, None)

    def precision(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> str | None:
        return None

    def identity(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
        return mock_identity(spec.id)

    def ready(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> ReadyModel:
        tokenizer = ByteTokenizer(template=MOCK)
        return ReadyModel(spec, tokenizer, WINDOW, mock_identity(spec.id))

    def missing_bytes(self, spec: ModelSpec) -> int | None:
        return 0

    def here(self, spec: ModelSpec) -> Here | None:
        return Here(spec, 0)


SOURCE = _Mock()
