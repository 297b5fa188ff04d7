"""The reference engine: one prompt, one forward pass, through Hugging Face transformers.

Right and simple: every faster path is tested against it. A sequence per maximal node of the
option tree (one, where all options are single tokens); only the rows at the nodes go through
the model's own output head; log-softmax in float32 over the whole vocabulary.
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
from tremble.engines.memory import is_out_of_memory, too_little
from tremble.engines.positions import forget_longer_passes, longest_of_one_kind
from tremble.engines.reads import Read, Values, reads_of, score_of
from tremble.engines.weights import Weights, input_device, load_weights
from tremble.errors import ModelUnavailable, TrembleError
from tremble.models.files import Notify
from tremble.models.open import ReadyModel
from tremble.models.spec import RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import Ids, TokenPaths, maximal
from tremble.tokenization.refusal import NOT_A_NUMBER, Refusal


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
        self.cache_check: CacheCheck | None = None
        self._checking = 0.0  # seconds
        # A misspelt or unknown argument would be swallowed by **kwargs, so ask the signature.
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        # The layers of a model may lie on several devices (device = "auto").
        self._spread = len(set(getattr(model, "hf_device_map", {}).values())) > 1

    @property
    def tokenizer(self) -> HubTokenizer:
        return self._tokenizer

    def identity(self) -> dict[str, Any]:
        return dict(self._identity)

    @property
    def _called(self) -> str:
        return "The model" if self._known is None else f"The model {self._known.name!r}"

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
        """The tokens of all sequences of a prompt."""
        return [0.0 if self.refusal(paths) else float(_tokens(paths)) for paths in prompts]

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        """Scores in order of length where passes hold several sequences, else as given."""
        order = range(len(prompts))
        if self.batch > 1:
            order = sorted(order, key=lambda index: prompts[index].length)  # type: ignore[assignment]
        waiting = iter(order)
        while group := list(islice(waiting, self.batch)):
            scored = []
            for index in group:
                refusal = self.refusal(prompts[index])
                if refusal is None:
                    scored.append(index)
                else:
                    yield Score.refused(index, refusal)
            yield from self._group(prompts, scored)

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
            tokens = (*paths.prefix, *options, *paths.terminator)
            if (most := max(tokens)) >= known.rows:
                raise ModelUnavailable(
                    f"A prompt has the token {self.tokenizer.decode([most])!r}, number {most:,}, "
                    f"and the model {known.name!r} has rows for {known.rows:,}; leave the model "
                    "out, or resize it for its tokenizer."
                )
        if self._window is not None and paths.length > self._window:
            why = f"{paths.length} tokens, the model's window is {self._window}"
            return Refusal("too_long", why)
        return None

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
            rows_at = [logs[index, read.place] for read in reads]
            if any(bool(torch.isnan(row).any()) for row in rows_at):
                yield Score.refused(index, NOT_A_NUMBER)
                continue
            values = {
                read.place: _read(read, row) for read, row in zip(reads, rows_at, strict=True)
            }
            yield score_of(prompts[index], index, values)

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

    def _hold_against_cache(self, ids: Ids) -> None:
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
                f"{self._called} gives different log-probabilities with and without a cache of "
                f"keys and values ({check.differs:.2g} nat, at most {tolerance:g} is allowed), so "
                f"transformers {version('transformers')} computes it wrongly; install a later "
                "version, or leave the model out."
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
        if not self._keeps:
            places = list(range(longest))
        elif self._spread or places == list(range(places[0], longest)):
            # A number goes with every device, a tensor only with the one it lies on.
            places = list(range(places[0], longest))
            arguments["logits_to_keep"] = longest - places[0]
        else:
            arguments["logits_to_keep"] = torch.tensor(places, device=device)
        try:
            with torch.inference_mode():
                logits = self.model(**arguments).logits
        except Exception as error:
            if is_out_of_memory(error):
                raise too_little(len(sequences) * longest) from error
            raise
        if logits.shape[:2] != (len(sequences), len(places)):
            raise TrembleError(
                f"The model returned logits of shape {tuple(logits.shape)} where "
                f"{len(sequences)} x {len(places)} rows were asked for."
            )
        column = {place: position for position, place in enumerate(places)}
        logprobs = []
        for row, (s, k) in enumerate(zip(sequences, keep, strict=True)):
            kept = logits[row, [column[len(s) - k + i] for i in range(k)]].float()
            # torch's float32 log_softmax drifts by up to 1e-4 nat over 262,144 tokens on a
            # processor; its logsumexp stays within 1e-6.
            logprobs.append(kept - kept.logsumexp(dim=-1, keepdim=True))
        return logprobs


def open_engine(model: ReadyModel, options: RunOptions, notify: Notify) -> ReferenceEngine:
    """The reference with a model's weights in memory. Raises as `load_weights`."""
    weights = load_weights(model, options)
    for note in weights.notes:
        notify(note)
    return ReferenceEngine(
        weights.model, model.tokenizer, model.identity, model.window, options.batch, weights
    )


def _tokens(paths: TokenPaths) -> int:
    return sum(len(paths.prefix) + len(node) for node in maximal(paths.nodes()))


def _read(read: Read, row: torch.Tensor) -> Values:
    """What is asked for at a place, out of its log-probabilities [vocabulary]."""
    likeliest: list[tuple[int, float]] = []
    if read.likeliest:
        values, tokens = row.topk(min(read.likeliest, row.numel()))
        likeliest = list(zip(tokens.tolist(), values.tolist(), strict=True))
    return Values(
        {token: float(row[token]) for token in read.tokens},
        None if read.summed is None else float(torch.logsumexp(row[list(read.summed)], dim=0)),
        likeliest,
    )
