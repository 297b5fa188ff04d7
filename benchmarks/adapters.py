"""Ten adapters on one base: what a study takes beyond its passes.

    python benchmarks/adapters.py [--model embedded/gemma-3-270m] [--sample 12] [--adapters 10]

LoRA adapters of made-up weights are written to a temporary folder, and a study scores decisions of
people with each, on the base by itself first. Printed are how often weights were loaded, prompts
tokenised and the path checked; how long the whole run took, from the study file to the last
manifest, and how long its passes took; and the ratio of the two.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import peft
import torch

from tremble.engines import weights
from tremble.engines.open import open_engine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.models.spec import ModelSpec, RunOptions
from tremble.study import render
from tremble.study.file import read_study
from tremble.study.run import score_study


class Watched:
    """Counts calls of a function, and the seconds that they take."""

    def __init__(self, owner: Any, name: str) -> None:
        self.calls, self.seconds = 0, 0.0
        whole: Callable[..., Any] = getattr(owner, name)

        def timed(*given: Any, **named: Any) -> Any:
            self.calls += 1
            began = time.perf_counter()
            try:
                return whole(*given, **named)
            finally:
                self.seconds += time.perf_counter() - began

        setattr(owner, name, timed)


def write_adapters(model: str, folder: Path, number: int) -> None:
    """Adapters of rank 8 on all linear layers, with small random weights."""
    engine: Any = open_engine(ModelSpec(model), RunOptions(engine="reference"), lambda _: None)
    config = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")
    wrapped = peft.get_peft_model(engine.model, config)
    wrapped.peft_config["default"].base_model_name_or_path = model
    for step in range(1, number + 1):
        torch.manual_seed(step)
        with torch.no_grad():
            for name, parameter in wrapped.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.002)
        wrapped.save_pretrained(folder / f"checkpoint-{step}")


def run(model: str, sample: int, number: int) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_adapters(model, folder / "run", number)
        text = f'[study]\nname = "adapters"\ndata = ["demo"]\nsample = {sample}\n'
        text += f'formats = ["plain"]\n[trajectory]\nbase = "{model}"\n'
        for step in range(1, number + 1):
            path = folder / "run" / f"checkpoint-{step}"
            text += f'[[checkpoint]]\nmodel = "{path}"\nstep = {step}\n'
        (folder / "study.toml").write_text(text)
        loads = Watched(weights, "_without_adapter")
        checks = Watched(SharedEngine, "_begin")
        tables = Watched(render, "in_parts")
        merges = Watched(weights, "_adapted")
        passes = Watched(SharedEngine, "compute")
        began = time.perf_counter()
        score_study(read_study(folder / "study.toml"), folder / "out", lambda _: None)
        total = time.perf_counter() - began
    print(
        f"{model}, {number} adapters: {loads.calls} loads, {tables.calls} tables of prompts, "
        f"{checks.calls} checks ({checks.seconds:.1f} s), adapters {merges.seconds:.1f} s"
    )
    print(
        f"whole run {total:.1f} s, passes {passes.seconds:.1f} s, ratio "
        f"{total / passes.seconds:.3f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded/gemma-3-270m")
    parser.add_argument("--sample", type=int, default=12)
    parser.add_argument("--adapters", type=int, default=10)
    given = parser.parse_args()
    run(given.model, given.sample, given.adapters)
