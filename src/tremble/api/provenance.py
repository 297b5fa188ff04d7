"""How a study's numbers came about, read from its record and its manifests alone: models, their
templates, versions, and what checks before scoring found. What is not stored is None."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tremble.store.study_folder import Store

Row = dict[str, Any]
Manifest = Mapping[str, Any]
_PACKAGES = ("tremble", "python", "torch", "transformers", "tokenizers", "polars")


def manifests_of(store: Store) -> list[tuple[Row, Manifest]]:
    """The finished jobs of the last run: the entry of the record, and the manifest."""
    entries, jobs = store.entries(), store.jobs()
    found = [(entry, job.manifest()) for entry, job in zip(entries, jobs, strict=True)]
    return [(entry, manifest) for entry, manifest in found if manifest is not None]


def versions(manifests: Iterable[Manifest]) -> dict[str, list[str]]:
    """The versions that jobs were scored with, by package; empty where no manifest names one."""
    named = [manifest.get("versions") or {} for manifest in manifests]
    return {
        package: list(dict.fromkeys(one[package] for one in named if package in one))
        for package in _PACKAGES
    }


def model_rows(run: Mapping[str, Any], jobs: Sequence[tuple[Row, Manifest]]) -> list[Row]:
    """A row for each model of a study, those that could not be had among them.

    name; kind ("hub", "embedded", "gguf", "folder", "made up", None: not known), told by the
    identity that was stored, never by what lies on this machine; hub_name and revision (its commit)
    of those from the hub, else content_hash; adapter (its hash), dtype, quantise, precision (of the
    stored weights), engine (asked for), paths (taken), devices, window; roles in pairs; formats;
    absent: why it could not be had; checks: see `_checks`.
    """
    identities, absent = run.get("models") or {}, run.get("absent") or {}
    names = dict.fromkeys(
        [*identities, *absent, *(entry["model"] for entry, _ in jobs if entry.get("model"))]
    )
    return [
        _model(
            name,
            identities.get(name),
            absent.get(name),
            run,
            [m for _, m in jobs if m["model"] == name],
        )
        for name in names
    ]


def _model(
    name: str,
    identity: Mapping[str, Any] | None,
    absent: str | None,
    run: Mapping[str, Any],
    manifests: Sequence[Manifest],
) -> Row:
    known = identity or (manifests[-1]["identity"] if manifests else {})
    weights = known.get("weights")
    kind = _kind(name, known)
    roles = [
        role for role in ("base", "aligned") if any(one[role] == name for one in run["comparisons"])
    ]
    from_hub = kind == "hub"
    return {
        "name": name,
        "kind": kind,
        "hub_name": re.split("[@+]", name)[0] if from_hub else None,
        "revision": weights if from_hub else None,
        "content_hash": None if from_hub or kind == "made up" else weights,
        "adapter": known.get("adapter"),
        "dtype": known.get("dtype"),
        "quantise": known.get("quantise"),
        "precision": _only([m["weights_precision"] for m in manifests]),
        "engine": known.get("engine"),
        "paths": _each((m.get("scoring") or {}).get("path") for m in manifests),
        "devices": _each((m.get("limits") or {}).get("device") for m in manifests),
        "window": _only([(m.get("limits") or {}).get("window") for m in manifests]),
        "roles": roles,
        "formats": _each(m.get("format") for m in manifests),
        "absent": absent,
        "checks": _checks(manifests),
    }


def _kind(name: str, identity: Mapping[str, Any]) -> str | None:
    weights = str(identity.get("weights") or "")
    if identity.get("engine") == "mock":
        return "made up"
    if name.startswith("embedded/"):
        return "embedded"
    if weights.startswith("gguf-"):
        return "gguf"
    if re.fullmatch("[0-9a-f]{40}", weights):
        return "hub"
    return "folder" if weights else None


def _checks(manifests: Sequence[Manifest]) -> Row:
    """What was found before scoring, the worst of all jobs, in nat; None where it was not done.

    self_check: the shared path held against plain passes (prompts, max_difference, tolerance, why
    it was not taken); cache_check: passes with a cache (max_difference, tolerance); precision:
    change of log-odds against float32 (prompts, max_log_odds).
    """
    accounts = [m.get("scoring") or {} for m in manifests]
    checks = [one["self_check"] for one in accounts if one.get("self_check")]
    cached = [one["cache_check"] for one in accounts if one.get("cache_check")]
    precisions = [one["precision"] for one in accounts if one.get("precision")]
    worst = max(checks, key=lambda one: _number(one["max_difference"]), default=None)
    moved = max(precisions, key=lambda one: _number(one["max_log_odds"]), default=None)
    apart = [one[key] for one in cached for key in ("prefilled", "stepped")]
    return {
        "self_check": None
        if worst is None
        else {
            "prompts": worst["prompts"],
            "max_difference": worst["max_difference"],
            "tolerance": worst["tolerance"],
            "why": next((one["why"] for one in checks if one["why"]), None),
        },
        "cache_check": None
        if not cached
        else {
            "max_difference": max((one for one in apart if one is not None), default=None),
            "tolerance": max(one["tolerance"] for one in cached),
        },
        "precision": None
        if moved is None
        else {"prompts": moved["prompts"], "max_log_odds": moved["max_log_odds"]},
    }


def template_rows(jobs: Sequence[tuple[Row, Manifest]]) -> list[Row]:
    """A row for each chat template: sources (whose it is), key (as in the names of folders, of its
    text and special tokens), sha256 of its text, date (what it takes for today), system_role,
    prefill (the text written behind it, and why), switches, split (its strings that are several
    tokens for a reader of it), and models."""
    rows: dict[tuple[str | None, str], Row] = {}
    for entry, manifest in jobs:
        template = manifest.get("template")
        if not template:
            continue
        text, source = template.get("text") or "", template.get("source")
        key = entry["folder"].rpartition("/")[2].partition(".chat-")[2] or None
        row = rows.setdefault(
            (key, text),
            {
                "sources": [],
                "key": key,
                "sha256": sha256(text.encode()).hexdigest() if text else None,
                "date": template.get("date"),
                "system_role": template.get("system_role"),
                "prefill": template.get("prefill"),
                "switches": template.get("switches") or {},
                "split": template.get("strings_not_one_token") or [],
                "models": [],
            },
        )
        for held, one in (("sources", source), ("models", manifest["model"])):
            if one is not None and one not in row[held]:
                row[held].append(one)
    return list(rows.values())


def _number(value: float | None) -> float:
    """Of what was not measured, less than any measurement."""
    return -math.inf if value is None else value


def _each(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(value for value in values if value is not None))


def _only(values: Sequence[Any]) -> Any:
    """The one value that all have; None where there is none, all of them where they differ."""
    found = _each(values)
    return found[0] if len(found) == 1 else (", ".join(map(str, found)) or None)
