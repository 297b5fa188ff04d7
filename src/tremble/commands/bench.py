"""`tremble bench`: how fast, beside other tools."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded_with, print_json, screen
from tremble.commands.ending import complain
from tremble.disk.paths import path_of
from tremble.errors import UserError


@functools.partial(guarded_with, "a benchmark keeps no results")
def bench(
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Which to compare: compiled, batched, loop, lm-eval, minicons, vllm (separated "
            "by commas)."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Hub name, folder or .gguf file; default: the embedded model."),
    ] = None,
    data: Annotated[str, typer.Option(help="An embedded data set, or a JSONL file.")] = "demo",
    family: Annotated[str | None, typer.Option(help="Only the decisions of this family.")] = None,
    prompts: Annotated[
        int | None, typer.Option(min=1, help="Use only the first N prompts; default: all.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="plain or chat.")] = "plain",
    template: Annotated[
        str | None, typer.Option(help="A jinja file or a named template, for --format chat.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="How many prompts to time the slow contestants on; 0: all.")
    ] = 100,
    repeats: Annotated[
        int, typer.Option(min=1, help="How often to run all contestants; medians are reported.")
    ] = 1,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PEER=PATH", help="The Python interpreter for a peer; can be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Compare the speed of tremble with its reference, a plain loop and other tools."""
    from tremble.bench.run import Asked, run_bench

    names = [name.strip() for part in against or ["loop"] for name in part.split(",")]
    own = {} if model is None else {"model": model}
    asked = Asked(
        against=[name for name in names if name],
        data=data,
        family=family,
        prompts=prompts,
        format=format_,
        template=template,
        sample=sample,
        repeats=repeats,
        python=_interpreters(python or ()),
        **own,
    )
    result = run_bench(asked, complain)
    if as_json:
        print_json(result)
    else:
        from tremble.report.terminal.console import show_bench

        show_bench(result, screen())
    return 1 if any(row["note"].startswith("broke down") for row in result["rows"]) else 0


def _interpreters(entries: Sequence[str]) -> dict[str, Path]:
    """`PEER=PATH` entries as peer -> interpreter. Raises UserError for another text."""
    interpreters = {}
    for entry in entries:
        peer, equals, path = entry.partition("=")
        if not equals or not path:
            raise UserError(f"--python is {entry!r}; write PEER=PATH, such as vllm=env/bin/python.")
        interpreters[peer] = path_of(path)
    return interpreters
