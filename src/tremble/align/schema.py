"""The keys of a recipe of `tremble align`."""

from __future__ import annotations

from typing import Any

from tremble.settings.schema import REQUIRED, Key

SCHEDULES = ("linear", "cosine", "constant")
DTYPES = ("float32", "float16", "bfloat16")
LOSSES = ("sigmoid", "ipo", "hinge", "robust")
# The same for all trainings, and in their records.
OPTIMIZER: dict[str, Any] = {
    "name": "adamw",
    "betas": [0.9, 0.999],
    "epsilon": 1e-8,
    "weight_decay": 0.0,
    "gradient_norm": 1.0,  # longer gradients are cut to this
}
ALL = "all-linear"  # as peft has it: every matrix but the output head


def _stage(table: str, learning_rate: float, batch: int) -> tuple[Key, ...]:
    """What both stages have."""
    rate = f"{learning_rate:g}"
    return (
        Key(table, "steps", "count", None, "steps of training; default: `epochs`", example="100"),
        Key(table, "epochs", "count", 1, "passes over the samples, where no `steps` are given"),
        Key(table, "batch", "count", batch, "samples in a step"),
        Key(
            table,
            "learning_rate",
            "above 0",
            learning_rate,
            "the highest learning rate, of AdamW",
            example=rate,
        ),
        Key(table, "schedule", "text", "linear", "of the learning rate", words=SCHEDULES),
        Key(table, "warmup", "share", 0.1, "the share of the steps in which it rises"),
        Key(
            table,
            "checkpoints",
            "values",
            "8",
            "how many are kept, evenly on a logarithmic scale of steps, the last one among them; "
            "or a list of steps",
            example="[1, 4, 16, 64]",
        ),
    )


RECIPE = (
    Key("align", "name", "text", None, "default: the name of the file", example='"hh-short"'),
    Key(
        "align",
        "base",
        "text",
        REQUIRED,
        "the model that is trained, as `id` of `[[model]]` in a study file",
        example='"embedded/gemma-3-270m"',
    ),
    Key(
        "align",
        "template",
        "text",
        None,
        "the chat template of all samples: `gemma` or a jinja file; default: the model's own",
        example='"gemma"',
    ),
    Key(
        "align",
        "seed",
        "whole",
        0,
        "of everything that is drawn: what is held out, the order of samples, the first weights",
    ),
    Key(
        "align",
        "max_tokens",
        "count",
        512,
        "samples that are longer, with template and end of turn, are left out and counted; none is "
        "ever cut",
    ),
    Key("adapter", "rank", "count", 8, "of the LoRA matrices"),
    Key("adapter", "alpha", "above 0", 16.0, "their scale is alpha / rank", example="16"),
    Key(
        "adapter",
        "dropout",
        "share",
        0.0,
        "of what goes into them, in `[sft]`; DPO goes without, as its reference does",
    ),
    Key(
        "adapter",
        "targets",
        "patterns",
        (ALL,),
        f"names of layers, or {ALL}: every matrix but the output head",
        example='["q_proj", "v_proj"]',
    ),
    Key("adapter", "dtype", "text", "float16", "of checkpoints on disk", words=DTYPES),
    Key(
        "sft",
        "data",
        "text",
        REQUIRED,
        "a JSONL file of demonstrations, as a task file of `tremble trajectory`",
        example='"seed.jsonl"',
    ),
    Key("sft", "samples", "count", None, "at most so many, drawn by the seed; default: all"),
    Key(
        "sft",
        "held_out",
        "values",
        "0",
        "how many samples are held out, by first turn; or a file of them",
        example="50",
    ),
    *_stage("sft", 2e-4, 8),
    Key(
        "dpo",
        "data",
        "text",
        REQUIRED,
        "a JSONL file of preference pairs, as a task file of `tremble trajectory`",
        example='"pairs.jsonl"',
    ),
    Key("dpo", "samples", "count", None, "at most so many pairs, drawn by the seed; default: all"),
    Key(
        "dpo",
        "held_out",
        "values",
        "0",
        "how many pairs are held out, by first turn: the task of `tremble trajectory`; or a file "
        "of them",
        example="200",
    ),
    Key("dpo", "beta", "above 0", 0.1, "of the DPO loss", example="0.1"),
    Key("dpo", "loss", "text", "sigmoid", "the loss, as TRL names it", words=LOSSES),
    Key(
        "dpo",
        "shuffle_preferences",
        "flag",
        False,
        "a control: chosen and rejected are exchanged in a half of the pairs, drawn by the seed",
    ),
    *_stage("dpo", 5e-5, 8),
    Key(
        "run",
        "name",
        "text",
        REQUIRED,
        "a run of the last stage beside others, which differ in what follows",
        example='"lr 1e-4"',
    ),
    Key("run", "seed", "whole", None, "default: that of `[align]`", example="1"),
    Key("run", "learning_rate", "above 0", None, "default: that of the stage", example="1e-4"),
    Key("run", "beta", "above 0", None, "default: that of `[dpo]`", example="0.05"),
    Key("run", "shuffle_preferences", "flag", None, "default: as in `[dpo]`"),
    Key("machine", "device", "text", "cpu", "cpu, cuda or mps", words=("cpu", "cuda", "mps")),
    Key("machine", "threads", "count", None, "of the processor; default: all", example="2"),
    Key(
        "machine",
        "together",
        "count",
        None,
        "samples in one pass; default: 1 on a processor, else a batch",
        example="4",
    ),
)
