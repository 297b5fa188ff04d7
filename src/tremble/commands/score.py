"""`tremble score`: probabilities of options after one prompt."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tremble.commands.base import AsJson, guarded, print_json, screen
from tremble.commands.ending import complain
from tremble.errors import UserError


@guarded
def score(
    model: Annotated[str, typer.Option(help="Hub name, name@revision, folder or .gguf file.")],
    prompt: Annotated[
        str | None,
        typer.Option(help="What the person read; without it, JSON lines are read from stdin."),
    ] = None,
    options: Annotated[
        str | None,
        typer.Option(help="Labels, separated by commas (labels with commas: use JSON lines)."),
    ] = None,
    system: Annotated[str | None, typer.Option(help="System text before the prompt.")] = None,
    opening: Annotated[
        str | None,
        typer.Option(help='Text that stands right before the label; default: \'{"decision": "\'.'),
    ] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Use the model's chat template.")] = False,
    template: Annotated[
        str | None, typer.Option(help="A jinja file or a named template, with --chat.")
    ] = None,
    reading: Annotated[
        str, typer.Option(help="joint, or next_token as in Shapira et al. (2026).")
    ] = "joint",
    as_json: AsJson = False,
) -> int:
    """Show the probability that a model gives to each option after a prompt."""
    if (prompt is None) != (options is None):
        raise UserError(
            "--prompt and --options go together; give both, or give JSON lines on stdin."
        )
    from tremble.api.score import Asked, prompt_line, score_prompts

    where = "stdin" if prompt is None else "--prompt and --options"
    if prompt is not None and options is not None:
        record: dict[str, Any] = {
            "prompt": prompt,
            "options": [part.strip() for part in options.split(",")],
        }
        if system is not None:
            record["system"] = system
        if opening is not None:
            record["opening"] = opening
        lines = prompt_line(record)
    elif sys.stdin.isatty():
        raise UserError("Nothing to score; give --prompt and --options, or JSON lines on stdin.")
    else:
        lines = sys.stdin.buffer
    from tremble.report.terminal.console import show_scored

    asked = Asked(model, chat, template, reading, where)
    failed = 0
    for result in score_prompts(lines, asked, complain):
        failed += result["error"] is not None
        if not as_json:
            show_scored(result, screen())
        else:
            print_json(result, indent=None if prompt is None else 1)
    return 1 if failed else 0
