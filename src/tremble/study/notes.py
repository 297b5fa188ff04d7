"""What a reader must know about a study, apart from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tremble.models.embedded import EMBEDDED
from tremble.stats.frames.clusters import unnamed
from tremble.store.study_folder import Store
from tremble.study.control_notes import Read, control_notes
from tremble.study.not_applicable import notes_of
from tremble.study.origins import origin_notes
from tremble.study.session_notes import old_session_notes, session_notes
from tremble.text import counted, some_of

Manifest = Mapping[str, Any]
_NAMED = 3  # models in one note; of more the first, and how many others


def absent(out: Path) -> dict[str, str]:
    """The models that the last run could not have, each with the reason, a sentence."""
    reasons: dict[str, str] = Store(out).read_run().get("absent", {})
    return reasons


def after_run(out: Path, failed: int) -> list[str]:
    """What a run that ended could not score, a sentence each; `failed`: prompts."""
    missing, said = absent(out), []
    if failed:
        are = "is" if failed == 1 else "are"
        said.append(
            f"{counted(failed, 'prompt')} could not be scored and {are} missing in every table."
        )
    if missing:
        are = "is" if len(missing) == 1 else "are"
        said.append(
            f"{counted(len(missing), 'model')} {are} unavailable ({', '.join(missing)}), so scores "
            "are missing in every table; run the same command again to retry."
        )
    return said


def unfinished(out: Path) -> list[str]:
    """What of a study is not scored: unavailable models, jobs that have not ended (the first one by
    name)."""
    missing, store = absent(out), Store(out)
    jobs = store.read_run()["jobs"]
    unscored = [
        folder
        for job, folder in zip(jobs, store.jobs(task=None), strict=True)
        if job.get("model") not in missing and folder.manifest() is None
    ]
    begun = [job.place for job in unscored]
    damaged = [sentence for job in unscored if (sentence := job.damage_of_manifest()) is not None]
    more = f" and {len(begun) - 1:,} more of {len(jobs):,} jobs" if len(begun) > 1 else ""
    return [
        f"{name} is unavailable, so its scores are missing. {reason}"
        for name, reason in missing.items()
    ] + [
        *(
            f"Not finished: {first}{more}; run the same `tremble run` again to resume."
            for first in begun[:1]
        ),
        *damaged[:1],
    ]


def caveats(out: Path) -> list[str]:
    """What a reader must know apart from the numbers: what is not scored (`unfinished`), built-in
    fake models, samples, checkpoints left out, adapters on another model than they name, data that
    are analysed together, decisions to which wordings and controls do not apply, additions to
    templates, control tokens in people's words, precisions, pairs that are none, extensions."""
    store = Store(out)
    run, notes = store.read_run(), dict.fromkeys(unfinished(out))
    if made_up := [
        name for name, one in run.get("models", {}).items() if one.get("engine") == "mock"
    ]:
        what, whose = ("model", "its") if len(made_up) == 1 else ("models", "their")
        notes[
            f"Built-in fake {what}: {', '.join(made_up)}; {whose} numbers show what tables look "
            "like and say nothing about any real model."
        ] = None
    if run.get("spellings", "exact") != "exact":
        notes[
            "Probabilities and masses (also for the filters) add up all alternative spellings of "
            "a label; the table spellings compares them with the labels alone."
        ] = None
    if run.get("selected"):
        notes[
            "include and exclude in the study file drop decisions for some models, wordings or "
            "formats, where they count as missing."
        ] = None
    notes |= dict.fromkeys(store.sampled())
    for family, entries in store.families().items():
        if len(entries) > 1:
            names = f"{', '.join(entries[:-1])} and {entries[-1]}"
            notes[
                f"{family}: {names} are analysed together; `--by dataset` shows the data sets "
                "separately."
            ] = None
    notes |= dict.fromkeys(
        f"Left out of the series of checkpoints: {one}"
        for one in run.get("trajectory", {}).get("left_out", ())
    )
    notes |= dict.fromkeys(run.get("other_bases", ()))
    notes |= dict.fromkeys(_unnamed(store))
    notes |= dict.fromkeys(_turned(store))
    notes |= dict.fromkeys(_old_sessions(store))
    folders = store.jobs()
    notes |= dict.fromkeys(notes_of(folders))
    manifests = [manifest for folder in folders if (manifest := folder.manifest()) is not None]
    notes |= dict.fromkeys(origin_notes(manifests, store.decision_columns(["family"])))
    notes |= dict.fromkeys(_of_prompts(manifests))
    notes |= dict.fromkeys(_of_weights(manifests))
    notes |= dict.fromkeys(_of_templates(run, manifests))
    for entry in run["comparisons"]:
        if entry["base"] != entry["aligned"] and {entry["base"], entry["aligned"]} <= set(EMBEDDED):
            notes[
                f"{entry['base']} and {entry['aligned']} come from different providers and are "
                "not a true pair: good for a first look, not for conclusions about alignment."
            ] = None
    return list(notes)


