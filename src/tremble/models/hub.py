"""Models from the hub: downloading them, each failure as one sentence, and deleting them again."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tremble.disk.paths import path_of, why
from tremble.disk.whole import write_bytes
from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import (
    ADAPTER_CONFIG,
    SMALL_FILES,
    ModelFiles,
    Notify,
    check_weights,
    only_an_adapter,
    reading,
)
from tremble.models.folder import SOURCE as folder_source
from tremble.models.from_files import FromFiles
from tremble.models.open import Here
from tremble.models.spec import ModelSpec
from tremble.text import one_line

# Some repositories hold their weights twice: the original release, which transformers leaves
# alone, beside its own shards.
_TWICE = ["consolidated*.safetensors", "original/*"]


class _Hub(FromFiles):
    """Names of the hub, with or without @revision: what nothing else owns."""

    has_revisions = True

    def owns(self, name: str) -> bool:
        return True

    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        name, revision = name_and_revision(spec.id, spec.revision)
        patterns = [*SMALL_FILES, "*.safetensors"] if weights else SMALL_FILES
        folder = download(name, revision, patterns)
        if (folder / ADAPTER_CONFIG).is_file() and not (folder / "config.json").is_file():
            raise only_an_adapter(_named(name, revision))
        if weights:
            if not any(folder.glob("*.safetensors")):
                raise ModelUnavailable(
                    f"The model {_named(name, revision)!r} has no safetensors weights in this "
                    "revision, and pickled weights are not read; choose a revision that has them."
                )
            check_weights(folder)
        return ModelFiles(folder, {"weights": folder.name}, repository=name)

    def missing_bytes(self, spec: ModelSpec) -> int | None:
        return bytes_to_download(*name_and_revision(spec.id, spec.revision), SMALL_FILES)

    def here(self, spec: ModelSpec) -> Here | None:
        from huggingface_hub import snapshot_download

        name, revision = name_and_revision(spec.id, spec.revision)
        with suppress(Exception):  # not downloaded, not wholly, no name: all the same here
            folder = snapshot_download(name, revision=revision, local_files_only=True)
            # As a folder no hub is asked whether there is a newer revision.
            return folder_source.here(replace(spec, id=folder, revision=None))
        return None


SOURCE = _Hub()


def name_and_revision(model: str, revision: str | None = None) -> tuple[str, str | None]:
    """`name@revision` in two; a revision in the name comes first."""
    name, _, own = model.partition("@")
    return name, own or revision


def download(name: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The snapshot folder of a hub model, with all of its files that match `patterns`.

    Raises UserError for a text that cannot be a hub name, ModelUnavailable for all other causes.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=list(patterns), ignore_patterns=_TWICE
            )
        )
    except Exception as error:  # whatever stops one download must not stop a sweep
        raise (
            _refused(error, name, revision) or ModelUnavailable(_what_failed(error, name, revision))
        ) from error


def _refused(error: Exception, name: str, revision: str | None) -> UserError | None:
    """What a user is told where the hub has no such model for them; None for other failures."""
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, HFValidationError):
        return UserError(f"{name!r} is neither a folder nor a possible hub name; check it.")
    if isinstance(error, GatedRepoError):
        cure = (
            f"your account has no access yet: accept the terms at {constants.ENDPOINT}/{name}"
            if get_token() is not None
            else "you are not logged in: accept its terms on the hub, then run `hf auth login`"
        )
        return ModelUnavailable(f"The model {name!r} is gated, and {cure}.")
    if isinstance(error, RevisionNotFoundError):
        return ModelUnavailable(f"The model {name!r} has no revision {revision!r}; check it.")
    if isinstance(error, RepositoryNotFoundError):
        private = (
            ""
            if get_token()
            else "; if it is private, run `hf auth login`, because you are not logged in"
        )
        return ModelUnavailable(
            f"There is no model {name!r} on the hub, or it is private; check the name{private}."
        )
    return None


def _what_failed(error: Exception, name: str, revision: str | None) -> str:
    """A sentence on a download that broke off: the disk, the connection or the token."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if _disk_is_full(error):
        return (
            f"The disk is full: {name!r} does not fit into {constants.HF_HUB_CACHE!r}; free "
            "some space, set HF_HOME to a folder on a larger disk, or set "
            "keep_models = false in [run]."
        )
    refused = _not_written(error)
    if refused is not None:
        return (
            f"The model {name!r} cannot be stored in {constants.HF_HUB_CACHE!r} ({why(refused)}); "
            "set HF_HOME to a folder you can write to."
        )
    if constants.HF_HUB_OFFLINE:
        asked = shlex.join([name] if revision is None else [name, "--revision", revision])
        return (
            f"The model {_named(name, revision)!r} is not (or not completely) on this machine, "
            "and HF_HUB_OFFLINE forbids downloads; unset HF_HUB_OFFLINE, or run `hf download "
            f"{asked}` first."
        )
    if isinstance(error, HfHubHTTPError) and error.response.status_code == 401:
        return (
            f"The hub does not accept the token on this machine, so {name!r} cannot be "
            "downloaded; run `hf auth login` with a valid token, or `hf auth logout`."
        )
    if isinstance(error, LocalEntryNotFoundError | OSError):
        return (
            f"The model {_named(name, revision)!r} is not on this machine, and the hub cannot be "
            "reached; download it first, or check the name and the connection."
        )
    return (
        f"The model {name!r} cannot be downloaded ({one_line(error)}); "
        "check the connection and try again."
    )


