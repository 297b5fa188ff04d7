"""Studies on disk, changed as if tremble had stored them so: digests and records fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tremble.disk.tables import table_bytes
from tremble.store.job_folder import JobFolder
from tremble.store.sealed import named, sealed_json
from tremble.store.study_folder import Store

Change = Callable[[pl.DataFrame], pl.DataFrame]
_DIGEST = re.compile(r"-[0-9a-f]{32}(?=\.parquet)")
_NEW_KEYS = {"digest", "digests", "decisions", "study_file", "expected", "parts"}


def change_scores(out: Path, change: Change, model: str | None = None) -> None:
    """Every part of the last run's jobs, or of those of one model, with other rows. A job that
    lacks some is not finished."""
    for entry, job in zip(Store(out).read_run()["jobs"], Store(out).jobs(), strict=True):
        if model not in (None, entry["model"]):
            continue
        manifest = job.previous
        for name in job.parts():
            path = job.path / name
            rows = pl.read_parquet(path)
            changed = change(rows)
            if changed.height < rows.height:
                manifest = {}
            content = table_bytes(changed)
            path.unlink()
            new = named(name[:11], content, job.place)
            (job.path / new).write_bytes(content)
        if manifest:
            job.finish(manifest)
        else:
            (job.path / "manifest.json").unlink(missing_ok=True)


def change_decisions(out: Path, change: Change) -> None:
    """What people did, of every entry of data, with other rows."""
    names = {}
    for entry, name in Store(out).read_run()["decisions"].items():
        path = out / "decisions" / name
        content = table_bytes(change(pl.read_parquet(path)))
        path.unlink()
        names[entry] = named(_DIGEST.sub("", name).removesuffix(".parquet"), content, "decisions")
        (out / "decisions" / names[entry]).write_bytes(content)
    Store(out).amend({"decisions": names})


def change_record(out: Path, changes: Mapping[str, Any]) -> None:
    Store(out).amend(changes)


def change_manifest(job: JobFolder, changes: Mapping[str, Any]) -> None:
    path = job.path / "manifest.json"
    path.write_bytes(sealed_json({**job.previous, **changes}))


def as_stored_by_0_1(out: Path) -> None:
    """The study as version 0.1.0 would have left it: no digests, neither in names nor inside."""
    for path in [*out.rglob("*.parquet")]:
        if path.parent.name != "prompts":
            path.rename(path.with_name(_DIGEST.sub("", path.name)))
    for path in [*out.rglob("manifest.json"), out / "run.json"]:
        content = json.loads(path.read_text("utf-8"))
        content = {key: value for key, value in content.items() if key not in _NEW_KEYS}
        for job in content.get("jobs", []):
            del job["expected"]
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (out / ".tremble-study").unlink()
