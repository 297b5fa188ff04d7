"""One decision, looked at closely: exactly the prompt that a study scores, token by token, and what
each model makes of it. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

import polars as pl

from tremble.baselines.base import is_fitted, names, predicted
from tremble.decisions.record import Decision
from tremble.engines.open import give_memory_back, open_engine, scored_identity
from tremble.engines.registry import check_engine
from tremble.models.device import check_device
from tremble.models.files import Notify
from tremble.models.hub_cache import Downloads
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, model_name
from tremble.prompts import controls, formulations
from tremble.store.study_folder import Store
from tremble.study.available import Availability
from tremble.study.cells import Cell, cells, wordings
from tremble.study.data import decisions_of
from tremble.study.decision_frame import decision_frame
from tremble.study.file import Study
from tremble.study.jobs import job_folder
from tremble.study.render import Prompt, read_alone
from tremble.study.selection import keeps, of_family
from tremble.study.taken import ALL
from tremble.text import counted
from tremble.xray.find import FEW, choose_models, find_decision
from tremble.xray.reading import read, stored
from tremble.xray.request import Request, as_requested, study_of
from tremble.xray.shown import presented
from tremble.xray.tokens import TokenReader

Found = dict[str, Any]
_Answer = TypeVar("_Answer")


def look_at(request: Request, notify: Notify) -> Found:
    """What one decision is to its models, as JSON can hold it.

    - `decision`: id, dataset, family, data (the entry it was found in), participant, round, role;
    - `people`: choice, rates, n, target, response (of a session); no model ever sees them;
    - `theory`: normative (shares by key or None), why, numbers (what baselines compute with);
    - `baselines`: name to the prediction of the target, where a study's folder holds the decisions;
    - `readings`: one for each presentation, model and format, in this order (`reading.read`);
    - `notes`: sentences: presentations and formulations not shown, what is added to chat
      templates, models that cannot be had.

    Raises UserError for what cannot be found, read or tokenised, before any weights are loaded.
    """
    whole, store = study_of(request)
    study = as_requested(whole, request)
    entry, decision = find_decision(study, request)
    chosen, study = choose_models(study, request)
    check_engine(study.run.engine)
    check_device(study.run)
    look = _Look(replace(study, data=(entry,)), store, decision, bool(request.models), notify)
    try:
        rendered = look.prompts(chosen)
        prompts, notes = presented(rendered, request.presentation)
        notes = _not_held(whole, entry, decision, list(rendered)) + notes
        notes += dict.fromkeys(
            remark for cell in rendered if cell.template for remark in cell.template.remarks()
        )
        readings = look.readings(prompts)
    finally:
        look.downloads.delete_all()
    unavailable = look.models.reasons()
    notes += [f"{model_name(model)} is skipped. {why}" for model, why in unavailable.items()]
    if others := study.formulations[1:]:
        some = ", ".join(others[:FEW]) + (", ..." if len(others) > FEW else "")
        number = counted(len(others), "other wording")
        notes.append(f"{number} of the study ({some}); --formulation shows one.")
    return {
        "decision": {
            "id": decision.id,
            "dataset": decision.dataset,
            "family": decision.family,
            "data": entry,
            "participant": decision.participant,
            "round": decision.round,
            "role": decision.role,
        },
        **_outcome(decision, store),
        "readings": readings,
        "notes": notes,
    }


class _Look:
    """One decision before the models of a study, asked one after another; one that cannot be had is
    left out, unless models were `named`."""

    def __init__(
        self, study: Study, store: Store | None, decision: Decision, named: bool, notify: Notify
    ) -> None:
        self.study, self.store, self.decision = study, store, decision
        self.named, self.notify = named, notify
        self.downloads = Downloads(study.run.keep_models)
        self.models = Availability(self.downloads)

    def prompts(self, chosen: Iterable[ModelSpec]) -> dict[Cell, list[Prompt]]:
        """The decision as the chosen models read it, in the first formulation and every
        presentation."""
        study = self.study
        opened = self._ask_each(
            study.models, lambda model: open_tokenizer(model, study.run, self.notify)
        )
        tokenizers = {model: one.tokenizer for model, one in opened.items()}
        shown = replace(study, formulations=study.formulations[:1])
        every = [cell for cell in cells(shown, tokenizers) if cell.model in chosen]
        if formulations.EXTENSIONS.names() or controls.EXTENSIONS.names():
            from tremble.study.package_check import check_decision  # most have no packages

            for asked, data in dict.fromkeys((cell.asked, cell.dataset) for cell in every):
                check_decision(study, asked, data, self.decision)
        return {
            cell: read_alone(study, cell, self.decision, tokenizers[cell.model]) for cell in every
        }

    def readings(self, prompts: Mapping[Cell, Sequence[Prompt]]) -> list[Found]:
        """What each model makes of its prompts, by presentation; counterparts side by side."""
        models = dict.fromkeys(cell.model for cell in prompts)

        def of_model(model: ModelSpec) -> list[Found]:
            if model != next(iter(models)):
                give_memory_back()  # of the model before
            mine = {cell: some for cell, some in prompts.items() if cell.model == model}
            return self._of_model(model, mine)

        by_model = self._ask_each(models, of_model)
        readings = [reading for some in by_model.values() for reading in some]
        return sorted(readings, key=lambda reading: reading["presentation"])  # stable

    def _of_model(self, model: ModelSpec, prompts: Mapping[Cell, Sequence[Prompt]]) -> list[Found]:
        """One model's readings; its weights are in memory meanwhile."""
        options, store = self.study.run, self.store
        engine = open_engine(model, replace(options, engine="reference", batch=1), self.notify)
        identity = None if store is None else scored_identity(model, options, self.notify)
        reader = TokenReader(engine.tokenizer)
        readings = []
        for cell, shown in prompts.items():
            held = None
            if store is not None and identity is not None:
                held = store.job(job_folder(cell, identity)).rows()
            for prompt in shown:
                reading = read(cell, prompt, self.study.pairs, engine, reader)
                readings.append({**reading, "stored": stored(held, prompt, reading)})
        return readings

    def _ask_each(
        self, models: Iterable[ModelSpec], ask: Callable[[ModelSpec], _Answer]
    ) -> dict[ModelSpec, _Answer]:
        answers = self.models.ask_each(models, ask)
        if self.models.unavailable and (self.named or not answers):
            raise next(iter(self.models.unavailable.values()))
        return answers


