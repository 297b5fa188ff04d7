"""The engines that there are, by name; loading one loads nothing of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tremble.engines.base import Engine
from tremble.errors import MissingExtra, UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Extensions, Unfit, guarded
from tremble.models.files import Notify
from tremble.models.open import ReadyModel
from tremble.models.spec import RunOptions
from tremble.text import did_you_mean


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """An engine as far as it is known before it is loaded.

    `module`, in this room, holds `open_engine(model, options, notify) -> Engine`; `extra` is the
    optional part of this package that it needs (None: none); `options` are the fields of
    `RunOptions` that it heeds. `chosen`: whether users choose it by name; the others come with a
    source of models.
    """

    module: str
    extra: str | None
    options: frozenset[str]
    chosen: bool = True


_WEIGHTS = frozenset({"dtype", "device", "quantise", "remote_code", "batch"})
ENGINES = {
    "transformers": EngineEntry("shared_prefix.opening", "torch", _WEIGHTS | {"memory", "compile"}),
    "reference": EngineEntry("reference", "torch", _WEIGHTS),
    "mock": EngineEntry("mock", None, frozenset(), chosen=False),
}


Open = Callable[[ReadyModel, RunOptions, Notify], Engine]


def _of_package(found: Any, entry: Entry) -> Open:
    """What opens the engine that an entry point leads to, checked in all that it gives."""
    opens = getattr(found, "open_engine", None)
    if not callable(opens):
        raise Unfit("a module or an object with open_engine(model, options, notify)")
    opened = guarded(entry, opens)

    def checked(model: ReadyModel, options: RunOptions, notify: Notify) -> Engine:
        # Imported here: the engines of tremble do without.
        from tremble.engines.guarded import GuardedEngine

        return GuardedEngine(opened(model, options, notify), entry)

    return checked


EXTENSIONS = Extensions("engine", ENGINES, _of_package)


def own_names() -> tuple[str, ...]:
    """The engines of tremble that a user can choose, the usual one first."""
    return tuple(name for name, entry in ENGINES.items() if entry.chosen)


def names() -> tuple[str, ...]:
    """These, and the engines of installed packages."""
    return (*own_names(), *EXTENSIONS.names())


def check_engine(name: str) -> None:
    """Raises UserError where a user can choose no engine of that name, or it cannot be loaded."""
    if name not in own_names() and EXTENSIONS.get(name) is None:
        raise UserError(f"There is no engine {name!r}{did_you_mean(name, list(names()))}")


def open_with(name: str, model: ReadyModel, options: RunOptions, notify: Notify) -> Engine:
    """The engine of that name, with the weights of `model` in memory.

    Raises MissingExtra where its optional part is not installed, and whatever its module raises.
    """
    added = EXTENSIONS.get(name)
    if added is not None:
        return added(model, options, notify)
    entry = ENGINES[name]
    try:
        module = import_module(f"tremble.engines.{entry.module}")
    except ModuleNotFoundError as error:
        if entry.extra is None or (error.name or "").startswith("tremble"):
            raise
        raise MissingExtra(f"The engine {name!r}", entry.extra) from error
    engine: Engine = module.open_engine(model, options, notify)
    return engine
