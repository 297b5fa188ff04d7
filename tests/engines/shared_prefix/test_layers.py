"""The last layer for decision rows only, and compiled layers: same numbers, and ways out."""

from __future__ import annotations

import shutil
from functools import partial
from typing import Any

import pytest
import torch

from tests.support.shared_prefix import assert_equal, games, pair_of, scored
from tests.support.toys import bpe_tokenizer, tiny_model
from tremble.engines.memory import Room
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix import layers
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import TokenPaths, option_paths

pytestmark = pytest.mark.usefixtures("one_thread")


def test_only_decision_rows_go_through_the_end_of_the_last_layer() -> None:
    reference, shared, _ = pair_of("Gemma3Text", Room(50, 3))
    paths = option_paths(shared.tokenizer, games())
    list(shared.score(paths))  # the self-check is behind us
    rows: dict[int, int] = {}
    for number, layer in enumerate(reference.model.model.layers):
        layer.mlp.register_forward_hook(
            lambda _, args, out, n=number: rows.update({n: rows.get(n, 0) + out.shape[1]})
        )
    before = shared.report()
    scored(shared, paths)
    report = shared.report()
    reads = report["decision_rows"] - before["decision_rows"]
    tokens = report["computed_tokens"] - before["computed_tokens"]
    last = max(rows)
    # A pass in which nothing is read runs whole.
    assert report["last_layer_cut"] and report["compiled_layers"] == 0
    assert reads <= rows.pop(last) < tokens / 2
    assert set(rows.values()) == {tokens}


def test_a_last_layer_that_cannot_be_cut_short_runs_whole() -> None:
    """GPT-2's layers reshape what attention gives to the tokens that went in."""
    reference, shared, said = pair_of("GPT2")
    paths = option_paths(shared.tokenizer, games())
    assert_equal(scored(shared, paths), scored(reference, paths))
    assert shared.report()["path"] == "shared"
    assert not shared.report()["last_layer_cut"]
    assert len(said) == 1


def test_layers_stay_compiled_where_only_the_cut_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    def counted(forward: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(1)
        return forward(*args, **kwargs)

    monkeypatch.setattr(
        "tremble.engines.shared_prefix.engine.compiled",
        lambda asked: [(layer, partial(counted, layer.forward)) for layer in asked],
    )
    reference, _, _ = pair_of("GPT2")
    said: list[str] = []
    shared = SharedEngine(reference, said.append, compile=True)
    paths = option_paths(shared.tokenizer, games(2, 3))
    assert_equal(scored(shared, paths), scored(reference, paths))
    report = shared.report()
    assert ran and report["compiled_layers"] > 0 and not report["last_layer_cut"]
    assert len(said) == 1 and "agree" in said[0]


@pytest.mark.parametrize("named", [True, False])
def test_the_layers_of_text_are_found_beside_a_longer_tower(named: Any) -> None:
    """With a decoder of its own, and by the number of layers the config tells."""
    model = tiny_model("Gemma3Text")
    own = list(model.model.layers)
    tower = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(len(own) + 5))
    if named:
        model.tower = tower
    else:
        model.model.tower = tower
    assert list(layers.decoder_layers(model)) == own


def test_a_last_layer_that_fails_only_later_runs_whole_from_there() -> None:
    """Prompts so short that every pass of the check reads all its tokens."""
    _, shared, _ = pair_of("GPT2")
    reference = shared.reference
    paths = [TokenPaths((5, 6), ((5,), (6,)), (False, False))]
    assert_equal(scored(shared, paths), scored(reference, paths))
    assert shared.report()["path"] == "shared"


def test_compiled_layers_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch compiles for processors with g++, which is not installed")
    tokenizer = HubTokenizer(bpe_tokenizer())
    reference = ReferenceEngine(tiny_model("Gemma3Text"), tokenizer, {}, None)
    said: list[str] = []
    ran: list[int] = []
    made = layers.compiled(list(reference.model.model.layers[:-1]))

    def counted(forward: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(1)
        return forward(*args, **kwargs)

    monkeypatch.setattr(
        "tremble.engines.shared_prefix.engine.compiled",
        lambda asked: [
            (one, partial(counted, forward)) for one, forward in made if one in list(asked)
        ],
    )
    shared = SharedEngine(reference, said.append, room=Room(100, 9), compile=True)
    paths = option_paths(tokenizer, games())
    found = scored(shared, paths)
    assert len(ran) >= shared.report()["passes"] * len(made)
    before = len(ran)
    assert_equal(found, scored(reference, paths))
    assert len(ran) == before  # the reference is never compiled
    assert len(said) == 1


def test_layers_that_do_not_compile_run_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("No working C++ compiler found.")

    monkeypatch.setattr(
        "tremble.engines.shared_prefix.engine.compiled",
        lambda asked: [(layer, fails) for layer in asked],
    )
    tokenizer = HubTokenizer(bpe_tokenizer())
    reference = ReferenceEngine(tiny_model("Gemma3Text"), tokenizer, {}, None)
    said: list[str] = []
    shared = SharedEngine(reference, said.append, compile=True)
    paths = option_paths(tokenizer, games(2, 3))
    assert_equal(scored(shared, paths), scored(reference, paths))
    assert shared.report()["path"] == "shared"
    assert said[0] == (
        "Layers are not compiled, because RuntimeError: No working C++ compiler found."
    )


def test_compiled_layers_that_break_down_later_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch compiles again for other lengths, and may fail only then."""
    calls: list[int] = []

    def fails_at_last(forward: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > 40:
            raise RuntimeError("InductorError: no.")
        return forward(*args, **kwargs)

    monkeypatch.setattr(
        "tremble.engines.shared_prefix.engine.compiled",
        lambda asked: [(layer, partial(fails_at_last, layer.forward)) for layer in asked],
    )
    tokenizer = HubTokenizer(bpe_tokenizer())
    reference = ReferenceEngine(tiny_model("Gemma3Text"), tokenizer, {}, None)
    said: list[str] = []
    shared = SharedEngine(reference, said.append, room=Room(30, 3), compile=True)
    paths = option_paths(tokenizer, games())
    assert_equal(scored(shared, paths), scored(reference, paths))
    assert len(calls) == 42  # once more with the last layer whole
    assert shared.report()["path"] == "shared"
    assert said[1] == "Layers are not compiled, because InductorError: no."
