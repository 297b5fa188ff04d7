"""Model folders with tensors missing, left over, twice or of another shape, and sound odd ones."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.support.odd_models import Tensors, altered, assert_scored_as, copied, refused
from tests.support.toys import bpe_tokenizer, save_tiny, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

Q = "model.layers.0.self_attn.q_proj.weight"
HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
EXPERTS = "model.layers.1.block_sparse_moe.experts"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def mixtral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("mixtral"), "Mixtral")


def as_transformers(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def more(**tensors: torch.Tensor) -> Callable[[Tensors], Tensors]:
    named = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    return lambda given: {**given, **named}


def less(*names: str) -> Callable[[Tensors], Tensors]:
    return lambda given: {name: given[name] for name in given if name not in names}


def renamed(old: str, new: str) -> Callable[[Tensors], Tensors]:
    return lambda given: {name.replace(old, new): tensor for name, tensor in given.items()}


def sharded(llama: Path, folder: Path) -> dict[str, str]:
    """A tiny model in several files; the index, file by tensor."""
    model = as_transformers(llama)
    model.save_pretrained(folder, max_shard_size="40KB")
    bpe_tokenizer().save_pretrained(folder)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    return dict(index["weight_map"])


@pytest.mark.parametrize(
    ("tensors", "config", "says"),
    [
        (
            None,
            {"num_hidden_layers": 1},
            r"contain 9 tensors .* know \(the first: 'model\.layers\.1\.inp",
        ),
        (
            None,
            {"num_hidden_layers": 3},
            r"lack 9 tensors .* \(the first: 'model\.layers\.2\.input_layer",
        ),
        (less(Q), None, rf"lack 1 tensor .* \(the first: '{Q}'\)"),
        (
            more(model__extra__weight=torch.ones(3)),
            None,
            r"contain 1 tensor .*'model\.extra\.weight'",
        ),
        (renamed(Q, Q + "s"), None, r"lack 1 tensor .*q_proj\.weight"),
        (
            None,
            {"hidden_size": 40},
            r"'lm_head\.weight' .* is 280 x 32 .*, but 280 x 40 in its conf",
        ),
        (lambda t: {**t, Q: t[Q][:-1]}, None, rf"'{Q}' .* is 31 x 32 in its file, but 32 x 32"),
        # Of tied ends, either may be the one that does not fit.
        (
            lambda t: {**t, HEAD: torch.cat([t[HEAD], t[HEAD][:6]])},
            {"tie_word_embeddings": True},
            rf"'{HEAD}' .* is 286 x 32 in its file, but 280 x 32 in its configuration",
        ),
        (
            lambda t: {**t, EMBEDDING: torch.cat([t[HEAD], t[HEAD][:6]])},
            {"tie_word_embeddings": True},
            rf"'{EMBEDDING}' .* is 286 x 32 in its file, but 280 x 32 in its configuration",
        ),
        # An attention's bias that the configuration does not have is no mask.
        (
            more(model__layers__0__attn__bias=torch.ones(32)),
            None,
            r"'model\.layers\.0\.attn\.bias'",
        ),
        (
            more(model__layers__0__attn__masked_bias=torch.ones(32)),
            None,
            r"'model\.layers\.0\.attn\.masked_bias'",
        ),
        (more(model__score__up__weight=torch.ones(2, 32)), None, r"'model\.score\.up\.weight'"),
        (lambda t: {**t, Q: t[Q].int()}, None, rf"'{Q}' .* holds whole numbers \(I32\)"),
        # transformers skips methods that it does not know, with a warning.
        (
            lambda t: {**t, Q: t[Q].to(torch.int8)},
            {"quantization_config": {"quant_method": "foo"}},
            rf"'{Q}' .* holds whole numbers \(I8\)",
        ),
        # Two tensors for one place: transformers takes either.
        (
            lambda t: {**t, Q.removeprefix("model."): -t[Q]},
            None,
            rf"the same tensor twice .*'{Q.removeprefix('model.')}' in 'model.safetensors'",
        ),
        # The last layer of a larger model is no layer that predicts later tokens.
        (None, {"num_hidden_layers": 1, "num_nextn_predict_layers": 1}, r"contain 9 tensors"),
        (None, {"transformers_weights": "adapter_model.bin"}, "transformers_weights = 'adapter_"),
        (None, {"transformers_weights": "../model.safetensors"}, "transformers_weights = '../mod"),
    ],
)
def test_a_folder_whose_tensors_do_not_fit(
    tensors: Any, config: Any, says: str, llama: Path, tmp_path: Path
) -> None:
    folder = altered(copied(llama, tmp_path / "m"), tensors, config)
    rows = load_file(llama / "model.safetensors")[EMBEDDING].shape[0]
    says = says.replace("280", str(rows)).replace("286", str(rows + 6))
    assert re.search(says, refused(folder))


@pytest.mark.parametrize(
    ("tensors", "config", "says"),
    [
        (less(f"{EXPERTS}.1.w1.weight"), None, f"(the first: '{EXPERTS}.1.w1.weight')"),
        (renamed(f"{EXPERTS}.1.", f"{EXPERTS}.7."), None, f"(the first: '{EXPERTS}.1.w1.weight')"),
        (renamed(f"{EXPERTS}.1.w1", f"{EXPERTS}.4.w1"), None, f"first: '{EXPERTS}.1.w1.weight')"),
        (
            lambda t: {n: t[n] for n in t if f"{EXPERTS}.3." not in n},
            None,
            "'model.layers.1.mlp.experts.down_proj' ",
        ),
        (
            lambda t: {n: t[n][:-1] if n == f"{EXPERTS}.2.w3.weight" else t[n] for n in t},
            None,
            f"'{EXPERTS}.2.w3.weight' ",
        ),
        (None, {"num_local_experts": 2}, "'model.layers.0.mlp.experts.down_proj' "),
    ],
)
def test_experts_that_are_not_all_there(
    tensors: Any, config: Any, says: str, mixtral: Path, tmp_path: Path
) -> None:
    assert says in refused(altered(copied(mixtral, tmp_path / "m"), tensors, config))


def test_files_that_do_not_belong_together(llama: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    places = sharded(llama, shards)
    first, second, *_ = sorted(set(places.values()))
    torn = copied(shards, tmp_path / "torn")
    gone = next(name for name, file in places.items() if file == second)
    altered(torn, less(gone), weights=second)
    assert f"lack 1 tensor that its configuration requires (the first: {gone!r})" in refused(torn)

    doubled = copied(shards, tmp_path / "doubled")
    other = next(name for name, file in places.items() if file == first)
    altered(doubled, lambda t: {**t, other: load_file(shards / first)[other] + 1}, weights=second)
    assert f"{other!r} in {first!r} and {other!r} in {second!r}" in refused(doubled)

    unnamed = copied(shards, tmp_path / "unnamed")
    (unnamed / "model.safetensors.index.json").unlink()
    assert f"{len(set(places.values()))} files of weights (the first: {first!r})" in refused(
        unnamed
    )

    spread = copied(llama, tmp_path / "spread")
    shutil.copy(
        llama / "model.safetensors", spread / "shard-00000-model-00001-of-00001.safetensors"
    )
    assert "distributed checkpoint (the first: 'shard-00000-model" in refused(spread)


@pytest.mark.parametrize(
    ("tensors", "config", "aside"),
    [
        (None, None, {}),
        (more(model__layers__0__self_attn__rotary_emb__inv_freq=torch.ones(4)), None, 1),
        (
            more(
                vision_tower__encoder__weight=torch.ones(3, 3),
                multi_modal_projector__linear_1__weight=torch.ones(3),
                vision_tower__encoder__bias=torch.ones(3),
            ),
            None,
            {"multi_modal_projector": 1, "vision_tower": 2},
        ),
        (more(mtp__fc__weight=torch.ones(3)), None, {"mtp": 1}),
        (
            more(
                model__layers__2__eh_proj__weight=torch.ones(32, 64),
                model__layers__2__input_layernorm__weight=torch.ones(32),
            ),
            {"num_nextn_predict_layers": 1},
            {"mtp": 2},
        ),
        (more(v_head__summary__weight=torch.ones(1, 32)), None, {"v_head": 1}),
        (more(score__weight=torch.ones(1, 32)), None, {"score": 1}),
        (
            more(
                model__layers__0__self_attn__k_scale=torch.ones(1),
                model__layers__0__self_attn__v_scale=torch.ones(1),
            ),
            None,
            {"cache_scales": 2},
        ),
        (more(model__layers__0__attn__bias=torch.ones(1, 1, 8, 8)), None, {"masks": 1}),
        (lambda t: {name: one.to(torch.bfloat16) for name, one in t.items()}, None, {}),
        # A head of its own, though the configuration ties it: transformers goes by the file.
        (None, {"tie_word_embeddings": True}, {}),
        (lambda t: {**t, HEAD: t[EMBEDDING]}, {"tie_word_embeddings": True}, {}),
        (less(HEAD), {"tie_word_embeddings": True}, {}),
        (less(EMBEDDING), {"tie_word_embeddings": True}, {}),
        # What a model of the class without a head saves itself as.
        (
            lambda t: {n.removeprefix("model."): t[n] for n in t if n != HEAD},
            {"tie_word_embeddings": True},
            {},
        ),
    ],
)
def test_sound_odd_folders_score_as_transformers_scores_them(
    tensors: Any, config: Any, aside: Any, llama: Path, tmp_path: Path
) -> None:
    folder = altered(copied(llama, tmp_path / "m"), tensors, config)
    account = assert_scored_as(as_transformers(folder), folder)
    assert (sum(account["left_aside"].values()) if aside == 1 else account["left_aside"]) == aside
    differing = tensors is None and config == {"tie_word_embeddings": True}
    assert account["untied"] == differing
    assert account["tensors"] == len(load_file(folder / "model.safetensors"))


@pytest.mark.parametrize("number", [torch.tensor(-1e4), torch.tensor([-1e4])])
@pytest.mark.parametrize("architecture", ["GPT2", "GPTNeoX"])
def test_masks_of_older_files_are_left_aside(
    architecture: str, number: torch.Tensor, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path, architecture)
    layer = {"GPT2": "transformer.h.0.attn", "GPTNeoX": "gpt_neox.layers.0.attention"}[architecture]
    masks = {f"{layer}.bias": torch.ones(1, 1, 8, 8), f"{layer}.masked_bias": number}
    altered(folder, lambda t: {**t, **masks})
    account = assert_scored_as(as_transformers(folder), folder)
    assert sum(account["left_aside"].values()) == 2


def test_a_model_of_text_inside_one_of_pictures(tmp_path: Path) -> None:
    """Llama 4 as published: a nested text_config, towers beside it, and only text is asked."""
    ids = {"vocab_size": len(bpe_tokenizer()), "bos_token_id": 0, "eos_token_id": 1}
    text = {**tiny_model("Llama4").config.to_dict(), **ids}
    vision = {
        "hidden_size": 16,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
        "vision_output_dim": 16,
        "projector_input_dim": 16,
        "projector_output_dim": 16,
    }
    torch.manual_seed(0)
    config = transformers.Llama4Config(text_config=text, vision_config=vision)
    transformers.Llama4ForConditionalGeneration(config).save_pretrained(tmp_path)
    bpe_tokenizer().save_pretrained(tmp_path)
    account = assert_scored_as(as_transformers(tmp_path), tmp_path)
    aside = account["left_aside"]
    assert set(aside) == {"multi_modal_projector", "vision_model"}
    assert sum(aside.values()) < account["tensors"]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("Mistral3Config", "an architecture for pictures and text ('mistral3') that the installed"),
        ("LlavaConfig", "an architecture for pictures and text ('llava') that the installed"),
        ("T5Config", "an architecture ('t5') that the installed"),
    ],
)
def test_architectures_that_are_no_language_models(
    config: str, says: str, llama: Path, tmp_path: Path
) -> None:
    folder = copied(llama, tmp_path / "m")
    getattr(transformers, config)().save_pretrained(folder)
    assert says in refused(folder)


def test_what_is_loaded_counts_where_weights_are_twice(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original release beside its own: neither its size nor its damage matters."""
    folder = tmp_path / "m"
    sharded(llama, folder)
    expected = as_transformers(llama)
    assert_scored_as(expected, folder)
    (folder / "consolidated.00.safetensors").write_bytes(b"\xff" * 10_000_000)
    monkeypatch.setattr("tremble.engines.memory.free_bytes", lambda _: 5e6)
    account = assert_scored_as(expected, folder)
    assert "consolidated.00.safetensors" not in account["files"]
    assert len(account["files"]) > 1


