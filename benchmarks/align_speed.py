"""How fast post-training is, against TRL's own trainers on the same token ids.

    python benchmarks/align_speed.py [--stage dpo] [--samples 24] [--batch 4] [--repeats 5]
        [--data FILE] [--threads 2] [--model embedded/gemma-3-270m] [--template gemma]

A LoRA adapter of rank 8 on all linear layers is trained in float32 on the processor, by
`tremble align` as a recipe would have it (DPO with its reference, and with the checkpoint at its
end), and by the plain `trl.DPOTrainer` or `trl.SFTTrainer` without activation checkpointing: the
same ids in the same order, learning rate and seed. TRL is first tried with the whole batch in a
pass and with one sample in a pass, for DPO also with its reference in every step and with
`precompute_ref_log_probs`; its fastest way then takes part. `--data` is a file of preference pairs
(`--stage dpo`) or of demonstrations (`--stage sft`); without it, texts are made up.

Every run is a process of its own, tremble and TRL in turn. Printed are the tokens of all sequences
(the prompt in each) per second of both, the ratio in each round with its median, peak memory, the
largest difference of a step's loss, and what both computed: tokens that went through the layers and
rows that went through the output head, counted in another run. Loading the model is not in the
seconds, nor are the checks that tremble makes of its own numbers once a stage;
the ratio with them is shown, too. On a machine that others use, look at the ratio by processor
time, with `--threads 1`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tremble.bench.worker import peak_memory_mb
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.engines.weights import load_weights
from tremble.models.from_files import quiet
from tremble.models.open import open_tokenizer, source_of
from tremble.models.spec import ModelSpec, RunOptions
from tremble.post_training import reference, trainers
from tremble.post_training.order import in_training
from tremble.post_training.recipe import AdapterRecipe, StageRecipe
from tremble.post_training.samples import rows_of, samples_of
from tremble.post_training.saving import State
from tremble.prompts.chat import template_of

RATE = {"dpo": 5e-5, "sft": 2e-4}
SEED = 1
# Common words, nearly all of which are one token to any tokenizer.
WORDS = """
    time year people way day man thing woman life child world school state family student group
    country problem hand part place case week company system program question work government
    number night point home water room mother area money story fact month lot right study book
    eye job word business issue side kind head house service friend father power hour game line
    end member law car city community name president team minute idea body information back
"""
TRL_WAYS = {
    "dpo": ("batch", "batch precomputed", "single", "single precomputed"),
    "sft": ("batch", "single"),
}


def make_up(path: Path, count: int, pairs: bool) -> None:
    """A file of pairs, or of demonstrations: prompts of 20 to 150 words, answers of 10 to 120."""
    draw = np.random.default_rng(SEED)

    def text(low: int, high: int) -> str:
        return " ".join(draw.choice(WORDS.split(), draw.integers(low, high + 1)).tolist())

    lines = []
    for _ in range(count):
        line = {"prompt": text(20, 150)}
        sides = ("chosen", "rejected") if pairs else ("completion",)
        lines.append(json.dumps(line | {side: text(10, 120) for side in sides}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(asked: argparse.Namespace) -> tuple[Any, list[Any], Any, Any]:
    """The stage, its samples in the order of training, the model's spec and the template."""

    steps = asked.samples // asked.batch
    made = [asked.stage, asked.data, asked.samples, 0, steps, 1, asked.batch, RATE[asked.stage]]
    own = (0.1, "sigmoid", False) if asked.stage == "dpo" else ()
    stage = StageRecipe(*made, "linear", 0.1, (steps,), *own)
    spec = ModelSpec(asked.model)
    opened = open_tokenizer(spec, RunOptions(), lambda _: None)
    template = template_of(asked.template, opened.tokenizer, asked.model)
    samples = samples_of(stage, opened.tokenizer, template, asked.max_tokens, SEED).training
    return stage, in_training(samples, steps * asked.batch, SEED), spec, template


