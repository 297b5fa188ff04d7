"""Sentences on control tokens in people's words (`tokenization.control_texts`), over all models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tremble.study.prompt_table import ControlCount
from tremble.text import counted

_SHOWN = 5  # models and texts named in a sentence


class Read(NamedTuple):
    """What a model found in the data of one job."""

    model: str
    dataset: str
    found: Sequence[ControlCount]


def control_notes(reads: Iterable[Read]) -> list[str]:
    """One sentence for the texts that are control tokens for the same models and plain letters for
    the same others, with the number of decisions that hold one of them.

    A decision counts once, in however many wordings and formats it is read.
    """
    reads = list(reads)
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for text in dict.fromkeys(t for read in reads for one in read.found for t in one["texts"]):
        having = dict.fromkeys(read.model for read in reads if _decisions(read, {text}))
        data = {read.dataset for read in reads if read.model in having and _decisions(read, {text})}
        others = dict.fromkeys(
            read.model for read in reads if read.dataset in data and read.model not in having
        )
        groups.setdefault((tuple(having), tuple(others)), []).append(text)
    return [_sentence(reads, *models, texts) for models, texts in groups.items()]


def _sentence(
    reads: Sequence[Read], having: Sequence[str], others: Sequence[str], texts: Sequence[str]
) -> str:
    by_dataset: dict[str, int] = {}
    for read in reads:
        most = max(by_dataset.get(read.dataset, 0), _decisions(read, set(texts)))
        by_dataset[read.dataset] = most
    but = f" but plain text for {_listed(others)}" if others else ""
    return (
        f"In {counted(sum(by_dataset.values()), 'decision')} people's words contain texts that "
        f"are control tokens for {_listed(having)} ({_listed(texts, ', ')}){but}; they are scored "
        "as each model reads them."
    )


def _decisions(read: Read, texts: set[str]) -> int:
    """Decisions in which a model found one of some texts."""
    return sum(one["decisions"] for one in read.found if texts & set(one["texts"]))


def _listed(names: Sequence[str], last: str = " and ") -> str:
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])}{last}{len(names) - _SHOWN:,} more"
    return ", ".join(names[:-1]) + last + names[-1] if len(names) > 1 else names[0]
