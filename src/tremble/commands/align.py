"""`tremble align`: post-training by a recipe, with every checkpoint kept."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tremble.commands.base import AsJson, guarded, print_json, say


@guarded
def align(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE.toml",
            help="What is trained on what: base, data, settings (docs/align.md has an example); "
            "paths in it start at its folder.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the training; default: the recipe's name. Run the command again to "
            "resume."
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show samples, steps and checkpoints, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Train a LoRA adapter on your own data (SFT, then DPO), and keep checkpoints on the way."""
    from tremble.post_training.recipe import read_recipe
    from tremble.post_training.run import as_json as to_json
    from tremble.post_training.run import look_at, post_train, sentences
    from tremble.report.terminal.progress import shown_progress
    from tremble.store.provenance import slug
    from tremble.text import counted

    asked = read_recipe(recipe)
    folder = out if out is not None else Path(slug(asked.name))
    with shown_progress(sys.stderr, "step") as progress:
        known = look_at(asked, progress.notify)
        if plan:
            if as_json:
                print_json(to_json(known))
            else:
                for sentence in sentences(known):
                    say(sentence)
            return 0
        made = post_train(known, folder, progress.notify, progress)
    if as_json:
        print_json({**to_json(known), "folder": str(made.folder), "made": list(made.checkpoints)})
    else:
        shown, count = shlex.quote(str(made.folder)), len(made.checkpoints)
        say(
            f"{counted(count, 'checkpoint')} {'is' if count == 1 else 'are'} in "
            f"{str(made.folder)!r}. Next: tremble trajectory {shown}."
        )
    return 0
