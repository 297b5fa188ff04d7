"""What every step of a run goes by: the study, its folder, its models, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from tremble.engines.open import scored_identity
from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import Notify
from tremble.models.hub_cache import Downloads
from tremble.models.open import Opened, open_tokenizer
from tremble.models.spec import ModelSpec, model_name
from tremble.store.study_folder import Store
from tremble.study.available import Availability
from tremble.study.cells import Facts
from tremble.study.file import Study
from tremble.study.progress import Progress
from tremble.study.prompt_cache import PromptCache, prompt_cache


class RunContext:
    """One run of a study. `models` knows which of its models can be had; `identities` are those of
    the models that are scored, as they enter the keys of their folders."""

    def __init__(
        self,
        study: Study,
        store: Store,
        notify: Notify,
        progress: Progress,
        downloads: Downloads,
        cache: PromptCache,
    ) -> None:
        self.study, self.store = study, store
        self.notify, self.progress = notify, progress
        self.downloads, self.cache = downloads, cache
        self.models = Availability(downloads)
        self.identities: dict[ModelSpec, dict[str, Any]] = {}
        # Few at a time in memory: with a large vocabulary a tokenizer takes hundreds of megabytes.
        self._opened = lru_cache(maxsize=4)(lambda m: open_tokenizer(m, study.run, notify))

    def opened(self, model: ModelSpec) -> Opened:
        """A model's tokenizer and window. Raises UserError where they cannot be read."""
        return self._opened(model)

    def ask_for_facts(self) -> dict[ModelSpec, Facts]:
        """The tokenizers and windows of all models that can be had."""
        facts = self.models.ask_each(self.study.models, lambda m: Facts.of(self.opened(m)))
        self.refuse_if_nothing_is_left()
        return facts

    def ask_for_identities(self, facts: dict[ModelSpec, Facts]) -> None:
        """Sets `identities`, of those models of which `facts` are known, and says who is left
        out."""
        self.identities = self.models.ask_each(
            facts, lambda model: scored_identity(model, self.study.run, self.notify)
        )
        self.refuse_if_nothing_is_left()
        for model in self.models.unavailable:
            self.notify_left_out(model)

    def notify_left_out(self, model: ModelSpec) -> None:
        self.notify(f"{model_name(model)} is skipped. {self.models.unavailable[model]}")

    def refuse_if_nothing_is_left(self) -> None:
        """Raises where neither a whole pair nor a model without a counterpart can be had."""
        study, reasons = self.study, self.models.reasons()
        gone = {model.id for model in reasons}
        paired = {id_ for pair in study.pairs for id_ in (pair.base, pair.aligned)}
        whole = any(pair.base not in gone and pair.aligned not in gone for pair in study.pairs)
        single = any(model.id not in paired and model.id not in gone for model in study.models)
        if not reasons or whole or single:
            return
        first = next(iter(reasons.values()))
        if len(reasons) == 1:
            raise ModelUnavailable(first)
        raise UserError(
            f"{len(reasons)} of {len(study.models)} models are unavailable, so no complete pair "
            f"and no single model is left; the first: {first}"
        )


@contextmanager
def run_context(
    study: Study, store: Store, notify: Notify, progress: Progress, *, downloads: Downloads
) -> Iterator[RunContext]:
    """One run of a study, at whose end go the downloads that are not to be kept and the tables of
    prompts that were not settled."""
    try:
        with prompt_cache(store.folder) as cache:
            yield RunContext(study, store, notify, progress, downloads, cache)
    finally:
        downloads.delete_all()
