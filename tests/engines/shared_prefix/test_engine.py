"""The shared-prefix engine against the reference: trees, windows, memory, fallbacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.architectures import ARCHITECTURES
from tests.support.places import ROOT
from tests.support.shared_prefix import assert_equal, games, pair_of, scored, some_paths
from tests.support.toys import bpe_tokenizer, tiny_model
from tremble.engines.memory import Room
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix import tree_attention
from tremble.engines.shared_prefix import units as units_of_slices
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.engines.shared_prefix.self_check import SelfCheck, cannot_share
from tremble.errors import UserError
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import TokenPaths, option_paths
from tremble.tokenization.refusal import Refusal

pytestmark = pytest.mark.usefixtures("one_thread")
# States run along the pass, or (Llama4Tempered) attention depends on the place in it.
FALLBACK = {"Mamba", "FalconMamba", "RecurrentGemma", "FalconH1", "Zamba2", "Llama4Tempered"}


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("room", [None, Room(50, 3)], ids=["one pass", "many passes"])
@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_equal_to_the_reference(
    architecture: str, room: Room | None, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tree_attention.BUNDLE, "cpu", units)
    monkeypatch.setattr(units_of_slices, "UNIT", 32)
    reference, shared, said = pair_of(architecture, room)
    paths = option_paths(shared.tokenizer, games())
    assert_equal(scored(shared, paths), scored(reference, paths))
    report = shared.report()
    assert report["path"] == ("reference" if architecture in FALLBACK else "shared")
    # Prompts that are all too long to be shared need no check.
    assert len(said) == (architecture != "Llama4Tempered")
    if architecture not in FALLBACK:
        assert report["computed_tokens"] == report["distinct_tokens"] < report["tokens"] / 2
        assert (report["passes"] > 5) == (room is not None)


@pytest.fixture(scope="module")
def tiny() -> dict[str, tuple[ReferenceEngine, SharedEngine]]:
    return {name: pair_of(name)[:2] for name in ("Qwen3", "Gemma3Text", "Gemma2")}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(["Qwen3", "Gemma3Text", "Gemma2"]),
    prompts=st.lists(some_paths(), min_size=1, max_size=10),
    tokens=st.integers(1, 40),
    rows=st.integers(1, 5),
    unit=st.integers(1, 9),
    units=st.integers(1, 3),
    data=st.data(),
)
def test_any_tree_order_room_and_packing(
    tiny: dict[str, tuple[ReferenceEngine, SharedEngine]],
    name: str,
    prompts: list[Any],
    tokens: int,
    rows: int,
    unit: int,
    units: int,
    data: st.DataObject,
) -> None:
    reference, shared = tiny[name]
    shared._room = Room(tokens, rows)
    order = data.draw(st.permutations(range(len(prompts))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units_of_slices, "UNIT", unit)
        patch.setitem(tree_attention.BUNDLE, "cpu", units)
        found = scored(shared, [prompts[index] for index in order])
    assert shared.report()["path"] == "shared"
    expected = scored(reference, prompts)
    assert_equal(found, [expected[index] for index in order])


def test_efforts_are_operations_in_tokens() -> None:
    """Two prompts that share five tokens and part with one each, the second of which is longer by
    one; a third one is refused."""
    reference, shared, _ = pair_of("Llama")
    labels = ((7,), (8,))
    asked = [TokenPaths((1, 2, 3, 4, 5, end), labels, (False, False)) for end in (6, 7)]
    asked[1] = replace(asked[1], prefix=(*asked[1].prefix, 9))
    asked.append(TokenPaths((), labels, (False, False), refusal=Refusal("too_long", "so long")))
    config = reference.model.config
    linear = [part for part in reference.model.modules() if isinstance(part, torch.nn.Linear)]
    token = 2 * sum(part.weight.numel() for part in linear if part is not reference.model.lm_head)
    pair = 4 * config.num_attention_heads * config.head_dim * config.num_hidden_layers
    row = 2 * config.hidden_size * config.vocab_size
    expected = [6 + (21 * pair + row) / token, 2 + (13 * pair + row) / token, 0.0]
    assert shared.efforts(asked) == pytest.approx(expected)
    assert reference.efforts(asked) == [6.0, 7.0, 0.0]
    shared.check = SelfCheck(3, None, 0.1, "why not")
    assert shared.efforts(asked) == [6.0, 7.0, 0.0]


def test_shuffling_changes_nothing() -> None:
    _, shared, _ = pair_of("Gemma3Text", Room(64, 4))
    paths = option_paths(shared.tokenizer, games())
    first = scored(shared, paths)
    order = torch.randperm(len(paths), generator=torch.Generator().manual_seed(3)).tolist()
    again = scored(shared, [paths[index] for index in order])
    assert_equal(again, [first[index] for index in order], within=1e-6)


def test_histories_far_beyond_a_sliding_window() -> None:
    """The window is 8 tokens, the histories are hundreds; a wider window gives other numbers."""
    reference, shared, _ = pair_of("Gemma3Text", Room(100, 10))
    paths = option_paths(shared.tokenizer, games(2, 14))
    assert max(len(path.prefix) for path in paths) > 200
    found = scored(shared, paths)
    assert_equal(found, scored(reference, paths))
    model = tiny_model("Gemma3Text")
    model.config.sliding_window = 4000
    wide = scored(SharedEngine(ReferenceEngine(model, shared.tokenizer, {}, None), print), paths)
    assert wide[-1].logprobs != pytest.approx(found[-1].logprobs, abs=1e-3)


def test_only_decision_rows_go_through_the_output_head() -> None:
    reference, shared, _ = pair_of("Llama")
    paths = option_paths(shared.tokenizer, games())
    list(shared.score(paths))  # the self-check is behind us
    rows: list[int] = []
    reference.model.lm_head.register_forward_hook(lambda _, args, out: rows.append(out.shape[1]))
    scored(shared, paths)
    nodes = {path.prefix + node for path in paths for node in path.nodes()}
    assert sum(rows) == len(nodes)


def test_the_same_prompt_many_times_is_computed_once() -> None:
    reference, shared, _ = pair_of("Llama")
    paths = option_paths(shared.tokenizer, games(1, 2)) * 20
    assert_equal(scored(shared, paths), scored(reference, paths))
    report = shared.report()
    assert report["computed_tokens"] < report["tokens"] / 20


def test_a_path_that_differs_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks that let every token see everything before it: branches would read each other."""
    reference, shared, said = pair_of("Llama")
    monkeypatch.setattr(tree_attention, "units_of", _without_branches(units_of_slices.units_of))
    paths = option_paths(shared.tokenizer, games(3, 4))
    assert_equal(scored(shared, paths), scored(reference, paths), within=0)
    assert shared.report()["path"] == "reference"
    assert "differ by" in said[0]
    assert "at most 0.0001 is allowed" in said[0]


