"""Models in one .gguf file: converted to a folder of safetensors, once."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path, PurePath

from tremble.disk.paths import path_of, why
from tremble.disk.temporary import sweep, temporary_folder
from tremble.errors import ModelUnavailable, UserError
from tremble.models.conversion import convert, ending_in_order
from tremble.models.files import ModelFiles, Notify, cache_folder, file_hash, reading
from tremble.models.from_files import FromFiles
from tremble.models.gguf_version import Mark, mark_of
from tremble.models.open import Here
from tremble.models.seal import fault, seal
from tremble.models.spec import ModelSpec

SUFFIX = ".gguf"
_WRITABLE = "set TREMBLE_CACHE to a folder you can write to"
_AS_EVER = Mark()
_FULL = "free some space, or set TREMBLE_CACHE to a folder on a larger disk"


class _Gguf(FromFiles):
    """Paths that end in .gguf, in small letters or large ones."""

    def owns(self, name: str) -> bool:
        return PurePath(name).suffix.lower() == SUFFIX

    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        path = path_of(spec.id)
        with reading(path):
            if not path.is_file():
                raise UserError(f"There is no file {spec.id!r}; check the path of the GGUF model.")
        return converted_file(path, notify, weights)

    def here(self, spec: ModelSpec) -> Here | None:
        path = path_of(spec.id)
        with suppress(OSError):
            return Here(spec, path.stat().st_size, packed=True) if path.is_file() else None
        return None


SOURCE = _Gguf()


def converted_file(path: Path, notify: Notify, weights: bool) -> ModelFiles:
    """The safetensors form of a .gguf file, as `converted`."""
    digest, mark = _identified(path)
    return converted(path.name, digest, lambda _: path, notify, weights, mark)


def place_of_file(path: Path) -> Path:
    """Where the safetensors form of a .gguf file is kept, made or not. Raises as `converted`."""
    digest, mark = _identified(path)
    return place_of(path.name, digest, mark)


def place_of(filename: str, digest: str, mark: Mark = _AS_EVER) -> Path:
    """Where the form is kept that `converted` makes, made or not."""
    # Through a link, as to a larger disk, its target is read and replaced.
    name = f"{filename.lower().removesuffix(SUFFIX)}-{digest}{mark.folder}"
    return path_of(os.path.realpath(cache_folder() / name))


def _identified(path: Path) -> tuple[str, Mark]:
    digest = file_hash(path)
    with reading(path):
        return digest, mark_of(path, digest)


def converted(
    filename: str,
    digest: str,
    source: Callable[[Path], Path],
    notify: Notify,
    weights: bool,
    mark: Mark = _AS_EVER,
) -> ModelFiles:
    """The safetensors form of a GGUF file, made once, in a process of its own for its memory.

    `digest`: the first 16 hexadecimal digits of the file's SHA-256. `source` has the file itself;
    it gets a folder where it may make it; `mark` is what its name and identity end in. What is in
    the cache is held against what was written there (its small files and all sizes, with `weights`
    everything), and made anew where it differs. Raises ModelUnavailable where that cannot be done,
    and leaves what was there.
    """
    folder = cache_folder()
    target = place_of(filename, digest, mark)
    for place in {folder, target.parent}:
        sweep(place)
    wrong = fault(target, weights) if os.path.lexists(target) else None
    if wrong is not None or not target.is_dir():
        once = ", once" if wrong is None else f" again, since {wrong} in {str(target)!r}"
        notify(
            f"Converting {filename} to float32{once}, which takes about a minute for a small model."
        )
        with _writing(f"{filename!r} cannot be converted{once}, in {str(target.parent)!r}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                ending_in_order(),
                temporary_folder(target.parent, target.name, _WRITABLE) as temporary,
            ):
                made = temporary / "model"
                convert(source(temporary), made)
                seal(made)
                _put(made, target)
    return ModelFiles(target, {"weights": f"gguf-{digest}{mark.identity}"}, _quantisation(filename))


@contextmanager
def _writing(failed: str) -> Iterator[None]:
    """Has the system's complaint about what is written raised as ModelUnavailable."""
    try:
        yield
    except (OSError, UserError) as error:
        reason = error.__cause__ if isinstance(error, UserError) else error
        if isinstance(error, ModelUnavailable) or not isinstance(reason, OSError):
            raise
        cure = _FULL if reason.errno in (errno.ENOSPC, errno.EDQUOT) else _WRITABLE
        raise ModelUnavailable(f"{failed} ({why(reason)}); {cure}.") from error


def _put(made: Path, target: Path) -> None:
    """Rename a sealed folder to its place. What is there and not sound goes, now that there is
    something better; what another process put there meanwhile is as good, and stays."""
    aside = None
    for number in count():
        try:
            made.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                if aside is not None:
                    with suppress(OSError):
                        aside.rename(target)
                raise
        else:
            return
        if fault(target, weights=True) is None:
            return
        aside = made.with_name(f"damaged-{number}")
        with suppress(FileNotFoundError):
            target.rename(aside)


def _quantisation(name: str) -> str:
    """What the end of the file name says of the precision that the weights were stored in."""
    stem = name.upper().removesuffix(".GGUF")
    ending = re.search(r"(?:^|[-._])(I?Q\d(?:_\w+)?|BF16|F16|F32)$", stem)
    if ending is None:
        return "GGUF of unknown precision, as float32"
    whole = ending[1] in ("BF16", "F16", "F32")
    return f"{ending[1]}{', as float32' if whole else ' (de-quantised)'}"
