"""What sources share whose models are files: tokenizer, window, identity and precision."""

from __future__ import annotations

import importlib.util
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tremble.errors import MissingExtra, ModelUnavailable, UserError
from tremble.models.adapters import Adapter
from tremble.models.device import check_device
from tremble.models.files import ModelFiles, Notify, content_hash, read_json, reading
from tremble.models.limits import check_config
from tremble.models.open import Here, Opened, ReadyModel
from tremble.models.spec import ModelSpec, RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.text import one_line, visible

# What the vocabularies of tokenizers are called, and the JSON files beside them.
_VOCABULARY = re.compile(r"tokenizer\.json|tekken\.json|.*\.(model|tiktoken|spm)|.*vocab.*")
_TOKENIZER_JSON = ("tokenizer.json", "added_tokens.json", "special_tokens_map.json", "vocab.json")


class FromFiles(ABC):
    """A source (see `open.ModelSource`) that has `owns`, and `locate` for its models' files."""

    made_up = False
    has_revisions = False
    engine: str | None = None

    @abstractmethod
    def owns(self, name: str) -> bool: ...

    @abstractmethod
    def locate(self, spec: ModelSpec, notify: Notify, weights: bool) -> ModelFiles:
        """The files of a model that `owns` said is from here, brought here where need be."""

    def files(self, spec: ModelSpec, notify: Notify, weights: bool = True) -> ModelFiles:
        if (
            importlib.util.find_spec("transformers") is None
            or importlib.util.find_spec("torch") is None
        ):
            raise MissingExtra(f"The model {spec.id!r}", "torch")
        if spec.revision is not None and not self.has_revisions:
            raise UserError(
                f"The model {spec.id!r} is not from the hub, so it has no revision "
                f"{spec.revision!r}; leave revision out of its [[model]]."
            )
        files = self.locate(spec, notify, weights)
        check_config(files.folder)
        if spec.base is not None and files.adapter is None:
            raise UserError(
                f"The model {spec.id!r} is no adapter, so base = {spec.base!r} in its [[model]] "
                "has no use; leave it out."
            )
        if spec.adapter is not None:
            from tremble.models.on_base import adapter_of, with_adapter

            files = with_adapter(files, adapter_of(spec.adapter))
        return files

    def opened(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> Opened:
        files = self.files(spec, notify, weights=False)
        tokenizer, config = tokenizer_and_config(spec, files, options)
        return Opened(tokenizer, window_of(config), _precision(files, options))

    def precision(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> str | None:
        return _precision(self.files(spec, notify, weights=False), options)

    def identity(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
        check_device(options)
        files = self.files(spec, notify, weights=False)
        if files.adapter is not None:
            _check_adapter(files.adapter, options)
        adapter = None if files.adapter is None else files.adapter.digest()
        identity = {
            "engine": options.engine,
            **files.identity,
            "adapter": adapter,
            "dtype": options.dtype,
        }
        # Only where asked for: studies scored without it keep their keys.
        if options.quantise is not None:
            identity["quantise"] = options.quantise
        if _had_angles_of_others(files, options):
            identity["angles"] = "of each prompt"
        code = _code_files(spec, files, options)
        return {**identity, "code": content_hash(code)} if code else identity

    def ready(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> ReadyModel:
        identity = self.identity(spec, options, notify)
        files = self.files(spec, notify)
        tokenizer, config = tokenizer_and_config(spec, files, options)
        return ReadyModel(spec, tokenizer, window_of(config), identity, files, config)

    def missing_bytes(self, spec: ModelSpec) -> int | None:
        return 0

    @abstractmethod
    def here(self, spec: ModelSpec) -> Here | None: ...


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder has a file with the vocabulary of a tokenizer."""
    with reading(folder):
        return any(is_vocabulary(path.name) for path in folder.iterdir() if path.is_file())


def is_vocabulary(name: str) -> bool:
    """Whether a file of that name has the vocabulary of a tokenizer."""
    return _VOCABULARY.fullmatch(name) is not None


def _is_of_tokenizer(path: Path) -> bool:
    """Whether a file may decide what a tokenizer, or its chat template, is."""
    named = path.name in ("tokenizer_config.json", "config.json", *_TOKENIZER_JSON)
    known = named or is_vocabulary(path.name) or path.suffix in (".jinja", ".txt")
    return bool(known) and path.is_file()


def _check_adapter(adapter: Adapter, options: RunOptions) -> None:
    """Raises UserError where an adapter cannot be merged into the weights as they are run."""
    if importlib.util.find_spec("peft") is None:
        raise MissingExtra(f"The adapter {adapter.name!r}", "adapters")
    if options.quantise is not None:
        raise UserError(
            f"quantise = {options.quantise!r} in [run] cannot be combined with the adapter "
            f"{adapter.name!r}, which is merged into unquantised weights; leave one of them out."
        )


def is_trusted(spec: ModelSpec, options: RunOptions) -> bool:
    """Code that comes with a model runs only where the user named that model for it."""
    return spec.id in options.remote_code


def _code_files(spec: ModelSpec, files: ModelFiles, options: RunOptions) -> list[Path]:
    """The Python files of a folder that may run, and so decide numbers; those of the hub are those
    of the revision."""
    of_revision = files.repository is not None and files.folder.name == files.commit
    if not is_trusted(spec, options) or of_revision:
        return []
    with reading(files.folder):
        return sorted(path for path in files.folder.rglob("*.py") if path.is_file())


def _had_angles_of_others(files: ModelFiles, options: RunOptions) -> bool:
    """Whether versions before 0.2.0 may have turned positions of long prompts by the length of
    others: of dynamic rotary scaling, and of LongRoPE in passes of several prompts."""
    config = read_json(files.folder / "config.json")
    parts = [config, *(part for part in config.values() if isinstance(part, dict))]
    window = "original_max_position_embeddings"  # else nothing is longer than what is meant
    kinds = {
        rope.get("rope_type", rope.get("type"))
        for part in parts
        for rope in (part.get("rope_parameters"), part.get("rope_scaling"))
        if isinstance(rope, dict) and (rope.get(window) or part.get(window))
    }
    return "dynamic" in kinds or (options.batch > 1 and bool(kinds & {"longrope", "su"}))


def code_revision(files: ModelFiles) -> str | None:
    """The revision of the code that a snapshot of the hub names as its own repository's: that of
    the snapshot, not the latest."""
    return files.commit


def _check_code(spec: ModelSpec, files: ModelFiles) -> None:
    """Raises ModelUnavailable for trusted code that comes from another repository, whatever that
    holds on the day."""
    for name in ("config.json", "tokenizer_config.json"):
        path = (_tokenizer_folder(files) if name[0] == "t" else files.folder) / name
        named = read_json(path).get("auto_map") if path.is_file() else None
        for reference in _texts(named):
            repository, apart, _ = reference.partition("--")
            if apart and repository != files.repository:
                raise ModelUnavailable(
                    f"The model {spec.id!r} uses code from {visible(repository)!r} (auto_map in "
                    f"{name}), which may change at any time; copy that code into a folder with "
                    f"the model, remove {visible(repository + apart)!r} from auto_map, and give "
                    "the folder as id."
                )


def _tokenizer_folder(files: ModelFiles) -> Path:
    return files.tokenizer or files.folder


def _texts(value: Any) -> Iterator[str]:
    """The texts in what JSON holds, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Collection):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def read_config(spec: ModelSpec, files: ModelFiles, options: RunOptions) -> Any:
    """A model's configuration, less what it says of how it is computed: attention is chosen here,
    and what comes back is read here. Raises whatever transformers finds wrong with it."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        files.folder,
        trust_remote_code=is_trusted(spec, options),
        code_revision=code_revision(files),
    )
    for name in ("_attn_implementation", "_experts_implementation"):
        if hasattr(config, name):
            setattr(config, name, None)
    for part in {id(part): part for part in (config, config.get_text_config())}.values():
        part.return_dict = True
        part.output_attentions = part.output_hidden_states = False
    return config


def tokenizer_and_config(
    spec: ModelSpec, files: ModelFiles, options: RunOptions
) -> tuple[HubTokenizer, Any]:
    """A model's tokenizer and configuration, with code of its own where that is trusted.

    Raises UserError where it needs code that is not, ModelUnavailable for other failures.
    """

    trust = is_trusted(spec, options)
    if trust:
        _check_code(spec, files)
    try:
        with quiet():
            config = read_config(spec, files, options)
            tokenizer = _tokenizer(files, trust)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"The model {spec.id!r} needs to run its own code; if you trust it, add the model "
                "to remote_code in [run]."
            ) from error
        _check_tokenizer_files(spec, files)
        raise ModelUnavailable(
            f"The configuration or tokenizer of {spec.id!r} cannot be read "
            f"({_reason(error)}); check that the folder is complete."
        ) from error
    return tokenizer, config


def _tokenizer(files: ModelFiles, trust: bool) -> HubTokenizer:
    """The tokenizer of a model. The last one is kept for a model with equal files of one, as
    checkpoints have it: each takes seconds and hundreds of megabytes."""
    from transformers import AutoTokenizer

    folder = _tokenizer_folder(files)
    with reading(folder):
        own = sorted(path for path in folder.iterdir() if _is_of_tokenizer(path))
        template = None if files.template is None else files.template.read_text("utf-8")
    if files.template is not None:
        own.append(files.template)
    key = content_hash(own) if own else ""
    if trust or key != _LAST.get("key"):  # code of its own may do anything
        _LAST.clear()
        inner = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=trust, code_revision=code_revision(files)
        )
        if template is not None:
            inner.chat_template = template
        _LAST.update(key=key, tokenizer=HubTokenizer(inner))
    tokenizer: HubTokenizer = _LAST["tokenizer"]
    return tokenizer


_LAST: dict[str, Any] = {}


def _check_tokenizer_files(spec: ModelSpec, files: ModelFiles) -> None:
    """Raises ModelUnavailable where a folder has no file with the vocabulary of a tokenizer, or one
    of its JSON files cannot be read."""
    folder = _tokenizer_folder(files)
    if not has_tokenizer(folder):
        raise ModelUnavailable(
            f"The model {spec.id!r} has no tokenizer.json (or tokenizer.model, or vocab.json); "
            "copy or download its tokenizer into its folder."
        )
    for name in sorted(_TOKENIZER_JSON):
        if (path := folder / name).is_file():
            read_json(path)


def _reason(error: Exception) -> str:
    """A foreign error in one line; some name the key in the first line, its value in the next."""
    return one_line(Exception(" ".join(str(error).split()) or type(error).__name__))


def _precision(files: ModelFiles, options: RunOptions) -> str | None:
    """What was done to the published weights, None for nothing."""
    if options.quantise is None:
        return files.quantised
    now = f"quantised to {options.quantise} when loaded"
    return now if files.quantised is None else f"{now}, from {files.quantised}"


def window_of(config: Any) -> int | None:
    """The longest text that a model takes, in tokens; None where its configuration sets no end."""
    text = config.get_text_config()
    longest = getattr(text, "max_position_embeddings", None)
    return int(longest) if isinstance(longest, int) and longest > 0 else None


@contextmanager
def quiet() -> Iterator[None]:
    """transformers prints bars and warnings of its own; what matters is raised or recorded."""
    from transformers.utils import logging

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