def _not_held(whole: Study, entry: str, decision: Decision, shown: Sequence[Cell]) -> list[str]:
    """A sentence where the study itself does not score what is shown."""
    if not of_family(whole.families, decision.family):
        return [f"Not in the study: families excludes {decision.family}."]
    if whole.part != ALL and all(
        one.id != decision.id for one in decisions_of(entry, whole.folder, whole.part)
    ):
        given = {name: value for name, value in asdict(whole.part).items() if value is not None}
        keys = ", ".join(f"{name} = {value}" for name, value in given.items())
        what = "sample" if [*given] == ["sample"] else "part of the data"
        return [f"Not in the study's {what} ({keys})."]
    held = [cell for cell in shown if cell.asked in wordings(whole)]
    out = [cell for cell in held if not keeps(whole, cell, decision.family)]
    names = dict.fromkeys(f"{model_name(cell.model)}, {cell.format}" for cell in out)
    some = "" if len(out) == len(shown) else f" of {'; '.join(names)}"
    return [f"Not in the study: dropped by include or exclude{some}."] if out else []


def _outcome(decision: Decision, store: Store | None) -> Found:
    """What people did, what theory says, and what two baselines say that need no fitting."""
    row = decision_frame([decision]).row(0, named=True)
    normative = row["normative"]
    keys = [option.key for option in decision.options]
    baselines: dict[str, float | None] = {}
    if store is not None:
        frame = store.decisions()
        frame = frame.filter(pl.col("family").cast(pl.String) == decision.family)
        for name in (name for name in names() if not is_fitted(name)):
            mine = predicted(name, frame)
            mine = mine.filter(pl.col("decision").cast(pl.String) == decision.id)
            if "key" in mine.columns:  # where there is a prediction of every option
                mine = mine.filter(pl.col("key").is_null() | (pl.col("key") == decision.target))
            if mine.height:
                baselines[name] = mine["prediction"][0]
    return {
        "people": {
            "choice": decision.choice,
            "rates": None if decision.rates is None else dict(decision.rates),
            "n": decision.n,
            "target": decision.target,
            "response": decision.response,
        },
        "theory": {
            "normative": None if normative is None else dict(zip(keys, normative, strict=True)),
            "why": row["normative_why"],
            "numbers": row["numbers"],
        },
        "baselines": baselines,
    }
