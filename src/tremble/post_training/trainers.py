"""One stage of training, by TRL: its loop and its losses, on samples as they stand here, with
log-probabilities computed as in `packed` and checkpoints kept as in `saving`."""

from __future__ import annotations

import copy
import inspect
import os
import types
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any, cast

import torch

from tremble.errors import MissingExtra, TrembleError, UserError
from tremble.models.from_files import quiet
from tremble.post_training.packed import label_logprobs, row_logprobs, why_not
from tremble.post_training.recipe import AdapterRecipe, StageRecipe
from tremble.post_training.samples import IGNORED, Sample, rows_of
from tremble.post_training.saving import (
    State,
    adapter_tensors,
    bytes_of,
    check_space,
    checkpoint_name,
    fill_adapter,
    lost_share,
    save_adapter,
)
from tremble.post_training.schema import OPTIMIZER
from tremble.tasks.task_measures import CHOSEN, REJECTED, Floats

STATE_SECONDS = 60.0  # between states from which an interrupted stage goes on

# What TRL logs of a step, and what it is called in `steps.parquet`. The others are not computed.
_MEASURES = {
    "loss": "loss",
    "grad_norm": "gradient",
    "learning_rate": "learning_rate",
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "logps/chosen": "chosen",
    "logps/rejected": "rejected",
}
# How far the mean log-probability of answers may be from that of the reference at the first step of
# DPO, where model and reference are one (nat).
_ROUNDING = 0.02
_SIDES = (CHOSEN, REJECTED)

