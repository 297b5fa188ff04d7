"""A series as the text of a study file, which scores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tremble.checkpoints.series import Series
from tremble.disk.paths import is_file, path_of
from tremble.models.spec import ModelSpec
from tremble.settings.toml import value_text
from tremble.stats.progress.keep import KEEP

# The opening of JSON, and an answer that is no JSON.
WORDINGS = ("standard", "natural_language")
FORMATS = ("plain", "chat")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a series: `data` sets, in `formats` and `wordings`, and a held-out `task`
    with what measures its gain and how much of it a stop keeps. Paths are those of the current
    folder. `sample`: at most so many decisions of each family; `template`: of the task's chat;
    `beta`: of the DPO loss, None for the usual one."""

    name: str
    data: Sequence[str] = ("demo",)
    task: str | None = None
    gain: str = "auto"
    keep: float = KEEP
    formats: Sequence[str] = FORMATS
    wordings: Sequence[str] = WORDINGS
    sample: int | None = None
    template: str | None = None
    beta: float | None = None


def study_text(series: Series, asked: Asked, embedded: Sequence[str]) -> str:
    """The study file of a series. `embedded` are names of data sets, which are no paths."""
    details: dict[str, ModelSpec] = {}
    for spec in (series.base, *(one.model for one in series.checkpoints)):
        if spec != ModelSpec(spec.id):
            details[spec.id] = spec
    tables = [
        _table(
            "[study]",
            {
                "name": asked.name,
                "data": [one if one in embedded else _whole(one) for one in asked.data],
                "formats": asked.formats,
                "formulations": asked.wordings,
                "sample": asked.sample,
            },
        ),
        _table(
            "[trajectory]",
            {
                "source": series.source,
                "base": series.base.id,
                "task": None if asked.task is None else _whole(asked.task),
                "gain": asked.gain,
                "keep": asked.keep,
                "beta": asked.beta,
                "template": _template(asked.template),
                "left_out": [f"{name}: {reason}" for name, reason in series.left_out] or None,
            },
        ),
        *(
            _table(
                "[[checkpoint]]",
                {
                    "model": one.model.id,
                    "step": one.step,
                    "stage": one.stage or None,
                    "run": one.run or None,
                    "tokens": one.tokens,
                },
            )
            for one in series.checkpoints
        ),
        *(
            _table("[[model]]", {"id": spec.id, "base": spec.base, "revision": spec.revision})
            for spec in details.values()
        ),
    ]
    return "# Written by tremble trajectory.\n" + "\n".join(tables)


def _template(given: str | None) -> str | None:
    """A template by name, or its file, which stays the same from every folder."""
    return given if given is None or not is_file(path_of(given)) else _whole(given)


def _whole(path: str) -> str:
    """A path that means the same from every folder."""
    return str(path_of(path).absolute())


def _table(heading: str, values: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]
    return "\n".join([heading, *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(value_text, value))}]"
    return value_text(value)
