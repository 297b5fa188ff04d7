"""`tremble trajectory`: the checkpoints of a training, and when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tremble.commands.base import AsJson, guarded, print_json, say, screen
from tremble.commands.ending import complain
from tremble.errors import UserError

_Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder of `tremble align` or of another trainer (checkpoint-N), branches on the "
        "hub (org/model@step*), folders of a repository (org/model:step-*), or a TOML file that "
        "lists checkpoints.",
    ),
]
_Base = Annotated[
    str | None,
    typer.Option(
        help="The model that checkpoints are compared with, and that adapters are merged into; "
        "default: the one they name."
    ),
]
_Data = Annotated[
    list[str] | None,
    typer.Option(help="Decisions to score: a data set or a JSONL file; default: demo."),
]
_Task = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Held-out items of the training task (JSONL), which the stop needs; default: those "
        "that `tremble align` held out.",
    ),
]
_Gain = Annotated[
    str, typer.Option(metavar="MEASURE", help="What measures the gain: auto, loss or dpo.")
]
_Formats = Annotated[
    str | None, typer.Option(help="plain, chat, or both separated by a comma; default: both.")
]
_Keep = Annotated[
    float | None, typer.Option(help="The share of the gain that a stop keeps; default: .93.")
]
_Sample = Annotated[
    int | None, typer.Option(help="At most so many decisions of each family; default: all.")
]
_Template = Annotated[
    str | None,
    typer.Option(
        help="The chat template of the task, and of decisions if no checkpoint has one: gemma, or "
        "a jinja file."
    ),
]
_Out = Annotated[
    Path | None, typer.Option(help="The study folder; default: named after the source.")
]
_Plan = Annotated[
    bool,
    typer.Option(
        "--plan", help="Show the checkpoints and what there is to download and to load, and stop."
    ),
]


# `tremble plan` renders and counts every prompt, which takes the tokenizers of all checkpoints.
_NO_TIME = (
    "For the number of prompts, time and memory write the checkpoints into a study file "
    "(docs/trajectory.md) and run `tremble plan` on it."
)


@guarded
def trajectory(
    source: _Source,
    base: _Base = None,
    data: _Data = None,
    task: _Task = None,
    gain: _Gain = "auto",
    formats: _Formats = None,
    keep: _Keep = None,
    sample: _Sample = None,
    template: _Template = None,
    out: _Out = None,
    plan: _Plan = False,
    as_json: AsJson = False,
) -> int:
    """Follow a training, checkpoint by checkpoint: fidelity to people, the task, when to stop."""
    from tremble.api.trajectory import TrajectoryOptions, series_study, series_to_json
    from tremble.report.tables.series import series_layout
    from tremble.report.terminal.tables import print_tables

    options = TrajectoryOptions(
        source,
        base,
        tuple(data or ("demo",)),
        task,
        gain,
        keep,
        _formats(formats),
        sample,
        template,
    )
    made = series_study(options, complain, plan)
    if plan and as_json:
        print_json(series_to_json(made.series, made.cost))
        return 1 if made.series.incomplete else 0
    if not as_json:
        tables, sentences = series_layout(made.series, made.cost)
        print_tables(tables, screen())
        for sentence in sentences:
            say(sentence)
    if plan:
        say(_NO_TIME)
        return 1 if made.series.incomplete else 0
    return _scored(made.study, out, as_json) or (1 if made.series.incomplete else 0)


def _scored(study: Any, out: Path | None, as_json: bool) -> int:
    from tremble.api.trajectory import changed
    from tremble.commands.study import score_and_say
    from tremble.commands.tables import show_analysis, show_training
    from tremble.store.provenance import slug

    folder = out if out is not None else Path(slug(study.name))
    if (sentence := changed(study, folder)) is not None:
        complain(sentence)
    ended = score_and_say(study, folder, quiet=as_json, last=False)
    return (show_analysis(folder, as_json) if as_json else show_training(folder)) or ended


def _formats(given: str | None) -> tuple[str, ...] | None:
    """The formats in a text. Raises UserError for another name."""
    if given is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in ("plain", "chat"):
            raise UserError(f"--formats holds {name!r}; give plain, chat or plain,chat.")
    return names
