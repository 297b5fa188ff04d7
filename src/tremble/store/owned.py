"""What in a study's folder is tremble's own: known by exact names, and nothing else is deleted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from tremble.disk.temporary import sweep
from tremble.store.base_distributions import BASE
from tremble.store.job_folder import ASKED, PART
from tremble.store.provenance import hash8, slug

MARK = ".tremble-study"
_DECISIONS = re.compile(r".+-[0-9a-f]{8}-[0-9a-f]{32}\.parquet")
_PROMPTS = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.parquet")
# What 0.1.0 left where it was killed: names without a process.
_UNFINISHED_0_1 = re.compile(r"\.(part-\d{6}\.parquet|expected\.parquet|manifest\.json)\.tmp")


def sweep_study(folder: Path) -> None:
    """Take away what dead processes did not finish, in the study's own folders."""
    jobs = list(_job_folders(folder))
    for own in (folder, folder / "decisions", folder / "prompts", *jobs):
        sweep(own)
    for job in jobs:
        _delete(path for path in job.iterdir() if _UNFINISHED_0_1.fullmatch(path.name))


def prune_decisions(folder: Path, named: Collection[str], datasets: Collection[str]) -> None:
    """Delete files of decisions that a run wrote and no record names any more. `datasets`: entries
    of data, whose files had names without a digest in 0.1.0."""
    before = {f"{slug(name)}-{hash8(name)}.parquet" for name in datasets} if named else set()
    _delete(
        path
        for path in _files(folder / "decisions")
        if path.name not in named and (_DECISIONS.fullmatch(path.name) or path.name in before)
    )


def prune_prompts(folder: Path, used: Collection[Path]) -> None:
    """Delete tables of prompts, in the study's folder of them, that are not among those `used`."""
    _delete(path for path in _files(folder) if _PROMPTS.fullmatch(path.name) and path not in used)


def remove_unscored(folder: Path, brought: Iterable[Path] = ()) -> None:
    """Take away a study's folder in which nothing was scored yet, with files that were `brought`
    into it; what is not tremble's own stays, and the folders it is in."""
    if has_parts(folder):
        return
    for job in _job_folders(folder):
        own = (ASKED, BASE)
        _delete(path for path in _files(job) if any(one.fullmatch(path.name) for one in own))
    _delete(path for path in _files(folder / "decisions") if _DECISIONS.fullmatch(path.name))
    _delete(path for path in _files(folder / "prompts") if _PROMPTS.fullmatch(path.name))
    _delete(brought)
    _delete(folder / name for name in ("run.json", "study.toml", MARK, ".lock"))
    folders = ("scores/*/*/*", "scores/*/*", "scores/*", "scores", "data", "decisions", "prompts")
    for empty in [path for pattern in folders for path in folder.glob(pattern)] + [folder]:
        with suppress(OSError):
            empty.rmdir()  # takes empty folders only


def has_parts(folder: Path) -> bool:
    """Whether scores lie in a folder, under the names that tremble gives them."""
    return any(PART.fullmatch(path.name) for job in _job_folders(folder) for path in _files(job))


def set_aside(path: Path) -> Path:
    """Give a file that tremble did not write another name, one that nothing has, and return it."""
    aside, number = path.with_name(f"{path.name}.replaced"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.replaced-{number}")
    return path.rename(aside)


def _job_folders(folder: Path) -> Iterable[Path]:
    return (path for path in (folder / "scores").glob("*/*/*") if path.is_dir())


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _delete(paths: Iterable[Path]) -> None:
    for path in list(paths):
        with suppress(OSError):
            path.unlink()
