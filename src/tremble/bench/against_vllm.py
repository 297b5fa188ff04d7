"""vLLM on the prompts of a benchmark; needs vLLM alone, not tremble.

One generated token per node of an option tree, with the log-probabilities of the tokens wanted
there: log-probabilities of a prompt's own tokens would switch the prefix cache off.
"""

import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

# On processors: without binding, which fails in containers, and in this process, to be measured.
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")


def main(name: str, exchange: Path) -> None:
    from vllm import LLM, SamplingParams

    asked = json.loads((exchange / "asked.json").read_text(encoding="utf-8"))
    prompts = asked["prompts"]
    longest = max(len(p["prefix"]) + max(map(len, p["paths"])) for p in prompts)
    llm = LLM(
        model=asked["model"],
        dtype="float32",
        enforce_eager=True,
        enable_prefix_caching=True,
        max_model_len=longest + 8,
        disable_log_stats=True,
    )

    def requests(prompt):
        """The nodes of an option tree, each with the tokens wanted there."""
        paths = [tuple(path) for path in prompt["paths"]]
        wanted = {}
        for path in paths:
            for end in range(len(path)):
                wanted.setdefault(path[:end], set()).add(path[end])
        return wanted.items()

    # Warmed up on other words, so that the prefix cache starts without these prompts.
    llm.generate(
        [{"prompt_token_ids": list(range(1000, 1040))}],
        [SamplingParams(max_tokens=1)],
        use_tqdm=False,
    )
    todo = [(i, *request) for i, prompt in enumerate(prompts) for request in requests(prompt)]
    texts = [{"prompt_token_ids": [*prompts[i]["prefix"], *node]} for i, node, _ in todo]
    asked_there = [
        SamplingParams(max_tokens=1, temperature=0.0, logprob_token_ids=sorted(wanted))
        for _, _, wanted in todo
    ]
    started = time.perf_counter()
    answers = llm.generate(texts, asked_there, use_tqdm=False)
    seconds = time.perf_counter() - started
    logs = {}
    for (index, node, _), answer in zip(todo, answers, strict=True):
        found = answer.outputs[0].logprobs[0]
        logs[index, node] = {token: entry.logprob for token, entry in found.items()}
    logprobs = []
    for index, prompt in enumerate(prompts):
        found = []
        for path, closed in zip(prompt["paths"], prompt["closed"], strict=True):
            steps = [logs[index, tuple(path[:end])][path[end]] for end in range(len(path))]
            found.append(None if closed else sum(steps))
        logprobs.append(found)
    unit = 1 if sys.platform == "darwin" else 1024
    result = {
        "indices": list(range(len(prompts))),
        "logprobs": logprobs,
        "seconds": seconds,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6,
        "versions": {"vllm": version("vllm_cpu"), "torch": version("torch")},
    }
    (exchange / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
