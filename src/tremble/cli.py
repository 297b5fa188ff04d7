"""The command line: thin commands over the library. `main` is the program's entry.

Exit codes: 0 done, 1 finished in part or an internal fault with its log named, 2 a user's error
with one clear sentence and the cure, 130 interrupted.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console

from tremble.errors import TrembleError, UserError

app = typer.Typer(
    name="tremble",
    help="Measures how well a language model predicts what people actually do.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="The data sets: list, show, import, check.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Parameters = ParamSpec("Parameters")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def main() -> None:
    app()


def complain(message: str) -> None:
    print(f"tremble: {message}", file=sys.stderr)


def guarded(command: Callable[Parameters, int | None]) -> Callable[Parameters, None]:
    """Turns what a command raises or returns into the exit code the user was promised."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
        except UserError as error:
            complain(str(error))
            code = 2
        except KeyboardInterrupt:
            complain("interrupted; what was scored is kept, the same command goes on from there.")
            code = 130
        except BrokenPipeError:
            sys.stderr.close()
            code = 0
        except Exception as error:
            with tempfile.NamedTemporaryFile(
                "w", prefix="tremble-fault-", suffix=".log", delete=False
            ) as log:
                traceback.print_exc(file=log)
            kind = "" if isinstance(error, TrembleError) else f"{type(error).__name__}: "
            complain(f"internal fault ({kind}{error}); the full account is in {log.name}.")
            code = 1
        raise typer.Exit(code)

    return run


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1))


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


@app.command()
@guarded
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the study.")] = Path("tremble-demo"),
    full: Annotated[
        bool, typer.Option("--full", help="All embedded decisions, not a subset.")
    ] = False,
) -> int:
    """Score the embedded pair on embedded decisions of real people, and make the page."""
    from tremble.demo import write_demo
    from tremble.study_file import read_study

    study = read_study(write_demo(out, full, complain))
    return _run(study, out) or _show(out) or _page(out)


@app.command()
@guarded
def score(
    model: Annotated[str, typer.Option(help="Hub name, name@revision, folder or .gguf file.")],
    prompt: Annotated[
        str | None, typer.Option(help="What the person read; without it, JSON lines from stdin.")
    ] = None,
    options: Annotated[
        str | None, typer.Option(help="Labels, separated by commas; others as JSON lines.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="System text before the prompt.")] = None,
    opening: Annotated[
        str | None,
        typer.Option(help='Text the label follows verbatim; default \'{"decision": "\'.'),
    ] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Use the model's chat template.")] = False,
    template: Annotated[
        str | None, typer.Option(help="A jinja file or a named template, for --chat.")
    ] = None,
    reading: Annotated[str, typer.Option(help="joint, or next_token as the study.")] = "joint",
    as_json: AsJson = False,
) -> int:
    """The probability a model gives each option after a prompt, in one forward pass."""
    from tremble.report.console import show_scored
    from tremble.single import Asked, score_prompts

    if (prompt is None) != (options is None):
        raise UserError("--prompt and --options go together; give both, or JSON lines on stdin.")
    where = "stdin" if prompt is None else "--prompt and --options"
    asked = Asked(model, chat, template, reading, where)
    if prompt is not None and options is not None:
        record: dict[str, Any] = {
            "prompt": prompt,
            "options": [part.strip() for part in options.split(",")],
        }
        if system is not None:
            record["system"] = system
        if opening is not None:
            record["opening"] = opening
        lines = [json.dumps(record).encode()]
    elif sys.stdin.isatty():
        raise UserError("Nothing to score; give --prompt and --options, or JSON lines on stdin.")
    else:
        lines = list(sys.stdin.buffer)
    failed = 0
    found = score_prompts(lines, asked, complain)
    for result in found:
        failed += result["error"] is not None
        if not as_json:
            show_scored(result, Console())
        elif prompt is None:
            print(json.dumps(result, ensure_ascii=False, allow_nan=False), flush=True)
        else:
            print_json(result)
    return 1 if failed else 0


@data_app.command("list")
@guarded
def data_list(as_json: AsJson = False) -> None:
    """The data sets that tremble knows."""
    from tremble.datasets import names, source
    from tremble.report.console import card_table

    cards = [source(name).card for name in names()]
    if as_json:
        keys = ("name", "title", "licence", "size", "embedded")
        print_json([{key: getattr(card, key) for key in keys} for card in cards])
    else:
        Console().print(card_table(cards))


@data_app.command("show")
@guarded
def data_show(
    name: Annotated[str, typer.Argument(help="A data set's name.")], as_json: AsJson = False
) -> None:
    """The card of one data set: what it is, from whom, under which licence."""
    from dataclasses import asdict

    from tremble.datasets import source
    from tremble.report.console import show_card

    card = source(name).card
    if as_json:
        print_json(asdict(card))
    else:
        show_card(card, Console())


@data_app.command("import")
@guarded
def data_import(
    source_name: Annotated[str, typer.Argument(metavar="SOURCE", help="A data set's name.")],
    path: Annotated[Path, typer.Argument(help="The file, its folder, or any folder above.")],
    out: Annotated[Path, typer.Option(help="The JSONL file to write.")],
    as_json: AsJson = False,
) -> None:
    """Turn a source's files into decisions, one JSON record a line."""
    from tremble.datasets import Notes, source
    from tremble.importing import import_decisions

    if out.exists() and path.exists() and out.samefile(path):
        raise UserError(f"--out is the file that is read, {str(path)!r}; give another --out.")
    found, notes = source(source_name), Notes()
    summary = import_decisions(found.load(path, notes), out)
    if as_json:
        print_json(summary)
    else:
        for family, count in summary["by_family"].items():
            hits = summary["target"].get(family)
            coded = "" if hits is None else f", {hits:,} of them the target"
            print(f"{family}: {count:,} decisions{coded}")
        print(f"{summary['decisions']:,} decisions written to {out}")
    for reason, count in notes.dropped.items():
        complain(f"left out: {count} ({reason})")
    for line in notes.odd:
        complain(f"note: {line}")


@data_app.command("check")
@guarded
def data_check(
    path: Annotated[Path, typer.Argument(help="A JSONL file of decisions.")],
    as_json: AsJson = False,
) -> int:
    """Check every line of a file of decisions, and say what is wrong and how to mend it."""
    from tremble.importing import check_decisions

    summary, faults, warnings = check_decisions(path)
    if as_json:
        print_json({**summary, "faults": faults, "warnings": warnings})
    for line in () if as_json else faults:
        complain(line)
    if not as_json and summary["faulty"] > len(faults):
        complain(f"and {summary['faulty'] - len(faults):,} more faulty lines")
    for line in () if as_json else warnings:
        complain(f"warning: {line}")
    if not as_json:
        print(
            f"{path}: {summary['decisions']:,} sound decisions, {summary['faulty']:,} faulty lines"
        )
    return 2 if summary["faulty"] else 0


@app.command()
@guarded
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study; default: the study's name.")
    ] = None,
) -> int:
    """Score what is missing of a study; the same command again goes on where it stopped."""
    from tremble.store import slug
    from tremble.study_file import read_study

    found = read_study(study)
    return _run(found, out if out is not None else Path(slug(found.name)))


