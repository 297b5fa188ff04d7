"""The provenance of a study as a table: what was scored, with what, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tremble.report.tables.claimed import (
    Facts,
    contrasts_apart,
    listed,
    margins_used,
    resampled_kinds,
)
from tremble.report.tables.methods import UNKNOWN, family_words, quantity
from tremble.report.tables.table import Column, Section, Table
from tremble.study.origins import named
from tremble.text import as_written, counted, decimal

TITLE = "Methods and provenance"
ABOUT = "Text to paste into a paper about this study."
_PACKAGES = ("tremble", "python", "torch", "transformers", "tokenizers", "polars")


def provenance_layout(facts: Facts) -> Table:
    """The facts (`api.methods`) as rows of what and value."""
    parts = {
        "Software": _software(facts),
        "Models": _models(facts),
        "Data": _data(facts),
        "Prompts": _prompts(facts),
        "Excluded and missing": _left_out(facts),
        "Analysis": _analysis(facts),
    }
    sections = [Section(name, [[*row] for row in rows]) for name, rows in parts.items()]
    return Table(
        "provenance",
        "Provenance",
        "What was done in this study? Read from the study folder alone; “unknown” means that the "
        "folder does not say.",
        [Column("What"), Column("Value", long=True)],
        [section for section in sections if section.rows],
        "Nothing is known.",
    )


def _software(facts: Facts) -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        yield name, ", ".join(facts["versions"][name]) or UNKNOWN
    yield "analysed with", f"tremble {facts['analysis']['tremble']}"
    for one in facts.get("extensions") or ():
        yield named(one), f"{one['package']} {one['version']}, digest {one['digest']}"


def _models(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts["models"]:
        yield one["name"], "; ".join(_model(one))
    for one in facts["templates"]:
        yield f"chat template {_or_unknown(one['key'])}", "; ".join(_template(one))


def _model(one: Mapping[str, Any]) -> Iterator[str]:
    if one["absent"]:
        yield f"unavailable: {one['absent']}"
        return
    if one["kind"] == "made up":
        yield "built-in fake model of tremble"
    elif one["kind"] == "hub":
        yield f"from the hub, revision {one['revision']}"
    else:
        origin = _KINDS.get(one["kind"], "of unknown origin")
        yield f"{origin}, weights {_or_unknown(one['content_hash'])}"
    if one["adapter"]:
        yield f"adapter {one['adapter']}"
    yield f"dtype {_or_unknown(one['dtype'])}"
    yield f"weights {_or_unknown(one['precision'])}"
    if one["roles"]:
        yield listed(one["roles"])
    yield f"format {listed(one['formats']) or UNKNOWN}"
    yield f"engine {_or_unknown(one['engine'])}, path {listed(one['paths']) or UNKNOWN}"
    yield f"device {listed(one['devices']) or UNKNOWN}"
    if one["kind"] != "made up":
        yield from _checks(one["checks"])


_KINDS = {"folder": "a folder", "gguf": "a GGUF file", "embedded": "embedded in a wheel"}


def _checks(checks: Mapping[str, Any]) -> Iterator[str]:
    check = checks["self_check"]
    if check is None:
        yield "self-check unknown or not needed"
    elif check["why"]:
        yield f"self-check: scored prompt by prompt, because {check['why']}"
    if check is not None and check["max_difference"] is not None:
        yield (
            f"self-check on {counted(check['prompts'], 'prompt')}: at most "
            f"{check['max_difference']:.1e} nat, tolerance {check['tolerance']:g}"
        )
    cached = checks["cache_check"]
    if cached is not None and cached["max_difference"] is not None:
        yield (
            f"compared with a pass with a cache: at most {cached['max_difference']:.1e} nat, "
            "tolerance "
            f"{cached['tolerance']:g}"
        )
    precision = checks["precision"]
    if precision is not None and precision["max_log_odds"] is not None:
        yield (
            f"log-odds compared with float32: up to {precision['max_log_odds']:.2g} nat on "
            f"{counted(precision['prompts'], 'prompt')}"
        )


def _template(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"of {listed(one['sources']) or UNKNOWN}, SHA-256 {_or_unknown(one['sha256'])}"
    yield f"today's date in it {_or_unknown(one['date'])}"
    yield f"system text {_or_unknown(one['system_role'])}"
    if one["prefill"]:
        yield f"written before the answer: {one['prefill'].get('text')!r}"
    if one["switches"]:
        yield f"switches {as_written(dict(one['switches']))}"
    yield f"used by {listed(one['models'])}"


def _data(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts["data"]:
        yield (
            f"data {one['dataset']}",
            f"{counted(one['decisions'], 'decision')}, from {listed(one['entries'])}",
        )
    for one in facts["families"]:
        over = listed([quantity(kind["number"], kind["what"]) for kind in one["resampled"]])
        why = one["no_interval"]
        if one["family"] in facts["computed"]["intervals"]["families"]:
            interval = f"; resampled: {over}"
        else:
            interval = f"; no interval: {why}" if why else "; no interval"
        yield f"family {one['family']}", f"{family_words(one)}{interval}"


def _prompts(facts: Facts) -> Iterator[tuple[str, str]]:
    asked = facts["asked"]
    for name in ("formats", "formulations", "controls", "counterbalanced", "also_read"):
        yield name.replace("_", " "), _values(asked[name])
    if asked["personas"]:
        yield "personas", _values(asked["personas"])
    for what, own in asked["own"].items():
        for name, texts in own.items():
            said = "; ".join(f"{key} {text!r}" for key, text in texts.items())
            yield f"the study's own {what.removesuffix('s')} {name}", said
    for name in ("reading", "closing", "spellings", "too_long", "batch"):
        yield name.replace("_", " "), _or_unknown(asked[name])
    yield "one decision each", as_written(asked["one_decision_each"])
    counts = facts["counts"]
    yield "scored", f"{counted(counts['cells'], 'cell')}, {counted(counts['prompts'], 'prompt')}"


def _left_out(facts: Facts) -> Iterator[tuple[str, str]]:
    out = facts["left_out"]
    yield "families asked for", "all" if out["families"] is None else listed(out["families"])
    yield "sample", "none" if out["sample"] is None else f"{out['sample']:,} of each family"
    for name in ("participants", "session_characters"):
        if out[name] is not None:
            yield name.replace("_", " "), f"at most {out[name]:,}"
    for sentence in out["sampled"]:
        yield "sampled", sentence
    for table in ("include", "exclude"):
        for rule in out[table]:
            yield table, as_written(dict(rule))
    if out["cells_left_out"] is not None:
        yield (
            "cells excluded",
            f"{out['cells_left_out']:,} of {out['cells']:,}, in part {out['cells_in_part']:,}",
        )
    for sentence in out["not_applicable"]:
        yield "not applicable", sentence
    for one in out["failed"]:
        yield (
            "not scored",
            f"{counted(one['prompts'], 'prompt')} of {counted(one['decisions'], 'decision')} with "
            f"{listed(one['models'])}: {one['why']}",
        )
    for name, why in out["absent"].items():
        yield f"unavailable: {name}", why
    for sentence in out["unfinished"]:
        yield "unfinished", sentence


def _analysis(facts: Facts) -> Iterator[tuple[str, str]]:
    analysis, made = facts["analysis"], facts["computed"]
    if not made["r"]["of"]:
        return
    yield "r", "Pearson's, of predictions and what people did" + _lacking(made["r"])
    if made["intervals"]["made"]:
        whole, crossing = resampled_kinds(facts)
        both = "; of both kinds where they cross" if crossing else ""
        intervals = (
            f"{analysis['level']:.0%}, symmetric bootstrap-t, {analysis['resamples']:,} resamples "
            f"of whole {listed(whole)}{both}"
        )
    else:
        intervals = ""
    yield "intervals", f"{intervals}{_lacking(made['intervals'])}".removeprefix("; ")
    if facts["pairs"]:
        tests = made["tests"]
        names = (
            f"one-sided {listed(tests['made'])}"
            if tests["made"]
            else f"none, {tests['why'] or UNKNOWN}"
        )
        yield (
            "tests over pairs",
            f"{names}; of pairs with mass at least {decimal(analysis['min_mass'])}, r at least "
            f"{decimal(analysis['min_r'])}, {analysis['min_n']} decisions",
        )
    with_interval, without = contrasts_apart(facts)
    for one in with_interval:
        yield "contrast", one
    for one in without:
        yield "contrast", f"{one}: no interval, {made['contrasts']['why'] or UNKNOWN}"
    verdict = made["verdict"]
    yield "verdict", ", ".join(verdict["made"]) or f"cannot say: {verdict['why'] or UNKNOWN}"
    if verdict["made"]:
        yield (
            "margins",
            ", ".join([*margins_used(facts), f"mass {decimal(facts['margins']['mass'])}"]),
        )


def _lacking(counts: Mapping[str, Any]) -> str:
    """How many have one, and why others have none; nothing where all have one."""
    if counts["made"] == counts["of"]:
        return ""
    why = counts["why"] or UNKNOWN
    return f"; {counts['made']:,} of {counts['of']:,} have one; the others: {why}"


def _or_unknown(value: Any) -> str:
    return UNKNOWN if value is None else str(value)


def _values(values: Sequence[str] | None) -> str:
    if values is None:
        return UNKNOWN
    return ", ".join(values) or "none"
