"""The keys of a recipe of `tremble align`.

`docs/align.md` shows them as tables, which `scripts/write_study_schema.py` writes.
"""

from __future__ import annotations

from typing import Any

from tremble.settings.schema import REQUIRED, Key

SCHEDULES = ("linear", "cosine", "constant")
DTYPES = ("float32", "float16", "bfloat16")
LOSSES = ("sigmoid", "ipo", "hinge", "robust")
HELD_OUT = "a whole number from 0, or a file"
CHECKPOINTS = "a whole number from 1, or a list of steps from 1"
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
        Key(
            table,
            "epochs",
            "count",
            1,
            "passes over the samples, if `steps` is left out",
            example="3",
        ),
        Key(table, "batch", "count", batch, "samples in a step", example="16"),
        Key(
            table,
            "learning_rate",
            "above 0",
            learning_rate,
            "the highest learning rate, of AdamW",
            example=rate,
        ),
        Key(table, "schedule", "text", "linear", "how the learning rate falls", words=SCHEDULES),
        Key(table, "warmup", "share", 0.1, "the share of the steps in which it rises", example="0"),
        Key(
            table,
            "checkpoints",
            "values",
            "8",
            "how many are kept, evenly on a logarithmic scale of steps; or a list of steps. The "
            "last step is always kept",
            example="[1, 4, 16, 64]",
            takes=CHECKPOINTS,
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
        "of all that is drawn: what is held out and used, the order of samples, a new adapter's "
        "first weights",
        example="1",
    ),
    Key(
        "align",
        "max_tokens",
        "count",
        512,
        "samples that are longer, with template and end of turn, are left out and counted; none is "
        "ever cut",
        example="1024",
    ),
    Key("adapter", "rank", "count", 8, "the rank of the LoRA matrices", example="16"),
    Key("adapter", "alpha", "above 0", 16.0, "their scale is alpha / rank", example="32"),
    Key(
        "adapter",
        "dropout",
        "share",
        0.0,
        "the dropout in `[sft]`, below 1; DPO goes without, as its reference does",
        example="0.05",
    ),
    Key(
        "adapter",
        "targets",
        "patterns",
        (ALL,),
        f"names of layers; {ALL}: every matrix but the output head",
        example='["q_proj", "v_proj"]',
    ),
    Key(
        "adapter", "dtype", "text", "float32", "the precision of checkpoints on disk", words=DTYPES
    ),
    Key(
        "sft",
        "data",
        "text",
        REQUIRED,
        "a JSONL file of demonstrations, as a task file of `tremble trajectory`",
        example='"seed.jsonl"',
    ),
    Key(
        "sft",
        "samples",
        "count",
        None,
        "at most so many, drawn by the seed; default: all",
        example="500",
    ),
    Key(
        "sft",
        "held_out",
        "values",
        "0",
        "how many are held out, by first turn, or a file of them; of the last stage they are the "
        "task of `tremble trajectory`",
        example="50",
        takes=HELD_OUT,
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
    Key(
        "dpo",
        "samples",
        "count",
        None,
        "at most so many, drawn by the seed; default: all",
        example="128",
    ),
    Key(
        "dpo",
        "held_out",
        "values",
        "0",
        "how many are held out, by first turn, or a file of them: the task of `tremble trajectory`",
        example="200",
        takes=HELD_OUT,
    ),
    Key("dpo", "beta", "above 0", 0.1, "beta of the DPO loss", example="0.05"),
    Key(
        "dpo",
        "loss",
        "text",
        "sigmoid",
        "the loss, as TRL names it; robust: with label smoothing .1",
        words=LOSSES,
    ),
    Key(
        "dpo",
        "shuffle_preferences",
        "flag",
        False,
        "the control: chosen and rejected are exchanged in half of the pairs",
    ),
    *_stage("dpo", 5e-5, 8),
    Key(
        "run",
        "name",
        "text",
        REQUIRED,
        "a run of the last stage, beside others",
        example='"lr 1e-4"',
    ),
    Key(
        "run",
        "seed",
        "whole",
        None,
        "of its order of samples, of what is exchanged and of a new adapter's first weights; "
        "default: that of `[align]`",
        example="1",
    ),
    Key("run", "learning_rate", "above 0", None, "default: that of the stage", example="1e-4"),
    Key("run", "beta", "above 0", None, "default: that of `[dpo]`", example="0.05"),
    Key("run", "shuffle_preferences", "flag", None, "default: as in `[dpo]`"),
    Key("machine", "device", "text", "cpu", "where it runs", words=("cpu", "cuda", "mps")),
    Key("machine", "threads", "count", None, "threads of the processor; default: all", example="2"),
    Key(
        "machine",
        "together",
        "count",
        None,
        "samples in one pass; default: 1 on a processor, else a batch",
        example="4",
    ),
)
