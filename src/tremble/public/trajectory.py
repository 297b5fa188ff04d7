"""The checkpoints of a training from Python, as `tremble trajectory` follows them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

from tremble.api.trajectory import TrajectoryOptions, series_study
from tremble.public.result import Result
from tremble.public.study import Study, data_entries
from tremble.public.words import check_keywords, in_python


class TrajectoryKeywords(TypedDict, total=False):
    """Keywords of `tr.trajectory`. `base`: the model that checkpoints are compared with, and that
    adapters are put on; `gain`: what measures the gain on the task ("auto", "loss", "dpo"); `keep`:
    the share of it that a stop keeps; `formats`: "plain", "chat" or both; `sample`: at most so many
    decisions of each family; `template`: the chat template of the task ("gemma", a jinja file)."""

    base: str | os.PathLike[str]
    gain: str
    keep: float
    formats: str | Sequence[str]
    sample: int
    template: str


def _several(formats: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if formats is None:
        return None
    return (formats,) if isinstance(formats, str) else tuple(formats)


@in_python()
def trajectory(
    source: str | os.PathLike[str],
    *,
    data: Any = "demo",
    task: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
    **options: Unpack[TrajectoryKeywords],
) -> Result:
    """Score every checkpoint of a training, and say when it could have stopped.

    `source`: a trainer's folder (checkpoint-N), branches on the hub ("org/model@step*"), folders of
    a repository ("org/model:step-*"), or a TOML file that lists checkpoints. `data`: as of
    `tr.Study`. `task`: a JSONL file of held-out items of the training task. `out`: the study's
    folder, by default named after the source. `options`: see `TrajectoryKeywords`.
    docs/trajectory.md explains the result's tables. Run the same line again to resume, or to add
    later checkpoints.

    Raises UserError for errors in the source, the task or the data.

    >>> import tremble as tr
    >>> tr.trajectory("runs/my-dpo", data="demo", task="held_out.jsonl")
    Traceback (most recent call last):
    tremble.errors.UserError: There is no task file 'held_out.jsonl'; check the path.
    """
    held, entries = data_entries(data)
    said: list[str] = []
    check_keywords("trajectory", options, list(TrajectoryKeywords.__annotations__))
    base, formats = options.get("base"), options.get("formats")
    asked = TrajectoryOptions(
        source=os.fspath(source),
        base=None if base is None else os.fspath(base),
        data=tuple(entries),
        task=None if task is None else os.fspath(task),
        gain=options.get("gain", "auto"),
        keep=options.get("keep"),
        formats=_several(formats),
        sample=options.get("sample"),
        template=options.get("template"),
        held=held,
    )
    made = series_study(asked, said.append)
    assert made.study is not None
    return Study._of_asked(made.study, held).run(out, progress=progress)
