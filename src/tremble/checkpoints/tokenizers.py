"""Whether the checkpoints of a series have the tokenizer of their base, by the content of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from tremble.disk.paths import is_folder, path_of
from tremble.models.files import reading, sha256_of
from tremble.models.from_files import is_vocabulary
from tremble.models.hub_lists import Files, ListedFile
from tremble.text import counted

# How many checkpoints with another tokenizer have a sentence of their own.
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Content:
    """A file of a tokenizer, here or on the hub."""

    size: int
    path: Path | None = None
    listed: ListedFile | None = None


Vocabulary = Mapping[str, _Content]  # by file name


def differing(
    base: tuple[str, Files | None], others: Sequence[tuple[str, Files | None]]
) -> tuple[str, ...]:
    """A sentence for each of the first models whose tokenizer is not that of the base, and one for
    the rest. Of each: name, and its files where the hub listed them.

    Files of one name are compared; a model without a tokenizer has its base's.
    """
    reference = _vocabulary(*base)
    found = []
    for name, files in others:
        own = _vocabulary(name, files)
        unlike = [
            file for file in own if file in reference and not _same(own[file], reference[file])
        ]
        if unlike:
            found.append((name, unlike[0]))
    said = [
        f"The tokenizer of {name!r} differs from that of {base[0]!r} ({file}), so their prompts "
        "may be cut into other tokens."
        for name, file in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        more = counted(len(found) - _SHOWN, "more checkpoint")
        said.append(f"The tokenizers of {more} differ from that of {base[0]!r}.")
    return tuple(said)


def _vocabulary(name: str, files: Files | None) -> Vocabulary:
    """The files with a tokenizer's words, of a folder here or as listed; none where neither is."""
    if files is not None:
        return {
            file: _Content(one.size, listed=one)
            for file, one in sorted(files.items())
            if is_vocabulary(file)
        }
    folder = path_of(name)
    if not is_folder(folder):
        return {}
    with reading(folder):
        return {
            path.name: _Content(path.stat().st_size, path)
            for path in sorted(folder.iterdir())
            if path.is_file() and is_vocabulary(path.name)
        }


def _same(one: _Content, other: _Content) -> bool:
    if one.size != other.size:
        return False
    if one.listed is not None and other.listed is not None:
        # The same content may be stored in either way; then nothing can be said.
        return one.listed.large != other.listed.large or one.listed.digest == other.listed.digest
    listed = one.listed or other.listed
    kind = listed.large if listed is not None else True
    return _digest(one, kind) == _digest(other, kind)


def _digest(content: _Content, large: bool) -> str:
    """As the hub has it for a file of that kind."""
    if content.listed is not None:
        return content.listed.digest
    assert content.path is not None
    with reading(content.path):
        if large:
            return sha256_of(content.path)
        data = content.path.read_bytes()
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
