"""Adapters: what does not fit is counted and refused, what fits scores as peft's forward pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers.integrations import peft as peft_integration
from transformers.models.auto import auto_factory
from transformers.utils import find_adapter_config_file

from tests.support.adapters import LORA, configured, plain, trained, unmerged
from tests.support.odd_models import altered, assert_scored_as, copied, refused
from tests.support.toys import save_tiny
from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.open import model_identity
from tremble.models.spec import ModelSpec, RunOptions

peft = pytest.importorskip("peft")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

WEIGHTS = "adapter_model.safetensors"
LAYER = "base_model.model.model.layers.0.self_attn"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny(tmp_path_factory.mktemp("tied"))
    return altered(
        folder,
        lambda given: {name: given[name] for name in given if name != "lm_head.weight"},
        {"tie_word_embeddings": True},
    )


@pytest.fixture(scope="module")
def lora(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(llama, tmp_path_factory.mktemp("lora"), peft.LoraConfig(**LORA))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"use_dora": True},
        {"bias": "lora_only"},
        {"rank_pattern": {"v_proj": 2}, "alpha_pattern": {"v_proj": 3}},
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj", "no_such_module"]},
        {"init_lora_weights": "pissa"},
        {"layers_to_transform": [1]},
        {"modules_to_save": ["lm_head"]},
        {"modules_to_save": ["embed_tokens"]},
        # On one end of a tied pair: peft adds to that end alone.
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"target_modules": ["lm_head", "q_proj"]},
        {"trainable_token_indices": [5, 6, 7]},
    ],
)
def test_sound_adapters_score_as_peft_scores_them(
    settings: dict[str, Any], ties: bool, llama: Path, tied: Path, tmp_path: Path
) -> None:
    base = tied if ties else llama
    adapter = trained(base, tmp_path / "adapter", peft.LoraConfig(**{**LORA, **settings}))
    expected = unmerged(base, adapter)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        moved = (expected(input_ids=ids).logits - plain(base)(input_ids=ids).logits).abs().max()
    assert moved > 0.01
    account = assert_scored_as(expected, base, adapter=str(adapter))
    assert account["merged_to"] < 1e-5


@pytest.mark.parametrize("kind", ["IA3Config", "LoHaConfig", "LoKrConfig", "OFTConfig"])
def test_other_kinds_that_can_be_merged(kind: str, llama: Path, tmp_path: Path) -> None:
    own: dict[str, dict[str, Any]] = {
        "IA3Config": {"feedforward_modules": []},
        "OFTConfig": {"oft_block_size": 4},
    }
    config = getattr(peft, kind)(target_modules=["q_proj", "v_proj"], **own.get(kind, {}))
    adapter = trained(llama, tmp_path / "adapter", config)
    assert_scored_as(unmerged(llama, adapter), llama, adapter=str(adapter))


def test_an_adapter_of_a_model_with_experts(tmp_path: Path) -> None:
    """Experts are one tensor in transformers 5, and peft has names of its own for adding to it."""
    base = save_tiny(tmp_path / "mixtral", "Mixtral")
    targets = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    config = peft.LoraConfig(**LORA, target_parameters=targets)
    adapter = trained(base, tmp_path / "adapter", config)
    assert_scored_as(unmerged(base, adapter), base, adapter=str(adapter))
    names = sorted(load_file(adapter / WEIGHTS))
    lost = next(name for name in names if "experts" in name)
    altered(adapter, lambda given: {n: given[n] for n in given if n != lost}, weights=WEIGHTS)
    assert (
        f"lacks 1 tensor that its configuration requires for this model (the first: {lost!r})"
        in (refused(base, adapter=str(adapter)))
    )


def test_an_adapter_of_a_model_whose_matrices_lie_on_their_side(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "gpt2", "GPT2")
    settings = {**LORA, "target_modules": ["c_attn"], "fan_in_fan_out": True}
    adapter = trained(base, tmp_path / "adapter", peft.LoraConfig(**settings))
    assert_scored_as(unmerged(base, adapter), base, adapter=str(adapter))


def test_an_adapter_of_lower_precision_is_read_as_peft_reads_it(
    llama: Path, lora: Path, tmp_path: Path
) -> None:
    low = altered(
        copied(lora, tmp_path / "low"),
        lambda given: {name: tensor.to(torch.bfloat16) for name, tensor in given.items()},
        weights=WEIGHTS,
    )
    assert_scored_as(unmerged(llama, low), llama, adapter=str(low))


@pytest.mark.parametrize(
    ("tensors", "settings", "says"),
    [
        (lambda t: {n: t[n] for n in t if ".layers.0." in n}, {}, r"lacks 4 tensors .*layers\.1\."),
        (lambda t: {n: t[n] for n in t if "lora_A" in n}, {}, r"lacks 4 tensors .*lora_B"),
        (
            lambda t: {n.replace("model.layers", "transformer.h"): t[n] for n in t},
            {},
            r"8 of the 8 tensors .* \(the first: 'base_model\.model\.transformer\.h\.0",
        ),
        (
            lambda t: {n.removeprefix("base_model.model."): t[n] for n in t},
            {},
            r"8 of the 8 tensors .* do not fit its model \(the first: 'model\.layers\.0",
        ),
        (
            lambda t: {**t, f"{LAYER}.k_proj.lora_A.weight": torch.ones(4, 32)},
            {},
            r"1 of the 9 tensors .*k_proj\.lora_A",
        ),
        (
            lambda t: {n: t[n].to(torch.int8) for n in t},
            {},
            r"q_proj\.lora_A\.weight' .* holds whole numbers \(I8\)",
        ),
        (None, {"alora_invocation_tokens": [5, 6]}, r"aLoRA does not support merging"),
        (None, {"alora_invocation_tokens": [[]]}, r"cannot be merged into its model"),
        (None, {"use_rslora": "no"}, r"has use_rslora = 'no', which is neither true nor false"),
        (None, {"r": 8}, r"lora_A\.weight' .* is 4 x 32, but .* model need 8 x 32;"),
        (None, {"target_modules": ["nowhere"]}, r"\{'nowhere'\} not found"),
        (None, {"target_modules": ["q_proj"]}, r"4 of the 8 tensors .*v_proj\.lora_A"),
        (None, {"target_modules": ["q_proj", "v_proj", "k_proj"]}, r"lacks 4 tensors .*k_proj"),
        (None, {"modules_to_save": ["lm_head"]}, r"lacks 1 tensor .*lm_head\.weight"),
        (None, {"use_dora": True}, r"lacks 4 tensors .*lora_magnitude_vector"),
        (None, {"trainable_token_indices": [5]}, r"lacks 1 tensor .*trainable_tokens_delta"),
        (None, {"peft_type": "PROMPT_TUNING"}, r"peft_type = 'PROMPT_TUNING'"),
        (None, {"peft_type": "PREFIX_TUNING"}, r"peft_type = 'PREFIX_TUNING'"),
        (None, {"peft_type": "NO_SUCH"}, r"peft_type = 'NO_SUCH'"),
        (None, {"peft_type": ["LORA"]}, r"peft_type = "),
        (None, {"megatron_config": {"x": 1}, "megatron_core": "antigravity"}, r"megatron_config"),
    ],
)
def test_an_adapter_that_does_not_fit(
    tensors: Any, settings: dict[str, Any], says: str, llama: Path, lora: Path, tmp_path: Path
) -> None:
    adapter = configured(copied(lora, tmp_path / "adapter"), **settings)
    if tensors is not None:
        altered(adapter, tensors, weights=WEIGHTS)
    sentence = refused(llama, adapter=str(adapter))
    assert re.search(says, sentence)
    assert "adapter" in sentence


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rows", [0, 2])
def test_an_adapter_that_carries_the_ends_of_its_model(
    rows: int, ties: bool, llama: Path, tied: Path, tmp_path: Path
) -> None:
    """peft stores embedding and head whole where the vocabulary was resized: they replace those of
    a model with as many rows, and no other model is scored without them."""
    base = tied if ties else llama
    torch.manual_seed(1)
    model = plain(base)
    before = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(before + rows)
    inner = peft.get_peft_model(model, peft.LoraConfig(**LORA))
    with torch.no_grad():
        for end in (model.get_input_embeddings(), model.get_output_embeddings()):
            end.weight.add_(torch.randn_like(end.weight), alpha=0.5)
    adapter = tmp_path / "adapter"
    inner.save_pretrained(adapter, save_embedding_layers=True)
    assert any("embed_tokens" in name for name in load_file(adapter / WEIGHTS))
    if not rows:
        assert_scored_as(inner.eval(), base, adapter=str(adapter))
        return
    sentence = refused(base, adapter=str(adapter))
    assert re.search(
        rf"(lm_head|embed_tokens).* is {before + rows} x 32, but .* need {before} x 32;", sentence
    )


def test_ends_of_a_tied_model_that_differ_are_not_both_taken_up(tied: Path, tmp_path: Path) -> None:
    inner = peft.get_peft_model(plain(tied), peft.LoraConfig(**LORA))
    inner.save_pretrained(tmp_path, save_embedding_layers=True)
    embedding = "base_model.model.model.embed_tokens.weight"
    head = {"base_model.model.lm_head.weight": load_file(tmp_path / WEIGHTS)[embedding] + 1}
    altered(tmp_path, lambda given: {**given, **head}, weights=WEIGHTS)
    assert "was not merged into its model" in refused(tied, adapter=str(tmp_path))


def test_parts_that_a_configuration_does_not_know(llama: Path, tmp_path: Path) -> None:
    """DoRA's and trained tokens' tensors under a configuration of plain LoRA."""
    for settings, without in (
        ({"use_dora": True}, {"use_dora": False}),
        ({"trainable_token_indices": [5]}, {"trainable_token_indices": None}),
    ):
        name = next(iter(settings))
        adapter = trained(llama, tmp_path / name, peft.LoraConfig(**LORA, **settings))
        sentence = refused(llama, adapter=str(configured(adapter, **without)))
        assert "do not fit its model" in sentence


def test_an_adapter_of_another_architecture(lora: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path, "GPT2")
    assert "not found in the base model" in refused(other, adapter=str(lora))


def test_pickled_missing_and_damaged_adapters(llama: Path, lora: Path, tmp_path: Path) -> None:
    adapter = copied(lora, tmp_path / "adapter")
    whole = (adapter / WEIGHTS).read_bytes()
    (adapter / WEIGHTS).write_bytes(whole[:-5])
    assert "truncated or damaged" in refused(llama, adapter=str(adapter))
    (adapter / WEIGHTS).unlink()
    assert f"has no '{WEIGHTS}'" in refused(llama, adapter=str(adapter))
    (adapter / "adapter_model.bin").write_bytes(b"\x80\x04cposix\nsystem\n.")
    assert "only pickled weights (adapter_model.bin)" in refused(llama, adapter=str(adapter))
    (adapter / "adapter_config.json").write_text("[]")
    assert "does not contain a JSON object" in refused(llama, adapter=str(adapter))


def test_an_adapter_in_the_folder_of_a_model(
    llama: Path, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights beside it are scored as they are, whether peft is installed or not, unless the
    folder is named as adapter as well. transformers with peft would add it."""
    folder = copied(llama, tmp_path / "m")
    for path in lora.iterdir():
        if path.name.startswith("adapter_"):
            (folder / path.name).write_bytes(path.read_bytes())
    if find_adapter_config_file(str(folder), subfolder="elsewhere") is not None:
        assert "would be read together with the model" in refused(folder)  # transformers of 5.6
        return
    account = assert_scored_as(plain(llama), folder)
    assert account["adapter_left_aside"] and account["files"] == ["model.safetensors"]
    account = assert_scored_as(unmerged(llama, lora), folder, adapter=str(folder))
    assert account["merged_to"] < 1e-5

    def identity(**spec: Any) -> dict[str, Any]:
        return model_identity(ModelSpec(str(folder), **spec), RunOptions(), lambda _: None)

    with monkeypatch.context() as without:
        for module in (auto_factory, peft_integration):
            without.setattr(module, "is_peft_available", lambda: False)
        assert_scored_as(plain(llama), folder)
    alone, together = identity(), identity(adapter=str(folder))
    assert alone != together
    configured(folder, lora_alpha=16)
    assert identity() == alone  # it is not read
    assert identity(adapter=str(folder)) != together