class Clock:
    """Seconds, and work where it is counted, by what they were for."""

    def __init__(self) -> None:
        self.now = "steps"
        self.seconds: Counter[str] = Counter()
        self.processor: Counter[str] = Counter()
        self.layers: Counter[str] = Counter()
        self.head: dict[str, float] = Counter()

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """What is done in here is for this; of two, for the inner one."""
        before, self.now = self.now, what
        kinds = ((self.seconds, time.perf_counter), (self.processor, time.process_time))
        began = [(counted.total(), clock()) for counted, clock in kinds]
        try:
            yield
        finally:
            for (counted, clock), (inside, start) in zip(kinds, began, strict=True):
                counted[what] += clock() - start - (counted.total() - inside)
            self.now = before

    def watch(self, owner: Any, name: str, what: str) -> None:
        whole: Callable[..., Any] = getattr(owner, name)

        def watched(*given: Any, **named: Any) -> Any:
            with self.of(what):
                return whole(*given, **named)

        setattr(owner, name, watched)

    def counting(self, words: int) -> Any:
        """Counts tokens that enter a layer of a model, in the mean over its layers, and rows that
        are multiplied by the output head's `words` columns, forward and backward, in products."""
        from torch.nn.modules.module import register_module_forward_pre_hook
        from torch.utils._python_dispatch import TorchDispatchMode

        clock = self

        def enters(module: Any, given: tuple[Any, ...]) -> None:
            if type(module).__name__.endswith("DecoderLayer"):
                clock.layers[clock.now] += given[0].shape[:-1].numel()

        register_module_forward_pre_hook(enters)

        class Products(TorchDispatchMode):
            def __torch_dispatch__(
                self, func: Any, types: Any, args: Any = (), kwargs: Any = None
            ) -> Any:
                if str(func).startswith(("aten.mm", "aten.addmm", "aten.linear")):
                    first = 1 if "addmm" in str(func) else 0
                    rows, by = args[first : first + 2]
                    if 8 * max(by.shape) >= words:  # TRL has the head in tiles
                        clock.head[clock.now] += rows.shape[:-1].numel() * max(by.shape) / words
                return func(*args, **(kwargs or {}))

        return Products()


def by_tremble(asked: argparse.Namespace, clock: Clock, folder: Path) -> tuple[list[float], int]:
    """The loss of each step, and tokens of all sequences."""

    import trl

    trl.DPOTrainer, trl.SFTTrainer  # noqa: B018  imported now, and not when the clock runs
    stage, order, spec, template = read(asked)
    clock.watch(reference, "open_engine", "loading")
    clock.watch(SharedEngine, "_begin", "checks")
    clock.watch(trainers, "why_not", "checks")
    known = None
    if stage.name == "dpo":
        with clock.of("reference"):
            place = folder / "reference.parquet"
            known = reference.reference_of(spec, RunOptions(), order, place, print)
    ready = source_of(spec.id).ready(spec, RunOptions(), print)
    weights = load_weights(ready, RunOptions())
    losses: list[float] = []
    adapter = AdapterRecipe(8, 16, 0.0, ("all-linear",), "float16")
    out, state = folder / stage.name, State(folder / "state")
    where = (known, stage.steps, (stage.steps,), out, state, None, spec.id, template.text, "cpu")

    def said(step: int, measures: dict[str, float]) -> None:
        losses.append(measures["loss"])

    job = trainers.StageJob(stage, adapter, SEED, order, *where, asked.together, said)
    with clock.of("steps"):
        trainers.train(job, weights.model, ready.tokenizer.inner)
    return losses, sum(one.tokens for one in order)