def _without_branches(units: Any) -> Any:
    def wrong(depths: Any) -> Any:
        found, latest = units(depths)
        for unit in found:
            unit.sees[:] = True
        return found, latest

    return wrong


def test_a_first_job_too_simple_to_fail_still_has_a_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shared, said = pair_of("Llama")
    monkeypatch.setattr(tree_attention, "units_of", _without_branches(units_of_slices.units_of))
    scored(shared, option_paths(shared.tokenizer, [("Now: accept or ", ["reject", "yes"])]))
    assert shared.report()["path"] == "reference"
    assert "differ by" in said[0]


def test_much_longer_histories_are_checked_anew() -> None:
    _, shared, said = pair_of("Gemma3Text")
    paths = option_paths(shared.tokenizer, games(2, 9))
    scored(shared, paths[:2])
    scored(shared, paths[:3])
    assert len(said) == 1
    scored(shared, paths)
    assert len(said) == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("architecture", sorted(FALLBACK - {"Llama4Tempered"}))
def test_recurrent_parts_are_known_in_any_precision(architecture: str, dtype: torch.dtype) -> None:
    """States that run on from branch to branch can hide below the tolerance of a low precision."""
    model = tiny_model(architecture).to(dtype)
    assert cannot_share(model, 2048) is not None


def test_what_is_not_a_number_takes_no_neighbour_with_it() -> None:
    reference, shared, _ = pair_of("Llama")
    texts = games(2, 3)
    paths = option_paths(shared.tokenizer, [*texts, (texts[1][0] + "zZ", ["accept", "reject"])])
    only = set(paths[-1].prefix) - {token for path in paths[:-1] for token in path.prefix}
    scored(shared, paths[:-1])
    with torch.no_grad():
        reference.model.get_input_embeddings().weight[min(only)] = float("nan")
    found = scored(shared, paths)
    assert_equal(found, scored(reference, paths))
    assert [row.error is None for row in found] == [True] * (len(paths) - 1) + [False]


def test_positions_that_the_model_ignores_are_noticed() -> None:
    reference, shared, said = pair_of("Llama")
    inner = reference.model.forward

    def forward(
        input_ids: Any = None, position_ids: Any = None, logits_to_keep: Any = 0, **rest: Any
    ) -> Any:
        return inner(input_ids=input_ids, logits_to_keep=logits_to_keep, **rest)

    reference.model.forward = forward
    paths = option_paths(shared.tokenizer, games(3, 4))
    assert_equal(scored(shared, paths), scored(reference, paths), within=0)
    assert shared.report()["path"] == "reference"
    assert "differ by" in said[0]


