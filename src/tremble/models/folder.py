"""Models in a folder of this machine, as transformers saves them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tremble.disk.paths import path_of
from tremble.errors import UserError
from tremble.models.adapters import Adapter, is_adapter
from tremble.models.files import (
    ModelFiles,
    Notify,
    check_weights,
    content_hash,
    reading,
)
from tremble.models.from_files import FromFiles
from tremble.models.on_base import on_base
from tremble.models.open import Here
from tremble.models.spec import ModelSpec


class _Folder(FromFiles):
    """Folders, and what can only be meant as one."""

    def owns(self, name: str) -> bool:
        # A revision may have slashes of its own, as org/name@refs/pr/1.
        place = name.partition("@")[0]
        # A folder of a repository stands behind a colon, which C: has as well.
        nested = (place if place[1:2] == ":" else place.partition(":")[0]).count("/") > 1
        path_like = name.startswith((".", "/", "~")) or nested or "\\" in name
        return path_like or _is_there(path_of(name)) or _is_folder(_without_revision(name))

    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        folder = path_of(spec.id)
        if not _is_folder(folder):
            if _is_there(folder):
                raise UserError(
                    f"The model {spec.id!r} is a file but not a .gguf file; give a .gguf file or "
                    "a folder."
                )
            if _is_folder(bare := _without_revision(spec.id)):
                raise UserError(
                    f"{str(bare)!r} is a folder, and folders have no revisions, so {spec.id!r} "
                    "does not exist; leave out the @ and what follows it."
                )
            raise UserError(f"There is no model folder {spec.id!r}; check the path.")
        config = folder / "config.json"
        with reading(config):
            if is_adapter(folder):
                return on_base(spec, Adapter(spec.id, folder), notify, weights)
            if not config.is_file():
                raise UserError(f"No config.json in {str(folder)!r}; give the folder of one model.")
        files = check_weights(folder)
        return ModelFiles(folder, {"weights": content_hash([config, *files])})

    def here(self, spec: ModelSpec) -> Here | None:
        folder = path_of(spec.id)
        with suppress(UserError, OSError):
            if (folder / "config.json").is_file():
                return Here(spec, sum(path.stat().st_size for path in check_weights(folder)))
        return None


def _without_revision(name: str) -> Path:
    return path_of(name.partition("@")[0] or name)


def _is_there(path: Path) -> bool:
    with reading(path):
        return path.exists()


def _is_folder(path: Path) -> bool:
    with reading(path):
        return path.is_dir()


SOURCE = _Folder()