def _named(name: str, revision: str | None) -> str:
    return name if revision is None else f"{name}@{revision}"


def bytes_to_download(name: str, revision: str | None, patterns: Sequence[str]) -> int | None:
    """Bytes of a hub model's files that match `patterns` and are not on this machine yet; None
    where the hub does not say."""
    from huggingface_hub import snapshot_download

    try:
        files = snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(patterns),
            ignore_patterns=_TWICE,
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


@dataclass(slots=True)
class _Added:
    """What one model brought into a repository's cache folder; `refs`: file to earlier text."""

    paths: set[Path] = field(default_factory=set)
    refs: dict[Path, str | None] = field(default_factory=dict)


class Downloads:
    """Knows what a run added to the hub's cache, so that this, and only this, can be deleted.

    Nothing that was in the cache before may go. So files are compared right before and right
    after each step that may download, by name: what somebody else fetches in between steps is
    not ours either. With `keep`, nothing is noted and nothing deleted.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self._added: dict[str, _Added] = {}

    @contextmanager
    def noting(self, model: str) -> Iterator[None]:
        """Notes what the block adds for `model`, also where the block fails half-way."""
        folder = None if self.keep else _cache_of(model)
        if folder is None:
            yield
            return
        before, refs = _listing(folder), _refs(folder)
        try:
            yield
        finally:
            added = self._added.setdefault(model, _Added())
            added.paths |= _listing(folder) - before
            for path, text in _refs(folder).items():
                if text != refs.get(path):
                    added.refs.setdefault(path, refs.get(path))

    def delete(self, model: str) -> None:
        """Take away what `model` added; a blob that another snapshot points to stays for it.

        Raises UserError where a reference cannot be put back, after everything else was done.
        """
        added = self._added.pop(model, None)
        folder = _cache_of(model)
        if added is None or folder is None:
            return
        moved = [path for path, text in added.refs.items() if _restored(path, text) is not None]
        blobs = {path for path in added.paths if path.parent == folder / "blobs"}
        for path in added.paths - blobs:
            if path.is_symlink() or path.is_file():
                with suppress(OSError):
                    path.unlink()
        used = {path.resolve() for path in _listing(folder / "snapshots") if path.is_symlink()}
        for path in blobs:
            if path.resolve() not in used:
                with suppress(OSError):
                    path.unlink()
        kept = {path for path in blobs if path.exists()}
        for path in sorted(added.paths - blobs, key=lambda path: -len(path.parts)):
            with suppress(OSError):
                path.rmdir()  # takes empty folders only
        others = [other for other in self._added if _cache_of(other) == folder]
        if others:  # another revision of the same repository: what it still uses is its to delete
            self._added[others[0]].paths |= kept | {p for p in added.paths if p.is_dir()}
        # Where the disk was full, there is room now.
        refused = [_restored(path, added.refs[path]) for path in moved]
        for error in filter(None, refused):
            raise error

    def delete_all(self) -> None:
        """`delete` for every model, also where it fails for one."""
        for model in list(self._added):
            try:
                self.delete(model)
            except UserError:
                self.delete_all()
                raise


def _cache_of(model: str) -> Path | None:
    """The folder of a model's repository in the hub's cache; None for what is not from the hub."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils._validators import validate_repo_id

    name, _ = name_and_revision(model)
    try:
        validate_repo_id(name)
    except ValueError:
        return None
    with suppress(OSError):
        if path_of(model).exists():
            return None
    cache = path_of(constants.HF_HUB_CACHE).resolve()
    return cache / repo_folder_name(repo_id=name, repo_type="model")


def _listing(folder: Path) -> set[Path]:
    """Everything in a folder, and itself; links are listed, not followed."""
    listed = set()
    with reading(folder):
        listed |= {folder} if folder.is_dir() else set()
    for place, folders, files in os.walk(folder):
        listed |= {Path(place, name) for name in (*folders, *files)}
    return listed


def _refs(folder: Path) -> dict[Path, str]:
    """The references of a repository, by their files. Raises ModelUnavailable."""
    with reading(folder / "refs"):
        paths = [path for path in _listing(folder / "refs") if path.is_file()]
        return {path: path.read_text("utf-8", "surrogateescape") for path in paths}


def _restored(path: Path, text: str | None) -> UserError | None:
    """Puts a reference back as it was, whole or not at all; None where that was done."""
    cure = "delete it yourself, or download its model again"
    try:
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write_bytes(path, text.encode("utf-8", "surrogateescape"), cure)
    except UserError as error:
        return error
    except OSError as error:
        return UserError(f"Cannot delete {str(path)!r} ({why(error)}); {cure}.")
    return None