def test_out_of_memory_splits_the_pass_and_goes_on() -> None:
    reference, shared, _ = pair_of("Qwen3")
    paths = option_paths(shared.tokenizer, games())
    expected = scored(reference, paths)
    list(shared.score(paths))
    before = shared.report()["passes"]
    inner = reference.model.forward

    def forward(input_ids: Any = None, **rest: Any) -> Any:
        if input_ids.shape[1] > 60:
            raise torch.OutOfMemoryError("out of memory")
        return inner(input_ids=input_ids, **rest)

    reference.model.forward = forward
    assert_equal(scored(shared, paths), expected)
    assert shared.report()["path"] == "shared"
    assert shared.report()["passes"] - before > 10


@pytest.mark.parametrize("checked", [False, True], ids=["at the check", "later"])
def test_memory_that_never_suffices_is_a_clear_error(checked: bool) -> None:
    reference, shared, _ = pair_of("Qwen3")
    paths = option_paths(shared.tokenizer, games(1, 2))
    if checked:
        list(shared.score(paths[:1]))

    def forward(position_ids: Any = None, logits_to_keep: Any = 0, **_: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    reference.model.forward = forward
    with pytest.raises(UserError, match="There is not enough memory for a pass of"):
        list(shared.score(paths))


def test_logits_that_are_not_numbers_are_an_error_not_a_score() -> None:
    reference, shared, _ = pair_of("Llama")
    with torch.no_grad():
        reference.model.lm_head.weight[7] = float("nan")
    rows = scored(shared, option_paths(shared.tokenizer, games(2, 2)))
    assert {row.error for row in rows} == {"the model returned logits that are not numbers"}


def test_a_prompt_beyond_the_window_gives_a_row_with_its_reason() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    reference = ReferenceEngine(tiny_model("Llama"), tokenizer, {}, window=60)
    shared = SharedEngine(reference, print)
    paths = option_paths(tokenizer, games(1, 4))
    found = scored(shared, paths)
    assert_equal(found, scored(reference, paths))
    assert found[0].error is None
    assert found[-1].error is not None


def test_a_rope_that_turns_with_the_length_is_left_to_the_reference() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=420,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0},
    )
    tokenizer = HubTokenizer(bpe_tokenizer())
    reference = ReferenceEngine(LlamaForCausalLM(config).eval(), tokenizer, {}, None)
    shared = SharedEngine(reference, print)
    short = option_paths(tokenizer, games(3, 1))
    long = option_paths(tokenizer, games(2, 8))
    assert max(path.length for path in short) <= 64 < max(path.length for path in long)
    scored(shared, short)
    assert shared.report()["by_reference"] == 0
    beyond = [path for path in long if path.length > 64]
    found = scored(shared, long)
    assert shared.report()["by_reference"] == len(beyond)
    assert_equal(found, scored(reference, long))
    first = SharedEngine(reference, print)  # long prompts in the first job speak against nobody
    scored(first, long)
    assert first.report()["path"] == "shared"


def test_a_lower_precision_is_measured_against_float32() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    full = ReferenceEngine(tiny_model("Llama"), tokenizer, {}, None)
    low = ReferenceEngine(tiny_model("Llama").to(torch.bfloat16), tokenizer, {}, None)
    said: list[str] = []
    shared = SharedEngine(low, said.append, exact=lambda: full)
    paths = option_paths(tokenizer, games(2, 2))  # few, so that all are in the sample
    rows = scored(shared, paths)
    assert shared.check is not None
    assert shared.check.tolerance == 0.3
    expected = []
    for one, other in zip(rows, scored(full, paths), strict=True):
        both = zip(one.logprobs, other.logprobs, strict=True)
        odds = [cast(float, a) - cast(float, b) for a, b in both]
        expected.append(max(x - y for x in odds for y in odds))
    found = shared.report()["precision"]
    assert found["prompts"] == len(rows) + 1  # the check adds a branch of its own
    assert found["max_log_odds"] >= max(expected) - 0.02  # passes of the check are cut otherwise
    assert found["max_log_odds"] > 1e-3
    assert "bfloat16 moves the log-odds" in said[1]


def test_a_precision_that_cannot_be_measured_is_said() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    low = ReferenceEngine(tiny_model("Llama").to(torch.bfloat16), tokenizer, {}, None)

    def exact() -> ReferenceEngine:
        raise UserError("No room for a float32 copy.")

    said: list[str] = []
    shared = SharedEngine(low, said.append, exact=exact)
    assert len(scored(shared, option_paths(tokenizer, games(1, 2)))) == 2
    assert said[1] == "The error of bfloat16 was not measured: No room for a float32 copy."
    assert shared.report()["precision"]["max_log_odds"] is None


def test_the_table_in_the_docs_names_every_architecture_and_its_path() -> None:
    text = (ROOT / "docs" / "architectures.md").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[2] in ("shared", "reference"):
            found.update(dict.fromkeys(cells[0].split(", "), cells[2]))
    assert found == {name: "reference" if name in FALLBACK else "shared" for name in ARCHITECTURES}
