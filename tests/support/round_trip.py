"""What is written as records and read again, held against what it was, type by type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tremble.decisions import jsonl
from tremble.decisions.record import Decision
from tremble.prompts.formulations import standard
from tremble.prompts.presentations import COUNTERBALANCES, presentations


def same_again(decisions: Iterable[Decision], path: Path) -> list[Decision]:
    """The decisions as read from a file of theirs, after all of them were found the same.

    Equal is not enough: 1 == 1.0 == True, -0.0 == 0.0, and mappings are equal in any order, while
    a prompt is not; so what Python prints of both is compared as well.
    """
    written = list(decisions)
    assert jsonl.write(iter(written), path) == len(written) > 0
    found = list(jsonl.read(path))
    for new, old in zip(found, written, strict=True):
        new, old = replace(new, line=None), replace(old, line=None)  # where it was read
        assert new == old, old.id
        assert repr(new) == repr(old), old.id
    return found


def come_back(decisions: Iterable[Decision], folder: Path) -> list[Decision]:
    """The same, and what follows: clusters, facts as each person saw them, prompts."""
    written = list(decisions)
    found = same_again(written, folder / "written.jsonl")
    for place, (new, old) in enumerate(zip(found, written, strict=True)):
        assert (new.cluster, new.parameters, new.person, new.breakdown) == (
            old.cluster, old.parameters, old.person, old.breakdown
        )  # fmt: skip
        for number in presentations(old, COUNTERBALANCES) if place % 10 == 0 else ():
            assert standard(new, number) == standard(old, number), (old.id, number)
    return found
