"""The demo: embedded decisions of real people, and two embedded models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import jsonl
from tremble.disk.whole import write_text
from tremble.models.embedded import GEMMA, SMOLLM
from tremble.models.files import Notify
from tremble.models.open import find
from tremble.models.spec import ModelSpec
from tremble.store.owned import set_aside
from tremble.store.provenance import fingerprint
from tremble.store.study_folder import Store

SEED = 20260317
# How many decisions of each family the subset draws: whole games, so a few more or less. About half
# of the work of --full at most, so that two slow cores need no more than six minutes.
SUBSET = {
    "repeated_matrix": 300,
    "one_shot_matrix": 60,
    "lottery": 100,
    "bargaining": 24,
    "negotiation": 6,
    "persuasion": 60,
    "persuasion_seller": 40,
}

_STUDY = """# Written by `tremble demo`. The two models come from different providers and
# are not a true pair.
[study]
name = "{name}"
data = ["{data}"]
formulations = ["standard"]
formats = ["native"]

[[pair]]
base = "{base}"
aligned = "{aligned}"
"""


def write_demo(out: Path, full: bool, notify: Notify) -> Path:
    """Write the study file of the demo (and its subset of decisions) into `out`; return it.

    Raises UserError where `out` holds another study.
    """
    name = "demo-full" if full else "demo"
    Store(out).check(name)
    for model in (GEMMA, SMOLLM):
        find(ModelSpec(model), notify)
    Store(out).mark()
    data = "demo" if full else "demo-subset.jsonl"
    text = _STUDY.format(name=name, data=data, base=GEMMA, aligned=SMOLLM)
    _write(out / "study.toml", partial(write_text, out / "study.toml", text))
    if not full:
        drawn = sample(list(load(out, Notes())), SUBSET, SEED)
        _write(out / data, partial(jsonl.write, drawn, out / data))
    return out / "study.toml"


def _write(path: Path, write: Callable[[], object]) -> None:
    """Write a file of the demo; one that a user changed is set aside, not replaced."""
    before = fingerprint(path)
    aside = None if before is None else set_aside(path)
    write()
    if aside is not None and fingerprint(path) == before:
        aside.unlink()
