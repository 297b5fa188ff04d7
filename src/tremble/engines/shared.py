"""The shared-prefix engine: the stream of a plan through the model, pass by pass.

Every distinct token is computed once, only decision rows go through the model's own output head,
and log-probabilities are float32 logits minus their logsumexp, as in the reference. Before the
first score the path is held against the reference on prompts of the study; where it differs, or
the architecture cannot take it, the reference scores instead and says why.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from tremble.cost import Work, fit
from tremble.engines import TOP, Limits, Row, combine
from tremble.engines.files import Say
from tremble.engines.hub_tokenizer import HubTokenizer
from tremble.engines.memory import Room, is_out_of_memory, keep_freed_memory, room_in
from tremble.engines.reference import ReferenceEngine
from tremble.engines.tree_attention import Carry, TreePass, Unsupported, tree_attention
from tremble.errors import TrembleError, UserError, one_line
from tremble.plan import Plan, Slice
from tremble.tokens import Ids, TokenPaths

CHECKED = 8  # prompts of the self-check
# Largest difference in an option's log-probability, in nat, that the self-check lets pass: float32
# sums in another order differ by some 1e-5; lower precisions round every layer.
TOLERANCE = {"float32": 1e-4, "float64": 1e-6, "float16": 0.05, "bfloat16": 0.3}
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


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The shared path held against the reference: largest difference in nat over some prompts, and
    what is tolerated. `why` says what speaks against the path, None where nothing does."""

    prompts: int
    max_difference: float | None
    tolerance: float
    why: str | None


@dataclass(slots=True)
class _Open:
    """A prompt some of whose nodes were read."""

    paths: TokenPaths
    nodes: list[Ids]
    tokens: dict[Ids, dict[int, float]] = field(default_factory=dict)
    closings: dict[Ids, float] = field(default_factory=dict)
    likeliest: list[tuple[int, float]] = field(default_factory=list)
    read: int = 0
    sound: bool = True


@dataclass(frozen=True, slots=True)
class _Launched:
    """What a pass was asked and, still on the device, what it found.

    `asked`: prompt and node per read; `row` its row; `picked`: (read, token) pairs whose values
    stand in `values`; `closed`: reads with a closing, values in `closing_values`; `top`: per root
    read values and ids."""

    asked: list[tuple[int, Ids]]
    row: list[int]
    norm: torch.Tensor
    picked: list[tuple[int, int]]
    values: torch.Tensor
    closed: list[int]
    closing_values: torch.Tensor
    roots: list[int]
    top_values: torch.Tensor
    top_ids: torch.Tensor