@app.command()
@guarded
def analyze(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
    as_json: AsJson = False,
) -> None:
    """Tables: r, mass, who wins, tests over pairs, baselines."""
    _show(folder, as_json)


@app.command()
@guarded
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study folder.")],
) -> None:
    """Write the page: the tables of `analyze` and a scatter, in one file."""
    _page(folder)


@app.command()
@guarded
def bench(
    against: Annotated[
        list[str] | None,
        typer.Option(help="batched, loop, lm-eval, minicons, vllm; commas between several."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Hub name, folder or .gguf file; default: the embedded one.")
    ] = None,
    data: Annotated[str, typer.Option(help="An embedded data set, or a JSONL file.")] = "demo",
    family: Annotated[str | None, typer.Option(help="Only the decisions of this family.")] = None,
    prompts: Annotated[
        int | None, typer.Option(min=1, help="The first so many prompts; default: all.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="plain or chat.")] = "plain",
    template: Annotated[
        str | None, typer.Option(help="A jinja file or a named template, for chat.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Prompts that slow contestants are timed on; 0: all.")
    ] = 100,
    repeats: Annotated[
        int, typer.Option(min=1, help="Runs of the whole line-up; medians are reported.")
    ] = 1,
    python: Annotated[
        list[str] | None,
        typer.Option(metavar="PEER=PATH", help="The interpreter of a peer; can be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Time tremble against its reference, a plain loop and other tools: same prompts, one run."""
    from tremble.bench import Asked
    from tremble.bench import bench as run_bench
    from tremble.report.console import show_bench

    interpreters = {}
    for entry in python or ():
        peer, equals, path = entry.partition("=")
        if not equals or not path:
            raise UserError(f"--python is {entry!r}; write PEER=PATH, as vllm=env/bin/python.")
        interpreters[peer] = Path(path)
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
        python=interpreters,
        **own,
    )
    try:
        result = run_bench(asked, complain)
    except KeyboardInterrupt:
        complain("interrupted; a bench keeps nothing.")
        return 130
    if as_json:
        print_json(result)
    else:
        show_bench(result, Console())
    return 1 if any(row["note"].startswith("broke down") for row in result["rows"]) else 0


def _run(study: Any, out: Path) -> int:
    from tremble.report.progress import shown_progress
    from tremble.study import absent, score_study

    with shown_progress(sys.stderr) as progress:
        failed = score_study(study, out, progress.say, progress)
    if failed:
        complain(f"{failed} prompts could not be scored; they count as missing in every table.")
    missing = absent(out)
    if missing:
        complain(
            f"{len(missing)} of the models could not be had ({', '.join(missing)}), so scores are "
            "missing in every table; the same command tries again."
        )
    print(f"Scores are in {out}; next: tremble analyze {out}")
    return 1 if failed or missing else 0


def _show(folder: Path, as_json: bool = False) -> int:
    from tremble.report.terminal import tables
    from tremble.study import analyze_study, caveats

    analysis, *_ = analyze_study(folder)
    if as_json:
        print_json(analysis.to_json())
        return 0
    for line in caveats(folder):
        print(f"Note: {line}")
    print()
    tables(analysis, Console())
    return 0


def _page(folder: Path) -> int:
    from tremble.report.page import page
    from tremble.store import Store, write_text
    from tremble.study import analyze_study, caveats

    analysis, scores, decisions = analyze_study(folder)
    title = Store(folder).read_run()["study"]
    target = folder / "report" / "index.html"
    write_text(target, page(analysis, scores, decisions, title, caveats(folder)))
    print(f"The page is {target.resolve()}")
    return 0
