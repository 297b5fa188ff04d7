"""The log-probabilities of answers in training: what texts of a batch share is computed once, and
the output head runs over the tokens of answers alone.

TRL asks a model for the log-probabilities of labels (`fused_lm_head`), and on a processor its own
way computes the head at every token of padded rows. Here all rows of a batch are one row: a tree of
their tokens, in which each token sees its own history only. Which depths see which (full, sliding,
chunked) the model's own code says, as the mask function that it asks for, evaluated on depths.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from tremble.engines.base import TOLERANCE
from tremble.engines.positions import forget_longer_passes, longest_of_one_kind
from tremble.engines.shared_prefix.self_check import cannot_share
from tremble.engines.shared_prefix.tree_attention import attending_by, configs_of
from tremble.post_training.head import logprobs, split
from tremble.post_training.samples import IGNORED
from tremble.text import one_line

NAME = "tremble_packed"
Ints = npt.NDArray[np.int64]
_SLICE = 128  # tokens


@dataclass(frozen=True, slots=True)
class Packed:
    """The rows of a batch as one row of distinct tokens.

    `ids`, `depths` [tokens]: each with its place in the row that it was first in; `sees` [tokens,
    tokens]: whether the first is a part of the history of the second's row, itself included;
    `places`: of each row its tokens' places.
    """

    ids: Ints
    depths: Ints
    sees: npt.NDArray[np.bool_]
    places: tuple[Ints, ...]


def packed(rows: Sequence[Ints]) -> Packed:
    """Rows of token ids as one: a row that begins as an earlier one does shares its beginning."""
    places: list[Ints] = []
    ids: list[Ints] = []
    count = 0
    for row in rows:
        shared, path = 0, np.zeros(0, dtype=np.int64)
        for earlier, path_of in zip(rows, places, strict=False):
            same = _common(earlier, row)
            if same > shared:
                shared, path = same, path_of[:same]
        own = np.arange(count, count + len(row) - shared)
        places.append(np.concatenate([path, own]))
        ids.append(np.asarray(row[shared:], dtype=np.int64))
        count += len(own)
    depths = np.zeros(count, dtype=np.int64)
    sees = np.zeros((count, count), dtype=np.bool_)
    for path in places:
        depths[path] = np.arange(len(path))
        below = np.tril(np.ones((len(path), len(path)), dtype=np.bool_))
        sees[np.ix_(path, path)] |= below
    return Packed(np.concatenate(ids), depths, sees, tuple(places))


def _common(one: Ints, other: Ints) -> int:
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length


def label_logprobs(
    model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """The natural log-probability of each label behind what stands before it, [rows, length - 1];
    0 where the label is ignored. `input_ids`, `attention_mask`, `labels` [rows, length] are padded
    anywhere; `labels` are those of TRL: -100 where a token is no part of an answer."""
    device = input_ids.device
    if not bool((labels[:, 1:] != IGNORED).any()):
        return input_ids.new_zeros(labels.shape[0], labels.shape[1] - 1, dtype=torch.float32)
    here = [one.bool().cpu().numpy() for one in attention_mask]
    # Nothing is predicted behind the last token of a row, so no pass needs it.
    rows = [ids.cpu().numpy()[kept][:-1] for ids, kept in zip(input_ids, here, strict=True)]
    made = packed(rows)
    before, targets, cells = [], [], []
    width = labels.shape[1] - 1
    for number, (kept, path) in enumerate(zip(here, made.places, strict=True)):
        wanted = labels[number].cpu().numpy()[kept]
        columns = np.flatnonzero(kept)
        at = np.flatnonzero(wanted != IGNORED)
        at = at[at > 0]
        before.append(path[at - 1])
        targets.append(wanted[at])
        cells.append(number * width + columns[at] - 1)
    asked = np.stack([np.concatenate(before), np.concatenate(targets)])
    distinct, where = np.unique(asked, axis=1, return_inverse=True)
    behind, chosen = torch.from_numpy(distinct).to(device)
    found = _logprobs(model, made, behind, chosen)[torch.from_numpy(where.ravel()).to(device)]
    out = found.new_zeros(labels.shape[0] * width)
    index = torch.from_numpy(np.concatenate(cells)).to(device)
    return out.index_put((index,), found).view(labels.shape[0], width)


def row_logprobs(
    model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """The same by the model's own pass over each row, without what it is padded with: for models of
    which a packed row is not computed right."""
    out = torch.zeros(labels[:, 1:].shape, dtype=torch.float32, device=input_ids.device)
    for number in range(len(labels)):
        kept = attention_mask[number].bool().nonzero()[:, 0]
        wanted = labels[number][kept]
        at = (wanted != IGNORED).nonzero()[:, 0]
        at = at[at > 0]
        if not len(at):
            continue
        asked: dict[str, Any] = {"logits_to_keep": at - 1} if _keeps_logits(model) else {}
        row = input_ids[number][kept][None, :-1]
        if row.shape[1] >= longest_of_one_kind(model):
            forget_longer_passes(model)
        logits = type(model).forward(model, input_ids=row, use_cache=False, **asked).logits[0]
        if not asked:
            logits = logits[at - 1]
        rows = torch.full_like(at, number)
        out = out.index_put((rows, kept[at] - 1), _of_logits(logits, wanted[at]))
    return out


def why_not(model: Any, rows: Sequence[Sequence[int]]) -> str | None:
    """What speaks against computing batches as one row, None where nothing does. `rows`: the
    longest that are computed together."""
    if max(map(len, rows)) >= longest_of_one_kind(model):
        return "what a position means depends on how long the text is"
    return cannot_share(model, sum(map(len, rows))) or differs(model, rows)


def differs(model: Any, rows: Sequence[Sequence[int]]) -> str | None:
    """In which way log-probabilities of rows, packed, are not those of each row alone; None where
    they are, within the tolerance of engines."""
    device = next(model.parameters()).device
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long, device=device)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row, device=device)
        mask[place, : len(row)] = 1
    labels = ids.masked_fill(mask == 0, IGNORED)
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = row_logprobs(model, ids, mask, labels)
            found = label_logprobs(model, ids, mask, labels)
    except Exception as error:  # whatever an architecture may find wrong with a tree
        return f"{type(error).__name__}: {one_line(error)}"
    finally:
        model.train(training)
    apart = float((found - alone).abs().max())
    most = TOLERANCE[str(next(model.parameters()).dtype).removeprefix("torch.")]
    return None if apart <= most else f"log-probabilities differ by up to {apart:.2g} nat"


def _logprobs(model: Any, made: Packed, behind: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [asked] of tokens `chosen` behind some places of a packed row."""
    device = behind.device
    ids = torch.from_numpy(made.ids)[None].to(device)
    depths = torch.from_numpy(made.depths).to(device)
    tree = _Tree(torch.from_numpy(made.sees).to(device), depths)
    asked: dict[str, Any] = {
        "input_ids": ids,
        "position_ids": depths[None],
        # All ones: without a mask, restarting positions would read as packed texts.
        "attention_mask": torch.ones_like(ids),
        "use_cache": False,
    }
    with _packed_attention(configs_of(model), tree):
        parts = split(model, **asked)
        if parts is not None:
            hidden, head = parts
            words = model.config.get_text_config().vocab_size
            return logprobs(head, hidden[behind], chosen, words).float()
        if _keeps_logits(model):
            logits = type(model).forward(model, **asked, logits_to_keep=behind).logits[0]
        else:
            logits = type(model).forward(model, **asked).logits[0, behind]
    return _of_logits(logits, chosen)


