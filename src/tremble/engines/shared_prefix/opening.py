"""The shared-prefix engine of a model, as a study asks for it (`engine = "transformers"`)."""

from __future__ import annotations

from dataclasses import replace

from tremble.engines.memory import free_bytes
from tremble.engines.reference import ReferenceEngine
from tremble.engines.reference import open_engine as open_reference
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.models.open import ReadyModel
from tremble.models.spec import RunOptions


def open_engine(model: ReadyModel, options: RunOptions, notify: Notify) -> SharedEngine:
    """The engine over the reference, and the way to the same model in float32 where `options` ask
    for less."""
    reference = open_reference(model, options, notify)

    def exact() -> ReferenceEngine:
        """The model in float32, where there is room for it beside the other."""
        # Four-bit weights are stored two in a byte.
        packed = 2 if options.quantise == "4bit" else 1
        weights = 4 * packed * sum(part.numel() for part in reference.model.parameters())
        if free_bytes(reference.device) < 1.3 * weights:
            raise UserError(
                f"there is not enough memory for another {weights / 1e9:.1f} GB in float32"
            )
        wide = replace(options, dtype="float32", quantise=None)
        assert reference.ready is not None
        # What there is to say was said.
        return open_reference(reference.ready, wide, lambda _: None)

    lossless = options.dtype == "float32" and options.quantise is None
    return SharedEngine(
        reference, notify, options.memory, None if lossless else exact, compile=options.compile
    )
