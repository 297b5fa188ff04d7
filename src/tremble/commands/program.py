"""The program: every command with its name, and what is done around all of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from tremble.commands.align import align
from tremble.commands.base import say
from tremble.commands.bench import bench
from tremble.commands.data import (
    data_check,
    data_dates,
    data_fetch,
    data_list,
    data_show,
)
from tremble.commands.data_import import data_import
from tremble.commands.ending import NOTHING, complain, ended
from tremble.commands.export import export
from tremble.commands.methods import methods
from tremble.commands.pairs import pairs
from tremble.commands.plan import plan
from tremble.commands.probe import probe
from tremble.commands.published import published_wins
from tremble.commands.score import score
from tremble.commands.study import analyze, demo, report, run
from tremble.commands.trajectory import trajectory
from tremble.commands.verdict import verdict
from tremble.commands.xray import xray
from tremble.errors import UserError
from tremble.text import visible

# `UsageError`, from a package that is click in some versions of typer and a part of it in others.
_Refused = cast(type[Exception], typer.BadParameter.__bases__[0])


class Program(TyperGroup):
    """All commands; what is wrong with a command line is one sentence, as every mistake."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        sys.exit(ended(lambda: self._called(given), NOTHING))

    def _called(self, args: list[str]) -> int:
        for one in args:
            _check_text(one)
        try:
            with self.make_context("tremble", args) as context:
                self.invoke(context)
        except typer.Exit as end:
            return end.exit_code
        except _Refused as error:
            complain(_sentence(error))
            return 2
        return 0


def _check_text(argument: str) -> None:
    """Raises UserError for an argument that no name and no text can be."""
    if "\0" in argument:
        raise UserError(
            f"The argument '{visible(argument)}' contains a null character; check how it is made."
        )
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"The argument '{visible(argument)}' is not UTF-8; write it in UTF-8, or rename the "
            "file or its folder."
        ) from error


def _sentence(error: Any) -> str:
    """What is wrong with a command line, and the help of the command that it is for."""
    message: str = error.format_message().rstrip(".")
    if message.endswith("?"):
        return message  # it has a cure of its own
    path = "tremble" if error.ctx is None else error.ctx.command_path
    return f"{message}; see `{path} --help`."


app = typer.Typer(
    name="tremble",
    cls=Program,
    help="Measure how well a language model predicts what people actually decide.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Data sets: list, show, fetch, import, check, dates.")
published_app = typer.Typer(help="The published figures of Shapira et al. (2026), counted again.")


@app.callback(invoke_without_command=True)
def tremble(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Measure how well a language model predicts what people actually decide."""
    if version:
        from tremble import __version__

        say(f"tremble {__version__}")
        raise typer.Exit
    _or_help(context)


@data_app.callback(invoke_without_command=True)
@published_app.callback(invoke_without_command=True)
def _or_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(2)


app.command()(demo)
app.command()(score)
app.add_typer(data_app, name="data")
data_app.command("list")(data_list)
data_app.command("show")(data_show)
data_app.command("fetch")(data_fetch)
data_app.command("import")(data_import)
data_app.command("check")(data_check)
data_app.command("dates")(data_dates)
app.command()(plan)
app.command()(probe)
app.command()(align)
app.command()(trajectory)
app.command()(xray)
app.command()(run)
app.command()(analyze)
app.command()(verdict)
app.command()(export)
app.command()(report)
app.command()(methods)
app.command()(bench)
app.command()(pairs)
app.add_typer(published_app, name="published")
published_app.command("wins")(published_wins)
