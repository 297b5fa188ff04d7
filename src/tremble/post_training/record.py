"""The record of a training (`align.json`): everything that decides its result, and how it went."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tremble.disk.paths import is_file, is_folder, path_of
from tremble.disk.whole import write_text
from tremble.errors import UserError
from tremble.post_training.recipe import Recipe, RunRecipe, StageRecipe
from tremble.post_training.samples import Samples
from tremble.post_training.schema import OPTIMIZER
from tremble.prompts.chat import Template
from tremble.store.provenance import installed
from tremble.tasks.task_file import Item
from tremble.text import as_written

RECORD = "align.json"
HELD_OUT = "held_out.jsonl"
_VERSIONS = ("tremble", "torch", "transformers", "peft", "trl", "accelerate", "numpy")
# What changes no number on purpose: a run goes on though it differs.
_APART = ("name", "machine", "versions", "stages_done")

# What is recorded as a hash, of which so many digits are shown.
_CONTENTS = {
    "data_sha256": "another content of data",
    "held_out_of": "other items held out",
    "training": "other samples",
    "template": "another chat template",
    "tokenizer": "another tokenizer",
}
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a recipe once its model, its template and its data have been looked at.
    `identity` is that of the base's numbers; `tokenizer` the key of its tokenizer; `samples` and
    `steps` are of each stage."""

    recipe: Recipe
    identity: Mapping[str, Any]
    tokenizer: str
    template: Template
    samples: tuple[Samples, ...]
    steps: tuple[int, ...]


def record_of(known: Known, folder: Path) -> dict[str, Any]:
    """The record of a training that begins in a folder."""
    recipe = known.recipe
    stages = zip(recipe.stages, known.samples, known.steps, strict=True)
    return {
        "schema": 1,
        "name": recipe.name,
        "base": base_name(recipe.base),
        "base_at": base_from(recipe.base, folder),
        "base_identity": {key: str(value) for key, value in sorted(known.identity.items())},
        "template": _digest(known.template.text),
        "tokenizer": known.tokenizer,
        "seed": recipe.seed,
        "max_tokens": recipe.max_tokens,
        "adapter": _plain(recipe.adapter),
        "optimizer": OPTIMIZER,
        "stages": [_stage(*one) for one in stages],
        "runs": [_run(one) for one in recipe.runs],
        "machine": {
            "device": recipe.device,
            "threads": _threads(),
            "together": recipe.together,
            "processor": platform.machine(),
        },
        "versions": {**installed(_VERSIONS), "python": platform.python_version()},
        "stages_done": {},
    }


def base_name(base: str) -> str:
    """The base as checkpoints name it: its name, of a folder or file only the last part."""
    path = path_of(base)
    # Through links, as `base_from` has it: the two are compared.
    return path.resolve().name if is_folder(path) or is_file(path) else base


def base_from(base: str, folder: Path) -> str | None:
    """Where the base's folder or file is, as seen from the folder of the training; None for a base
    that has a name."""
    path = path_of(base)
    if not (is_folder(path) or is_file(path)):
        return None
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return path.resolve().as_posix()


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record in a folder; None where there is none. Raises UserError for a damaged one."""
    path = folder / RECORD
    if not is_file(path):
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if record["schema"] != 1:
            raise ValueError(f"schema {record['schema']}")
        return record
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(
            f"The record {str(path)!r} cannot be read ({error}); copy it again, or train again in "
            "another --out."
        ) from error


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> list[str]:
    """Sentences on versions and machines that differ from those a training began with. Runs may
    have been added. Raises UserError where something differs that decides the result."""
    for place, one, other in _differences(before, {**now, "runs": _known_runs(before, now)}, ""):
        raise UserError(
            f"The training in {str(folder)!r} was begun with {_in_words(place, one, other)}; give "
            "another --out, or the recipe as it was."
        )
    other_versions = [
        f"{name} {before['versions'].get(name, 'missing')} (now {version})"
        for name, version in now["versions"].items()
        if before["versions"].get(name) != version
    ]
    said = []
    if other_versions:
        said.append(
            f"This training was begun with {', '.join(other_versions)}; what follows may differ a "
            "little from an undisturbed run."
        )
    if before["machine"] != now["machine"]:
        said.append(
            "This training was begun on another kind of machine, or with other settings in "
            "[machine]; what follows may differ a little from an undisturbed run."
        )
    return said


def _known_runs(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Any]:
    """The runs of a record that an earlier one has, in its order; all of them where one is not
    there any more, or where the earlier one has a single run without a name."""
    named = {one["name"]: one for one in now["runs"]}
    known = [named.get(one["name"]) for one in before["runs"] if one["name"]]
    whole = len(known) == len(before["runs"]) and None not in known
    return known if whole else list(now["runs"])


def _differences(before: Any, now: Any, place: str) -> list[tuple[str, Any, Any]]:
    """Where two records differ in what decides the result, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        found = []
        for key in dict.fromkeys((*before, *now)):
            if place or key not in (*_APART, "base_at"):
                inside = f"{place}.{key}" if place else str(key)
                found += _differences(before.get(key), now.get(key), inside)
        return found
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        named = [(_part(one, number), one, other) for number, (one, other) in pairs]
        return [
            found
            for name, one, other in named
            for found in _differences(one, other, f"{place}[{name}]")
        ]
    return [] if before == now else [(place, before, now)]


