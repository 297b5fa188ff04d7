"""The reference engine against sums written by hand over the whole text, on every architecture."""

from __future__ import annotations

import inspect
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.architectures import ARCHITECTURES
from tests.support.odd_models import by_hand
from tests.support.toys import bpe_tokenizer, save_tiny, tiny_model
from tremble.engines.open import open_engine
from tremble.engines.reference import ReferenceEngine
from tremble.errors import TrembleError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import TokenPaths, maximal, option_paths

pytestmark = pytest.mark.usefixtures("one_thread")

PROMPTS = [
    ("Answer: ", ["yes", "no"]),  # merges across the join
    ("Answer: ", ["yes please", "no"]),
    ('You can accept or reject.\n{"decision": "', ["accept", "reject"]),
    ('{"decision": "', ["AcceptOffer", "RejectOffer", "DealWithJohn"]),
    ("You choose ", ["Option J", "Option F"]),
    ("A long story. " * 12 + 'Now: {"decision": "', ["yes", "no"]),
]


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_log_probabilities_equal_a_hand_written_sum(architecture: str, batch: int) -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model(architecture)
    engine = ReferenceEngine(model, tokenizer, {}, None, batch)
    paths = option_paths(tokenizer, PROMPTS)
    rows = {row.index: row for row in engine.score(paths)}
    assert len(rows) == len(PROMPTS)
    spread = []
    for index, (context, labels) in enumerate(PROMPTS):
        expected = by_hand(model, tokenizer, context, labels)
        spread.append(abs(expected[0] - expected[1]))
        assert rows[index].logprobs == pytest.approx(expected, abs=1e-5)
    assert max(spread) > 0.1  # the model has opinions, so a wrong row would show


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_every_score_stays_the_same_in_any_company(architecture: str) -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    engine = ReferenceEngine(tiny_model(architecture), tokenizer, {}, None, 4)
    paths = option_paths(tokenizer, PROMPTS)
    alone = [next(engine.score([path])).logprobs for path in paths]
    places = list(range(len(paths)))
    random.Random(1).shuffle(places)
    for row in engine.score([paths[place] for place in places]):
        assert row.logprobs == pytest.approx(alone[places[row.index]], abs=1e-5)


def _beyond(kind: str) -> Any:
    """A tiny model whose positions mean something else beyond 40 tokens of a pass."""
    rope: dict[str, Any] = {"rope_type": kind, "rope_theta": 5000.0, "factor": 8.0}
    if kind == "longrope":
        rope |= {
            "short_factor": [1.0] * 4,
            "long_factor": [8.0, 16.0, 32.0, 64.0],
            "original_max_position_embeddings": 40,
        }
    config = type(tiny_model("Llama").config)(
        vocab_size=420,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=40 if kind == "dynamic" else 400,
        rope_parameters=rope,
    )
    torch.manual_seed(0)
    model = type(tiny_model("Llama"))(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(5)
    return model


@pytest.mark.parametrize("kind", ["longrope", "dynamic"])
def test_prompts_beyond_the_original_window_leave_shorter_ones_alone(kind: str) -> None:
    """A pass turns all of its positions by its longest prompt; each is scored as if alone, by a
    model that has read nothing before."""
    tokenizer = HubTokenizer(bpe_tokenizer())
    contexts = [*(context for context, _ in PROMPTS[:4]), "A long story. " * 12, "A long " * 40]
    paths = option_paths(tokenizer, [(context, ["yes please", "no"]) for context in contexts])
    assert sum(path.length > 40 for path in paths) == 2
    expected = [
        next(ReferenceEngine(_beyond(kind), tokenizer, {}, None).score([path])).logprobs
        for path in paths
    ]
    for order in (paths, paths[::-1]):
        engine = ReferenceEngine(_beyond(kind), tokenizer, {}, None, 8)
        found = {id(order[row.index]): row.logprobs for row in engine.score(order)}
        for path, logprobs in zip(paths, expected, strict=True):
            assert found[id(path)] == pytest.approx(logprobs, abs=1e-5)


def test_the_first_mass_and_the_best_other_token() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama")
    (paths,) = option_paths(tokenizer, [PROMPTS[2]])
    row = next(ReferenceEngine(model, tokenizer, {}, None).score([paths]))
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([list(paths.prefix)])).logits[0, -1].double()
    shares = torch.softmax(logits, 0).tolist()
    begins = {path[0] for path in paths.paths}
    assert row.first_mass == pytest.approx(sum(shares[token] for token in begins), abs=1e-6)
    best = max((t for t in range(len(shares)) if t not in begins), key=lambda t: shares[t])
    assert row.other_token == best
    assert [token for token, _ in row.top] == sorted(range(len(shares)), key=lambda t: -shares[t])[
        :5
    ]


