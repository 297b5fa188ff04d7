"""The command line. `main` is the program's entry; `commands/` holds what it calls."""

from __future__ import annotations

from typing import Annotated

import typer

from tremble.commands.bench import bench
from tremble.commands.data import (
    data_check,
    data_dates,
    data_fetch,
    data_import,
    data_list,
    data_show,
)
from tremble.commands.export import export
from tremble.commands.pairs import pairs
from tremble.commands.plan import plan
from tremble.commands.published import published_wins
from tremble.commands.score import score
from tremble.commands.study import analyze, demo, report, run
from tremble.commands.verdict import verdict
from tremble.commands.xray import xray

app = typer.Typer(
    name="tremble",
    help="Measures how well a language model predicts what people actually do.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(
    help="The data sets: list, show, fetch, import, check, dates.", no_args_is_help=True
)
published_app = typer.Typer(help="The core study's figures, recounted.", no_args_is_help=True)


def main() -> None:
    app()


@app.callback(invoke_without_command=True)
def tremble(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Measures how well a language model predicts what people actually do."""
    if version:
        from tremble import __version__

        print(f"tremble {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
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
app.command()(xray)
app.command()(run)
app.command()(analyze)
app.command()(verdict)
app.command()(export)
app.command()(report)
app.command()(bench)
app.command()(pairs)
app.add_typer(published_app, name="published")
published_app.command("wins")(published_wins)
