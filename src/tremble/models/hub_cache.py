"""What a run adds to the hub's cache, so that this, and only this, can be deleted again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tremble.disk.paths import path_of, why
from tremble.disk.whole import write_bytes
from tremble.errors import UserError
from tremble.models.files import reading
from tremble.models.hub_files import HubName, watching


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

    A model may need the repository of another one, an adapter that of its base: what is downloaded
    there goes with the last model that needs it.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self._added: dict[str, _Added] = {}
        self._needed: dict[str, dict[Path, str]] = {}  # model -> other repositories, by folder

    @contextmanager
    def noting(self, model: str) -> Iterator[None]:
        """Notes what the block adds for `model`, also where the block fails half-way."""
        if self.keep:
            yield
            return
        own = _cache_of(model)

        def elsewhere(name: str) -> AbstractContextManager[None]:
            folder = _cache_of(name)
            if folder is None or folder == own:
                return nullcontext()
            self._needed.setdefault(model, {})[folder] = name
            return self._noting(name, folder)

        with watching(elsewhere), nullcontext() if own is None else self._noting(model, own):
            yield

    @contextmanager
    def _noting(self, model: str, folder: Path) -> Iterator[None]:
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
        """Take away what `model` added; a blob that another snapshot points to stays for it, and
        all of it for models that need its repository.

        Raises UserError where a reference cannot be put back, after everything else was done.
        """
        others = self._needed.pop(model, {})
        for name in (model, *others.values()):
            folder = _cache_of(name)
            if not any(folder in needed for needed in self._needed.values()):
                self._delete(name)

    def _delete(self, model: str) -> None:
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
        self._needed.clear()
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

    try:
        name = HubName.of(model).name
        validate_repo_id(name)
    except (ValueError, UserError):
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
