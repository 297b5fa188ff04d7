"""Trees of prompts, and engines that are held against one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.support.toys import bpe_tokenizer, tiny_model
from tremble.engines.base import Score
from tremble.engines.memory import Room
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import TokenPaths

ids = st.integers(0, 3)


@st.composite
def some_paths(draw: st.DrawFn, token: st.SearchStrategy[int] = ids) -> TokenPaths:
    """A prompt whose options are one token or several, some begun by another."""
    prefix = tuple(draw(st.lists(token, min_size=1, max_size=8)))
    option = st.lists(token, min_size=1, max_size=3).map(tuple)
    paths = tuple(draw(st.lists(option, min_size=2, max_size=3, unique=True)))
    terminated = tuple(any(o != p and o[: len(p)] == p for o in paths) for p in paths)
    return TokenPaths(prefix, paths, terminated, (3,) if any(terminated) else ())


def games(count: int = 5, rounds: int = 7) -> list[tuple[str, list[str]]]:
    """Nested histories of several games under the same rules, each decision with its prompt."""
    found = []
    for game in range(count):
        text = "You can accept or reject. "
        for number in range(rounds):
            found.append((text + 'Now: {"decision": "', ["accept", "reject please", "reject"]))
            move = "accept" if (game >> (number % 3)) & 1 else "reject"
            text += f"Round {number}: you {move}, option J or option F. "
    return found


def scored(engine: ReferenceEngine | SharedEngine, paths: Sequence[TokenPaths]) -> list[Score]:
    rows = sorted(engine.score(paths), key=lambda row: row.index)
    assert [row.index for row in rows] == list(range(len(paths)))
    return rows


def assert_equal(found: Sequence[Score], expected: Sequence[Score], within: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.error == other.error
        assert one.logprobs == pytest.approx(other.logprobs, abs=within)
        assert one.first_mass == pytest.approx(other.first_mass, abs=within)
        assert one.other_logprob == pytest.approx(other.other_logprob, abs=within)
        top = [value for _, value in other.top]
        assert [value for _, value in one.top] == pytest.approx(top, abs=within)


def pair_of(
    architecture: str, room: Room | None = None, **reference: Any
) -> tuple[ReferenceEngine, SharedEngine, list[str]]:
    tokenizer = HubTokenizer(bpe_tokenizer())
    engine = ReferenceEngine(tiny_model(architecture), tokenizer, {}, None, **reference)
    said: list[str] = []
    return engine, SharedEngine(engine, said.append, room=room), said
