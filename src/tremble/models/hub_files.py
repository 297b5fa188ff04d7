"""Files of hub models, downloaded; each failure is one sentence."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from tremble.disk.paths import why
from tremble.errors import ModelUnavailable, UserError
from tremble.text import one_line

Watch = Callable[[str], AbstractContextManager[None]]

# Some repositories hold their weights twice: the original release, which transformers leaves
# alone, beside its own shards.
_TWICE = ["consolidated*.safetensors", "original/*"]
# What tells of a model of its own in a folder below.
_OF_OTHERS = ["*.safetensors", "*.json", "*.txt", "*.model", "tokenizer*"]


@dataclass(frozen=True, slots=True)
class HubName:
    """A place on the hub: NAME, NAME@REVISION, NAME:SUBFOLDER or NAME@REVISION:SUBFOLDER."""

    name: str
    revision: str | None = None
    subfolder: str | None = None

    @classmethod
    def of(cls, text: str, revision: str | None = None) -> HubName:
        """The place that a text names; a revision in the text comes first.

        Raises UserError for a subfolder that is none.
        """
        place, colon, subfolder = text.partition(":")
        name, _, own = place.partition("@")
        parts = subfolder.strip("/").split("/")
        if colon and not all(part.strip(".") for part in parts):
            raise UserError(
                f"{text!r} names no folder of {name!r} after the colon; give NAME:FOLDER or "
                "NAME@REVISION:FOLDER."
            )
        return cls(name, own or revision, "/".join(parts) if colon else None)

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{self.revision}"
        return f"{self.name}{revision}" + ("" if self.subfolder is None else f":{self.subfolder}")

    def __repr__(self) -> str:
        return repr(str(self))


_WATCHING: list[Watch] = []


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Has every download in the block, of whatever repository, happen inside `watch(NAME)`."""
    _WATCHING.append(watch)
    try:
        yield
    finally:
        _WATCHING.remove(watch)


def download(place: HubName, patterns: Sequence[str]) -> Path:
    """The folder of a hub model on this machine, with all of its files that match `patterns`.

    Raises UserError for a text that cannot be a hub name, ModelUnavailable for all other causes.
    """
    from huggingface_hub import snapshot_download

    try:
        allowed, ignored = _chosen(place, patterns)
        with ExitStack() as noted:
            for watch in _WATCHING:
                noted.enter_context(watch(place.name))
            snapshot = Path(
                snapshot_download(
                    place.name,
                    revision=place.revision,
                    allow_patterns=allowed,
                    ignore_patterns=ignored,
                )
            )
    except Exception as error:  # whatever stops one download must not stop a sweep
        raise failure(error, place) from error
    folder = snapshot if place.subfolder is None else snapshot / place.subfolder
    if not folder.is_dir():
        raise ModelUnavailable(
            f"The model {place!r} has no folder {place.subfolder!r} with files of a model in this "
            "revision; check it."
        )
    return folder


def _chosen(place: HubName, patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Patterns of the files that are a model's, and of those that are not: those of models in
    folders below its own, whose weights and configurations may be many."""
    own = "" if place.subfolder is None else f"{escape(place.subfolder)}/"
    below = [f"{own}*/{pattern}" for pattern in _OF_OTHERS]
    return [own + pattern for pattern in patterns], [*_TWICE, *below]


def folder_commit(place: HubName, folder: Path) -> str:
    """The commit whose files a folder of the hub's cache holds."""
    depth = 0 if place.subfolder is None else place.subfolder.count("/") + 1
    return [folder, *folder.parents][depth].name


def failure(error: Exception, place: HubName) -> UserError:
    """What a user is told where the hub, or what is asked of it, fails."""
    return refused(error, place) or ModelUnavailable(_what_failed(error, place))


def refused(error: Exception, place: HubName) -> UserError | None:
    """What a user is told where the hub has no such model for them; None for other failures."""
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, HFValidationError):
        return UserError(f"{place.name!r} is neither a folder nor a possible hub name; check it.")
    if isinstance(error, GatedRepoError):
        cure = (
            f"your account has no access yet: accept the terms at {constants.ENDPOINT}/{place.name}"
            if get_token() is not None
            else "you are not logged in: accept its terms on the hub, then run `hf auth login`"
        )
        return ModelUnavailable(f"The model {place.name!r} is gated, and {cure}.")
    if isinstance(error, RevisionNotFoundError):
        return ModelUnavailable(
            f"The model {place.name!r} has no revision {place.revision!r}; check it."
        )
    if isinstance(error, RepositoryNotFoundError):
        private = (
            ""
            if get_token()
            else "; if it is private, run `hf auth login`, because you are not logged in"
        )
        return ModelUnavailable(
            f"There is no model {place.name!r} on the hub, or it is private; check the "
            f"name{private}."
        )
    return None


def _what_failed(error: Exception, place: HubName) -> str:
    """A sentence on a download that broke off: the disk, the connection or the token."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if _disk_is_full(error):
        return (
            f"The disk is full: {place.name!r} does not fit into {constants.HF_HUB_CACHE!r}; free "
            "some space, set HF_HOME to a folder on a larger disk, or set "
            "keep_models = false in [run]."
        )
    refused = _not_written(error)
    if refused is not None:
        return (
            f"The model {place.name!r} cannot be stored in {constants.HF_HUB_CACHE!r} "
            f"({why(refused)}); set HF_HOME to a folder you can write to."
        )
    if constants.HF_HUB_OFFLINE:
        asked = shlex.join(
            [place.name, *(() if place.revision is None else ("--revision", place.revision))]
        )
        return (
            f"The model {place!r} is not (or not completely) on this machine, "
            "and HF_HUB_OFFLINE forbids downloads; unset HF_HUB_OFFLINE, or run `hf download "
            f"{asked}` first."
        )
    if isinstance(error, HfHubHTTPError) and error.response.status_code == 401:
        return (
            f"The hub does not accept the token on this machine, so {place.name!r} cannot be "
            "downloaded; run `hf auth login` with a valid token, or `hf auth logout`."
        )
    if isinstance(error, LocalEntryNotFoundError | OSError):
        return (
            f"The model {place!r} is not on this machine, and the hub cannot be "
            "reached; download it first, or check the name and the connection."
        )
    return (
        f"The model {place.name!r} cannot be downloaded ({one_line(error)}); "
        "check the connection and try again."
    )


def bytes_to_download(place: HubName, patterns: Sequence[str]) -> int | None:
    """Bytes of a hub model's files that match `patterns` and are not on this machine yet; None
    where the hub does not say."""
    from huggingface_hub import snapshot_download

    try:
        allowed, ignored = _chosen(place, patterns)
        files = snapshot_download(
            place.name,
            revision=place.revision,
            allow_patterns=allowed,
            ignore_patterns=ignored,
            dry_run=True,
        )
    except Exception:  # offline, gated, renamed: whatever it is, a later download says it
        return None
    wanted = [file.file_size for file in files if file.will_download]
    return None if None in wanted else sum(size or 0 for size in wanted)


def _disk_is_full(error: BaseException) -> bool:
    """Whether a full disk or quota is anywhere among the causes; some layers only say so."""
    return any(
        (isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT))
        or "no space left on device" in str(cause).lower()
        for cause in _causes(error)
    )


def _not_written(error: BaseException) -> OSError | None:
    """The system's refusal to write, among the causes of a download's failure. A connection may be
    forbidden as well, but no file is named then."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and (
            cause.errno in (errno.EROFS, errno.EFBIG, errno.EIO)
            or (cause.filename and cause.errno in (errno.EACCES, errno.EPERM, errno.ENOTDIR))
        ):
            return cause
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
