"""lm-evaluation-harness on the prompts of a benchmark; needs lm-eval alone, not tremble."""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path


def main(name: str, exchange: Path) -> None:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    asked = json.loads((exchange / "asked.json").read_text(encoding="utf-8"))
    lm = HFLM(pretrained=asked["model"], dtype="float32", device="cpu", batch_size=1)
    prompts, sample = asked["prompts"], asked["sample"]

    def scores(indices):
        pairs = [(prompts[i]["context"], label) for i in indices for label in prompts[i]["labels"]]
        asked_of_it = [Instance("loglikelihood", {}, pair, at) for at, pair in enumerate(pairs)]
        return [value for value, _ in lm.loglikelihood(asked_of_it, disable_tqdm=True)]

    scores(sample[:1])
    started = time.perf_counter()
    values = iter(scores(sample))
    seconds = time.perf_counter() - started
    logprobs = []
    for index in sample:
        prompt = prompts[index]
        found = [next(values) for _ in prompt["labels"]]
        # Where a token spans the join, or a closing is scored, it computes something else.
        same = not prompt["join"] and not any(prompt["closed"])
        logprobs.append([value if same else None for value in found])
    unit = 1 if sys.platform == "darwin" else 1024
    result = {
        "indices": sample,
        "logprobs": logprobs,
        "seconds": seconds,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6,
        "versions": {"lm_eval": version("lm_eval"), "torch": version("torch")},
    }
    (exchange / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
