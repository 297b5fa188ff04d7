"""One prompt with a cache of keys and values against passes without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma3nForCausalLM, Gemma3nTextConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

from tests.support.architectures import ARCHITECTURES
from tests.support.odd_models import PROMPTS, refused
from tests.support.studies import run, scores, study_file, write_own_prompts
from tests.support.toys import bpe_tokenizer, save_tiny, tiny_model
from tremble.engines.base import TOLERANCE
from tremble.engines.cached_pass import CacheCheck
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.errors import ModelUnavailable
from tremble.models.tokenizer import HubTokenizer
from tremble.store.study_folder import Store
from tremble.tokenization.options import option_paths

RECURRENT = {"RecurrentGemma", "FalconH1", "Mamba", "FalconMamba", "Zamba2"}

pytestmark = pytest.mark.usefixtures("one_thread")


def engine_of(model: Any) -> ReferenceEngine:
    return ReferenceEngine(model, HubTokenizer(bpe_tokenizer()), {}, None)


def scored(engine: ReferenceEngine | SharedEngine) -> dict[str, Any]:
    """What the manifest says of the check, once something was scored."""
    list(engine.score(option_paths(engine.tokenizer, PROMPTS)))
    return dict(engine.report()["cache_check"])


@pytest.fixture
def unshared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of Gemma 3n in transformers 5.0 to 5.5, in a Llama: without a cache the second
    layer does not get the keys and values that it has with one."""
    whole = LlamaAttention.forward

    def forward(layer: Any, hidden_states: Any, *others: Any, **named: Any) -> Any:
        if layer.layer_idx == 1 and named.get("past_key_values") is None:
            hidden_states = -3 * hidden_states
        return whole(layer, hidden_states, *others, **named)

    monkeypatch.setattr(LlamaAttention, "forward", forward)


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_every_architecture_agrees_with_its_cache(architecture: str) -> None:
    """Recurrent ones too, whose caches hold states."""
    check = scored(engine_of(tiny_model(architecture)))
    assert check["why"] is None
    assert check["tokens"] > 10
    assert not check["states"] or architecture in RECURRENT
    assert check["prefilled"] < (TOLERANCE["float32"] if check["states"] else 1e-5)
    assert check["states"] or check["stepped"] < 1e-5


def test_layers_that_share_keys_and_values() -> None:
    """Gemma 3n itself; in transformers 5.4 this differs by 0.3 nat."""
    settings = {
        "vocab_size": 420,
        "hidden_size": 32,
        "intermediate_size": [48] * 4,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 4096,
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_kv_shared_layers": 2,
        "vocab_size_per_layer_input": 420,
        "hidden_size_per_layer_input": 8,
        "laurel_rank": 4,
        "activation_sparsity_pattern": [0.0] * 4,
        "pad_token_id": 1,
    }
    torch.manual_seed(0)
    model = Gemma3nForCausalLM(Gemma3nTextConfig(**settings)).eval()
    check = scored(engine_of(model))
    assert check["why"] is None and not check["states"]
    assert check["prefilled"] < 1e-5 and check["stepped"] < 1e-5


@pytest.mark.parametrize("engine", ["reference", "transformers"])
def test_a_model_that_is_wrong_without_its_cache_is_refused(
    engine: str, unshared: None, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path)
    sentence = refused(folder, engine)
    assert sentence.startswith(
        f"The model {str(folder)!r} gives different log-probabilities with and without a cache"
    )
    assert "at most 0.0001 is allowed" in sentence


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_lower_precision_is_held_to_its_own_tolerance(dtype: torch.dtype, unshared: None) -> None:
    with pytest.raises(ModelUnavailable, match="The model gives different log-probabilities"):
        scored(engine_of(tiny_model("Llama").to(dtype)))


def test_a_step_from_the_cache_is_compared_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that loses the first token: the prompt as a whole shows nothing of it."""
    whole = LlamaAttention.forward

    def forward(layer: Any, hidden_states: Any, *others: Any, **named: Any) -> Any:
        if hidden_states.shape[1] == 1:
            named["past_key_values"].layers[layer.layer_idx].values[:, :, 0] = 0
        return whole(layer, hidden_states, *others, **named)

    monkeypatch.setattr(LlamaAttention, "forward", forward)
    with pytest.raises(ModelUnavailable, match="with and without a cache"):
        scored(engine_of(tiny_model("Llama")))
    check = scored(engine_of(tiny_model("Llama").to(torch.bfloat16)))
    assert check["prefilled"] <= TOLERANCE["bfloat16"]


def test_a_model_that_cannot_generate_is_scored_and_the_manifest_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def generate(*_: Any, **__: Any) -> None:
        raise ValueError("no way to generate.\nmore")

    monkeypatch.setattr(LlamaForCausalLM, "generate", generate)
    for check in (
        scored(engine_of(tiny_model("Llama"))),
        scored(SharedEngine(engine_of(tiny_model("Llama")), lambda _: None)),
    ):
        assert check["why"] == "ValueError: no way to generate"
        assert check["prefilled"] is check["stepped"] is None


def test_what_the_folder_says_of_generating_changes_nothing() -> None:
    model = tiny_model("Llama")
    model.generation_config.num_beams = 4
    model.generation_config.cache_implementation = "static"
    model.generation_config.max_length = 3
    before = model.generation_config.to_dict()
    assert scored(engine_of(model))["why"] is None
    assert model.generation_config.to_dict() == before


def test_it_is_done_once_and_on_the_beginning_of_a_long_prompt() -> None:
    model = tiny_model("Llama")
    passes: list[int] = []
    model.model.register_forward_hook(
        lambda _, __, named, ___: (
            passes.append(named["input_ids"].shape[1])
            if named.get("input_ids") is not None
            else None
        ),
        with_kwargs=True,
    )
    engine = engine_of(model)
    long = option_paths(engine.tokenizer, [("A long story. " * 100, ["yes", "no"])])
    list(engine.score(long))
    assert passes[:3] == [256, 1, 257]
    made = len(passes)
    list(engine.score(long))
    assert len(passes) - made == made - 3
    assert engine.report()["checking_seconds"] > 0


def test_the_other_models_of_a_study_are_scored(unshared: None, tmp_path: Path) -> None:
    wrong = save_tiny(tmp_path / "wrong")
    right = save_tiny(tmp_path / "right", "GPT2")
    write_own_prompts(tmp_path, 3)
    models = "".join(f"[[model]]\nid = {json.dumps(str(one))}\n" for one in (wrong, right))
    said: list[str] = []
    out = tmp_path / "out"
    run(study_file(tmp_path, models), out, said)
    assert set(scores(out)["model"]) == {str(right)}
    assert any(
        f"{wrong} is skipped." in line and "with and without a cache" in line for line in said
    )
    (manifest,) = filter(None, [job.manifest() for job in Store(out).jobs()])
    assert manifest["scoring"]["cache_check"]["why"] is None
    assert manifest["scoring"]["weights"]["files"] == ["model.safetensors"]


def test_no_difference_is_known_where_nothing_was_compared() -> None:
    assert CacheCheck(3, 1e-4, why="it does not generate").differs is None
    assert CacheCheck(3, 1e-4, 1e-6, 1e-3).differs == 1e-3
    assert CacheCheck(3, 0.3, 0.1, 0.5).differs is None
    assert CacheCheck(3, 1e-4, 1e-6, 1e-3, states=True).differs is None
    assert CacheCheck(3, 1e-4, 1e-3, 1e-6, states=True).differs is None
    assert CacheCheck(3, 1e-4, 0.5, 1e-6, states=True).differs == 0.5
