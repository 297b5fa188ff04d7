"""Whether adapters are put on the model that they were trained on, before anything is scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tremble.checkpoints.listings import ends
from tremble.checkpoints.series import Checkpoint, known_bad
from tremble.disk.paths import is_folder, path_of
from tremble.errors import UserError
from tremble.models.adapters import Adapter
from tremble.models.files import ADAPTER_CONFIG
from tremble.models.fits import misfit
from tremble.models.hub_files import HubName, download
from tremble.models.other_base import compared, is_certain, named_by, said_of, sentences
from tremble.models.spec import ModelSpec, model_name
from tremble.models.stored import weights_of_modules

_Named = tuple[Checkpoint, ModelSpec, ModelSpec]  # an adapter, what it names, what it is put on


def on_other_models(checkpoints: Sequence[Checkpoint], chosen: Collection[str]) -> tuple[str, ...]:
    """Sentences on adapters that name another model than the one that they are put on. `chosen`:
    the names of those that are put there by one base for all.

    Of adapters on the hub the first and the last of a repository are asked. Raises UserError where
    one of the `chosen` was certainly trained on another model.
    """
    named = _named(checkpoints)
    known = {pair: compared(*pair) for pair in dict.fromkeys((one, on) for _, one, on in named)}
    for checkpoint, one, base in named:
        by_weights = known[one, base] == "weights" and is_certain(one)
        if by_weights and checkpoint.name in chosen:
            raise UserError(
                f"The adapter {checkpoint.name!r} was trained on {model_name(one)!r}, whose "
                f"weights differ from those of {model_name(base)!r}, on which --base puts it; list "
                "the checkpoints in a TOML file, each with its own base."
            )
    mixed = _mixed([one for one in named if one[0].name in chosen])
    others = [
        (checkpoint.name, one, base, known[one, base])
        for checkpoint, one, base in named
        if not (mixed and checkpoint.name in chosen)
    ]
    return (*mixed, *sentences(others))


def fitted(checkpoints: Sequence[Checkpoint], base: ModelSpec) -> tuple[Checkpoint, ...]:
    """Checkpoints, those adapters among them with the reason that cannot be put on their model, as
    far as both are on this machine."""
    weights: dict[ModelSpec, Mapping[str, int] | None] = {}
    made = []
    for one in checkpoints:
        folder = path_of(one.model.id)
        if one.adapter and is_folder(folder):
            own = None if one.model.base is None else ModelSpec(one.model.base)
            on = own or _named_in(one, folder) or base
            if on not in weights:
                weights[on] = weights_of_modules(on)
            if (held := weights[on]) is not None:
                one = known_bad(one, misfit(Adapter(one.name, folder), on, held))
        made.append(one)
    return tuple(made)


def _named_in(one: Checkpoint, folder: Path) -> ModelSpec | None:
    with suppress(UserError):
        return named_by(Adapter(one.name, folder))
    return None


def _named(checkpoints: Sequence[Checkpoint]) -> list[_Named]:
    """The adapters whose model somebody chose, and which say what they were trained on."""
    asked = {one.name for one in ends(checkpoints)}
    found = []
    for one in checkpoints:
        folder = path_of(one.model.id)
        if not one.adapter or one.model.base is None:
            continue
        with suppress(UserError):  # what is wrong with it is said elsewhere
            if not is_folder(folder):
                if one.name not in asked:
                    continue
                place = HubName.of(one.model.id, one.model.revision)
                folder = download(place, [ADAPTER_CONFIG])
            named = named_by(Adapter(one.name, folder))
            if named is not None:
                found.append((one, named, ModelSpec(one.model.base)))
    return found


def _mixed(named: Sequence[_Named]) -> tuple[str, ...]:
    """A sentence where adapters of one series name several models and one base is for all."""
    groups: dict[ModelSpec, list[str]] = {}
    for checkpoint, one, _ in named:
        known = next((other for other in groups if compared(one, other) == "same"), one)
        groups.setdefault(known, []).append(checkpoint.name)
    if len(groups) < 2:
        return ()
    parts = [f"{said_of(names)} {model_name(one)!r}" for one, names in groups.items()]
    said = "; ".join((parts[0], *(part[0].lower() + part[1:] for part in parts[1:])))
    return (
        f"The adapters were trained on different models: {said}; --base puts all of them on "
        f"{model_name(named[0][2])!r}; unless these are one model, the numbers of some are not "
        "those of the checkpoints: list them in a TOML file, each with its own base.",
    )
