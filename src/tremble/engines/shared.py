"""The shared-prefix engine: the stream of a plan through the model, pass by pass.

Every distinct token is computed once, only decision rows go through the model's own output head,
and log-probabilities are float32 logits minus their logsumexp, as in the reference. Before the
first score the path is held against the reference on prompts of the study; where it differs, or
the architecture cannot take it, the reference scores instead and says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from tremble.cost import Work, fit
from tremble.engines import Limits, Row
from tremble.engines.files import Say
from tremble.engines.hub_tokenizer import HubTokenizer
from tremble.engines.memory import Room, is_out_of_memory, keep_freed_memory, room_in, too_little
from tremble.engines.readout import Found, Readout
from tremble.engines.reference import ReferenceEngine
from tremble.engines.self_check import (
    CHECKED,
    TOLERANCE,
    Precision,
    SelfCheck,
    cannot_share,
    compare,
    longest_of_one_kind,
    precision,
)
from tremble.engines.tree_attention import (
    Carry,
    TreePass,
    Unsupported,
    configs_of,
    tree_attention,
)
from tremble.errors import TrembleError, UserError, one_line
from tremble.plan import Plan, Slice
from tremble.tokens import TokenPaths

_COUNTS = (
    "prompts",
    "tokens",
    "distinct_tokens",
    "computed_tokens",
    "decision_rows",
    "passes",
    "by_reference",
)
_TIMED = 200  # passes that the cost is fitted to, at most


class SharedEngine:
    """Scores prompts with shared prefixes.

    `room` bounds what one pass holds (None: by what is free). `exact` opens the same model in
    float32, for measuring what a lower precision costs; it may raise UserError or run out of
    memory, which is said.
    """

    def __init__(
        self,
        reference: ReferenceEngine,
        say: Say,
        room: Room | None = None,
        exact: Callable[[], ReferenceEngine] | None = None,
    ) -> None:
        self.reference = reference
        self.model = reference.model
        self.check: SelfCheck | None = None
        self.precision: Precision | None = None
        self._say = say
        self._room = room or room_in(self.model, reference.device, None)
        self._exact = exact
        # On a model over several devices the output head may lie elsewhere than the embedding.
        self._spread = len(set(getattr(self.model, "hf_device_map", {}).values())) > 1
        self._configs = configs_of(self.model)
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._timed: list[tuple[Work, float]] = []
        if reference.device.type == "cpu":
            keep_freed_memory()

    @property
    def tokenizer(self) -> HubTokenizer:
        return self.reference.tokenizer

    def identity(self) -> dict[str, Any]:
        return self.reference.identity()

    def limits(self) -> Limits:
        return self.reference.limits()

    def report(self) -> dict[str, Any]:
        """Which path was taken and why, and what was computed: `tokens` as one prompt a pass would
        compute them, `distinct_tokens` in the prefix tree, `computed_tokens` in fact; `cost` in
        seconds, fitted to the passes."""
        cost = fit(self._timed)
        shared = self.check is None or self.check.why is None
        return {
            "path": "shared" if shared else "reference",
            "self_check": None if self.check is None else asdict(self.check),
            "precision": None if self.precision is None else asdict(self.precision),
            **self._counts,
            "cost": None if cost is None else asdict(cost),
        }

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Row]:
        """Rows in the order of the prefix tree."""
        sound = []
        for index, paths in enumerate(prompts):
            error = self.reference.refusal(paths)
            if error is None:
                sound.append(index)
            else:
                yield Row(index, error=error)
        if not sound:
            return
        chosen = _Chosen(prompts, sound)
        plan = Plan(chosen)
        if self.check is None:
            self._begin(plan, chosen)
        assert self.check is not None
        if self.check.why is not None or plan.longest > longest_of_one_kind(self.model):
            self._counts["by_reference"] += plan.prompts
            found = self.reference.score(chosen)
        else:
            self._counts["prompts"] += plan.prompts
            self._counts["tokens"] += plan.tokens
            self._counts["distinct_tokens"] += plan.distinct
            found = self._walk(plan, chosen, self._room)
        for row in found:
            yield replace(row, index=sound[row.index])

    def _begin(self, plan: Plan, prompts: Sequence[TokenPaths]) -> None:
        """Hold the path against the reference, and the precision against float32."""
        sample = [prompts[index] for index in plan.sample(CHECKED)]
        expected = _sorted(self.reference.score(sample))
        self.check = self._against_reference(sample, expected)
        self._say(self.check.sentence())
        if self._exact is None:
            return
        try:
            self.precision = precision(expected, _sorted(self._exact().score(sample)))
        except Exception as error:
            if not (isinstance(error, UserError) or is_out_of_memory(error)):
                raise
            self.precision = Precision(len(sample), why=one_line(error).rstrip(". "))
        lossy = self.identity().get("quantise") or self.limits().dtype
        self._say(self.precision.sentence(lossy))

    def _against_reference(
        self, sample: Sequence[TokenPaths], expected: Sequence[Row]
    ) -> SelfCheck:
        """The shared path on a few prompts, in passes so short that paths are carried over."""
        tolerance = TOLERANCE.get(self.limits().dtype, TOLERANCE["bfloat16"])
        why = cannot_share(self.model, self._room.tokens)
        if why is None:
            small = Plan(sample)
            tokens = min(max(small.distinct // 3, 16), self._room.tokens)
            try:
                found = _sorted(self._walk(small, sample, Room(tokens, self._room.rows)))
            except UserError:
                raise
            except Exception as error:  # whatever an architecture may find wrong with a tree
                why = one_line(error).rstrip(". ")
            else:
                return compare(found, expected, tolerance)
            finally:
                self._counts = dict.fromkeys(_COUNTS, 0)
                self._timed.clear()
        return SelfCheck(len(sample), None, tolerance, why)

    def _walk(self, plan: Plan, prompts: Sequence[TokenPaths], most: Room) -> Iterator[Row]:
        """The stream, slice by slice; what a pass found is read while the next one computes."""
        readout = Readout(prompts)
        carry: Carry = []
        waiting: Found | None = None
        start = 0
        while start < plan.distinct:
            stop = plan.stop(start, most.tokens, most.rows)
            cut = plan.slice(start, stop)
            began = time.perf_counter()
            try:
                found, carry = self._pass(cut, carry, plan.depth(stop), readout)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if stop - start == 1:
                    raise too_little(1) from error
                most = most.half(stop - start)
                self._room = most.least(self._room)
                continue
            if waiting is not None:
                yield from readout.rows(waiting)
            waiting = found
            self._count(cut, len(found.norm), time.perf_counter() - began)
            start = stop
        if waiting is not None:
            yield from readout.rows(waiting)

    def _count(self, cut: Slice, rows: int, seconds: float) -> None:
        self._counts["computed_tokens"] += len(cut.ids)
        self._counts["decision_rows"] += rows
        self._counts["passes"] += 1
        if len(self._timed) < _TIMED:
            pairs = int(cut.depths.sum()) + len(cut.depths)
            self._timed.append((Work(len(cut.ids), pairs, rows), seconds))

    def _pass(
        self, cut: Slice, carry: Carry, next_depth: int, readout: Readout
    ) -> tuple[Found, Carry]:
        """One slice through the model: what its reads found, and the path that leads onward."""
        device = self.reference.device
        places = np.unique(cut.reads[:, 0])
        tree = TreePass(cut, carry, next_depth)
        ids = torch.from_numpy(cut.ids)[None].to(device, non_blocking=True)
        kept = torch.from_numpy(places)  # on the processor it indexes any device
        if not self._spread:
            kept = kept.to(device, non_blocking=True)
        with torch.inference_mode():
            with tree_attention(self._configs, tree):
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
                raise Unsupported("its layers have no attention that could be given a tree")
            return readout.find(cut.reads, logits[0].float()), tree.carried


def _sorted(rows: Iterator[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.index)


@dataclass(frozen=True, slots=True)
class _Chosen(Sequence[TokenPaths]):
    """Some prompts of a sequence, by index, made when asked for."""

    prompts: Sequence[TokenPaths]
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: Any) -> Any:
        return self.prompts[self.indices[place]]
