"""Which installed packages a study's prompts and scores come from, apart from tremble itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from tremble.baselines import base as baselines
from tremble.datasets import base as datasets
from tremble.engines import registry as engines
from tremble.errors import UserError
from tremble.extensions.entries import in_words
from tremble.extensions.extensions import Extensions
from tremble.games import base as games
from tremble.prompts import controls, formulations
from tremble.prompts.asked import Asked

Origin = Mapping[str, str]
_KINDS: dict[str, Extensions[Any]] = {
    one.kind: one
    for one in (
        datasets.EXTENSIONS,
        games.EXTENSIONS,
        formulations.EXTENSIONS,
        controls.EXTENSIONS,
        engines.EXTENSIONS,
    )
}


def prompt_origins(dataset: str, families: Iterable[str], asked: Asked) -> tuple[Origin, ...]:
    """The origins (`Entry.origin`) of what prompts are made with: their data set, their families
    and what is asked; none where all of it is tremble's."""
    found = (
        datasets.EXTENSIONS.origin(dataset),
        *(games.EXTENSIONS.origin(family) for family in sorted(families)),
        formulations.EXTENSIONS.origin(asked.wording),
        None if asked.control is None else controls.EXTENSIONS.origin(asked.control),
    )
    return tuple(origin for origin in found if origin is not None)


def job_origins(prompts: Iterable[Origin], identity: Mapping[str, Any]) -> list[dict[str, str]]:
    """The origins of a job: those of its prompts, and that of the engine, which the identity of
    its model has."""
    engine = identity.get("extension")
    return [dict(origin) for origin in (*prompts, *([] if engine is None else [engine]))]


def stored_origins(manifests: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The origins that the manifests of a study name, each once."""
    every = [origin for one in manifests for origin in one.get("extensions") or ()]
    return list({tuple(sorted(origin.items())): origin for origin in every}.values())


def baseline_origins(decisions: pl.DataFrame) -> list[dict[str, str]]:
    """The origins of the baselines that installed packages add to an analysis of these decisions,
    of which the column `family` is looked at."""
    added = baselines.EXTENSIONS
    there = [name for name in added.names() if baselines.about(name, decisions).height]
    return [origin for name in there if (origin := added.origin(name)) is not None]


def origin_notes(manifests: Iterable[Mapping[str, Any]], decisions: pl.DataFrame) -> Iterator[str]:
    """A sentence for each package that a study was scored with, or that adds a baseline to its
    analysis, with what comes from it and whether it is still as it was."""
    by_package: dict[str, list[str]] = {}
    for origin in stored_origins(manifests):
        by_package.setdefault(f"{package_words(origin)}{_now(origin)}", []).append(named(origin))
    for origin in baseline_origins(decisions):
        by_package.setdefault(package_words(origin), []).append(named(origin))
    for package, added in by_package.items():
        yield f"From {package}: {', '.join(added)}."


def named(origin: Origin) -> str:
    """An extension in words: "wording calm"."""
    return f"{in_words(origin['kind'])} {origin['name']}"


def package_words(origin: Origin) -> str:
    """The package of an extension: "the package example 1.0 (digest 0123abcd)"."""
    return f"the package {origin['package']} {origin['version']} (digest {origin['digest'][:8]})"


def _now(origin: Origin) -> str:
    """How what is installed now differs from what a study was scored with."""
    try:
        known = _KINDS.get(origin["kind"])
        now = None if known is None else known.origin(origin["name"])
    except UserError:
        now = None
    if now is None or now["package"] != origin["package"]:
        return ", which is not installed now, so nothing more can be scored with it"
    if now["version"] != origin["version"]:
        return f", now installed as version {now['version']}"
    if now["digest"] != origin["digest"]:
        return f", whose files have changed since (digest now {now['digest'][:8]})"
    if now["target"] != origin.get("target", now["target"]):
        return (
            f", whose {named(origin)} has changed: it was {origin['target']} and is now "
            f"{now['target']}"
        )
    return ""
