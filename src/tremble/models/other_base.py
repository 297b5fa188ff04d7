"""Whether an adapter is put on the model that it says it was trained on.

Names of one model often differ: a path of another machine, a copy on this one, the hub's name. So
where both models are here their weights decide, and elsewhere the last part of their names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tremble.disk.paths import path_of
from tremble.models.adapters import Adapter
from tremble.models.embedded import EMBEDDED, place_of_embedded
from tremble.models.on_base import base_of
from tremble.models.open import is_made_up, source_of
from tremble.models.spec import ModelSpec, model_name
from tremble.models.stored import folder_of, same_weights
from tremble.text import counted

# By their weights another, by their names another, or nothing against it.
Found = Literal["weights", "name", "same"]
# A folder of the hub's cache, which says whose files it holds.
_CACHED = re.compile(r"models--(?:.+?--)?([^/]+)/snapshots/[0-9a-f]+$")


def named_by(adapter: Adapter) -> ModelSpec | None:
    """The model that an adapter's configuration says it was trained on; None where it says none.

    Raises as `Adapter.config`.
    """
    named = adapter.config().get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        return None
    return base_of(ModelSpec(adapter.name), adapter)


def compared(named: ModelSpec, base: ModelSpec) -> Found:
    """Whether the model that an adapter names is the one that it is put on.

    "weights" only where it is sure: tensors of the same names, shapes and precision differ.
    """
    if named == base:
        return "same"
    folders = [None if is_made_up(one.id) else folder_of(one) for one in (named, base)]
    if folders[0] is not None and folders[1] is not None:
        same = same_weights(folders[0], folders[1])
        if same is not None:
            return "same" if same else "weights"
    alike = _last(named) & _last(base) and _revision(named) == _revision(base)
    return "same" if alike else "name"


def is_certain(named: ModelSpec) -> bool:
    """Whether a name means one model wherever it is written: a whole path, or one of the hub."""
    return path_of(named.id).is_absolute() or source_of(named.id).has_revisions


def sentences(adapters: Sequence[tuple[str, ModelSpec, ModelSpec, Found]]) -> list[str]:
    """What is said of adapters that name another model than the one that they are put on: of each
    its name, what it names, its base, and how the two compare. One sentence for all with the same
    of both."""
    groups: dict[tuple[ModelSpec, ModelSpec, Found], list[str]] = {}
    for name, named, base, found in adapters:
        groups.setdefault((named, base, found), []).append(name)
    said = []
    for (named, base, found), names in groups.items():
        why = "if that is another model," if found == "name" else "its weights are others, so"
        if found != "same":
            said.append(
                f"{said_of(names)} {model_name(named)!r} as the model of the training, but "
                f"{'is' if len(names) == 1 else 'are'} put on {model_name(base)!r}; {why} the "
                "numbers are not those of the checkpoints."
            )
    return said


def said_of(names: Sequence[str]) -> str:
    """Adapters as the beginning of a sentence on what they name."""
    if len(names) == 1:
        return f"The adapter {names[0]!r} names"
    return f"{counted(len(names), 'adapter')} (the first: {names[0]!r}) name"


def _revision(spec: ModelSpec) -> str | None:
    """What a model's revision is called, None for the usual one. A commit, which somebody pinned,
    may be that."""
    hub = source_of(spec.id).has_revisions
    own = spec.revision or (spec.id.partition("@")[2].partition(":")[0] if hub else None) or None
    return None if own == "main" or re.fullmatch("[0-9a-f]{40}", own or "") else own


def _last(spec: ModelSpec) -> set[str]:
    """What a model may be called, whatever stands before it, in small letters."""
    if spec.id in EMBEDDED:
        place = place_of_embedded(spec.id)
        kept = set() if place is None else {place[0].name.lower()}
        return {spec.id.rpartition("/")[2].lower(), *kept}
    text = spec.id.rstrip("/\\")
    if cached := _CACHED.search(text):
        return {cached[1].lower()}
    name = Path(re.split(r"[/\\]", text)[-1]).name
    if source_of(spec.id).has_revisions:
        name = name.partition("@")[0]
    return {name.lower()} - {"", ".", ".."}