def test_a_closing_is_the_sum_over_every_token_that_starts_with_the_quote() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Qwen3")
    context, labels = '{"decision": "', ["yes", "yes please"]
    (paths,) = option_paths(tokenizer, [(context, labels)])
    row = next(ReferenceEngine(model, tokenizer, {}, None).score([paths]))
    ids = tokenizer.encode([context + "yes"])[0]
    with torch.no_grad():
        shares = torch.softmax(model(input_ids=torch.tensor([ids])).logits[0, -1].double(), 0)
    terminators = [t for t in range(len(shares)) if tokenizer.decode([t]).startswith('"')]
    assert len(terminators) > 1
    opened = by_hand(model, tokenizer, context, labels)[0]
    terminated = opened + float(torch.log(shares[terminators].sum()))
    assert row.logprobs[0] == pytest.approx(terminated, abs=1e-5)


def test_soft_caps_are_part_of_the_scores() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    paths = option_paths(tokenizer, PROMPTS[:1])
    capped = tiny_model("Gemma2")
    before = next(ReferenceEngine(capped, tokenizer, {}, None).score(paths)).logprobs
    capped.config.final_logit_softcapping = None
    after = next(ReferenceEngine(capped, tokenizer, {}, None).score(paths)).logprobs
    assert before != pytest.approx(after, abs=1e-3)


def test_only_decision_rows_go_through_the_output_head() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama")
    widths: list[int] = []
    model.lm_head.register_forward_hook(lambda _, args, out: widths.append(out.shape[1]))
    engine = ReferenceEngine(model, tokenizer, {}, None)
    paths = option_paths(tokenizer, PROMPTS)
    list(engine.score(paths))
    rows = [len(node) + 1 for path in paths for node in maximal(path.nodes())]
    assert widths == [1, 1, 2, *rows]  # first the check: two passes with a cache, one without


def test_a_model_that_ignores_logits_to_keep_is_noticed() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama")
    inner = model.forward

    def forward(
        input_ids: Any = None, use_cache: Any = None, logits_to_keep: Any = 0, **rest: Any
    ) -> Any:
        return inner(input_ids=input_ids, use_cache=use_cache, **rest)

    model.forward = forward
    assert "logits_to_keep" in inspect.signature(model.forward).parameters
    engine = ReferenceEngine(model, tokenizer, {}, None)
    with pytest.raises(TrembleError, match="logits of shape"):
        list(engine.score(option_paths(tokenizer, PROMPTS[:1])))


def test_a_model_without_logits_to_keep_gives_the_same_numbers() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama")
    paths = option_paths(tokenizer, PROMPTS)
    expected = [row.logprobs for row in ReferenceEngine(model, tokenizer, {}, None).score(paths)]
    inner = model.forward
    model.forward = lambda input_ids=None, use_cache=None: inner(
        input_ids=input_ids, use_cache=use_cache
    )
    rows = list(ReferenceEngine(model, tokenizer, {}, None).score(paths))
    for row, logprobs in zip(rows, expected, strict=True):
        assert row.logprobs == pytest.approx(logprobs, abs=1e-5)


def test_a_prompt_beyond_the_window_gives_a_row_with_its_reason() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    engine = ReferenceEngine(tiny_model("Llama"), tokenizer, {}, window=20, batch=3)
    rows = {row.index: row for row in engine.score(option_paths(tokenizer, PROMPTS))}
    long = rows[5]
    assert long.error is not None
    assert long.error.endswith("the model's window is 20")
    assert long.logprobs == ()
    assert rows[0].error is None


def test_logits_that_are_not_numbers_are_an_error_not_a_score() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama")
    with torch.no_grad():
        model.lm_head.weight[7] = float("nan")
    (row,) = ReferenceEngine(model, tokenizer, {}, None).score(option_paths(tokenizer, PROMPTS[:1]))
    assert row.error is not None


def test_half_precision_logits_are_normalised_in_float32(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    engine: Any = open_engine(ModelSpec(str(folder)), RunOptions(dtype="bfloat16"), print)
    paths = option_paths(engine.tokenizer, PROMPTS)
    (row,) = engine.score(paths[:1])
    with torch.no_grad():
        logits = engine.model(input_ids=torch.tensor([list(paths[0].prefix)])).logits[0, -1]
    assert logits.dtype == torch.bfloat16
    exact = logits.double() - torch.logsumexp(logits.double(), 0)
    first = [float(exact[path[0]]) for path in paths[0].paths]
    single = [index for index, path in enumerate(paths[0].paths) if len(path) == 1]
    assert single
    for index in single:
        assert row.logprobs[index] == pytest.approx(first[index], abs=1e-5)


def test_maximal_nodes_cover_every_node() -> None:
    paths = TokenPaths((1,), ((2, 3, 4), (2, 5), (6,)), (False, True, False), (9,))
    nodes = paths.nodes()
    covered = {node[:end] for node in maximal(nodes) for end in range(len(node) + 1)}
    assert set(nodes) <= covered
    assert maximal(nodes) == [(2, 3), (2, 5)]
