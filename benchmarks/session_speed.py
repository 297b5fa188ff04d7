"""How long it takes to make sessions into trunks and paths, compared with tokenising their texts.

    python benchmarks/session_speed.py FOLDER [MODEL] [--every N] [--options]

FOLDER has EXPERIMENT/prompts.jsonl.zip, as Psych-201 has. Of each experiment every N-th session is
tokenised bare, then made into paths; with --options, with the session's own responses as options
where these are at most four. Prints a line of JSON per experiment and one for all: sessions,
responses, tokens, branches, added tokens, processor seconds of both and their ratio; and for the
longest session how much longer its text takes when it is twice as long.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tremble.models.embedded import SMOLLM
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.tokenization.session_paths import SessionPaths
from tremble.tokenization.session_text import Place, SessionText

MARK = re.compile("<<(.*?)>>", re.DOTALL)


def texts(file: Path) -> Iterator[str]:
    with zipfile.ZipFile(file) as archive, archive.open("prompts.jsonl") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def session(text: str, options: bool) -> SessionText:
    marks = [mark for mark in MARK.finditer(text) if mark[1]]
    labels = tuple(sorted({mark[1] for mark in marks}))
    labels = labels if options and len(labels) <= 4 else ()
    return SessionText(text, [Place(mark.start(1), mark[1], labels) for mark in marks])


def measured(tokenizer: Any, chosen: list[str], options: bool) -> Counter[str]:
    found: Counter[str] = Counter()
    made_of = SessionPaths(tokenizer)
    for text in chosen:
        asked = session(text, options)
        started = time.process_time()
        ids = tokenizer.encode([text])[0]
        bare = time.process_time()
        made = made_of(asked)
        found.update(bare_s=bare - started, paths_s=time.process_time() - bare)  # type: ignore[call-arg]
        found.update(sessions=1, responses=len(made.paths), tokens=len(ids))
        found.update(branches=made.branches, added=made.added)
    return found


def doubled(tokenizer: Any, text: str, options: bool) -> float:
    """How many times as long the whole text takes as its first half; the least of seven each."""
    half = text[: len(text) // 2]
    once, twice = (
        min(one_time(tokenizer, session(part, options)) for _ in range(7)) for part in (half, text)
    )
    return twice / once


def one_time(tokenizer: Any, asked: SessionText) -> float:
    made_of = SessionPaths(tokenizer)
    started = time.process_time()
    made_of(asked)
    return time.process_time() - started


def said(name: str, found: Counter[str], **more: float) -> None:
    ratio = found["paths_s"] / found["bare_s"]
    print(json.dumps({"experiment": name, **found, "ratio": round(ratio, 2), **more}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", nargs="?", default=SMOLLM)
    parser.add_argument("--every", type=int, default=1, help="sessions of which one is taken")
    parser.add_argument("--options", action="store_true", help="with options")
    asked = parser.parse_args()
    tokenizer = open_tokenizer(ModelSpec(asked.model), RunOptions(), print).tokenizer
    tokenizer.pieces()
    everything: Counter[str] = Counter()
    longest = ""
    for file in sorted(asked.folder.glob("*/prompts.jsonl.zip")):
        chosen = list(texts(file))[:: asked.every]
        longest = max(longest, *chosen, key=len)
        found = measured(tokenizer, chosen, asked.options)
        said(file.parent.name, found)
        everything.update(found)
    said("all", everything, doubled=round(doubled(tokenizer, longest, asked.options), 2))


if __name__ == "__main__":
    main()
