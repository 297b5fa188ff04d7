"""What the hub lists of some checkpoints of a series: the first and the last of each repository,
whatever the number of those between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tremble.checkpoints.complete import lacking
from tremble.checkpoints.series import Checkpoint, Found
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import UserError
from tremble.models.adapters import are_adapter
from tremble.models.hub_files import HubName
from tremble.models.hub_lists import Files, files_of
from tremble.models.open import source_of
from tremble.models.spec import ModelSpec


def on_hub(spec: ModelSpec) -> HubName | None:
    """Where a model is on the hub; None for those of this machine."""
    path = path_of(spec.id)
    if is_folder(path) or is_file(path) or not source_of(spec.id).has_revisions:
        return None
    return HubName.of(spec.id, spec.revision)


def ends(checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
    """The first and the last checkpoint of each repository of the hub."""
    first: dict[str, Checkpoint] = {}
    last: dict[str, Checkpoint] = {}
    for one in checkpoints:
        place = on_hub(one.model)
        if place is not None:
            first.setdefault(place.name, one)
            last[place.name] = one
    return list({one.name: one for name in first for one in (first[name], last[name])}.values())


def looked_at(
    checkpoints: Sequence[Checkpoint], found: Found
) -> tuple[tuple[Checkpoint, ...], dict[str, Files]]:
    """Checkpoints with what the hub's lists say of them (whether they are adapters, and why they
    cannot be used), and these lists by name.

    Those between the first and the last of a repository are taken to be of the kind of the first.
    """
    files = dict(found.files)
    wrong: dict[str, str] = {}
    for one in ends(checkpoints):
        place = on_hub(one.model)
        if place is None or one.name in files:
            continue
        try:
            files[one.name] = files_of(place)
        except UserError as error:
            if not _may_be_here(place):
                wrong[one.name] = str(error)
    kinds: dict[str, bool] = {}
    made = []
    for one in checkpoints:
        place = on_hub(one.model)
        if place is None:
            made.append(one)
            continue
        listed = files.get(one.name)
        if listed is not None:
            own = are_adapter(listed)
            kinds.setdefault(place.name, own)
            one = replace(one, adapter=own, why_not=one.why_not or lacking(one.name, listed))
        elif one.adapter is None:
            one = replace(one, adapter=kinds.get(place.name))
        if one.name in wrong:
            one = replace(one, why_not=wrong[one.name])
        made.append(one)
    return tuple(made), files


def _may_be_here(place: HubName) -> bool:
    """Whether files of a model are in the cache, so that it may be used without the hub."""
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(place.name, revision=place.revision, local_files_only=True)
    except Exception:  # not there, or no name
        return False
    return True
