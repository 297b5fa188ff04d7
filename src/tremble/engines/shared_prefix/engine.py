"""The shared-prefix engine: the stream of a plan through the model, pass by pass.

Every distinct token is computed once, only decision rows go through the model's own output head,
and log-probabilities are float32 logits minus their logsumexp, as in the reference. Before the
first score the path is held against the reference on prompts of the study; where it differs, or
the architecture cannot take it, the reference scores instead and says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from tremble.engines.base import Limits, Score
from tremble.engines.cost import Work, fit
from tremble.engines.machine import machine
from tremble.engines.memory import Room, is_out_of_memory, keep_freed_memory, room_in, too_little
from tremble.engines.model_size import operations, widest_window
from tremble.engines.positions import longest_of_one_kind
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.layers import compiled, decoder_layers, for_rows, running
from tremble.engines.shared_prefix.readout import Answered, Readout
from tremble.engines.shared_prefix.self_check import (
    Precision,
    SelfCheck,
    cannot_share,
    checked_prompts,
    compare,
    precision,
    scored_alone,
)
from tremble.engines.shared_prefix.stream import Chosen, Plan, Slice
from tremble.engines.shared_prefix.tree_attention import (
    Carry,
    TreePass,
    configs_of,
    tree_attention,
)
from tremble.engines.shared_prefix.units import Unsupported
from tremble.errors import TrembleError, UserError
from tremble.models.files import Notify
from tremble.models.open import ReadyModel
from tremble.models.spec import RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.text import one_line
from tremble.tokenization.options import TokenPaths

_COUNTS = (
    "prompts",
    "tokens",
    "distinct_tokens",
    "computed_tokens",
    "decision_rows",
    "pairs",
    "passes",
    "by_reference",
)
_TIMED = 200  # passes that the cost is fitted to, at most


class SharedEngine:
    """Scores prompts with shared prefixes.

    `memory` bounds in bytes, as well as it can be foreseen, what a pass takes on top of the
    weights (None: a part of what is free); `room` instead sets what a pass holds. `exact` opens
    the same model in float32, for measuring what a lower precision costs; it may raise UserError
    or run out of memory, which is said. `compile` has torch compile the layers.
    """

    def __init__(
        self,
        reference: ReferenceEngine,
        notify: Notify,
        memory: int | None = None,
        exact: Callable[[], ReferenceEngine] | None = None,
        room: Room | None = None,
        compile: bool = False,
    ) -> None:
        self.reference = reference
        self.model = reference.model
        self.check: SelfCheck | None = None
        self.precision: Precision | None = None
        self._notify = notify
        self._memory = memory
        self._room = room
        self._fits = Room(1 << 30, 1 << 30)  # what did not run out of memory so far
        self._checked = 0  # tokens of the longest prompt that the path was checked on
        self._on_trunks = False  # whether it was on some that lie on trunks
        self._exact = exact
        # On a model over several devices the output head may lie elsewhere than the embedding.
        self._spread = len(set(getattr(self.model, "hf_device_map", {}).values())) > 1
        self._window = widest_window(self.model.config)
        self._configs = configs_of(self.model)
        layers = decoder_layers(self.model)
        self._last = layers[-1] if layers and not self._spread else None
        self._compiled = compiled(
            [one for one in layers if one is not self._last] if compile else []
        )
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._timed: list[tuple[Work, float]] = []
        self._checking = 0.0  # seconds
        self._operations = operations(self.model)
        if reference.device.type == "cpu":
            keep_freed_memory()

    @property
    def tokenizer(self) -> HubTokenizer:
        return self.reference.tokenizer

    def identity(self) -> dict[str, Any]:
        return self.reference.identity()

    def limits(self) -> Limits:
        return self.reference.limits()

    def exchange(self, ready: ReadyModel, options: RunOptions) -> bool:
        """As `ReferenceEngine.exchange`; the path stays checked, since an adapter changes numbers
        and not how they are computed."""
        self._counts, self._timed, self._checking = dict.fromkeys(_COUNTS, 0), [], 0.0
        return self.reference.exchange(ready, options)

    def report(self) -> dict[str, Any]:
        """Which path was taken and why, and what was computed: `tokens` as one prompt a pass would
        compute them, `distinct_tokens` in the prefix tree, `computed_tokens` in fact, `pairs` of
        these and what they see; `cost` in seconds, fitted to the passes, on this `machine`;
        `checking_seconds` went into checks. `last_layer_cut`: whether its end runs on decision rows
        only."""
        cost = fit(self._timed)
        shared = self.check is None or self.check.why is None
        if self._counts["by_reference"] and not self._counts["prompts"]:
            shared = False
        return {
            "path": "shared" if shared else "reference",
            "compiled_layers": len(self._compiled) if shared else 0,
            "last_layer_cut": shared and self._last is not None,
            "self_check": None if self.check is None else asdict(self.check),
            "precision": None if self.precision is None else asdict(self.precision),
            **self.reference.facts(),
            **self._counts,
            "cost": None if cost is None else asdict(cost),
            "machine": machine(self.reference.device),
            "checking_seconds": round(self._checking, 3),
        }

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        """Scores in the order of the prefix tree; those of prompts beyond what one meaning of
        positions allows come from the reference, and so do those that are no numbers here, since
        what is not a number spreads to whatever shares a pass with it."""
        limit = longest_of_one_kind(self.model)
        sound, beyond = [], []
        for index, paths in enumerate(prompts):
            refusal = self.reference.refusal(paths)
            if refusal is not None:
                yield Score.refused(index, refusal)
            elif paths.length >= limit:  # dynamic scaling may keep longer angles at its very end
                beyond.append(index)
            else:
                sound.append(index)
        if sound:
            yield from self._shared(Chosen(prompts, sound))
        if beyond:
            yield from self._one_by_one(Chosen(prompts, beyond))

    def efforts(self, prompts: Sequence[TokenPaths]) -> Sequence[float]:
        """Operations over those of a token; where the reference scores, tokens."""
        if self.check is not None and self.check.why is not None:
            return self.reference.efforts(prompts)
        sound = [at for at, paths in enumerate(prompts) if self.reference.refusal(paths) is None]
        each = self._operations
        tokens, pairs, rows = Plan(Chosen(prompts, sound)).shares()
        efforts = np.zeros(len(prompts))
        efforts[sound] = tokens + (each.pair * pairs + each.row * rows) / max(each.token, 1)
        return efforts.tolist()

    def _shared(self, chosen: Chosen) -> Iterator[Score]:
        plan = Plan(chosen)
        most = self._room_for(plan)
        # Longer histories may reach past a window that the earlier ones did not.
        longer = plan.checked_tokens(self._window) > 2 * self._checked
        longer |= plan.on_trunks and not self._on_trunks
        if self.check is None or (self.check.why is None and longer):
            began = time.perf_counter()
            self._begin(plan, chosen, most)
            self._checking += time.perf_counter() - began
        assert self.check is not None
        if self.check.why is not None:
            yield from self._one_by_one(chosen)
            return
        self._counts["prompts"] += plan.prompts
        self._counts["tokens"] += plan.tokens
        self._counts["distinct_tokens"] += plan.distinct
        for score in self._walk(plan, chosen, most):
            index = chosen.indices[score.index]
            if score.error is None:
                yield replace(score, index=index)
            else:
                yield from self._one_by_one(Chosen(chosen.prompts, [index]))

    def _one_by_one(self, chosen: Chosen) -> Iterator[Score]:
        self._counts["by_reference"] += len(chosen)
        for score in self.reference.score(chosen):
            yield replace(score, index=chosen.indices[score.index])

    def _room_for(self, plan: Plan) -> Room:
        if self._room is not None:
            return self._room.least(self._fits)
        device = self.reference.device
        return room_in(self.model, device, self._memory, plan.longest).least(self._fits)

    def leave_last_whole(self) -> None:
        """Run the last layer on all tokens, as where it cannot be cut short."""
        self._last = None

    def _begin(self, plan: Plan, prompts: Sequence[TokenPaths], most: Room) -> None:
        """Hold the path against the reference, and the precision against float32."""
        sample = checked_prompts(plan, prompts, self._window)
        self._checked = plan.checked_tokens(self._window)
        self._on_trunks |= plan.on_trunks
        expected = scored_alone(self.reference, sample)
        check, scores = self._best_way(sample, expected, most)
        self.check = replace(check, model=self.reference.name)
        self._notify(self.check.sentence())
        if self._exact is None or self.precision is not None:
            return
        try:
            self.precision = precision(scores, scored_alone(self._exact(), sample))
        except Exception as error:
            if not (isinstance(error, UserError) or is_out_of_memory(error)):
                raise
            self.precision = Precision(len(sample), why=one_line(error).rstrip(". "))
        lossy = self.identity().get("quantise") or self.limits().dtype
        self._notify(self.precision.sentence(lossy))

    def _best_way(
        self, sample: Sequence[TokenPaths], expected: Sequence[Score], most: Room
    ) -> tuple[SelfCheck, Sequence[Score]]:
        """The check of the first way through the layers that passes, or of the plainest; and the
        scores of the path that will be taken."""
        why = cannot_share(self.model, most.tokens)
        if why is not None:
            return SelfCheck(len(sample), None, self.reference.tolerance(), why), expected
        fits, ways = self._fits, [(self._last, self._compiled)]
        if self._last is not None:  # not every last layer can be cut short
            ways.append((None, self._compiled))
        if self._compiled:
            ways += [(last, []) for last, _ in ways]
        tried: list[SelfCheck] = []
        for last, layers in ways:
            if self._compiled and not layers:
                self._notify_not_compiled(tried[-1].why or "")
            self._fits, self._last, self._compiled = fits, last, layers
            check, scores = self._against_reference(sample, expected, most)
            tried.append(check)
            if check.why is None:
                break
        return check, scores

    def _notify_not_compiled(self, why: str) -> None:
        self._notify(f"Layers are not compiled, because {why.rstrip('. ')}.")

    def _against_reference(
        self, sample: Sequence[TokenPaths], expected: Sequence[Score], most: Room
    ) -> tuple[SelfCheck, Sequence[Score]]:
        """The shared path on a few prompts, in passes so short that paths are carried over."""
        small = Plan(sample)
        tokens = min(max(small.distinct // 3, 2), most.tokens)
        counts, timed = dict(self._counts), list(self._timed)
        try:
            scores = _sorted(self._walk(small, sample, Room(tokens, most.rows)))
        except UserError:
            raise
        except Unsupported as error:
            why = one_line(error).rstrip(". ")
        except Exception as error:  # whatever an architecture may find wrong with a tree
            why = f"{type(error).__name__}: {one_line(error)}".rstrip(". ")
        else:
            check = compare(scores, expected, self.reference.tolerance())
            return check, scores if check.why is None else expected
        finally:
            self._counts, self._timed = counts, timed
        return SelfCheck(len(sample), None, self.reference.tolerance(), why), expected

    def _walk(self, plan: Plan, prompts: Sequence[TokenPaths], most: Room) -> Iterator[Score]:
        """The stream, slice by slice. Elsewhere than on a processor, what a pass answered is read
        once the next one is launched."""
        readout = Readout(prompts)
        carry: Carry = []
        waiting: Answered | None = None
        at_once = self.reference.device.type == "cpu"
        start = 0
        while start < plan.distinct:
            stop = plan.stop(start, most.tokens, most.rows)
            cut = plan.slice(start, stop)
            began = time.perf_counter()
            try:
                answered, carry = self.compute(cut, carry, plan.onward(stop), readout)
            except Exception as error:
                if not is_out_of_memory(error):
                    # In a check it is the check that says why; later what was added is given up.
                    if self.check is None or not (self._compiled or self._last is not None):
                        raise
                    if self._last is not None:
                        self._last = None
                    else:
                        self._notify_not_compiled(one_line(error))
                        self._compiled = []
                    continue
                if stop - start == 1:
                    raise too_little(1) from error
                most = most.half(stop - start)
                self._fits = most.least(self._fits)
                continue
            rows = len(answered.norm)
            ready, waiting = (answered, None) if at_once else (waiting, answered)
            scores = [] if ready is None else list(readout.scores(ready))
            # Reading waits for the device, so that this is the time of a pass everywhere.
            self._count(cut, rows, time.perf_counter() - began)
            yield from scores
            start = stop
        if waiting is not None:
            yield from readout.scores(waiting)

    def _count(self, cut: Slice, rows: int, seconds: float) -> None:
        self._counts["computed_tokens"] += len(cut.ids)
        self._counts["decision_rows"] += rows
        self._counts["passes"] += 1
        pairs = int(cut.depths.sum()) + len(cut.depths)
        self._counts["pairs"] += pairs
        if len(self._timed) < _TIMED:
            self._timed.append((Work(len(cut.ids), pairs, rows), seconds))

    def compute(
        self, cut: Slice, carry: Carry, onward: Sequence[int], readout: Readout
    ) -> tuple[Answered, Carry]:
        """One slice through the model: what its reads gave, and what is kept of the path that leads
        on to `onward` (see `Plan.onward`)."""
        device = self.reference.device
        places = np.unique(cut.reads[:, 0])
        tree = TreePass(cut, carry, onward)
        ids = torch.from_numpy(cut.ids)[None].to(device, non_blocking=True)
        kept = torch.from_numpy(places)  # on the processor it indexes any device
        if not self._spread:
            kept = kept.to(device, non_blocking=True)
        with torch.inference_mode():
            with tree_attention(self._configs, tree), ExitStack() as layers:
                for layer, forward in self._compiled:
                    layers.enter_context(running(layer, forward))
                if self._last is not None and len(places):
                    layers.enter_context(running(self._last, for_rows(self._last, tree, kept)))
                    kept = 0  # all rows that are left
                logits = self.model(
                    input_ids=ids,
                    position_ids=torch.from_numpy(cut.depths)[None].to(device, non_blocking=True),
                    # All ones: without a mask, restarting positions would read as packed texts.
                    attention_mask=torch.ones_like(ids),
                    use_cache=False,
                    logits_to_keep=kept,
                ).logits
            if logits.shape[:2] != (1, len(places)):
                raise TrembleError(
                    f"The model returned logits of shape {tuple(logits.shape)} where "
                    f"{len(places)} rows were asked for."
                )
            if not tree.calls:
                raise Unsupported("its layers have no attention that can be given a tree")
            return readout.find(cut.reads, logits[0].float()), tree.carried


def _sorted(scores: Iterator[Score]) -> list[Score]:
    return sorted(scores, key=lambda score: score.index)
