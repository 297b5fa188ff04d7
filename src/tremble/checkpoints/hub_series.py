"""Checkpoints on the hub: branches of a repository, or folders in it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from tremble.checkpoints.names import step_of
from tremble.checkpoints.series import Checkpoint, Found
from tremble.checkpoints.stages import is_stage, stage_and_run
from tremble.errors import UserError
from tremble.models.hub_files import HubName
from tremble.models.hub_lists import branches, check_access, check_name, folders
from tremble.models.spec import ModelSpec
from tremble.text import some_of

_WILD = frozenset("*?[")
_SHOWN = 3


def found_on(source: str) -> Found:
    """The checkpoints that a pattern names: `name@step*` (branches), `name:step-*` or
    `name@revision:step-*` (folders). One list of the hub, whatever their number.

    Raises UserError where there is no pattern, or more than one, or nothing fits it, and
    ModelUnavailable where the hub gives no list, or no files.
    """
    if "://" in source:
        raise UserError(
            f"{source!r} is a web address; give a name of the hub with a pattern, such as "
            "org/model@step*."
        )
    place = HubName.of(source)
    check_name(place, source)
    in_revision = bool(_WILD & set(place.revision or ""))
    in_folder = bool(_WILD & set(place.subfolder or ""))
    if in_revision and place.subfolder is not None:
        raise UserError(
            f"{source!r} has a pattern of branches and a folder; give a pattern of one of them "
            f"alone, such as {place.name}@step* or {place.name}:step-*."
        )
    if not in_revision and not in_folder:
        raise UserError(
            f"There is no folder or TOML file {source!r} on this machine; check the path (or give "
            f"{place.name}@step* for branches, or {place.name}:step-* for folders: as a hub name "
            "it is one model)."
        )
    return _branches(place) if in_revision else _folders(place)


def _branches(place: HubName) -> Found:
    pattern = place.revision or ""
    every = branches(place.name)
    fitting = [name for name in every if fnmatchcase(name, pattern)]
    _check_any(fitting, every, f"branch of {place.name!r}", pattern)
    check_access(HubName(place.name, fitting[0]))
    made = [_checkpoint(str(HubName(place.name, name)), name) for name in fitting]
    return _found(f"the branches of {place.name!r}", made, fitting)


def _folders(place: HubName) -> Found:
    pattern = place.subfolder or ""
    every = folders(place.name, place.revision)
    fitting = [name for name in every if _fits(name, pattern)]
    whole = str(HubName(place.name, place.revision))
    _check_any(fitting, [name for name in every if name], f"folder of {whole!r}", pattern)
    check_access(HubName(place.name, place.revision, fitting[0]))
    names = [str(HubName(place.name, place.revision, folder)) for folder in fitting]
    made = [_checkpoint(name, folder) for name, folder in zip(names, fitting, strict=True)]
    found = _found(f"the folders of {whole!r}", made, names)
    files = {name: every[folder] for name, folder in zip(names, fitting, strict=True)}
    return Found(found.where, found.checkpoints, found.nameless, files=files)


def _found(where: str, made: Sequence[Checkpoint | None], names: Sequence[str]) -> Found:
    nameless = [name for name, one in zip(names, made, strict=True) if one is None]
    return Found(where, tuple(one for one in made if one is not None), tuple(nameless))


def _checkpoint(name: str, own: str) -> Checkpoint | None:
    """The checkpoint of a branch or a folder, whose last part has the step: what stands before a
    slash is its stage, or else a run."""
    *above, last = own.split("/")
    step = step_of(last)
    if step is None:
        return None
    stage, run = stage_and_run(step.stage or "")
    named = [part for part in above if is_stage(part) and not stage]
    runs = [*(part for part in above if part not in named), *([run] if run else [])]
    return Checkpoint(
        stage or "/".join(named),
        "/".join(runs),
        step.step,
        ModelSpec(name),
        step.tokens,
        step.unit,
    )


def _fits(folder: str, pattern: str) -> bool:
    """Whether a folder is meant, part by part: step-* is no pattern of step-1/ref."""
    parts, wanted = folder.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _check_any(fitting: Sequence[str], every: Sequence[str], what: str, pattern: str) -> None:
    if not fitting:
        kind = what.partition(" ")[0]
        plural = f"{kind}es" if kind.endswith("ch") else f"{kind}s"
        number = f"{len(every):,} {kind if len(every) == 1 else plural}"
        has = f"{number}: {some_of(every[:_SHOWN], len(every) - _SHOWN)}" if every else f"no {kind}"
        raise UserError(f"No {what} fits the pattern {pattern!r}; it has {has}.")