def _in_words(place: str, before: Any, now: Any) -> str:
    """Both values of a difference, at a place as `_differences` names it, in the recipe's words."""
    where, _, key = place.rpartition(".")
    kind, _, name = where.partition("[")
    inside = {"": "", "stages": f" in [{name}", "runs": f" in [[run]] {name[:-1]}"}.get(
        kind, f" in [{kind}]"
    )
    if place in ("stages", "runs"):
        before, now = ([one["name"] for one in each] for each in (before, now))
    if kind == "base_identity":
        what, inside = "another base", ""
    elif (what := _CONTENTS.get(key, "")) == "":
        return f"{key} = {as_written(before)}{inside}, and the recipe now has {as_written(now)}"
    first, second = (as_written(str(one)[:_DIGITS]) for one in (before, now))
    return f"{what}{inside} ({first}, now {second})"


def _part(entry: Any, number: int) -> str:
    return str(entry.get("name") or number) if isinstance(entry, dict) else str(number)


def _stage(stage: StageRecipe, samples: Samples, steps: int) -> dict[str, Any]:
    held_out = stage.held_out if isinstance(stage.held_out, int) else len(samples.held_out)
    return {
        **_plain(stage),
        "data": Path(stage.data).name,
        "data_sha256": sha256(Path(stage.data).read_bytes()).hexdigest(),
        "held_out": held_out,
        "held_out_of": held_out_key(samples.held_out),
        "held_out_items": len(samples.held_out),
        "training_items": len(samples.training),
        "training": samples.key,
        "dropped": dict(samples.dropped),
        "unused": samples.unused,
        "steps": steps,
        "checkpoints": list(stage.kept(steps)),
    }


def _run(run: RunRecipe) -> dict[str, Any]:
    stage = run.stage
    return {
        "name": run.name,
        "seed": run.seed,
        "learning_rate": stage.learning_rate,
        "beta": stage.beta,
        "shuffle_preferences": stage.shuffle_preferences,
    }


def held_out_lines(items: Sequence[Item]) -> str:
    """As a task file of `tremble trajectory`."""
    return "".join(json.dumps(_line(one), ensure_ascii=False) + "\n" for one in items)


def _line(item: Item) -> dict[str, Any]:
    prompt = [{"role": role, "content": content} for role, content in item.prompt]
    subset = {} if item.subset is None else {"subset": item.subset}
    if item.rejected is None:
        answer = {"role": "assistant", "content": item.chosen}
        return {"id": item.id, **subset, "messages": [*prompt, answer]}
    return {
        "id": item.id,
        **subset,
        "prompt": prompt,
        "chosen": item.chosen,
        "rejected": item.rejected,
    }


def held_out_key(items: Sequence[Item]) -> str:
    """What identifies held-out items (SHA-256, hexadecimal)."""
    return _digest(repr([(one.id, one.subset, one.prompt, one.answers) for one in items]))


def _plain(recipe: Any) -> dict[str, Any]:
    """A part of a recipe as JSON has it."""
    values = {name: getattr(recipe, name) for name in recipe.__slots__}
    return {key: list(one) if isinstance(one, tuple) else one for key, one in values.items()}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _threads() -> int:
    import torch

    return int(torch.get_num_threads())
