"""The JSON files of a study: the record of its last run, and the manifest of a job."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from tremble.disk.tables import Damaged
from tremble.store.sealed import AGAIN, read_sealed

# Which keys they had in 0.1.0, which wrote no digest.
_RECORD_0_1 = {"study", "datasets", "spellings", "selected", "models", "absent", "comparisons"}
_RECORD_0_1 |= {"jobs", "sampled"}
_MANIFEST_0_1 = {"model", "identity", "weights_precision", "dataset", "formulation", "format"}
_MANIFEST_0_1 |= {"template", "rows", "errors", "joins", "limits", "scoring", "seconds", "versions"}
_NUMBER = (int, float)
_TEXT_OR_NONE = (str, type(None))
# What readers go by: a type, a list of such a thing, or an object; "?" ends a key that may be
# missing or null, "*" stands for every key.
_RECORD: Any = {
    "study": str,
    "datasets": [str],
    "spellings?": str,
    "selected?": bool,
    "models?": {"*": dict},
    "absent?": {"*": str},
    "sampled?": [str],
    "margins?": {"*": _NUMBER},
    "persona_equal_others?": [str],
    "comparisons": [
        {
            "base": str,
            "aligned": str,
            "base_format": str,
            "aligned_format": str,
            "mode": str,
            "base_template": _TEXT_OR_NONE,
            "aligned_template": _TEXT_OR_NONE,
            "type?": str,
            "generation?": str,
        }
    ],
    "contrasts?": [{"by": [str], "control": (list, type(None)), "family": _TEXT_OR_NONE}],
    "jobs": [{"folder": str, "model?": str, "partner": _TEXT_OR_NONE, "expected?": str}],
    "decisions?": {"*": str},
    "digests?": {"*": str},
    "study_file?": str,
}
_MANIFEST: Any = {
    "model": str,
    "identity": dict,
    "weights_precision": str,
    "dataset": str,
    "errors": [list],
    "rows?": int,
    "expected?": str,
    "parts?": [str],
    "seconds?": _NUMBER,
    "template?": {"remarks?": [str]},
    "control_texts?": [{"texts": [str], "decisions": int}],
    "scoring?": {
        "precision?": {
            "why": _TEXT_OR_NONE,
            "max_log_odds": (int, float, type(None)),
            "prompts": int,
        },
        "cost?": {"*": _NUMBER},
    },
}


def read_record(path: Path) -> dict[str, Any]:
    """The record of a run. Raises Damaged where it is none, or is not what was written."""
    record = read_sealed(path, _RECORD_0_1)
    if not _fits(record, _RECORD):
        raise Damaged(f"{str(path)!r} is not the record of a run; {AGAIN}.")
    for job in record["jobs"]:
        place = PurePosixPath(job["folder"])
        if place.is_absolute() or ".." in place.parts or place.parts[:1] != ("scores",):
            raise Damaged(f"{str(path)!r} names a folder outside the study; {AGAIN}.")
    return record


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a job. Raises Damaged where it is none, or is not what was written."""
    manifest = read_sealed(path, _MANIFEST_0_1)
    if not _fits(manifest, _MANIFEST):
        raise Damaged(f"{str(path)!r} is not a manifest; {AGAIN}.")
    return manifest


def _fits(value: Any, shape: Any) -> bool:
    """Whether a JSON value has such a shape (see `_RECORD`)."""
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(one, shape[0]) for one in value)
    if not isinstance(shape, dict):
        return isinstance(value, shape) and (shape is not _NUMBER or not isinstance(value, bool))
    if not isinstance(value, dict):
        return False
    if "*" in shape:
        return all(_fits(one, shape["*"]) for one in value.values())
    for key, of in shape.items():
        name = key.removesuffix("?")
        if key != name and value.get(name) is None:
            continue
        if name not in value or not _fits(value[name], of):
            return False
    return True
