"""The keys of `[[checkpoint]]` and `[trajectory]`."""

from __future__ import annotations

from tremble.settings.schema import REQUIRED, Key
from tremble.stats.progress.keep import KEEP
from tremble.study.checkpoints import GAINS

TRAJECTORY = (
    Key(
        "checkpoint",
        "model",
        "text",
        REQUIRED,
        "the checkpoint: a model or an adapter, as `id` of `[[model]]`",
        example='"runs/dpo/checkpoint-100"',
    ),
    Key(
        "checkpoint",
        "step",
        "whole",
        REQUIRED,
        "steps of its stage so far; 0 is the model that the stage starts from",
        example="100",
    ),
    Key(
        "checkpoint",
        "stage",
        "label",
        "",
        "the stage of training; stages follow each other as in the file",
        example='"dpo"',
    ),
    Key(
        "checkpoint",
        "run",
        "label",
        "",
        "the run, if several are compared: a learning rate, a seed",
        example='"lr 1e-5"',
    ),
    Key("checkpoint", "tokens", "whole", None, "tokens seen in training", example="4_000_000"),
    Key(
        "trajectory",
        "base",
        "text",
        None,
        "the model that checkpoints are compared with; default: the first checkpoint",
        example='"google/gemma-3-270m"',
    ),
    Key(
        "trajectory",
        "task",
        "text",
        None,
        "a JSONL file of held-out items of the training task (preference pairs or demonstrations)",
        example='"held_out.jsonl"',
    ),
    Key(
        "trajectory",
        "gain",
        "text",
        "auto",
        "what measures the gain on the task: loss, the loss per answer token; dpo, the DPO loss "
        "against the model that the last stage starts from; auto: dpo for pairs, loss for "
        "demonstrations",
        words=GAINS,
    ),
    Key(
        "trajectory",
        "keep",
        "share",
        KEEP,
        "the share of the final gain that a stop must keep",
        example="0.9",
    ),
    Key("trajectory", "beta", "share", 0.1, "beta of the DPO loss", example="0.05"),
    Key(
        "trajectory",
        "template",
        "text",
        None,
        "the chat template of all task prompts, and of decisions where no checkpoint has one: "
        "`gemma` or a jinja file; default: that of the last checkpoint that has one",
        example='"gemma"',
    ),
    Key(
        "trajectory",
        "source",
        "text",
        None,
        "where the checkpoints were found; a note for readers",
        example='"runs/dpo"',
    ),
    Key(
        "trajectory",
        "left_out",
        "texts",
        (),
        "checkpoints that are missing from the series, each with the reason; a note for readers",
        example='["runs/dpo/checkpoint-300: its weights are incomplete"]',
    ),
)
