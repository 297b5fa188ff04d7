"""Runs one contestant: `python worker.py PEER.py JOB.json RESULT.json`.

Stand-alone, so that a peer's environment needs only the peer: loads the peer's file, lets it
load the model and score the longest prompt, then times it on all prompts of the job. The result
holds `seconds`, `logprobs`, `facts`, `peak_memory_mb`, `threads` and `versions`, or `missing`
where the peer's package is not installed.

A peer's file holds PACKAGE (what it imports, by which a missing one is known), INSTALL (the line
that installs it), VERSIONS (distributions whose versions are reported), IN_FULL (whether it is
timed on all prompts rather than on a sample), DUPLICATES ("once": equal prompts in one call cost
nothing; "again": each is computed; None: neither can be said without timing it), and

    load(job) -> score(prompts) -> (log-probabilities per prompt and option, facts)

in natural logarithms, None for an option or a prompt that cannot be compared with the reference.
Facts may hold `passes`, `computed_tokens` and `seen` (how many tokens a token sees on average),
from which the share of the matrix-product rate follows, and `report`. What `job` and its prompts
hold: see `task.py`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any


def peak_memory_mb() -> float | None:
    """The largest resident memory of this process so far, in MiB.

    Linux hands `ru_maxrss` on to a program that a process starts, so that a large parent would
    count; the high-water mark in /proc starts afresh. None where the system says neither.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource  # noqa: TID251
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    installed = {"python": sys.version.split()[0]}
    for package in packages:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def run(peer: Any, job: dict[str, Any]) -> dict[str, Any]:
    """The result of one contestant; loading and the warm-up are outside the clock."""
    try:
        score = peer.load(job)
    except ModuleNotFoundError as error:
        if error.name != peer.PACKAGE:
            raise  # installed, but broken: the log says how
        return {"missing": True}
    score([max(job["prompts"], key=lambda prompt: len(prompt["prefix"]))])
    started = time.perf_counter()
    logprobs, facts = score(job["prompts"])
    seconds = time.perf_counter() - started
    torch: Any = sys.modules.get("torch")
    return {
        "seconds": seconds,
        "logprobs": logprobs,
        "facts": facts,
        "peak_memory_mb": peak_memory_mb(),
        "threads": torch.get_num_threads() if torch is not None else None,
        "versions": versions(peer.VERSIONS),
    }


def main(peer_path: Path, job_path: Path, result_path: Path) -> None:
    # This folder must not be searched for modules: peers/vllm.py is not vLLM.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = importlib.util.spec_from_file_location("contestant", peer_path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{peer_path} is not a Python file")
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    result = run(peer, json.loads(job_path.read_text(encoding="utf-8")))
    result_path.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
