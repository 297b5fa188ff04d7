"""What the checkpoints of a series are compared with, and what its adapters are put on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tremble.checkpoints.series import Checkpoint
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import UserError
from tremble.models.adapters import Adapter
from tremble.models.embedded import EMBEDDED
from tremble.models.files import ADAPTER_CONFIG
from tremble.models.hub_files import HubName, download
from tremble.models.on_base import base_of
from tremble.models.open import is_made_up, source_of
from tremble.models.spec import ModelSpec, model_name
from tremble.text import did_you_mean


def on_one_base(
    checkpoints: Sequence[Checkpoint], base: str | None
) -> tuple[ModelSpec, tuple[Checkpoint, ...], tuple[str, ...]]:
    """The base of a series, its checkpoints with it, and sentences on how it was chosen.

    The user's `base` counts, and adapters are put on it; else the first checkpoint where that has
    weights of its own; else the model that all adapters were trained on. An adapter that was
    trained on a checkpoint of the series, as after a stage whose adapter was merged, or of which
    the user says the model, stays on that. Of many adapters on the hub, the first and the last are
    asked. Raises UserError where adapters were trained on different models, where nobody says on
    which, or where that is not on this machine.
    """
    if base is not None:
        _check_named(base)
        own = _of_the_series(checkpoints)
        put = [
            replace(one, model=replace(one.model, base=base))
            if one.adapter and one.model.base is None and one.name not in own
            else one
            for one in checkpoints
        ]
        return ModelSpec(base), tuple(put), ()
    adapters = [one for one in checkpoints if one.adapter]
    if not checkpoints[0].adapter:
        apart = _of_the_series(checkpoints)
        if others := [one for one in adapters if one.name not in apart]:
            _own_base(others)
        first = checkpoints[0]
        note = (
            f"No base model was given, so the other checkpoints are compared with the first one, "
            f"{first.name!r}; choose another base with --base."
        )
        return first.model, tuple(checkpoints), (note,)
    return _own_base(adapters), tuple(checkpoints), ()


def _of_the_series(checkpoints: Sequence[Checkpoint]) -> set[str]:
    """The names of the adapters that were trained on another checkpoint of their series."""
    places = {_place(one.model) for one in checkpoints if not one.adapter}
    if not places:  # as nearly always
        return set()
    found = set()
    for one in checkpoints:
        with suppress(UserError):  # one that does not say it
            if one.adapter and _place(_trained_on(one)) in places:
                found.add(one.name)
    return found


def _own_base(adapters: Sequence[Checkpoint]) -> ModelSpec:
    ends = {adapters[0].name, adapters[-1].name}
    bases = [
        (one, _trained_on(one))
        for one in adapters
        if one.model.base is not None or one.name in ends or is_folder(path_of(one.model.id))
    ]
    first, base = bases[0]
    for one, other in bases:
        if _place(other) != _place(base):
            raise UserError(
                f"The adapters {first.name!r} and {one.name!r} were trained on different models, "
                f"{model_name(base)!r} and {model_name(other)!r}; list the checkpoints in a TOML "
                "file, each with its own base, and give the model to compare with by --base; alone "
                "that is right only if both names mean one model, since an adapter's numbers are "
                "wrong on another."
            )
    if is_made_up(base.id):
        raise UserError(f"{first.name!r} cannot be put on {base.id!r}, a built-in fake model.")
    there = is_file(path_of(base.id)) or is_folder(path_of(base.id))
    if not there and (base.id.startswith((".", "/", "~")) or base.id.count("/") > 1):
        raise UserError(
            f"The adapter {first.name!r} was trained on {base.id!r}, as its configuration says, "
            "and there is no such model on this machine; give the model with --base."
        )
    return base


def _trained_on(checkpoint: Checkpoint) -> ModelSpec:
    """The model that an adapter is put on. Raises UserError where nobody says it."""
    spec = checkpoint.model
    if spec.base is not None:
        return ModelSpec(spec.base)
    folder = path_of(spec.id)
    if not is_folder(folder):  # its weights are not asked for
        folder = download(HubName.of(spec.id, spec.revision), [ADAPTER_CONFIG])
    adapter = Adapter(checkpoint.name, folder)
    named = adapter.config().get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        raise UserError(
            f"The adapter {checkpoint.name!r} does not say which model it was trained on; give "
            "that model with --base."
        )
    return base_of(spec, adapter)


def _place(base: ModelSpec) -> tuple[str, str | None]:
    """One text for one model, however its path was written."""
    path = path_of(base.id)
    return (str(path.resolve()) if is_folder(path) else base.id), base.revision


def _check_named(base: str) -> None:
    """Raises UserError for a base that no series can have."""
    if is_made_up(base):
        raise UserError(f"The base {base!r} is a built-in fake model; give a model with weights.")
    path = path_of(base)
    if base.startswith("embedded/") and base not in EMBEDDED:
        raise UserError(
            f"There is no model {base!r}, which --base names{did_you_mean(base, [*EMBEDDED])}"
        )
    if (whole := f"embedded/{base}") in EMBEDDED and not is_folder(path):
        raise UserError(f"There is no model {base!r}, which --base names; did you mean {whole!r}?")
    path_like = base.startswith((".", "/", "~")) or base.endswith(".gguf")
    if not is_folder(path) and not is_file(path) and path_like:
        raise UserError(f"There is no model {base!r}, which --base names; check the path.")
    if source_of(base).has_revisions:
        HubName.of(base)