def by_trl(asked: argparse.Namespace, clock: Clock, folder: Path) -> tuple[list[float], int]:
    """The same in TRL's own way."""
    import peft
    import trl
    from datasets import Dataset
    from transformers import set_seed

    stage, order, spec, _ = read(asked)
    pairs = stage.name == "dpo"
    ready = source_of(spec.id).ready(spec, RunOptions(), print)
    model = load_weights(ready, RunOptions()).model
    together = stage.batch if "batch" in asked.way else 1
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": stage.steps,
        "per_device_train_batch_size": together,
        "gradient_accumulation_steps": stage.batch // together,
        "train_sampling_strategy": "sequential",
        "learning_rate": stage.learning_rate,
        "lr_scheduler_type": stage.schedule,
        "warmup_steps": round(stage.warmup * stage.steps),
        "max_length": None,
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": True,
        "seed": SEED,
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
    }
    if pairs:
        args = trl.DPOConfig(**settings, precompute_ref_log_probs="precomputed" in asked.way)
    else:
        args = trl.SFTConfig(**settings, dataset_kwargs={"skip_prepare_dataset": True})
    kind: Any = trl.DPOTrainer if pairs else trl.SFTTrainer

    class Plain(kind):  # type: ignore[misc]
        """TRL's own, but for the texts, which are ids already."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    rows = rows_of(order, np.zeros((len(order), 2)) if pairs else None)
    data = Dataset.from_list([{k: v for k, v in row.items() if "logps" not in k} for row in rows])
    lora = peft.LoraConfig(
        r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    set_seed(SEED)
    with clock.of("steps"):
        trainer = Plain(
            model=model,
            args=args,
            train_dataset=data,
            processing_class=ready.tokenizer.inner,
            peft_config=lora,
        )
        trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    return losses, sum(one.tokens for one in order)


def work(asked: argparse.Namespace) -> None:
    """One run of one contestant, in a process of its own; its result goes into a file."""
    import torch

    torch.set_num_threads(asked.threads)
    clock = Clock()
    words = 0
    if asked.count:
        ready = source_of(asked.model).ready(ModelSpec(asked.model), RunOptions(), print)
        config = ready.config.get_text_config()
        words, layers = int(config.vocab_size), int(config.num_hidden_layers)
    run = by_tremble if asked.way == "tremble" else by_trl
    counting = clock.counting(words) if asked.count else nullcontext()
    with TemporaryDirectory() as folder, quiet(), counting:
        losses, tokens = run(asked, clock, Path(folder))
    for counted in (clock.seconds, clock.processor):
        counted.pop("loading", None)
    found: dict[str, Any] = {
        "losses": losses,
        "tokens": tokens,
        "seconds": dict(clock.seconds),
        "processor": dict(clock.processor),
        "peak_mb": peak_memory_mb(),
    }
    if asked.count:
        found["layers"] = {what: round(n / layers) for what, n in clock.layers.items()}
        found["head"] = dict(clock.head)
    asked.result.write_text(json.dumps(found), encoding="utf-8")


def run_one(asked: argparse.Namespace, way: str, folder: Path, count: bool = False) -> Any:
    result = folder / "result.json"
    own = ("trl", "repeats", "way", "result", "count")
    given = [f"--{name}={value}" for name, value in vars(asked).items() if name not in own]
    command = [sys.executable, __file__, *given, f"--way={way}", f"--result={result}"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(asked.threads)}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        command + ["--count"] * count, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{way} broke down:\n{done.stderr[-3000:]}")
    found = json.loads(result.read_text(encoding="utf-8"))
    rates = {
        kind: found["tokens"] / (sum(found[kind].values()) - found[kind].get("checks", 0.0))
        for kind in ("seconds", "processor")
    }
    checked = found["tokens"] / sum(found["processor"].values())
    return {**found, "rate": rates["seconds"], "rates": [*rates.values(), checked]}


def compare(asked: argparse.Namespace, folder: Path) -> None:
    """Choose TRL's way, run the rounds, and print what came out."""
    best = asked.trl
    if best is None:
        tried = {way: run_one(asked, way, folder) for way in TRL_WAYS[asked.stage]}
        for way, one in tried.items():
            by_processor = one["rates"][1]
            print(
                f"TRL, {way}: {one['rate']:.1f} tokens/s, {by_processor:.1f} by processor time, "
                f"peak {one['peak_mb']:,.0f} MiB",
                flush=True,
            )
        best = max(tried, key=lambda way: float(tried[way]["rates"][1]))
    own, other, ratios = [], [], []
    print(f"\nround   tremble       TRL   tokens/s ({best}); ratios of seconds, processor, checked")
    for number in range(asked.repeats):
        mine, theirs = (run_one(asked, way, folder) for way in ("tremble", best))
        own.append(mine)
        other.append(theirs)
        ratios.append([a / b for a, b in zip(mine["rates"], theirs["rates"], strict=True)])
        shown = "  ".join(f"{one:.2f}" for one in ratios[-1])
        print(f"{number + 1:5}  {mine['rate']:8.1f}  {theirs['rate']:8.1f}   {shown}", flush=True)
    print_ratios(asked, ratios, own, other)
    print_counts(asked, folder, best)
    packages = ("torch", "transformers", "trl", "peft")
    print(", ".join(f"{name} {version(name)}" for name in packages))