@pytest.mark.parametrize("there", [True, False])
def test_a_whole_file_is_loaded_whatever_an_index_beside_it_names(
    there: bool, llama: Path, tmp_path: Path
) -> None:
    """As transformers does; the shards are of another model, or were deleted."""
    folder = tmp_path / "m"
    places = sharded(save_tiny(tmp_path / "other", seed=1), folder)
    shutil.copy(llama / "model.safetensors", folder)
    if not there:
        for name in set(places.values()):
            (folder / name).unlink()
    account = assert_scored_as(as_transformers(folder), folder)
    assert account["files"] == ["model.safetensors"]
    assert_scored_as(as_transformers(llama), folder)


@pytest.mark.parametrize("config", [None, {"transformers_weights": "lion.safetensors"}])
def test_the_only_file_of_weights_may_have_another_name(
    config: Any, llama: Path, tmp_path: Path
) -> None:
    folder = altered(copied(llama, tmp_path / "m"), None, config)
    (folder / "model.safetensors").rename(folder / "lion.safetensors")
    account = assert_scored_as(as_transformers(llama), folder)
    assert account["files"] == ["lion.safetensors"]
    if config is not None:  # what transformers asks for is what counts
        save_file({"x": torch.ones(1)}, folder / "model.safetensors")
        assert_scored_as(as_transformers(llama), folder)


@pytest.mark.parametrize(
    "config",
    [
        {"attn_implementation": "flash_attention_2"},
        {"_attn_implementation": "flash_attention_3"},
        {"attn_implementation": "no-such-attention"},
        {"attn_implementation": "eager"},
        {"experts_implementation": "no-such-experts"},
        {"output_attentions": True, "output_hidden_states": True},
        {"return_dict": False, "use_cache": False},
    ],
)
def test_how_a_model_is_computed_is_not_for_its_configuration_to_say(
    config: dict[str, Any], llama: Path, tmp_path: Path
) -> None:
    folder = altered(copied(llama, tmp_path / "m"), None, config)
    assert_scored_as(as_transformers(llama), folder)


def test_attention_of_a_nested_configuration_is_chosen_too(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m", "Gemma3")
    expected = as_transformers(folder)
    text = json.loads((folder / "config.json").read_text())["text_config"]
    altered(folder, None, {"text_config": {**text, "attn_implementation": "flash_attention_2"}})
    assert_scored_as(expected, folder)
