"""minicons on the prompts of a benchmark; needs minicons alone, not tremble."""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path


def main(name: str, exchange: Path) -> None:
    from minicons.scorer import IncrementalLMScorer

    asked = json.loads((exchange / "asked.json").read_text(encoding="utf-8"))
    scorer = IncrementalLMScorer(asked["model"], "cpu")
    scorer.model.float()
    prompts, sample = asked["prompts"], asked["sample"]

    def scores(prompt):
        labels = prompt["labels"]
        # The sum over a label's tokens, right after the context: no separator.
        return scorer.conditional_score(
            [prompt["context"]] * len(labels),
            labels,
            separator="",
            reduction=lambda found: found.sum(0).item(),
            bos_token=True,
        )

    scores(prompts[sample[0]])
    logprobs, each = [], []
    for index in sample:
        started = time.perf_counter()
        found = scores(prompts[index])
        each.append(time.perf_counter() - started)
        # It tokenises context and label apart: equal where no token spans the join.
        same = not prompts[index]["join"] and not any(prompts[index]["closed"])
        logprobs.append([float(value) if same else None for value in found])
    unit = 1 if sys.platform == "darwin" else 1024
    result = {
        "indices": sample,
        "logprobs": logprobs,
        "seconds": sum(each),
        "seconds_each": each,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6,
        "versions": {"minicons": version("minicons"), "torch": version("torch")},
    }
    (exchange / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
