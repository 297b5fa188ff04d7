"""The reference engine: one prompt, one forward pass, through Hugging Face transformers.

Right and simple: every faster path is tested against it. A sequence per maximal node of the
option tree (one, where all options are single tokens); only the rows at the nodes go through
the model's own output head; log-softmax in float32 over the whole vocabulary. Prompts that lie on
one trunk, given one after another, are read from one pass over it.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice
from typing import Any

import torch

from tremble.engines.base import TOLERANCE, Limits, Score
from tremble.engines.cached_pass import CacheCheck, cache_check
from tremble.engines.memory import free_bytes, is_out_of_memory, too_little
from tremble.engines.one_pass import OnTrunk, on_trunk, together
from tremble.engines.positions import forget_longer_passes, longest_of_one_kind
from tremble.engines.reads import reads_of
from tremble.engines.rows import logprobs_of, scored_rows
from tremble.engines.weights import Weights, input_device, load_weights, with_other_adapter
from tremble.errors import ModelUnavailable, TrembleError
from tremble.models.files import Notify
from tremble.models.open import ReadyModel
from tremble.models.spec import RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import TokenPaths, maximal
from tremble.tokenization.refusal import Refusal
from tremble.tokenization.trunk import Ids, Stretch, Trunk

_ROWS_SHARE = 0.25  # of what is free, for the logits of a pass over a trunk


class ReferenceEngine:
    """Scores prompts with a causal language model.

    `identity` is what the model's files say of themselves; `batch` the number of sequences in a
    pass, padded on the right and sorted by length (1: the reference itself); `known` is what was
    found when the model's weights were loaded.

    Before the first score one prompt is held against a pass with a cache (see `cached_pass`), for
    whoever scores through this engine; where they differ, `score` raises ModelUnavailable.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: HubTokenizer,
        identity: Mapping[str, Any],
        window: int | None,
        batch: int = 1,
        known: Weights | None = None,
    ) -> None:
        self.model = model.eval()
        self._tokenizer = tokenizer
        self._identity = dict(identity)
        self._window = window
        self.batch = batch
        self._known = known
        self.ready: ReadyModel | None = None  # what it was opened with
        self.cache_check: CacheCheck | None = None
        self._checking = 0.0  # seconds
        self._trunk: tuple[Trunk, int] | None = None  # the last one seen, and its largest id
        # A misspelt or unknown argument would be swallowed by **kwargs, so ask the signature.
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        # The layers of a model may lie on several devices (device = "auto").
        self._spread = len(set(getattr(model, "hf_device_map", {}).values())) > 1

    def exchange(self, ready: ReadyModel, options: RunOptions) -> bool:
        """Become the engine of a model that differs from this one's in its adapter alone, without
        loading or checking again; False where this one's cannot be taken out of the weights. Then,
        and where it raises (as `load_weights`), it is of no use afterwards."""
        if self._known is None:
            return False
        known = with_other_adapter(self._known, ready, options)
        if known is None:
            return False
        self._known, self._identity = known, dict(ready.identity)
        self._tokenizer, self._trunk = ready.tokenizer, None
        self.ready, self._checking = ready, 0.0
        return True

    @property
    def tokenizer(self) -> HubTokenizer:
        return self._tokenizer

    def identity(self) -> dict[str, Any]:
        return dict(self._identity)

    @property
    def _called(self) -> str:
        return "The model" if self.name is None else f"The model {self.name!r}"

    @property
    def name(self) -> str | None:
        """The user's name for the model, where it has one."""
        return None if self._known is None else self._known.name

    def limits(self) -> Limits:
        parameter = next(self.model.parameters())
        return Limits(
            self._window, str(parameter.dtype).removeprefix("torch."), str(parameter.device)
        )

    def report(self) -> dict[str, Any]:
        """`cache_check`: one prompt held against a pass with a cache; `weights`: see `Weights`."""
        return {
            "path": "reference",
            **self.facts(),
            "checking_seconds": round(self._checking, 3),
        }

    def tolerance(self) -> float:
        """What a check of this model lets pass, in nat."""
        dtype = "bfloat16" if "quantise" in self._identity else self.limits().dtype
        return TOLERANCE.get(dtype, TOLERANCE["bfloat16"])

    def facts(self) -> dict[str, Any]:
        """What is known of the model itself, however it is run."""
        check = self.cache_check
        return {
            "weights": None if self._known is None else dict(self._known.account),
            "cache_check": None if check is None else asdict(check),
        }

    def efforts(self, prompts: Sequence[TokenPaths]) -> Sequence[float]:
        """The tokens of all sequences of a prompt; of one that lies on its trunk those that it goes
        on by behind the one before."""
        efforts = []
        trunk, stop = None, 0
        for index, paths in enumerate(prompts):
            if self.refusal(paths) is not None:
                efforts.append(0.0)
            elif (one := self._on_trunk(index, paths)) is not None:
                efforts.append(float(one.stop - (stop if trunk is one.trunk else 0)))
                trunk, stop = one.trunk, one.stop
            else:
                efforts.append(float(_tokens(paths)))
        return [max(effort, 0.0) for effort in efforts]

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        """Scores of prompts that lie on trunks first, trunk by trunk; then of the others, in order
        of length where passes hold several sequences, else as given."""
        alone: list[int] = []
        on_trunks: list[OnTrunk] = []
        for index, paths in enumerate(prompts):
            refusal = self.refusal(paths)
            if refusal is not None:
                yield Score.refused(index, refusal)
            elif (one := self._on_trunk(index, paths)) is not None:
                on_trunks.append(one)
            else:
                alone.append(index)
        first: dict[int, int] = {}  # place of the first prompt of a trunk
        on_trunks.sort(key=lambda one: (first.setdefault(id(one.trunk), one.index), one.stop))
        for piece in together(on_trunks, self._most_rows()) if on_trunks else ():
            yield from self._along(prompts, piece)
        if self.batch > 1:
            alone.sort(key=lambda index: prompts[index].length)
        waiting = iter(alone)
        while group := list(islice(waiting, self.batch)):
            yield from self._group(prompts, group)

    def _on_trunk(self, index: int, paths: TokenPaths) -> OnTrunk | None:
        """A prompt as one that can be read from a pass over its trunk, if it can: not without a
        choice of rows, nor where its places mean something else in a longer pass."""
        if not self._keeps or not isinstance(paths.prefix, Stretch):
            return None
        if paths.length >= longest_of_one_kind(self.model):
            return None
        return on_trunk(index, paths)

    def _most_rows(self) -> int:
        """Rows of logits that a pass over a trunk holds at once, at most."""
        words = self.model.config.get_text_config().vocab_size
        return max(1, int(_ROWS_SHARE * free_bytes(self.device) / (4 * words)))

    def _along(self, prompts: Sequence[TokenPaths], piece: Sequence[OnTrunk]) -> Iterator[Score]:
        """Scores of prompts on one trunk, out of one pass over it."""
        if self.cache_check is None:
            self._hold_against_cache(prompts[piece[0].index].prefix)
        ids = piece[0].trunk.ids[: max(one.stop for one in piece)].tolist()
        places = sorted({one.first + at for one in piece for at in range(one.nodes)})
        logits = self._logits(
            {"input_ids": torch.tensor([ids], device=self.device), "use_cache": False},
            # A tensor on the processor indexes any device, a number would keep all rows between.
            torch.tensor(places, device=None if self._spread else self.device),
            (1, len(places)),
        )[0]
        row = {place: at for at, place in enumerate(places)}
        for one in piece:
            reads = reads_of(prompts[one.index])
            rows_at = (logprobs_of(logits[row[one.first + len(read.place)]]) for read in reads)
            yield scored_rows(prompts[one.index], one.index, reads, rows_at)

    @property
    def device(self) -> torch.device:
        return input_device(self.model)

    def refusal(self, paths: TokenPaths) -> Refusal | None:
        """Why a prompt cannot be scored, if it cannot. Raises ModelUnavailable for one with a token
        that the model does not have."""
        if paths.refusal is not None:
            return paths.refusal
        known = self._known
        if known is not None and known.rows is not None:
            options = (token for path in paths.paths for token in path)
            most = max((self._largest(paths.prefix, known.rows), *options, *paths.terminator))
            if most >= known.rows:
                raise ModelUnavailable(
                    f"A prompt has the token {self.tokenizer.decode([most])!r}, number {most:,}, "
                    f"and the model {known.name!r} has rows for {known.rows:,}; leave the model "
                    "out, or resize it for its tokenizer."
                )
        if self._window is not None and paths.length > self._window:
            why = f"{paths.length} tokens, the model's window is {self._window}"
            return Refusal("too_long", why)
        return None

    def _largest(self, prefix: Ids | Stretch, rows: int) -> int:
        """The largest of some ids; where a trunk has none from `rows` on, the largest of all its
        ids, which is looked for once."""
        if not isinstance(prefix, Stretch):
            return max(prefix)
        if self._trunk is None or self._trunk[0] is not prefix.trunk:
            self._trunk = prefix.trunk, int(prefix.trunk.ids.max())
        own = self._trunk[1]
        if own >= rows:
            own = int(prefix.trunk.ids[: prefix.stop].max(initial=0))
        return max(own, *prefix.rest, 0)

    def _group(self, prompts: Sequence[TokenPaths], indices: Sequence[int]) -> Iterator[Score]:
        """Score some prompts in passes of at most `batch` sequences."""
        if indices and self.cache_check is None:
            self._hold_against_cache(prompts[indices[0]].prefix)
        jobs = [(index, node) for index in indices for node in maximal(prompts[index].nodes())]
        logs: dict[tuple[int, Ids], torch.Tensor] = {}
        for chunk in self._passes(prompts, jobs):
            sequences = [prompts[index].prefix + node for index, node in chunk]
            kept = self._rows(sequences, [len(node) + 1 for _, node in chunk])
            for (index, node), rows in zip(chunk, kept, strict=True):
                for end in range(len(node) + 1):
                    logs.setdefault((index, node[:end]), rows[end])
        for index in indices:
            reads = reads_of(prompts[index])
            yield scored_rows(
                prompts[index], index, reads, (logs[index, read.place] for read in reads)
            )

    def _passes(
        self, prompts: Sequence[TokenPaths], jobs: Sequence[tuple[int, Ids]]
    ) -> Iterator[Sequence[tuple[int, Ids]]]:
        """The sequences in passes of at most `batch`; those in which a place would mean something
        else in longer or shorter company have a pass of their own."""
        limit = longest_of_one_kind(self.model)
        together = []
        for index, node in jobs:
            if len(prompts[index].prefix) + len(node) > limit:
                yield [(index, node)]
            else:
                together.append((index, node))
        for start in range(0, len(together), self.batch):
            yield together[start : start + self.batch]

    def _hold_against_cache(self, ids: Ids | Stretch) -> None:
        """Raises ModelUnavailable where a pass with a cache gives other numbers."""
        began = time.perf_counter()
        tolerance = self.tolerance()
        # A cache keeps keys turned by the angles of a shorter pass; two tokens are added.
        limit = longest_of_one_kind(self.model)
        check = cache_check(
            self.model,
            ids[: int(limit) - 2] if 2 < limit < len(ids) + 2 else ids,
            self.device,
            tolerance,
            lambda sequence, keep: self._rows([tuple(sequence)], [keep])[0],
        )
        self._checking += time.perf_counter() - began
        if check.differs is not None:
            raise ModelUnavailable(
                f"{self._called} gives different log-probabilities with and without a "
                f"cache of keys and values ({check.differs:.2g} nat, at most {tolerance:g} is "
                f"allowed), so transformers {version('transformers')} computes it wrongly; install "
                "a later version, or leave the model out."
            )
        self.cache_check = check

    def _rows(self, sequences: Sequence[Ids], keep: Sequence[int]) -> list[torch.Tensor]:
        """Float32 log-probabilities of the last `keep[i]` positions of each sequence."""
        device = self.device
        longest = max(map(len, sequences))
        if longest >= longest_of_one_kind(self.model):
            forget_longer_passes(self.model)
        ids = torch.zeros((len(sequences), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence)
            mask[row, : len(sequence)] = 1
        places = sorted(
            {len(s) - k + i for s, k in zip(sequences, keep, strict=True) for i in range(k)}
        )
        arguments: dict[str, Any] = {"input_ids": ids.to(device), "use_cache": False}
        if len(sequences) > 1:
            arguments["attention_mask"] = mask.to(device)
        kept: int | torch.Tensor | None = None
        if not self._keeps:
            places = list(range(longest))
        elif self._spread or places == list(range(places[0], longest)):
            # A number goes with every device, a tensor only with the one it lies on.
            places = list(range(places[0], longest))
            kept = longest - places[0]
        else:
            kept = torch.tensor(places, device=device)
        logits = self._logits(arguments, kept, (len(sequences), len(places)))
        column = {place: position for position, place in enumerate(places)}
        logprobs = []
        for row, (s, k) in enumerate(zip(sequences, keep, strict=True)):
            logprobs.append(logprobs_of(logits[row, [column[len(s) - k + i] for i in range(k)]]))
        return logprobs

    def _logits(
        self, arguments: dict[str, Any], kept: int | torch.Tensor | None, shape: tuple[int, int]
    ) -> torch.Tensor:
        """Logits [sequences, rows, vocabulary] of a pass, at the places kept (None: all)."""
        if kept is not None:
            arguments["logits_to_keep"] = kept
        try:
            with torch.inference_mode():
                logits: torch.Tensor = self.model(**arguments).logits
        except Exception as error:
            if is_out_of_memory(error):
                raise too_little(arguments["input_ids"].numel()) from error
            raise
        if logits.shape[:2] != shape:
            raise TrembleError(
                f"The model returned logits of shape {tuple(logits.shape)} where "
                f"{shape[0]} x {shape[1]} rows were asked for."
            )
        return logits


def open_engine(model: ReadyModel, options: RunOptions, notify: Notify) -> ReferenceEngine:
    """The reference with a model's weights in memory. Raises as `load_weights`."""
    weights = load_weights(model, options)
    for note in weights.notes:
        notify(note)
    engine = ReferenceEngine(
        weights.model, model.tokenizer, model.identity, model.window, options.batch, weights
    )
    engine.ready = model
    return engine


def _tokens(paths: TokenPaths) -> int:
    return sum(len(paths.prefix) + len(node) for node in maximal(paths.nodes()))
