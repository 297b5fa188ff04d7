"""`tremble bench`: contestants one after another, each in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from tremble.bench import rates, worker
from tremble.bench.rows import compare, empty_row, point, row, share
from tremble.bench.task import Task, factors, prepare, sample
from tremble.disk.temporary import system_folder, temporary_folder
from tremble.engines.machine import cores, processor
from tremble.errors import UserError
from tremble.models.embedded import GEMMA
from tremble.models.files import Notify
from tremble.models.open import find
from tremble.models.spec import ModelSpec
from tremble.text import did_you_mean

# Name on the command line -> file in peers/.
CONTESTANTS = {
    "tremble": "tremble",
    "reference": "reference",
    "compiled": "compiled",
    "batched": "batched",
    "loop": "loop",
    "lm-eval": "lm_eval",
    "minicons": "minicons",
    "vllm": "vllm",
}
ALWAYS = ("tremble", "reference")
SEED = 20260101


@dataclass(frozen=True)
class Asked:
    """What to compare on what. `sample`: on how many prompts slow contestants are timed (0: on
    all); `repeats`: how often the whole line-up runs, medians are reported; `python`: the
    interpreter of a peer that lives in another environment."""

    against: Sequence[str] = ("loop",)
    model: str = GEMMA
    data: str = "demo"
    family: str | None = None
    prompts: int | None = None
    format: str = "plain"
    template: str | None = None
    sample: int = 100
    repeats: int = 1
    python: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a contestant has no result: its package is `missing`, or it broke down."""

    note: str
    missing: bool


def run_bench(asked: Asked, notify: Notify) -> dict[str, Any]:
    """Times every contestant: `machine`, `model`, `data`, `factors` and `rows`, ready for JSON.

    A contestant that is missing or breaks down has a row that says so. Raises UserError for an
    unknown contestant, and for a model or data that cannot be had.
    """
    names = list(dict.fromkeys([*ALWAYS, *asked.against]))
    _check(asked, names)
    spec = ModelSpec(asked.model, template=asked.template)
    task = prepare(spec, asked.data, asked.family, asked.format, asked.prompts, notify)
    counted = factors(task)
    chosen = {n: sample(task.prompts, 0 if _peer(n).IN_FULL else asked.sample, SEED) for n in names}
    with temporary_folder(system_folder(), "tremble-bench", "free some space there") as folder:
        model = find(spec, notify).folder.resolve()
        for name in names:
            prompts = [task.prompts[i] for i in chosen[name]]
            job = {"model": str(model), "spec": asdict(spec), "prompts": prompts}
            (folder / f"{name}.job.json").write_text(json.dumps(job), encoding="utf-8")
        results, failures = _line_up(asked, folder, chosen, notify)
        rows = []
        for name in names:
            if name in failures:
                rows.append(empty_row(name, failures[name].note))
            else:
                duplicates = _peer(name).DUPLICATES
                rows.append(row(name, duplicates, results[name], chosen[name], task, counted))
        _compare(rows, results, chosen)
        notify("matrix products")
        square = _shares(folder, model, rows, notify)
    own = rows[0]
    return {
        "machine": {**machine(), "square_gflops": square},
        "model": asked.model,
        "data": _described(asked, task),
        "factors": {
            **counted,
            "computed_over_distinct": None
            if own.get("computed_tokens") is None
            else own["computed_tokens"] / counted["distinct_tokens"],
            "efficiency": own["share"],
            "efficiency_of_linear": own["share_of_linear"],
        },
        "rows": rows,
    }


def _check(asked: Asked, names: Sequence[str]) -> None:
    for name in [*names, *asked.python]:
        if name not in CONTESTANTS:
            known = list(CONTESTANTS)
            raise UserError(f"There is no contestant {name!r}{did_you_mean(name, known)}")
    for name, path in asked.python.items():
        if shutil.which(path) is None:
            raise UserError(f"There is no Python at {str(path)!r} for {name}; check the path.")