class SharedEngine:
    """Scores prompts with shared prefixes; `room` bounds what one pass holds (None: by what is
    free)."""

    def __init__(self, reference: ReferenceEngine, say: Say, room: Room | None = None) -> None:
        self.reference = reference
        self.model = reference.model
        self.check: SelfCheck | None = None
        self._say = say
        self._room = room or room_in(self.model, None)
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
        compute them, `distinct_tokens` in the prefix tree, `computed_tokens` in fact."""
        if self.check is None or self.check.why is not None:
            why = {} if self.check is None else {"self_check": asdict(self.check)}
            return {**self.reference.report(), **why}
        cost = fit(self._timed)
        return {
            "path": "shared",
            "self_check": asdict(self.check),
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
            self.check = self._against_reference(plan, chosen)
            self._tell(self.check)
        if self.check.why is not None or self._depends_on_length(plan):
            self._counts["by_reference"] += plan.prompts
            found = self.reference.score(chosen)
        else:
            found = self._walk(plan, chosen, self._room)
            self._counts["prompts"] += plan.prompts
            self._counts["tokens"] += plan.tokens
            self._counts["distinct_tokens"] += plan.distinct
        for row in found:
            yield replace(row, index=sound[row.index])

    def _against_reference(self, plan: Plan, prompts: Sequence[TokenPaths]) -> SelfCheck:
        """Both paths on a few prompts, in passes short enough for paths to be carried over."""
        tolerance = TOLERANCE[self.limits().dtype]
        sample = [prompts[index] for index in plan.sample(CHECKED)]
        count = len(sample)
        why = self._cannot()
        if why is not None:
            return SelfCheck(count, None, tolerance, why)
        small = Plan(sample)
        tokens = min(max(small.distinct // 3, 16), self._room.tokens)
        try:
            shared = {r.index: r for r in self._walk(small, sample, Room(tokens, self._room.rows))}
        except UserError:
            raise
        except Exception as error:  # whatever an architecture may find wrong with a tree
            return SelfCheck(count, None, tolerance, one_line(error))
        finally:
            self._counts.update(dict.fromkeys(self._counts, 0))
            self._timed.clear()
        worst = 0.0
        for row in self.reference.score(sample):
            worst = max(worst, _difference(row, shared[row.index]))
        why = None
        if not worst <= tolerance:
            why = f"log-probabilities differ by {worst:.2g} nat, {tolerance:g} is tolerated"
        return SelfCheck(count, worst if math.isfinite(worst) else None, tolerance, why)

    def _cannot(self) -> str | None:
        """What rules the shared path out before it is tried."""
        takes = inspect.signature(self.model.forward).parameters
        for name in ("position_ids", "logits_to_keep"):
            if name not in takes:
                return f"the model's forward pass does not take {name}"
        return None

    def _tell(self, check: SelfCheck) -> None:
        if check.why is None:
            self._say(
                f"Self-check: shared prefixes agree with single prompts to "
                f"{check.max_difference:.1g} nat on {check.prompts} prompts."
            )
        else:
            self._say(f"Self-check: scoring prompt by prompt, since {check.why}.")

    def _depends_on_length(self, plan: Plan) -> bool:
        """Whether positions turn by angles that depend on how long the longest prompt of a pass is
        (dynamic and long rotary scaling beyond the original window)."""
        config = self.model.config.get_text_config()
        scaling = getattr(config, "rope_parameters", None) or {}
        kinds = [scaling, *(value for value in scaling.values() if isinstance(value, dict))]
        for kind in kinds:
            if kind.get("rope_type") in ("dynamic", "longrope"):
                limit = kind.get("original_max_position_embeddings") or getattr(
                    config, "original_max_position_embeddings", config.max_position_embeddings
                )
                if plan.longest > limit:
                    return True
        return False

    def _walk(self, plan: Plan, prompts: Sequence[TokenPaths], most: Room) -> Iterator[Row]:
        """The stream, slice by slice; what a pass found is read while the next one computes."""
        carry: Carry = []
        waiting: _Launched | None = None
        opened: dict[int, _Open] = {}
        start = 0
        while start < plan.distinct:
            stop = plan.stop(start, most.tokens, most.rows)
            cut = plan.slice(start, stop)
            began = time.perf_counter()
            try:
                launched, carry = self._pass(cut, carry, plan.depth(stop), prompts, opened)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if stop - start == 1:
                    raise UserError(
                        f"Memory does not suffice for one token at a time "
                        f"({one_line(error)}); give the model more, or a lower dtype in [run]."
                    ) from error
                most = most.half(stop - start)
                if most.tokens < self._room.tokens:
                    self._room = most
                continue
            if waiting is not None:
                yield from self._collect(waiting, opened)
            waiting = launched
            self._count(cut, len(launched.norm), time.perf_counter() - began)
            start = stop
        if waiting is not None:
            yield from self._collect(waiting, opened)

    def _count(self, cut: Slice, rows: int, seconds: float) -> None:
        self._counts["computed_tokens"] += len(cut.ids)
        self._counts["decision_rows"] += rows
        self._counts["passes"] += 1
        if len(self._timed) < _TIMED:
            pairs = int(cut.depths.sum()) + len(cut.depths)
            self._timed.append((Work(len(cut.ids), pairs, rows), seconds))

    def _pass(
        self,
        cut: Slice,
        carry: Carry,
        next_depth: int,
        prompts: Sequence[TokenPaths],
        opened: dict[int, _Open],
    ) -> tuple[_Launched, Carry]:
        """One slice through the model."""
        device = self.reference.device
        places, rows = np.unique(cut.reads[:, 0], return_inverse=True)
        tree = TreePass(cut, carry, next_depth)
        ids = torch.from_numpy(cut.ids)[None].to(device, non_blocking=True)
        with torch.inference_mode():
            with tree_attention(self.model, tree):
                logits = self.model(
                    input_ids=ids,
                    position_ids=torch.from_numpy(cut.depths)[None].to(device, non_blocking=True),
                    # All ones: without a mask, restarting positions would read as packed texts.
                    attention_mask=torch.ones_like(ids),
                    use_cache=False,
                    logits_to_keep=torch.from_numpy(places).to(device, non_blocking=True),
                ).logits
            if logits.shape[:2] != (1, len(places)):
                raise TrembleError(
                    f"The model returned logits of shape {tuple(logits.shape)} where "
                    f"{len(places)} rows were asked for."
                )
            if not tree.calls:
                raise Unsupported("its layers have no attention that could be given a tree")
            return self._ask(cut, rows, logits[0].float(), prompts, opened), tree.carried

    def _ask(
        self,
        cut: Slice,
        rows: Any,
        logits: torch.Tensor,
        prompts: Sequence[TokenPaths],
        opened: dict[int, _Open],
    ) -> _Launched:
        """Pick what the reads of a slice need from its logits [rows, vocabulary]."""
        norm = logits.logsumexp(dim=-1)
        asked: list[tuple[int, Ids]] = []
        picked: list[tuple[int, int]] = []
        closed: dict[Ids, list[int]] = {}
        roots: list[int] = []
        most = 1
        row = rows.tolist()
        for read, (prompt, number) in enumerate(cut.reads[:, 1:].tolist()):
            if prompt not in opened:
                paths = prompts[prompt]
                opened[prompt] = _Open(paths, paths.nodes())
            entry = opened[prompt]
            node = entry.nodes[number]
            asked.append((prompt, node))
            end = len(node)
            tokens = {p[end] for p in entry.paths.paths if len(p) > end and p[:end] == node}
            picked.extend((read, token) for token in tokens)
            for path, is_closed in zip(entry.paths.paths, entry.paths.closed, strict=True):
                if is_closed and path == node:
                    closed.setdefault(entry.paths.closing, []).append(read)
            if not node:
                roots.append(read)
                most = max(most, TOP + len(entry.paths.paths))
        device = logits.device

        def at(reads: Sequence[int]) -> torch.Tensor:
            return torch.tensor([row[read] for read in reads], dtype=torch.long, device=device)

        rows_picked = at([read for read, _ in picked])
        tokens_picked = torch.tensor([token for _, token in picked], device=device)
        closing_values = [
            logits[at(reads)][:, list(ids)].logsumexp(dim=-1) - norm[at(reads)]
            for ids, reads in closed.items()
        ]
        unique_roots = at(roots)
        top = logits[unique_roots].topk(min(most, logits.shape[1]), dim=-1)
        return _Launched(
            asked,
            row,
            norm,
            picked,
            logits[rows_picked, tokens_picked.long()] - norm[rows_picked],
            [read for reads in closed.values() for read in reads],
            torch.cat(closing_values) if closing_values else norm.new_empty(0),
            roots,
            top.values - norm[unique_roots, None],
            top.indices,
        )

    def _collect(self, found: _Launched, opened: dict[int, _Open]) -> Iterator[Row]:
        """The rows of prompts whose last node this pass read."""
        sound = torch.isfinite(found.norm).tolist()
        for (read, token), value in zip(found.picked, found.values.tolist(), strict=True):
            prompt, node = found.asked[read]
            opened[prompt].tokens.setdefault(node, {})[token] = value
        for read, value in zip(found.closed, found.closing_values.tolist(), strict=True):
            prompt, node = found.asked[read]
            opened[prompt].closings[node] = value
        top = zip(found.roots, found.top_ids.tolist(), found.top_values.tolist(), strict=True)
        for read, ids, values in top:
            entry = opened[found.asked[read][0]]
            count = TOP + len(entry.paths.paths)
            entry.likeliest = list(zip(ids[:count], values[:count], strict=True))
        for read, (prompt, node) in enumerate(found.asked):
            entry = opened[prompt]
            entry.sound &= sound[found.row[read]]
            entry.tokens.setdefault(node, {})
            entry.read += 1
            if entry.read < len(entry.nodes):
                continue
            del opened[prompt]
            if entry.sound:
                yield combine(entry.paths, prompt, entry.tokens, entry.closings, entry.likeliest)
            else:
                yield Row(prompt, error="the model returned logits that are not numbers")


def _difference(one: Row, other: Row) -> float:
    """The largest difference of two rows' log-probabilities, infinite where only one has them."""
    if one.error is not None or other.error is not None:
        return 0.0 if one.error == other.error else math.inf
    return max(
        0.0 if a == b else abs(a - b)
        for a, b in zip(one.logprobs, other.logprobs, strict=True)
        if a is not None and b is not None
    )


@dataclass(frozen=True, slots=True)
class _Chosen(Sequence[TokenPaths]):
    """Some prompts of a sequence, by index, made when asked for."""

    prompts: Sequence[TokenPaths]
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: Any) -> Any:
        return self.prompts[self.indices[place]]
