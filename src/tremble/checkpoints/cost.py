"""What a series costs before anything of it is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tremble.checkpoints.listings import on_hub
from tremble.checkpoints.series import Checkpoint, Series
from tremble.disk.paths import is_folder, path_of
from tremble.errors import UserError
from tremble.models.files import SMALL_FILES
from tremble.models.hub_lists import files_of
from tremble.models.open import source_of
from tremble.models.spec import ModelSpec, model_name

_READ = ("*.safetensors", *SMALL_FILES)
_NOT_READ = ("consolidated*.safetensors",)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a series of so many `checkpoints` takes. `missing` of them are not on this machine;
    `bytes_each`: what one of these has to download, and `bytes_total` all of them and the base;
    None where the hub does not say. `loads`: how many times weights are read, once for all adapters
    on one base.
    """

    checkpoints: int
    missing: int
    bytes_each: int | None
    bytes_total: int | None
    loads: int


def cost_of(series: Series) -> Cost:
    """The cost of a series. The hub is asked about the first and the last checkpoint that are not
    on this machine, and about the base; the larger of the two counts for all, so that the total is
    an upper bound where checkpoints are of one size."""
    missing = [one for one in series.checkpoints if _is_missing(one)]
    sizes = [_size(one.model) for one in dict.fromkeys([*missing[:1], *missing[-1:]])]
    known = [size for size in sizes if size is not None]
    each = None if len(known) < len(sizes) else max(known, default=0)
    base = 0
    apart = model_name(series.base) not in {one.name for one in series.checkpoints}
    if apart and on_hub(series.base) and source_of(series.base.id).here(series.base) is None:
        base_size = None if series.base_unknown else _size(series.base)
        base = -1 if base_size is None else base_size
    total = None if each is None or base < 0 else each * len(missing) + base
    return Cost(len(series.checkpoints), len(missing), each, total, _loads(series))


def _loads(series: Series) -> int:
    whole = [model_name(series.base)]
    whole += [one.name for one in series.checkpoints if not one.adapter]
    whole += [one.model.base for one in series.checkpoints if one.model.base is not None]
    return len({str(path.resolve()) if is_folder(path := path_of(one)) else one for one in whole})


def _is_missing(checkpoint: Checkpoint) -> bool:
    """Whether files of a checkpoint are to be downloaded; nobody is asked. Of adapters, which are
    small, it is taken to be so."""
    spec = checkpoint.model
    return on_hub(spec) is not None and source_of(spec.id).here(spec) is None


def _size(spec: ModelSpec) -> int | None:
    """Bytes of the files that are read of a model on the hub; None where it does not say."""
    place = on_hub(spec)
    if place is None:
        return 0
    try:
        files = files_of(place)
    except UserError:
        return None
    return sum(
        file.size
        for name, file in files.items()
        if any(fnmatchcase(name, pattern) for pattern in _READ)
        and not any(fnmatchcase(name, pattern) for pattern in _NOT_READ)
    )
