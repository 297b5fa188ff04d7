"""What the hub lists of a repository: its branches, and its files with their sizes and digests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from logging import ERROR, getLogger
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import sha256_of
from tremble.models.hub_files import HubName, download, failure, folder_commit, refused
from tremble.text import one_line

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the hub lists it: `size` in bytes; `digest` in hexadecimal digits, SHA-256 of the
    content where it is `large` (stored apart), else that of git for a file, SHA-1."""

    size: int
    digest: str
    large: bool


Files = Mapping[str, ListedFile]  # by name, of one folder


def branches(name: str) -> tuple[str, ...]:
    """The branches and tags of a hub model, in the hub's order; one request.

    Raises UserError for what cannot be a hub name, ModelUnavailable where the hub does not say.
    """
    from huggingface_hub import HfApi

    place = HubName(name)
    _check_online(place, "branches")
    try:
        with _quietly():
            refs = HfApi().list_repo_refs(name)
    except Exception as error:
        raise _not_listed(error, place, "branches") from error
    return tuple(dict.fromkeys(ref.name for ref in (*refs.branches, *refs.tags)))


def folders(name: str, revision: str | None = None) -> dict[str, Files]:
    """The folders of a hub model at a revision with the files right in each, "" for its own; one
    listing. Raises as `branches`."""
    found: dict[str, dict[str, ListedFile]] = {}
    for file in _tree(HubName(name, revision), "folders"):
        path = PurePosixPath(file.path)
        folder = "" if path.parent == PurePosixPath() else str(path.parent)
        found.setdefault(folder, {})[path.name] = _listed(file)
    return dict(found)


def files_of(place: HubName) -> Files:
    """The files right in a place on the hub; one request. Raises as `branches`."""
    above = PurePosixPath(place.subfolder or "")
    listed = _tree(place, "files", recursive=False)
    return {
        path.name: _listed(file)
        for file in listed
        if (path := PurePosixPath(file.path)).parent == above
    }


def check_there(place: HubName) -> None:
    """Raises as `branches` where the hub has no such model, or cannot be reached: one request, at
    once, while lists are asked for again and again for half a minute."""
    from huggingface_hub import HfApi

    _check_online(place, "files")
    try:
        with _quietly():
            HfApi().model_info(place.name, revision=place.revision)
    except Exception as error:
        raise _not_listed(error, place, "files") from error


def weight_digests(place: HubName, folder: Path) -> dict[str, str]:
    """SHA-256 of the weights in a folder of the hub by file name, of those in the cache as well as
    of those that are still to be downloaded. `folder`: where the place is on this machine.

    Raises ModelUnavailable where the hub does not say and no weights are here.
    """
    from huggingface_hub import constants

    here = {path.name: _stored_digest(path) for path in folder.glob("*.safetensors")}
    if constants.HF_HUB_OFFLINE:
        return here
    try:
        listed = files_of(replace(place, revision=folder_commit(place, folder)))
    except UserError:
        if here:  # as offline
            return here
        raise
    found = {}
    for name, file in listed.items():
        if name.endswith(".safetensors"):
            if name not in here and not file.large:  # git's digest is another one
                here[name] = _stored_digest(download(place, [name]) / name)
            found[name] = here.get(name, file.digest)
    return found


def _stored_digest(path: Path) -> str:
    """SHA-256 of a file; the cache stores large files under theirs."""
    blob = path.resolve()
    if blob.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", blob.name):
        return blob.name
    return sha256_of(path)


def check_name(place: HubName, written: str) -> None:
    """Raises UserError, with what the user wrote, where a name cannot be one on the hub."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(place.name)
    except HFValidationError as error:
        raise failure(error, HubName(written)) from error


def check_access(place: HubName) -> None:
    """Raises ModelUnavailable where the hub gives lists of a model's files, but not the files: its
    terms are not accepted. One request, without content."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return
    own = "" if place.subfolder is None else f"{place.subfolder}/"
    try:
        HfApi().file_exists(place.name, f"{own}config.json", revision=place.revision)
    except Exception as error:
        raise _not_listed(error, place, "files") from error


def _tree(place: HubName, what: str, recursive: bool = True) -> list[RepoFile]:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    _check_online(place, what)
    try:
        with _quietly():
            listed = list(
                HfApi().list_repo_tree(
                    place.name, place.subfolder, recursive=recursive, revision=place.revision
                )
            )
    except Exception as error:
        raise _not_listed(error, place, what) from error
    return [one for one in listed if isinstance(one, RepoFile)]


@contextmanager
def _quietly() -> Iterator[None]:
    """Has the hub's library try again without a line for each time: what failed in the end is said
    in a sentence."""
    log = getLogger("huggingface_hub.utils._http")
    level = log.level
    log.setLevel(ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _listed(file: RepoFile) -> ListedFile:
    digest = file.blob_id if file.lfs is None else file.lfs.sha256
    return ListedFile(file.size, digest, file.lfs is not None)


def _check_online(place: HubName, what: str) -> None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE and what == "files":
        raise ModelUnavailable(
            f"The model {place!r} is not on this machine, and HF_HUB_OFFLINE forbids asking the "
            "hub; unset HF_HUB_OFFLINE, or download the model first."
        )
    if constants.HF_HUB_OFFLINE:
        raise ModelUnavailable(
            f"The {what} of {place!r} cannot be listed offline, and HF_HUB_OFFLINE forbids asking "
            "the hub; unset HF_HUB_OFFLINE, or list the checkpoints in a TOML file."
        )


def _not_listed(error: Exception, place: HubName, what: str) -> UserError:
    """What a user is told where the hub gives no list."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    if isinstance(error, EntryNotFoundError) and place.subfolder is not None:
        return ModelUnavailable(
            f"The model {place!r} has no folder {place.subfolder!r} in this revision; check it."
        )
    known = refused(error, place)
    if known is not None or isinstance(error, HfHubHTTPError):
        return known or failure(error, place)
    return ModelUnavailable(
        f"The {what} of {place!r} cannot be listed, because the hub cannot be reached "
        f"({one_line(error)}); check the connection and try again."
    )
