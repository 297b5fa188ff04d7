"""Responses of real sessions: the engine against plain passes of transformers.

    python benchmarks/session_equality.py SESSIONS.jsonl [--people 5] [--model NAME ...]
                                          [--experiment NAME ...]

SESSIONS.jsonl is what `tremble data import psych` wrote. Of each experiment (or of those named) so
many people, their sessions cut at 32,768 characters, and ("long") the first session of 20,000
tokens or more, each as far as the model's window takes it. A response
that is a place in the text's own tokens is compared with one plain pass over the whole session; a
branch with a pass over its prompt alone. Printed are, for each model and experiment, responses,
branches, the largest and the median difference of the response's log-probability and of its
closing mark, in nat, and how often the likeliest first token differs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tremble.decisions.jsonl import read
from tremble.decisions.participants import experiment_of
from tremble.decisions.record import Decision
from tremble.engines.open import open_engine
from tremble.games.session import whole
from tremble.models.spec import ModelSpec, RunOptions
from tremble.study.session_rows import session_text
from tremble.study.taken import Part, Taken
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.session_paths import SessionPaths
from tremble.tokenization.trunk import Stretch

MODELS = ("embedded/gemma-3-270m", "embedded/smollm2-135m-instruct")
CHARACTERS, LONG, ROWS = 32_768, 20_000, 64
Session = Sequence[Decision]


def sessions(path: Path, people: int) -> Iterator[tuple[str, Session]]:
    """Experiment and decisions of the sessions that are compared, but for the long one."""
    taken = Taken(Part(None, people, CHARACTERS), lambda: read(path))
    for _, some in groupby(taken.of(read(path)), lambda one: one.game and one.game.id):
        session = list(some)
        yield experiment_of(session[0]), session


def long_session(path: Path, tokenise: SessionPaths) -> tuple[str, Session]:
    """The first session of `LONG` tokens or more."""
    for _, some in groupby(read(path), lambda one: one.game and one.game.id):
        session = list(some)
        if session[0].game is None or len(whole(session[0].game).text) < LONG:
            continue
        paths = tokenise(session_text(whole(session[0].game), session, "", None)).paths
        if paths[-1].length >= LONG:
            return "long", session
    raise SystemExit(f"no session of {LONG:,} tokens")


def chosen(
    path: Path, people: int, tokenise: SessionPaths, experiments: Sequence[str]
) -> Iterator[tuple[str, Session]]:
    """What is compared, by the names of experiments."""
    for name, session in sessions(path, people):
        if not experiments or name in experiments:
            yield name, session
    if not experiments or "long" in experiments:
        yield long_session(path, tokenise)


def logprobs(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """[rows, vocabulary], natural, in float32."""
    logits = model.lm_head(hidden).float()
    return logits - logits.logsumexp(dim=-1, keepdim=True)


def plain(model: Any, paths: Sequence[TokenPaths]) -> list[tuple[float, float, bool]]:
    """Of each response its log-probability, that of what closes it, and whether the likeliest first
    token is its own, by plain passes: one over the trunk, and one for each branch."""
    trunk = next(p.prefix.trunk for p in paths if isinstance(p.prefix, Stretch))
    ids = torch.tensor(trunk.ids[: max(p.length for p in paths)].astype(np.int64))[None]
    states = model.model(input_ids=ids, use_cache=False).last_hidden_state[0]
    found = []
    for one in paths:
        assert one.response is not None and isinstance(one.prefix, Stretch)
        path, start = one.paths[one.response], len(one.prefix)
        on_trunk = (
            not one.prefix.rest and tuple(trunk.ids[start : start + len(path)].tolist()) == path
        )
        if on_trunk:
            hidden = states[start - 1 : start + len(path)]
        else:
            alone = torch.tensor(one.prefix + path)[None]
            hidden = model.model(input_ids=alone, use_cache=False).last_hidden_state[0][start - 1 :]
        rows = logprobs(model, hidden)
        said = sum(float(rows[at, token]) for at, token in enumerate(path))
        closing = float(rows[-1][list(one.terminator)].logsumexp(dim=0))
        found.append((said, closing, int(rows[0].argmax()) == path[0]))
    return found


def compare(name: str, path: Path, people: int, experiments: Sequence[str]) -> None:
    engine: Any = open_engine(ModelSpec(name), RunOptions(), print)
    model, window = engine.reference.model, engine.limits().window
    tokenise = SessionPaths(engine.tokenizer)
    together: dict[str, list[tuple[float, float, bool, bool]]] = {}
    for experiment, session in chosen(path, people, tokenise, experiments):
        game = session[0].game
        assert game is not None
        paths = tokenise(session_text(whole(game), session, "", None)).paths
        paths = [one for one in paths if window is None or one.length <= window]
        scores = sorted(engine.score(paths), key=lambda score: score.index)
        with torch.inference_mode():
            expected = plain(model, paths)
        for score, (said, closing, first), one in zip(scores, expected, paths, strict=True):
            got = score.response
            assert got is not None and isinstance(one.prefix, Stretch), score.error
            apart = abs(got.logprob - said), abs(got.closing - closing)
            branch = bool(one.prefix.rest)
            together.setdefault(experiment, []).append((*apart, got.likeliest == first, branch))
        print(f"{name} {experiment}: {len(paths):,} responses", flush=True)
    names = [
        "model",
        "experiment",
        "responses",
        "branches",
        "largest",
        "median",
        "closing",
        "first",
    ]
    print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
    for experiment, rows in together.items():
        said_, closing_, same, branch_ = (np.asarray(column) for column in zip(*rows, strict=True))
        print(
            f"| {name} | {experiment} | {len(rows):,} | {branch_.mean():.2f} | {said_.max():.1e} | "
            f"{np.median(said_):.1e} | {closing_.max():.1e} | {int((~same).sum())} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--model", action="append")
    parser.add_argument("--experiment", action="append")
    given = parser.parse_args()
    for model_name in given.model or MODELS:
        compare(model_name, given.sessions, given.people, given.experiment or ())