def _line_up(
    asked: Asked, folder: Path, chosen: Mapping[str, Sequence[int]], notify: Notify
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Failure]]:
    """The results of every contestant, one per run, and why some have none."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    failures: dict[str, Failure] = {}
    for turn in range(asked.repeats):
        for name in chosen:
            if name in failures:
                continue
            again = f", run {turn + 1} of {asked.repeats}" if asked.repeats > 1 else ""
            notify(f"{name}: {len(chosen[name])} prompts{again}")
            result = _contend(folder, name, asked.python.get(name, Path(sys.executable)))
            if isinstance(result, Failure):
                failures[name] = result
            else:
                results[name].append(result)
    return results, failures


def _compare(
    rows: Sequence[dict[str, Any]],
    results: Mapping[str, Sequence[dict[str, Any]]],
    chosen: Mapping[str, Sequence[int]],
) -> None:
    """Adds what compares a row with the reference's log-probabilities and with tremble's rate."""
    expected: dict[int, Any] = {}
    if results["reference"]:
        logprobs = results["reference"][0]["logprobs"]
        expected = dict(zip(chosen["reference"], logprobs, strict=True))
    own = rows[0]["distinct_per_s"]
    for made in rows:
        name = made["contestant"]
        if made["distinct_per_s"] is None:
            continue
        made |= compare(results[name][0]["logprobs"], chosen[name], expected)
        if own is not None:
            made["times_slower"] = own / made["distinct_per_s"]


def _peer(name: str) -> Any:
    return import_module(f"tremble.bench.peers.{CONTESTANTS[name]}")


def _contend(folder: Path, name: str, python: Path) -> dict[str, Any] | Failure:
    """One run of one contestant."""
    peer = _peer(name)
    result = folder / f"{name}.result.json"
    log = folder / f"{name}.log"
    script = [worker.__file__, peer.__file__, folder / f"{name}.job.json", result]
    reason = _run([python, *script], log)
    if reason is not None:
        return Failure(f"broke down: {reason} (log: {_kept(log)})", missing=False)
    facts: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    if facts.get("missing"):
        return Failure(f"not installed: {peer.INSTALL}", missing=True)
    return facts


def _kept(log: Path) -> Path:
    """A copy of a log, for whoever wants to know more; the bench's own folder is taken away."""
    with NamedTemporaryFile(
        prefix=f"tremble-bench-{log.stem}-", suffix=".log", delete=False
    ) as copy:
        copy.write(log.read_bytes())
    return Path(copy.name)


def _run(command: Sequence[Any], log: Path) -> str | None:
    """Runs a program, its stderr in `log`; why it failed, where it did: the line that names an
    error, else the last one."""
    with log.open("w", encoding="utf-8") as stream, log.with_suffix(".out").open("w") as out:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=stream,
            env={**os.environ, "TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"},
            check=False,
        )
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"ended by signal {-done.returncode}"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return (errors or lines or [f"exit code {done.returncode}"])[-1].strip()[:300]


def _shares(folder: Path, model: Path, rows: list[dict[str, Any]], notify: Notify) -> float | None:
    """Adds `share` to the rows whose passes are known; GFLOP/s of a square matrix product."""
    points = sorted({where for made in rows if (where := point(made)) is not None})
    asked, result, log = (folder / f"rates.{end}" for end in ("points.json", "json", "log"))
    asked.write_text(json.dumps(points), encoding="utf-8")
    reason = _run([sys.executable, "-m", rates.__name__, model, asked, result], log)
    if reason is not None:
        notify(f"The speed of matrix products could not be measured: {reason}")
        return None
    timed = json.loads(result.read_text(encoding="utf-8"))
    keys = ("tokens", "rows", "seen")
    measured = {tuple(entry[key] for key in keys): entry for entry in timed["points"]}
    for made in rows:
        where = point(made)
        if where is not None:
            made |= share(made, measured[where])
            made["matrix_gflops"] = measured[where]["gflops"]
    square: float = timed["square_gflops"]
    return square


def machine() -> dict[str, Any]:
    """The machine, as far as it says what it is."""
    memory = (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
        if hasattr(os, "sysconf")
        else None
    )
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_gb": memory,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _described(asked: Asked, task: Task) -> dict[str, Any]:
    return {
        "entry": asked.data,
        "family": asked.family,
        "format": asked.format,
        "template": asked.template,
        "prompts": asked.prompts,
        "left_out": task.left_out,
        "prepare_s": task.seconds,
        "sample": asked.sample,
        "seed": SEED,
        "repeats": asked.repeats,
    }
