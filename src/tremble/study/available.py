"""Which models of a run can be had: each is asked, and those that cannot be had are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tremble.errors import ModelUnavailable
from tremble.models.hub_cache import Downloads
from tremble.models.spec import ModelSpec

_Answer = TypeVar("_Answer")


class Availability:
    """Asks models one after another; one that cannot be had is among `unavailable` from then on,
    with the reason, and the others have their turn. What is downloaded meanwhile is noted."""

    def __init__(self, downloads: Downloads) -> None:
        self.downloads = downloads
        self.unavailable: dict[ModelSpec, ModelUnavailable] = {}

    def ask_each(
        self, models: Iterable[ModelSpec], ask: Callable[[ModelSpec], _Answer]
    ) -> dict[ModelSpec, _Answer]:
        """What `ask` answers for each model that can be had."""
        answers = {}
        for model in models:
            with self.tolerating(model), self.downloads.noting(model.id):
                answers[model] = ask(model)
        return answers

    @contextmanager
    def tolerating(self, model: ModelSpec) -> Iterator[None]:
        """Ends the block where `model` turns out not to be had."""
        try:
            yield
        except ModelUnavailable as error:
            # The error itself holds the frames it came through, and with them an engine's weights.
            self.unavailable[model] = ModelUnavailable(str(error))

    def reasons(self) -> dict[ModelSpec, str]:
        """Why each of them cannot be had, a sentence."""
        return {model: str(error) for model, error in self.unavailable.items()}