Said = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class StageJob:
    """A stage of training, ready to run.

    `order`: the samples in the order in which they are seen, `reference` [samples, 2]: of pairs the
    log-probabilities (nat) of the answers under the reference, in that order. `kept`: the steps of
    which checkpoints are written to `folder`. `start`: the adapter that training goes on with, None
    for a new one. `base`, `template`: as the checkpoints name them. `said` is told step and
    measures after every step.
    """

    stage: StageRecipe
    adapter: AdapterRecipe
    seed: int
    order: Sequence[Sample]
    reference: Floats | None
    steps: int
    kept: tuple[int, ...]
    folder: Path
    state: State
    start: Path | None
    base: str
    template: str | None
    device: str
    together: int
    said: Said = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a stage says of itself: `history`, the measures of each step; `path`, how
    log-probabilities were computed; `why_plain`, why not the fast way, if so; `lost`, how much of
    what the stage had changed the precision of checkpoints loses at most, and the step of that."""

    history: tuple[dict[str, float], ...]
    path: str
    why_plain: str | None
    lost: tuple[float, int]


def check_installed() -> None:
    """Raises MissingExtra without TRL or PEFT."""
    # Neither says anything to anybody outside. The variable is read when the hub's package is first
    # imported, which may have been long ago.
    from huggingface_hub import constants

    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ImportError as error:
        raise MissingExtra("`tremble align`", "align") from error


def train(job: StageJob, model: Any, tokenizer: Any) -> Trained:
    """Train an adapter on a model of transformers, from where an earlier run was interrupted.

    Raises UserError for a loss that is no number, and where nothing can be written.
    """
    from transformers import set_seed

    set_seed(job.seed)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of settings that TRL has by other names
        wrapped = _with_adapter(job, model)
        _check_space(job, wrapped)
        trainer = _trainer(job, wrapped, copy.deepcopy(tokenizer))
        why_plain = _use_packed(trainer, job)
        newest = job.state.newest()
        trainer.train(resume_from_checkpoint=None if newest is None else str(newest[1]))
    history = tuple(
        {name: float(one[key]) for key, name in _MEASURES.items() if key in one}
        for one in trainer.state.log_history
        if "loss" in one
    )
    path = "packed" if why_plain is None else "plain"
    return Trained(history, path, why_plain, trainer.lost)


def _with_adapter(job: StageJob, model: Any) -> Any:
    import peft

    if job.start is not None:
        return peft.PeftModel.from_pretrained(model, str(job.start), is_trainable=True)
    config = peft.LoraConfig(
        r=job.adapter.rank,
        lora_alpha=_whole(job.adapter.alpha),
        lora_dropout=job.adapter.dropout,
        target_modules=job.adapter.target_modules,
        task_type="CAUSAL_LM",
    )
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:
        names = ", ".join(map(repr, job.adapter.targets))
        raise UserError(
            f"targets in [adapter] ({names}) are no layers of {job.base!r} that LoRA can be put "
            f'on; write targets = "all-linear", or names such as "q_proj".'
        ) from error


def _check_space(job: StageJob, model: Any) -> None:
    """Raises UserError where the disk has no room for the checkpoints and two states."""
    weights = {name: one for name, one in model.named_parameters() if one.requires_grad}
    each = bytes_of(weights, job.adapter.dtype)
    state = 3 * bytes_of(weights, "float32")  # with both moments of AdamW
    check_space(job.folder, each * len(job.kept) + 2 * state)


def _whole(number: float) -> float:
    """As a configuration has it: 16, not 16.0."""
    return int(number) if number == int(number) else number


def _trainer(job: StageJob, model: Any, tokenizer: Any) -> Any:
    import trl
    from datasets import Dataset

    settings: dict[str, Any] = {
        "output_dir": str(job.folder),
        "max_steps": job.steps,
        "per_device_train_batch_size": job.together,
        "gradient_accumulation_steps": -(-job.stage.batch // job.together),
        "train_sampling_strategy": "sequential",
        "learning_rate": job.stage.learning_rate,
        "lr_scheduler_type": job.stage.schedule
        if job.stage.schedule != "constant"
        else "constant_with_warmup",
        "warmup_steps": round(job.stage.warmup * job.steps),
        "optim": "adamw_torch",
        "adam_beta1": OPTIMIZER["betas"][0],
        "adam_beta2": OPTIMIZER["betas"][1],
        "adam_epsilon": OPTIMIZER["epsilon"],
        "weight_decay": OPTIMIZER["weight_decay"],
        "max_grad_norm": OPTIMIZER["gradient_norm"],
        "max_length": None,  # nothing is cut
        "router_aux_loss_coef": 0.0,  # no loss has a part for how tokens spread over experts
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": job.device == "cpu",
        "seed": job.seed,
        "data_seed": job.seed,
        "save_strategy": "no",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
    }
    kind = _dpo(trl) if job.reference is not None else _sft(trl)
    if job.reference is not None:
        settings |= {"beta": job.stage.beta, "loss_type": [job.stage.loss]}
        settings |= {"precompute_ref_log_probs": True}  # which `_Keeping` knows already
        settings |= {"disable_dropout": True}  # the reference has none, either
        settings |= {"label_smoothing": 0.1} if job.stage.loss == "robust" else {}
        args = trl.DPOConfig(**settings)
    else:
        args = trl.SFTConfig(**settings, dataset_kwargs={"skip_prepare_dataset": True})
    # Neither what the environment says of precision, nor a batch for each device that is there.
    args.mixed_precision, args._n_gpu = "no", min(args.n_gpu, 1)
    data = Dataset.from_list(rows_of(job.order, job.reference))
    trainer = kind(model=model, args=args, train_dataset=data, processing_class=tokenizer)
    if "ref" in model.peft_config:  # what TRL copies as the reference, which is known here
        model.delete_adapter("ref")
    trainer.job, trainer.first = job, adapter_tensors(model)
    trainer.add_callback(_watching(job))
    trainer.remove_callback(_printer())
    return trainer


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _rising(factor: Callable[[int], float], steps: int) -> Callable[[int], float]:
    """The factor of a learning rate at each step, counted from 0, with so many steps to rise in."""
    return lambda step: (step + 1) / (steps + 1) if step < steps else factor(step)


class _Keeping:
    """What a trainer does where TRL's would prepare data and write a checkpoint in place."""

    job: StageJob
    first: dict[str, torch.Tensor]  # the adapter that the stage began with
    lost: tuple[float, int] = (0.0, 0)  # the largest `lost_share`, and the step of it

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        """Nothing is said to anybody outside."""

    def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """TRL's schedule, with a rise that does not begin at 0: the first step would change
        nothing, and its checkpoint be the start again."""
        made: Any = super().create_scheduler(num_training_steps, optimizer)  # type: ignore[misc]
        rising = int(cast(Any, self).args.warmup_steps)
        made.lr_lambdas = [_rising(one, rising) for one in made.lr_lambdas]
        rates = zip(made.optimizer.param_groups, made.base_lrs, made.lr_lambdas, strict=True)
        for group, base, factor in rates:
            group["lr"] = base * factor(0)
        made._last_lr = [group["lr"] for group in made.optimizer.param_groups]  # what is logged
        return made

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        me: Any = self
        job, step = self.job, int(me.state.global_step)
        if step in job.kept:
            share = lost_share(me.first, adapter_tensors(me.model), job.adapter.dtype)
            me.lost = max(me.lost, (share, step))
            save_adapter(
                job.folder / checkpoint_name(step),
                me.model,
                job.base,
                job.template,
                job.adapter.dtype,
            )

        def fill(folder: Path) -> None:
            fill_adapter(folder, me.model, job.base)
            me._save_optimizer_and_scheduler(str(folder))
            me._save_rng_state(str(folder))
            me.state.save_to_json(str(folder / "trainer_state.json"))

        job.state.write(step, fill)


