"""What passes cost on this machine: a few, timed, of a stand-in for the model (see `stand_in`).

A pass is made up as those of a study are on average: so many tokens behind a history of such a
length, so many decision rows. It goes through the engine's own code. Then one without a history,
and a short one tell tokens, the tokens they see, and passes apart; the rows are told apart by what
comes behind the last layer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch

from tremble.engines.cost import Cost, Work, fit
from tremble.engines.memory import Room, free_bytes, room_in
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.engines.shared_prefix.readout import Readout
from tremble.engines.shared_prefix.self_check import cannot_share
from tremble.engines.shared_prefix.stand_in import StandIn, stand_in
from tremble.engines.shared_prefix.stream import Slice
from tremble.engines.shared_prefix.tree_attention import Carry, Kept
from tremble.models.from_files import quiet
from tremble.models.spec import RunOptions
from tremble.tokenization.options import TokenPaths

SECONDS = 3.0  # of timing, about
_ROUNDS = 3  # at most
_MEMORY = 0.25  # of what is free
_ANSWERS = ((0,), (1,))  # of made-up prompts: two labels of one token each


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass as it is timed: `tokens` of branches behind a history of `depth` tokens, `rows` of
    them with a decision row."""

    tokens: int
    depth: int
    rows: int

    def slice(self, words: int) -> Slice:
        """Branches of one length that hang off one history, each read at its end, as a piece of a
        stream."""
        branch = -(-self.tokens // self.rows)
        places = np.arange(self.tokens)
        ends = np.minimum(np.arange(1, self.rows + 1) * branch, self.tokens) - 1
        reads = np.stack([ends, np.arange(self.rows), np.zeros_like(ends)], axis=1)
        return Slice(0, self.tokens, places % words, self.depth + places % branch, reads)

    def work(self) -> Work:
        branch = -(-self.tokens // self.rows)
        seen = self.depth + np.arange(self.tokens) % branch + 1
        return Work(self.tokens, int(seen.sum()), self.rows)


_SMALL = Pass(64, 0, 1)  # by which what is affordable is told


def like(work: Work, tokens: int, rows: int) -> Pass:
    """A pass of at most so many tokens and decision rows, with as many rows, and as much seen by a
    token, as in all of `work`."""
    each = max(1.0, work.tokens / max(1, work.rows))  # tokens for a row
    tokens = max(1, min(tokens, work.tokens, int(rows * each)))
    found = min(tokens, max(1, round(tokens / each)))
    branch = -(-tokens // found)
    seen = work.pairs / max(1, work.tokens)
    return Pass(tokens, max(0, round(seen - (branch + 1) / 2)), found)


@dataclass(frozen=True, slots=True)
class Trial:
    """What passes cost; `shared`: of the shared path, else of one prompt a pass."""

    cost: Cost
    shared: bool


def trial(
    config: Any,
    options: RunOptions,
    trusted: bool,
    shared: Work,
    alone: Work,
    clock: Callable[[], float] = time.perf_counter,
) -> Trial | None:
    """The cost of passes of an architecture, timed for a few seconds on the device of the options:
    like those of `shared`, or of `alone` where the engine takes one prompt a pass. None where the
    architecture cannot be built or run so."""
    if options.quantise is not None or options.device == "auto":
        return None  # weights that are made as they are loaded, and layers on several devices
    kind = torch.device(options.device)
    try:
        with quiet(), torch.inference_mode():
            made = stand_in(config, options, trusted, _MEMORY * free_bytes(kind))
            if made is None:
                return None
            made.clock = clock
            reference = ReferenceEngine(made.model, cast(Any, None), {}, None)
            if options.engine != "reference":
                engine = SharedEngine(reference, lambda _: None, options.memory)
                longest = 2 * shared.pairs // max(1, shared.tokens)
                room = room_in(made.model, kind, options.memory, longest)
                if cannot_share(made.model, room.tokens) is None:
                    return Trial(_shared(made, engine, shared, room), shared=True)
            return Trial(_alone(made, reference, alone), shared=False)
    except Exception:  # whatever an architecture may find wrong with so few layers
        return None


def _shared(made: StandIn, engine: SharedEngine, work: Work, room: Room) -> Cost:
    words = made.model.config.get_text_config().vocab_size
    prompts = [TokenPaths((0,), _ANSWERS, (False, False))] * room.rows

    def compute(asked: Pass, carry: Carry) -> Carry:
        onward = [max(1, asked.depth)]
        return engine.compute(asked.slice(words), carry, onward, Readout(prompts))[1]

    first = Pass(4, 0, 1)  # of one token alone nothing would show that the last layer is cut
    try:
        one = compute(first, [])
    except Exception:  # not every last layer can be cut short
        engine.leave_last_whole()
        one = compute(first, [])

    def run(asked: Pass) -> Callable[[], object]:
        if not asked.depth:
            return lambda: compute(asked, [])
        # Behind a short pass layers keep what they see of the history.
        carry = compute(Pass(1, asked.depth, 1), [_grown(kept, asked.depth) for kept in one])
        return lambda: compute(asked, carry)

    def design(tokens: int) -> list[Pass]:
        usual = like(work, min(tokens, room.tokens), room.rows)
        short = max(1, usual.tokens // 4)
        return [usual, replace(usual, depth=0), like(work, short, room.rows)]

    return timed(made, run, design)


def _alone(made: StandIn, reference: ReferenceEngine, work: Work) -> Cost:
    usual = max(1, work.tokens // max(1, work.passes))

    def run(asked: Pass) -> Callable[[], object]:
        prompt = TokenPaths((0,) * asked.tokens, _ANSWERS, (False, False))
        return lambda: list(reference.score([prompt]))

    def design(tokens: int) -> list[Pass]:
        most = min(tokens, usual)
        return [Pass(max(1, most // part), 0, 1) for part in (1, 2, 4)]

    return timed(made, run, design)


def timed(
    made: StandIn,
    run: Callable[[Pass], Callable[[], object]],
    design: Callable[[int], list[Pass]],
) -> Cost:
    """The cost that explains the times of some passes: `run` makes what runs one of them, `design`
    chooses them where so many tokens a pass are affordable."""
    clock = made.clock
    small = run(_SMALL)
    small()  # what is made at the first pass
    began = clock()
    small()
    each = max(clock() - began, 1e-9) / _SMALL.tokens
    passes = design(max(_SMALL.tokens, int(SECONDS / 4 / each)))
    run(passes[0])()  # memory for a pass of that size
    began, times = clock(), []
    for _ in range(_ROUNDS):
        times += [(one.work(), *made.time(run(one))) for one in passes]
        if clock() - began > SECONDS / 2:
            break
    body = fit([(replace(work, rows=0), seconds) for work, seconds, _ in times])
    assert body is not None
    tail = sum(behind for _, _, behind in times) / sum(work.rows for work, _, _ in times)
    return replace(body, row=tail)


def _grown(kept: Kept, depth: int) -> Kept:
    """Keys and values of one token as those of a history of `depth` tokens."""
    key, value = (part.expand(-1, -1, depth, -1).contiguous() for part in (kept.key, kept.value))
    return Kept(depth, key, value)