def _of_templates(run: Mapping[str, Any], manifests: Sequence[Manifest]) -> Iterator[str]:
    """That checkpoints read a chat in different templates."""
    if "trajectory" not in run:
        return
    texts = {(one.get("template") or {}).get("text") for one in manifests} - {None}
    if len(texts) > 1:
        yield (
            f"The checkpoints and their base have {len(texts)} different chat templates, so in the "
            "chat format their prompts differ, too, and r, KL and changed compare both; "
            "`template` in [[model]] gives all of them one."
        )


def _unnamed(store: Store) -> Iterator[str]:
    """That people are not named, where several choices may be one person's."""
    if store.read_run().get("one_decision_each"):
        return
    alone = store.decision_columns(["choice", "participant", "game"]).filter(unnamed()).height
    if alone:
        yield (
            f"For {counted(alone, 'single choice')} neither participant nor game is known: if one "
            "person made several, intervals are too narrow, so no verdict is based on them; give "
            "every record its participant, or set one_decision_each = true in [study] if "
            "everybody chose once."
        )


def _old_sessions(store: Store) -> Iterator[str]:
    """That sessions were imported by an earlier version, whose options were other people's."""
    if not {"psych"} & set(store.decision_columns(["dataset"])["dataset"].unique()):
        return
    for entry in store.read_run()["datasets"]:
        yield from old_session_notes(entry, store.entry(entry))


def _turned(store: Store) -> Iterator[str]:
    """That the same two options are coded in two ways, each time by which stands first."""
    coded = (
        store.decision_columns(["dataset", "family", "keys", "target"])
        .filter(pl.col("keys").list.len() == 2, pl.col("target").is_not_null())
        .with_columns(
            pl.col("dataset", "family", "target").cast(pl.String),
            pair=pl.col("keys").list.sort().list.join("\x1f"),
        )
        .with_columns(first=pl.col("target") == pl.col("keys").list.first())
    )
    of = ("dataset", "family", "pair")
    turned = coded.filter(pl.col("target").n_unique().over(of) == 2, pl.col("first").all().over(of))
    for _, rows in turned.group_by(of, maintain_order=True):
        (one, many), (other, few) = rows["target"].value_counts(sort=True).rows()
        yield (
            f"{rows['family'][0]}: for the options {one!r} and {other!r}, the first one listed is "
            f"coded 1 ({one!r} in {counted(many, 'decision')}, {other!r} in {few:,}), so r is "
            "about the option listed first; give target in the records if r should be about the "
            "same answer everywhere."
        )


def _of_prompts(manifests: Sequence[Manifest]) -> Iterator[str]:
    """What is added to chat templates, and control tokens in people's words."""
    for manifest in manifests:
        yield from (manifest.get("template") or {}).get("remarks") or []
    yield from control_notes(
        Read(manifest["model"], manifest["dataset"], manifest.get("control_texts") or [])
        for manifest in manifests
    )
    yield from session_notes(manifests)


def _of_weights(manifests: Sequence[Manifest]) -> Iterator[str]:
    """In which precision weights are stored and scored; many models of which the same is to be said
    share a sentence."""
    said: dict[str, dict[str, None]] = {}
    for manifest in manifests:
        for sentence in _of_precision(manifest):
            said.setdefault(sentence, {})[manifest["model"]] = None
    for sentence, models in said.items():
        names = list(models)
        if len(names) > _NAMED + 1:
            yield f"{some_of(names[:_NAMED], len(names) - _NAMED)}: {sentence}"
        else:
            yield from (f"{name}: {sentence}" for name in names)


def _of_precision(manifest: Manifest) -> Iterator[str]:
    precision, dtype = manifest["weights_precision"], manifest["identity"].get("dtype")
    if precision != "as published":
        how = precision if precision.startswith("quantised") else f"stored as {precision}"
        yield f"weights {how}; not the published precision."
    if dtype in ("bfloat16", "float16"):
        yield f"scored in {dtype}, not float32."
    measured = (manifest.get("scoring") or {}).get("precision")
    if measured is not None and measured["why"] is None:
        yield (
            "compared with its weights in float32, the log-odds of options differ by up to "
            f"{measured['max_log_odds']:.2g} nat on {measured['prompts']} prompts."
        )
