"""Prompts on made-up trunks, and the same prompts written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from tremble.engines.shared_prefix.stream import Plan
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Stretch, Trunk


def sessions(trunks: int = 3, tokens: int = 14) -> st.SearchStrategy[list[TokenPaths]]:
    """Prompts as `made_sessions` makes them."""
    return st.integers(0, 2**32).map(lambda seed: made_sessions(Random(seed), trunks, tokens))


def made_sessions(
    random: Random, trunks: int, tokens: int, each: int = 5, full: bool = False
) -> list[TokenPaths]:
    """At most so many trunks of at most so many tokens, each with at most so many prompts (`full`:
    just so many), over four tokens, so that trunks begin alike, with branches that run along the
    trunk for a while, responses with and without options, in any order."""

    def some(least: int, most: int) -> list[int]:
        return random.choices(range(4), k=random.randint(least, most))

    def number(most: int) -> int:
        return most if full else random.randint(1, most)

    asked = []
    begin = some(0, 5)
    for _ in range(number(trunks)):
        ids = [*begin, *random.choices(range(4), k=number(tokens))]
        trunk = Trunk(ids)
        for _ in range(number(each)):
            stop = random.randint(1, len(ids))
            rest = tuple(some(0, 3)) if random.random() < 0.5 else ()
            along = tuple(ids[stop : stop + random.randint(1, 3)])
            paths = [tuple(some(1, 3)) for _ in range(random.randint(1, 2))]
            paths = list(dict.fromkeys([*([along] if along and not rest else []), *paths]))
            ended = tuple(any(o != p and o[: len(p)] == p for o in paths) for p in paths)
            said = random.choice([None, *range(len(paths))])
            closing = (3,) if any(ended) or said is not None else ()
            prefix = Stretch(trunk, stop, rest)
            asked.append(TokenPaths(prefix, tuple(paths), ended, closing, response=said))
    random.shuffle(asked)
    return asked


def alone(paths: TokenPaths) -> TokenPaths:
    """The same prompt with its ids written out."""
    return replace(paths, prefix=tuple(paths.prefix))


def walk(plan: Plan, tokens: int, rows: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Every token of the stream with the path that leads to it, and its reads, slice by slice."""
    path: list[int] = []
    start = 0
    while start < plan.distinct:
        stop = plan.stop(start, tokens, rows)
        assert start < stop <= start + tokens
        cut = plan.slice(start, stop)
        assert plan.depth(start) == cut.depths[0]
        assert len({place for place, *_ in cut.reads.tolist()}) <= rows
        for place, (token, depth) in enumerate(zip(cut.ids, cut.depths, strict=True)):
            path = [*path[:depth], int(token)]
            assert len(path) == depth + 1  # the path is there, whatever was freed
            yield tuple(path), [(p, n) for at, p, n in cut.reads.tolist() if at == place]
        start = stop