def test_the_user_hears_of_an_adapter_that_is_left_aside(
    llama: Path, lora: Path, tmp_path: Path
) -> None:
    folder = copied(llama, tmp_path / "m")
    (folder / "adapter_config.json").write_bytes((lora / "adapter_config.json").read_bytes())
    if find_adapter_config_file(str(folder), subfolder="elsewhere") is not None:
        pytest.skip("the installed transformers cannot leave it aside")
    said: list[str] = []
    open_engine(ModelSpec(str(folder)), RunOptions(engine="reference"), said.append)
    assert [str(folder) in line and "adapter in [[model]]" in line for line in said] == [True]


def test_a_merge_that_changes_what_is_computed_is_noticed(
    llama: Path, lora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = peft.tuners.lora.Linear.merge

    def half(layer: Any, *arguments: Any, **named: Any) -> None:
        whole(layer, *arguments, **named)
        layer.get_base_layer().weight.data *= 0.9

    monkeypatch.setattr(peft.tuners.lora.Linear, "merge", half)
    sentence = refused(llama, adapter=str(lora))
    assert f"Merging the adapter '{lora}' into its model changes log-probabilities by" in sentence


@pytest.mark.parametrize(
    ("dtype", "factor", "cure"),
    [
        ("float16", 300.0, r'float16; in \[run\], set dtype = "float32" or "bfloat16"\.'),
        ("float32", float("inf"), r"float32; copy or download the adapter again, or leave it out"),
    ],
)
def test_an_adapter_too_large_for_a_precision(
    dtype: str, factor: float, cure: str, llama: Path, lora: Path, tmp_path: Path
) -> None:
    adapter = altered(
        copied(lora, tmp_path / "adapter"),
        lambda given: {name: tensor * factor for name, tensor in given.items()},
        weights=WEIGHTS,
    )
    with pytest.raises(UserError, match=f"with the adapter .* returns invalid numbers in {cure}"):
        open_engine(ModelSpec(str(llama), adapter=str(adapter)), RunOptions(dtype=dtype), print)


def test_names_in_the_file_are_what_peft_writes(lora: Path) -> None:
    """The other tests change these names."""
    names = set(load_file(lora / WEIGHTS))
    assert f"{LAYER}.q_proj.lora_A.weight" in names and len(names) == 8
