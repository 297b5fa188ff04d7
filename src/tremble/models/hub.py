"""Models from the hub, whole or as adapters, also in folders of a repository."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tremble.errors import ModelUnavailable
from tremble.models.adapters import is_adapter
from tremble.models.files import (
    SMALL_FILES,
    ModelFiles,
    Notify,
    check_weights,
    digest_of,
    sha256_of,
)
from tremble.models.folder import SOURCE as folder_source
from tremble.models.from_files import FromFiles, has_tokenizer
from tremble.models.hub_files import (
    HubName,
    bytes_to_download,
    download,
    folder_commit,
)
from tremble.models.hub_lists import weight_digests
from tremble.models.on_base import adapter_on_hub, on_base
from tremble.models.open import Here
from tremble.models.spec import ModelSpec


class _Hub(FromFiles):
    """Names of the hub, with or without @revision and :folder: what nothing else owns."""

    has_revisions = True

    def owns(self, name: str) -> bool:
        return True

    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        place = HubName.of(spec.id, spec.revision)
        folder = download(place, [*SMALL_FILES, "*.safetensors"] if weights else SMALL_FILES)
        if is_adapter(folder, lambda: weight_digests(place, folder)):
            return on_base(spec, adapter_on_hub(place), notify, weights)
        if weights:
            if not any(folder.glob("*.safetensors")):
                raise ModelUnavailable(
                    f"The model {place!r} has no safetensors weights in this "
                    "revision, and pickled weights are not read; choose a revision that has them."
                )
            check_weights(folder)
        commit = folder_commit(place, folder)
        identity = commit if place.subfolder is None else _of_folder(place, folder)
        tokenizer = None
        if place.subfolder is not None and not has_tokenizer(folder):
            tokenizer = download(replace(place, subfolder=None), SMALL_FILES)
        return ModelFiles(
            folder, {"weights": identity}, None, place.name, commit, tokenizer=tokenizer
        )

    def missing_bytes(self, spec: ModelSpec) -> int | None:
        return bytes_to_download(HubName.of(spec.id, spec.revision), SMALL_FILES)

    def here(self, spec: ModelSpec) -> Here | None:
        from huggingface_hub import snapshot_download

        place = HubName.of(spec.id, spec.revision)
        with suppress(Exception):  # not downloaded, not wholly, no name: all the same here
            folder = Path(
                snapshot_download(place.name, revision=place.revision, local_files_only=True)
            )
            # As a folder no hub is asked whether there is a newer revision.
            own = folder / (place.subfolder or "")
            return folder_source.here(replace(spec, id=str(own), revision=None))
        return None


SOURCE = _Hub()


def _of_folder(place: HubName, folder: Path) -> str:
    """What identifies a model in a folder of a repository: its own files, since the commit is
    another one whenever any folder of the repository changes."""
    config = folder / "config.json"
    digests = weight_digests(place, folder)
    if config.is_file():
        digests["config.json"] = sha256_of(config)
    return digest_of(digests)
