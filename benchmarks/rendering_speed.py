"""How fast prompts are rendered and tokenised, and in how much memory.

    python benchmarks/rendering_speed.py DATA.jsonl [MODEL] [--template NAME_OR_FILE]

DATA.jsonl: decisions, such as benchmarks/synthetic_decisions.py writes. Every decision is
rendered in both formats, plain and chat, and the tables are written as a study would write them,
part by part. Prints one line of JSON: seconds, prompts/s and tokens per format; seconds to read the
rows back (`rows_s`) and to make every token path; and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tremble.models.embedded import GEMMA
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.asked import Asked
from tremble.prompts.chat import template_of
from tremble.study.cells import Cell
from tremble.study.data import load_data
from tremble.study.file import Study
from tremble.study.prompt_cache import PromptCache
from tremble.study.render import render


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("model", nargs="?", default=GEMMA)
    parser.add_argument("--template", default="gemma", help="chat template; default: gemma")
    asked = parser.parse_args()
    model = ModelSpec(asked.model, template=asked.template)
    tokenizer = open_tokenizer(model, RunOptions(), print).tokenizer
    study = Study("speed", (asked.data.name,), (), (model,), folder=asked.data.parent)
    result: dict[str, Any] = {"model": asked.model, "cores": os.cpu_count()}
    started = time.perf_counter()
    result["decisions"] = sum(1 for _ in load_data(asked.data.name, asked.data.parent))
    result["reading_s"] = round(time.perf_counter() - started, 1)
    with TemporaryDirectory() as folder:
        cache = PromptCache(Path(folder) / "prompts", Path(folder))
        for name in ("plain", "chat"):
            template = template_of(model.template, tokenizer, model.id) if name == "chat" else None
            cell = Cell(model, name, template, None, asked.data.name, Asked("standard"))
            started = time.perf_counter()
            cache.add(name, render(study, cell, tokenizer))
            written = time.perf_counter()
            rows = cache.table(name, "joint").rows()
            result[name] = {
                "render_s": round(written - started, 1),
                "prompts_per_s": round(rows.height / (written - started)),
                "rows_s": round(time.perf_counter() - written, 2),
                "prompts": rows.height,
                "distinct": rows["prompt"].n_unique(),
                "tokens": int(rows["prompt_tokens"].sum()),
                "file_MB": round(sum(p.stat().st_size for p in Path(folder).glob("*")) / 1e6, 1),
            }
            del rows
        started = time.perf_counter()
        view = cache.table("plain", "joint").token_paths()
        total = sum(len(paths.prefix) for paths in view)
        result["every_path_s"] = round(time.perf_counter() - started, 1)
        result["distinct_tokens_plain"] = total
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result["peak_MB"] = round(peak / (1e6 if sys.platform == "darwin" else 1e3))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
