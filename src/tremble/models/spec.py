"""A model as the user names it, and the options under which it is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the user names it: hub name, name@revision, name@revision:folder, folder, or .gguf
    file; also an adapter in a folder or on the hub, which is put on `base`, by default on the model
    that it says it was trained on.

    `adapter` is merged into the model; `written` is what the user wrote for it, where `adapter` is
    a path that was made from that. `template` is a named template, a jinja file, or None for the
    model's own.
    """

    id: str
    revision: str | None = None
    adapter: str | None = None
    template: str | None = None
    base: str | None = None
    written: str | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The [run] table of a study file.

    `batch` is the number of sequences a pass holds; `memory` in bytes bounds what a pass may take
    (None: by what is free); `quantise` is "8bit", "4bit" or None for the weights as they are;
    `keep_models` says whether models downloaded by this run stay in the hub's cache; `compile`
    has torch compile the layers of the shared path.
    """

    engine: str = "transformers"
    dtype: str = "float32"
    device: str = "cpu"
    batch: int = 1
    remote_code: Sequence[str] = field(default_factory=tuple)
    memory: int | None = None
    quantise: str | None = None
    keep_models: bool = True
    compile: bool = False


def model_name(spec: ModelSpec) -> str:
    """The name under which a model stands in every table."""
    name = spec.id if spec.revision is None else f"{spec.id}@{spec.revision}"
    return name if spec.adapter is None else f"{name}+{spec.written or spec.adapter}"