def _of_logits(logits: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [rows] of tokens `chosen` by logits [rows, vocabulary], some rows at a
    time: logsumexp takes as much memory as what it is given."""
    pieces = [
        some.float().gather(1, tokens[:, None])[:, 0] - torch.logsumexp(some.float(), dim=-1)
        for some, tokens in zip(logits.split(_SLICE), chosen.split(_SLICE), strict=True)
    ]
    return torch.cat(pieces)


def _keeps_logits(model: Any) -> bool:
    return "logits_to_keep" in inspect.signature(type(model).forward).parameters


@dataclass(frozen=True)
class _Tree:
    sees: torch.Tensor
    depths: torch.Tensor


_current: ContextVar[_Tree] = ContextVar("tremble_packed_row")


def _mask(*, mask_function: Callable[..., torch.Tensor], **_: Any) -> torch.Tensor:
    """What transformers calls to have a mask made: [1, 1, tokens, tokens], true where seen."""
    tree = _current.get()
    none = tree.depths.new_zeros(())
    at, seen = tree.depths[:, None], tree.depths[None, :]
    allowed = mask_function(none, none, at, seen)
    return (allowed & tree.sees)[None, None]


AttentionInterface.register(NAME, sdpa_attention_forward)
AttentionMaskInterface.register(NAME, _mask)


@contextmanager
def _packed_attention(configs: Sequence[Any], tree: _Tree) -> Iterator[None]:
    token = _current.set(tree)
    try:
        with attending_by(NAME, configs):
            yield
    finally:
        _current.reset(token)
