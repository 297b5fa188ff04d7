"""A model's files on this machine: whether its weights are sound, and what identifies them.

Only safetensors weights are read (GGUF is converted to them): pickled weights can run code.
"""

from __future__ import annotations

import json
import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tremble.disk.paths import path_of, why
from tremble.errors import ModelUnavailable, UserError
from tremble.text import one_line, visible

if TYPE_CHECKING:
    from tremble.models.adapters import Adapter

Notify = Callable[[str], None]

SMALL_FILES = ["*.json", "*.model", "*.txt", "*.jinja", "tokenizer*", "*.py"]
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
CHAT_TEMPLATE = "chat_template.jinja"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
# transformers loads these in place of a model.safetensors beside them.
_DISTRIBUTED = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors$")
# As transformers names the shards of one model.
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors$")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_LONGEST_JSON = 100_000_000  # bytes; configurations and indices have less than a million


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's folder on this machine. `identity` (revision or content hash) enters the key;
    `repository`: the name on the hub that the folder is from, at `commit`, None for other folders.
    `adapter`: what is merged into its weights; `tokenizer`: the folder of its tokenizer, where that
    is another one, and `template` the file of its chat template."""

    folder: Path
    identity: dict[str, Any]
    quantised: str | None = None
    repository: str | None = None
    commit: str | None = None
    adapter: Adapter | None = None
    tokenizer: Path | None = None
    template: Path | None = None


def cache_folder() -> Path:
    """Where converted models are kept: TREMBLE_CACHE, else the user's cache folder.

    Raises UserError for what cannot be a path, and where nobody says where the user's folders are.
    """
    own = os.environ.get("TREMBLE_CACHE")
    if own:
        return path_of(own)
    try:
        return path_of(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tremble"
    except RuntimeError as error:
        raise UserError(
            "There is no home folder to store converted models in; set TREMBLE_CACHE to a folder "
            "you can write to."
        ) from error


def check_weights(folder: Path) -> list[Path]:
    """The files that identify the weights of a folder: all of its safetensors, and the index where
    that chooses among them. Those that are loaded (see `loaded_weights`) have a sound header and
    their full length.

    Raises ModelUnavailable for damaged or missing files, for pickles and for no weights at all, and
    where it is not clear which files are loaded.
    """
    loaded = loaded_weights(folder)
    for path in loaded:
        check_header(path)
    with reading(folder):
        every = sorted(path for path in folder.iterdir() if path.suffix == ".safetensors")
    index = _index_of(folder)
    # The names of all files say which are loaded where these are all of them, or the one model's
    # shards; what else lies there (an original release, an adapter) is then loaded by no index.
    usual = (
        [path for path in every if path.name != ADAPTER_WEIGHTS],
        [path for path in every if _SHARD.match(path.name)],
    )
    return every if index is None or loaded in usual else [*every, index]


def check_header(path: Path) -> None:
    """Raises ModelUnavailable for a safetensors file that is cut, or has a damaged header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        raise ModelUnavailable(
            f"The weights {str(path)!r} are truncated or damaged ({one_line(error)}); "
            "copy or download them again."
        ) from error