def print_ratios(
    asked: argparse.Namespace, ratios: list[list[float]], own: list[Any], other: list[Any]
) -> None:
    """The medians over the rounds, with what they are of."""
    print()
    kinds = ("seconds", "processor time", "processor time, tremble's with its checks")
    for kind, each in zip(kinds, zip(*ratios, strict=True), strict=True):
        print(f"ratio by {kind}: {median(each):.2f} ({min(each):.2f} to {max(each):.2f})")
    losses = [
        list(zip(a["losses"], b["losses"], strict=True)) for a, b in zip(own, other, strict=True)
    ]
    apart = max(abs(a - b) for each in losses for a, b in each)
    print(
        f"{asked.samples} samples, {own[0]['tokens']:,} tokens, {len(losses[0])} steps of "
        f"{asked.batch}, threads: {asked.threads}\nlargest difference of a step's loss: {apart:.1e}"
    )
    spent: Counter[str] = Counter()
    for one in own:
        spent.update(one["processor"])
    shares = ", ".join(f"{what} {n / len(own):.1f} s" for what, n in spent.most_common())
    print(f"tremble's processor time: {shares}")
    for name, runs in (("tremble", own), ("TRL", other)):
        print(f"peak memory, {name}: {median(one['peak_mb'] for one in runs):,.0f} MiB")


def print_counts(asked: argparse.Namespace, folder: Path, best: str) -> None:
    """What both compute, per step."""
    print("\nper step: tokens through the layers (forward), rows through the head (all products)")
    steps = asked.samples // asked.batch
    for way in ("tremble", best):
        counted = run_one(asked, way, folder, count=True)
        for what, tokens in counted["layers"].items():
            each = "in all" if what == "checks" else "a step"
            by = 1 if what == "checks" else steps
            rows = counted["head"].get(what, 0)
            print(f"  {way}, {what}: {tokens / by:,.0f} tokens, {rows / by:,.0f} rows {each}")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stage", choices=("dpo", "sft"), default="dpo")
    parser.add_argument("--samples", type=int, default=24, help="a multiple of --batch")
    parser.add_argument("--batch", type=int, default=4, help="samples in a step")
    parser.add_argument("--together", type=int, default=1, help="samples in a pass of tremble's")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", default="", help="default: made-up texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="embedded/gemma-3-270m")
    parser.add_argument("--template", default="gemma")
    parser.add_argument("--max_tokens", type=int, default=512)
    parser.add_argument("--trl", choices=TRL_WAYS["dpo"], help="default: the fastest of one try")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(given)
    if asked.way:
        work(asked)
        return
    with TemporaryDirectory() as folder:
        if not asked.data:
            asked.data = str(Path(folder) / "made_up.jsonl")
            make_up(Path(asked.data), asked.samples, asked.stage == "dpo")
        compare(asked, Path(folder))


if __name__ == "__main__":
    main()
