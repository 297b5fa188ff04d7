"""`tremble data`: the data sets."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded, print_json, prose, say, screen
from tremble.commands.ending import complain
from tremble.errors import UserError

MOST = 20  # faults and warnings of a file that are printed unasked


@guarded
def data_list(as_json: AsJson = False) -> None:
    """List the data sets that tremble knows."""
    from tremble.datasets.base import EXTENSIONS, cards
    from tremble.report.terminal.console import show_cards

    known = cards()
    if as_json:
        keys = ("name", "title", "licence", "size", "embedded")
        print_json(
            [
                {
                    **{key: getattr(card, key) for key in keys},
                    "options": {one.name: list(one.values) for one in card.options},
                }
                for card in known
            ]
        )
    else:
        show_cards(known, prose())
    for sentence in EXTENSIONS.troubles():
        complain(f"warning: {sentence}")


@guarded
def data_show(
    name: Annotated[str, typer.Argument(help="The name of a data set.")], as_json: AsJson = False
) -> None:
    """Show the card of a data set: what it is, who made it, its licence."""
    from dataclasses import asdict

    from tremble.datasets.base import source

    card = source(name).card
    if as_json:
        print_json(asdict(card))
    else:
        from tremble.report.terminal.console import show_card

        show_card(card, prose())


@guarded
def data_fetch(
    name: Annotated[str, typer.Argument(help="The name of a data set.")],
    to: Annotated[
        Path | None,
        typer.Option(help="The folder to download to; default: the name of the data set."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download the files of a data set and check their checksums, if a stable address exists."""
    import sys

    from tremble.datasets.base import source
    from tremble.datasets.fetch import fetch
    from tremble.report.terminal.progress import download_bar

    card = source(name).card
    if card.embedded:
        raise UserError(f"{name!r} comes with the package; there is nothing to download.")
    if not card.sources:
        raise UserError(
            f"There is no stable address to download {name!r} from; download it by hand: "
            f"{card.manual}."
        )
    folder = Path(name) if to is None else to
    fetched = []
    for download in card.sources:
        with download_bar(download.filename, download.size, sys.stderr) as progress:
            fetched.append(fetch(download, folder, card.manual, progress))
    command = shlex.join(["tremble", "data", "import", name, str(folder), "--out", f"{name}.jsonl"])
    if as_json:
        files = [
            {
                "path": str(one.path),
                "bytes": one.size,
                "already": one.already,
                "checked": one.checked,
            }
            for one in fetched
        ]
        print_json({"name": name, "files": files, "import": command})
        return
    for one in fetched:
        how = "already there" if one.already else "fetched"
        checked = "checksum correct" if one.checked else "no known checksum"
        say(f"{one.path}: {how}, {one.size:,} bytes, {checked}")
    say(f"next: {command}")


@guarded
def data_dates(
    model: Annotated[str | None, typer.Option(help="Show only this model or model family.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show since when data are public, next to the documented training cut-offs of models."""
    from tremble.datasets.base import cards
    from tremble.published import cutoffs

    against = cutoffs.releases() if model is None else cutoffs.asked_for(model)
    dated = [row for card in cards() for row in cutoffs.compare(card.name, card.dated(), against)]
    if not as_json:
        from tremble.report.terminal.console import show_dates

        show_dates(dated, against, screen())
        return
    print_json(
        [
            {
                "dataset": row.dataset,
                "part": row.part.name,
                "public_since": row.part.public_since,
                "public_note": row.part.public_note,
                "release": release.name,
                "family": release.family,
                "pretraining": release.pretraining,
                "tuning": release.tuning,
                "source": release.source,
                "verdict": verdict,
            }
            for row in dated
            for release, verdict in row.verdicts
        ]
    )


@guarded
def data_check(
    path: Annotated[Path, typer.Argument(help="A JSONL file with decisions.")],
    everything: Annotated[
        bool,
        typer.Option("--all", help="Show all errors, warnings and prompts, not only the first."),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Check a file of decisions: what it contains, what is wrong, and how to fix it."""
    from tremble.public.checked import check

    found = check(path)
    if as_json:
        print_json({**found.summary, "faults": found.faults, "warnings": found.warnings})
        return 0 if found else 2
    most = None if everything else MOST
    for line in found.complaints(most):
        complain(line)
    for line in found.said(most, "; --all shows all", "--all shows others"):
        say(line)
    if found.summary["prompts"]:
        one = found.summary["prompts"][0]["id"]
        command = shlex.join(["tremble", "xray", str(path), one, "--model", "NAME"])
        say(f"\nOne decision token by token, by its id: {command}")
    return 0 if found else 2