def _sft(trl: Any) -> Any:
    return type("AnswersTrainer", (_Keeping, trl.SFTTrainer), {})


def _dpo(trl: Any) -> Any:
    return type("PairsTrainer", (_Keeping, trl.DPOTrainer), {})


def _watching(job: StageJob) -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc]
        """Says when to save, what came out of a step, and stops where that is no number."""

        saved = monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            due = monotonic() - self.saved >= STATE_SECONDS
            if due or state.global_step in job.kept:
                control.should_save = True
                self.saved = monotonic()
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" not in (logs or {}):
                return
            bad = next(
                (name for name in ("loss", "grad_norm") if not isfinite(logs.get(name, 0.0))), None
            )
            if bad is not None:
                what = "loss" if bad == "loss" else "gradient"
                raise UserError(
                    f"The {what} at step {state.global_step} of {job.stage.name} is no number "
                    f"(learning_rate = {job.stage.learning_rate:g}), so training stopped there; "
                    "checkpoints before it are kept. Lower learning_rate, and give another --out."
                )
            if state.global_step == 1 and job.reference is not None:
                _check_reference(job, job.reference, logs)
            job.said(state.global_step, logs)

    return Watching()


def _check_reference(job: StageJob, reference: Floats, logs: dict[str, float]) -> None:
    """Raises TrembleError where DPO does not begin at its reference: then log-probabilities before
    the first update are others. With a sigmoid, the loss would not be log 2."""
    known = reference[: job.stage.batch].mean(axis=0)
    found = (logs["logps/chosen"], logs["logps/rejected"])
    apart = max(abs(one - float(known[side])) for side, one in zip(_SIDES, found, strict=True))
    if not apart <= _ROUNDING:
        raise TrembleError(
            f"At the first step of DPO, log-probabilities differ by {apart:.2g} nat from those of "
            "the reference, so that is not the model that training starts from; please report this."
        )


def _use_packed(trainer: Any, job: StageJob) -> str | None:
    """Have a model answer TRL's question for log-probabilities of labels as `packed` does: a batch
    as one row, where that gives what the model itself gives on the longest samples, as many as are
    computed together; else row by row, and the reason. TRL's own way goes past what some models do
    with their logits.

    Pairs are computed without any dropout: TRL takes away that of modules, and some models have
    theirs in functions.
    """
    from trl.trainer.utils import FusedCausalLMOutput

    inner = trainer.model.get_base_model()
    distinct = {(one.prompt, frozenset(one.answers)): one for one in job.order}.values()
    longest = sorted(distinct, key=lambda one: -one.tokens)[: job.together]
    why = why_not(inner, [[*one.prompt, *answer] for one in longest for answer in one.answers])
    logprobs = label_logprobs if why is None else row_logprobs
    fused = inner.forward
    if "fused_lm_head" not in inspect.signature(fused.__func__, follow_wrapped=False).parameters:
        raise TrembleError("This version of TRL asks for log-probabilities in another way.")

    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **asked: Any) -> Any:
        if not fused_lm_head:
            return fused(*args, **asked)
        if job.reference is not None:
            self.eval()
        labels = asked["labels"]
        found = logprobs(self, asked["input_ids"], asked["attention_mask"], labels)
        none = torch.zeros_like(found)
        mask = labels[:, 1:] != IGNORED
        # What TRL would only log is not computed.
        return FusedCausalLMOutput(
            loss=-found.sum() / mask.sum().clamp(min=1),
            log_probs=found,
            entropy=none,
            mean_logits=none,
            is_top1=none.bool(),
            label_mask=mask,
        )

    inner.forward = types.MethodType(forward, inner)
    return why
