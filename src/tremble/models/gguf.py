"""Models in one .gguf file: converted to a folder of safetensors, once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import ModelFiles, Notify, cache_folder, check_weights, file_hash
from tremble.models.from_files import FromFiles
from tremble.models.spec import ModelSpec


class _Gguf(FromFiles):
    """Paths that end in .gguf."""

    def owns(self, name: str) -> bool:
        return Path(name).expanduser().suffix == ".gguf"

    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        path = Path(spec.id).expanduser()
        if not path.is_file():
            raise UserError(f"There is no file {spec.id!r}; check the path of the GGUF model.")
        return converted_file(path, notify)


SOURCE = _Gguf()


def converted_file(path: Path, notify: Notify) -> ModelFiles:
    """The safetensors form of a .gguf file."""
    return converted(path.name, file_hash(path), lambda: nullcontext(path), notify)


def converted(
    filename: str, digest: str, opened: Callable[[], AbstractContextManager[Path]], notify: Notify
) -> ModelFiles:
    """The safetensors form of a GGUF file, made once, in a process of its own for its memory.

    `digest`: the first 16 hexadecimal digits of the file's SHA-256.
    """
    target = cache_folder() / f"{filename.removesuffix('.gguf').lower()}-{digest}"
    if not (target / "done").is_file():
        notify(f"Converting {filename} to float32, once; about a minute for a small model.")
        with opened() as gguf, TemporaryDirectory(dir=writable_cache()) as temporary:
            made = Path(temporary) / "model"
            result = subprocess.run(
                [sys.executable, "-P", "-m", "tremble.models.convert_gguf", str(gguf), str(made)],
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode:
                if "No space left on device" in result.stderr:
                    raise ModelUnavailable(
                        f"The disk is full: {filename!r} cannot be converted in "
                        f"{str(cache_folder())!r}; free some space, or set TREMBLE_CACHE to a "
                        "folder on a larger disk."
                    )
                reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1][:300]
                raise ModelUnavailable(
                    f"The GGUF file {str(gguf)!r} cannot be read ({reason.rstrip('. ')}); it is "
                    "damaged, or of an architecture that transformers does not read from GGUF."
                )
            (made / "done").touch()
            if not target.exists():
                made.rename(target)
    check_weights(target)
    return ModelFiles(target, {"weights": f"gguf-{digest}"}, _quantisation(filename))


def _quantisation(name: str) -> str:
    """What the end of the file name says of the precision that the weights were stored in."""
    stem = name.upper().removesuffix(".GGUF")
    ending = re.search(r"(?:^|[-._])(I?Q\d(?:_\w+)?|BF16|F16|F32)$", stem)
    if ending is None:
        return "GGUF of unknown precision, as float32"
    whole = ending[1] in ("BF16", "F16", "F32")
    return f"{ending[1]}{', as float32' if whole else ' (de-quantised)'}"


def writable_cache() -> Path:
    """The cache folder, made where it is not there.

    Raises UserError where it cannot be made.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot make the cache folder {str(folder)!r} ({error.strerror}); "
            "set TREMBLE_CACHE to a folder you can write."
        ) from error
    return folder