class StoredTensor(NamedTuple):
    """A tensor as the header of its file describes it; `dtype` as safetensors names it."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def whole_numbers(self) -> bool:
        return self.dtype.startswith(("I", "U", "BOOL"))


def tensors_in(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file, by name."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as opened:
        names = opened.keys()
        parts = {name: opened.get_slice(name) for name in names}
        return {
            name: StoredTensor(tuple(part.get_shape()), str(part.get_dtype()))
            for name, part in parts.items()
        }


def loaded_weights(folder: Path) -> list[Path]:
    """The files of a folder that its weights are loaded from, whatever else lies beside them:
    what `transformers_weights` in config.json names, else `model.safetensors`, else the shards of
    its index, else its only file of weights (the weights of an adapter are none).

    Raises ModelUnavailable where there are none, and where more than one answer is possible.
    """
    with reading(folder):
        names = sorted(path.name for path in folder.iterdir())
    for name in filter(_DISTRIBUTED.match, names):
        raise ModelUnavailable(
            f"{str(folder)!r} contains parts of a distributed checkpoint (the first: {name!r}), "
            "which tremble does not read; save the model as a whole, or move these files "
            "elsewhere."
        )
    weights = [name for name in names if name.endswith(".safetensors") and name != ADAPTER_WEIGHTS]
    asked = _asked_for(folder)
    if asked is not None and not asked.endswith(".index.json"):
        return [folder / asked]
    if asked is None and _WEIGHTS in weights:
        return [folder / _WEIGHTS]  # whatever an index beside it names
    index = _index_of(folder)
    shards = set() if index is None else _shards(index)
    if lost := sorted(shards - set(weights)):
        raise ModelUnavailable(
            f"The weights in {str(folder)!r} lack {lost[0]!r}, which their index lists; copy or "
            "download them again."
        )
    if shards:
        return [folder / name for name in sorted(shards)]
    if len(weights) > 1:
        raise ModelUnavailable(
            f"{str(folder)!r} contains {len(weights)} files of weights (the first: "
            f"{weights[0]!r}) but no {_INDEX!r}, which says which belong together; copy or "
            "download the folder again."
        )
    if not weights:
        raise _no_weights(folder, names)
    return [folder / weights[0]]


def _asked_for(folder: Path) -> str | None:
    """The file that the configuration names for the weights, or for their index; None for none.
    transformers would also read a pickled adapter, or a file of a folder below, by that name."""
    config = folder / "config.json"
    named = read_json(config) if config.is_file() else None
    name = named.get("transformers_weights") if isinstance(named, dict) else None
    if name is None:
        return None
    known = isinstance(name, str) and name.endswith((".safetensors", ".safetensors.index.json"))
    if not known or "/" in name or "\\" in name or not (folder / name).is_file():
        raise ModelUnavailable(
            f"{str(config)!r} has transformers_weights = {visible(repr(name))[:60]}, which is not "
            "a safetensors file in the same folder; delete that line, or copy the model again."
        )
    return str(name)


def _index_of(folder: Path) -> Path | None:
    """The index that says which files of a folder are loaded, None where no index does."""
    asked = _asked_for(folder)
    index = folder / (asked or _INDEX)
    with reading(index):
        counts = asked is not None or not (folder / _WEIGHTS).is_file()
        return index if counts and index.name.endswith(".json") and index.is_file() else None


def _shards(index: Path) -> set[str]:
    """The files that an index of shards names."""
    try:
        return {str(name) for name in read_json(index)["weight_map"].values()}
    except (KeyError, TypeError, AttributeError, ModelUnavailable) as error:
        raise ModelUnavailable(
            f"The index of the weights {str(index)!r} is damaged; copy or download it again."
        ) from error


def _no_weights(folder: Path, names: list[str]) -> ModelUnavailable:
    """What a user is told of a folder without weights that can be read."""
    pickles = [name for name in names if name.endswith(_PICKLES)]
    if pickles:
        return ModelUnavailable(
            f"{str(folder)!r} has only pickled weights ({pickles[0]}), which tremble does not "
            "read; convert them to safetensors."
        )
    return ModelUnavailable(f"No .safetensors weights in {str(folder)!r}; give a model folder.")


def read_json(path: Path) -> Any:
    """What a JSON file of a model holds.

    Raises ModelUnavailable where it cannot be read, is no JSON, begins with a byte order mark, or
    is more than any model needs.
    """
    try:
        if path.stat().st_size > _LONGEST_JSON:
            raise ValueError(f"it is longer than {_LONGEST_JSON:,} bytes")
        content = path.read_bytes()
        held = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailable(
            f"{str(path)!r} cannot be read ({why(error)}); copy or download it again."
        ) from error
    if content.startswith(BOM_UTF8):
        raise ModelUnavailable(
            f"{str(path)!r} begins with a byte order mark, which transformers does not read; save "
            "the file without it."
        )
    return held


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Has the system's complaint about a file or folder of a model raised as ModelUnavailable."""
    try:
        yield
    except OSError as error:
        raise ModelUnavailable(
            f"{str(path)!r} cannot be read ({why(error)}); check its permissions and the disk."
        ) from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, 16 hexadecimal digits. Raises ModelUnavailable where it is unreadable."""
    with reading(path):
        return sha256_of(path)[:16]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits. Raises OSError where it cannot be read."""
    return _sha256(path, _state(path))


def digest_of(parts: Mapping[str, str]) -> str:
    """SHA-256 over texts and their names, in the order of names, 16 hexadecimal digits."""
    return sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()[:16]


def content_hash(paths: list[Path]) -> str:
    """SHA-256 over names and contents, 16 hexadecimal digits.

    Raises ModelUnavailable where one of the files cannot be read.
    """
    with reading(paths[0].parent):
        return _content_hash(tuple(paths), tuple(map(_state, paths)))


_State = tuple[int, ...]


def _state(path: Path) -> _State:
    """What changes when a file does, as far as the system notices."""
    seen = path.stat()
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


@cache
def _sha256(path: Path, _: _State) -> str:
    """Read once per process, unless the state of the file changed."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


@cache
def _content_hash(paths: tuple[Path, ...], _: tuple[_State, ...]) -> str:
    """Read once per process, unless the state of a file changed."""
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]
