"""After any adapter the model is what it was when it was loaded, whatever the adapter's file holds;
held against the model as transformers reads it anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.support.calls import counting
from tests.support.odd_models import PROMPTS, Tensors, altered
from tests.support.toys import save_tiny, tiny_model
from tremble.engines import weights as weights_module
from tremble.engines.open import Engines, open_engine
from tremble.engines.restoring import fingerprint
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.tokenization.options import option_paths

peft = pytest.importorskip("peft")
adapters = pytest.importorskip("tests.support.adapters")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

WEIGHTS = "adapter_model.safetensors"
INNER = "base_model.model."
OPTIONS = RunOptions(engine="reference")


def moved(tensor: torch.Tensor) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(7)
    return tensor + 0.3 * torch.randn(tensor.shape, generator=drawn)


def permuted(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.roll(1, 0)


def negated(tensor: torch.Tensor) -> torch.Tensor:
    return -tensor


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By name, each with a plain adapter in `NAME-lora` beside it."""
    room = tmp_path_factory.mktemp("bases")
    for name, architecture in (
        *(("llama", "Llama"), ("tied", "Llama"), ("untied", "Llama")),
        *(("biases", "Qwen2"), ("buffers", "MiMoV2Flash")),
    ):
        folder = save_tiny(room / name, architecture)
        if name == "tied":
            altered(folder, lambda given: {n: given[n] for n in given if n != "lm_head.weight"})
        if name in ("tied", "untied"):  # untied: a head of its own, though the configuration ties
            altered(folder, config={"tie_word_embeddings": True})
        lora = peft.LoraConfig(**adapters.LORA)
        adapters.trained(folder, room / f"{name}-lora", lora, seed=2)
    return {path.name: path for path in room.iterdir()}


def carrying(
    bases: dict[str, Path], base: str, adapter: Path, names: list[str], change: Any = moved
) -> Path:
    """A plain adapter whose file holds tensors of its model as well, changed in training."""
    folder = bases[base]
    adapters.trained(folder, adapter, peft.LoraConfig(**adapters.LORA))
    whole = adapters.plain(folder).state_dict()

    def with_whole(given: Tensors) -> Tensors:
        inner = {n: n.removeprefix(INNER).replace(".base_layer", "") for n in names}
        return {**given, **{n: change(whole[inner[n]]) for n in names}}

    return altered(adapter, with_whole, weights=WEIGHTS)


def assert_is_as_loaded(engine: Any, base: Path) -> None:
    """Every tensor of the model, bit for bit, buffers that are not stored included."""
    fresh = adapters.plain(base)
    for kind in ("named_parameters", "named_buffers"):
        mine = dict(getattr(engine.model, kind)(remove_duplicate=False))
        theirs = dict(getattr(fresh, kind)(remove_duplicate=False))
        assert list(mine) == list(theirs)
        for name, tensor in theirs.items():
            assert mine[name].detach().numpy().tobytes() == tensor.detach().numpy().tobytes(), name
    assert engine.model.config.tie_word_embeddings == fresh.config.tie_word_embeddings


def assert_scores_as_alone(bases: dict[str, Path], base: str, odd: Path) -> None:
    """The odd adapter, its base, the odd one again, and a plain one, after one another."""
    folder, lora = str(bases[base]), str(bases[f"{base}-lora"])
    order = [ModelSpec(str(odd), base=folder), ModelSpec(folder)]
    order += [order[0], ModelSpec(lora, base=folder), order[1]]
    engines = Engines(OPTIONS, lambda _: None)
    expected: dict[str, list[Any]] = {}
    for spec in order:
        if spec.id not in expected:
            expected[spec.id] = scores(Engines(OPTIONS, lambda _: None).open(spec))
        engine = engines.open(spec, more=True)
        assert scores(engine) == expected[spec.id]
        if spec.id == folder:
            assert_is_as_loaded(engine, bases[base])
    assert len({str(one) for one in expected.values()}) == 3


def scores(engine: Any) -> list[tuple[float | None, ...]]:
    paths = option_paths(engine.tokenizer, PROMPTS)
    return [one.logprobs for one in sorted(engine.score(paths), key=lambda one: one.index)]


@pytest.mark.parametrize(
    ("base", "names", "change"),
    [
        ("llama", ["model.embed_tokens.weight"], moved),
        ("llama", ["model.embed_tokens.weight"], permuted),
        ("llama", ["model.embed_tokens.weight"], negated),
        ("llama", ["model.embed_tokens.weight", "lm_head.weight"], moved),
        ("tied", ["lm_head.weight"], moved),
        ("tied", ["model.embed_tokens.weight"], moved),
        ("untied", ["model.embed_tokens.weight"], moved),
        ("llama", ["model.norm.weight"], moved),
        ("llama", ["model.layers.1.input_layernorm.weight"], moved),
        ("llama", ["model.layers.0.mlp.up_proj.weight"], moved),
        ("llama", ["model.layers.0.self_attn.q_proj.base_layer.weight"], moved),
        ("biases", ["model.layers.1.self_attn.k_proj.bias"], moved),
        ("biases", ["model.layers.1.self_attn.q_proj.base_layer.bias"], moved),
        ("buffers", ["model.layers.1.mlp.gate.e_score_correction_bias"], moved),
    ],
)
def test_whole_tensors_in_a_file_do_not_stay(
    base: str, names: list[str], change: Any, bases: dict[str, Path], tmp_path: Path
) -> None:
    odd = carrying(bases, base, tmp_path / "odd", [INNER + name for name in names], change)
    assert_scores_as_alone(bases, base, odd)


@pytest.mark.parametrize("base", ["llama", "tied"])
def test_an_embedding_that_peft_saved_does_not_stay(
    base: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    """As in a training that also trains the embedding; the configuration names no such module."""
    torch.manual_seed(3)
    model = peft.get_peft_model(adapters.plain(bases[base]), peft.LoraConfig(**adapters.LORA))
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        weight.add_(torch.randn_like(weight), alpha=0.2)
    odd = tmp_path / "odd"
    model.save_pretrained(odd, save_embedding_layers=True)
    assert f"{INNER}model.embed_tokens.weight" in load_file(odd / WEIGHTS)
    settings = json.loads((odd / "adapter_config.json").read_text())
    assert settings["modules_to_save"] is None and settings["trainable_token_indices"] is None
    assert_scores_as_alone(bases, base, odd)


@pytest.mark.parametrize("base", ["llama", "tied", "untied"])
@pytest.mark.parametrize(
    "settings",
    [
        {"modules_to_save": ["embed_tokens"]},
        {"modules_to_save": ["norm"]},
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"target_modules": ["lm_head", "q_proj"]},
        {"trainable_token_indices": [40, 41, 300]},
        {"init_lora_weights": "pissa"},
    ],
)
def test_what_an_adapter_is_made_of_does_not_stay(
    base: str, settings: dict[str, Any], bases: dict[str, Path], tmp_path: Path
) -> None:
    config = peft.LoraConfig(**{**adapters.LORA, **settings})
    assert_scores_as_alone(bases, base, adapters.trained(bases[base], tmp_path / "odd", config))


def test_what_nobody_foresaw_is_loaded_again(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peft that merges into a layer beside its own, past every counter of torch."""
    whole = peft.tuners.lora.Linear.merge
    norms: list[Any] = []

    def with_norm(layer: Any, *arguments: Any, **named: Any) -> None:
        whole(layer, *arguments, **named)
        norms[0].weight.data += 1e-7 * norms[0].weight.data.sign()

    monkeypatch.setattr(peft.tuners.lora.Linear, "merge", with_norm)
    loads = counting(monkeypatch, weights_module, "_without_adapter")
    engines = Engines(OPTIONS, lambda _: None)
    base, lora = str(bases["llama"]), str(bases["llama-lora"])
    held: Any = engines.open(ModelSpec(base), more=True)
    norms.append(held.model.model.norm)
    engines.open(ModelSpec(lora, base=base), more=True)
    assert len(loads) == 1
    assert_is_as_loaded(engines.open(ModelSpec(base)), bases["llama"])
    assert len(loads) == 2


def test_an_adapter_that_is_refused_leaves_nothing(bases: dict[str, Path], tmp_path: Path) -> None:
    """A training with more tokens: peft writes ends of more rows than the model has."""
    names = [INNER + "model.norm.weight", INNER + "model.embed_tokens.weight"]

    def longer(tensor: torch.Tensor) -> torch.Tensor:
        return moved(tensor if tensor.dim() == 1 else torch.cat([tensor, tensor[:3]]))

    odd = carrying(bases, "llama", tmp_path / "odd", names, longer)
    engines = Engines(OPTIONS, lambda _: None)
    base = ModelSpec(str(bases["llama"]))
    engines.open(base, more=True)
    with pytest.raises(UserError, match=r"embed_tokens.weight' .* is 307 x 32, but its config"):
        engines.open(ModelSpec(str(odd), base=base.id), more=True)
    assert_is_as_loaded(engines.open(base), bases["llama"])


@pytest.mark.parametrize("base", ["llama", "tied", "untied", "biases", "buffers"])
def test_plain_adapters_need_one_load(
    base: str, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = counting(monkeypatch, weights_module, "_without_adapter")
    engines = Engines(OPTIONS, lambda _: None)
    folder = str(bases[base])
    for _ in range(3):
        engine: Any = engines.open(ModelSpec(str(bases[f"{base}-lora"]), base=folder), more=True)
        kept = sum(copy.numel() for _, copy in engine._known.before._copies)
        changed = sum(
            tensor.numel()
            for name, tensor in adapters.plain(bases[base]).named_parameters()
            if "q_proj" in name or "v_proj" in name
        )
        assert kept == changed  # and no copy of the rest
        assert_is_as_loaded(engines.open(ModelSpec(folder), more=True), bases[base])
    assert len(loads) == 1


def swapped(weight: torch.Tensor) -> None:
    weight[[0, 1]] = weight[[1, 0]]


def minus_two(weight: torch.Tensor) -> None:
    weight[0, 1] *= -1
    weight[0, 3] *= -1


def minus_a_row(weight: torch.Tensor) -> None:
    weight[5] *= -1


def last_bit(weight: torch.Tensor) -> None:
    weight.view(-1).view(torch.uint8)[0] ^= 1


def opposite(weight: torch.Tensor) -> None:
    words = weight.view(torch.int32)
    words[0, 0] += 1
    words[-1, -1] -= 1


@pytest.mark.parametrize("change", [swapped, minus_two, minus_a_row, last_bit, opposite])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fingerprint_sees_every_change(
    change: Callable[[torch.Tensor], None], dtype: torch.dtype
) -> None:
    model = tiny_model("Llama").to(dtype)
    known = fingerprint(model)
    assert known is not None and known == fingerprint(model)
    weight = model.model.layers[1].mlp.down_proj.weight
    copy = weight.detach().clone()
    change(weight.data)
    assert not torch.equal(weight, copy)
    assert fingerprint(model) != known
    weight.data.copy_(copy)
    assert fingerprint(model) == known
    weight.data = copy  # the same numbers elsewhere are the same model
    assert fingerprint(model) == known


def test_a_fingerprint_sees_ties_names_buffers_and_settings() -> None:
    prints = [fingerprint(tiny_model("Llama"))]
    for change in range(5):
        model = tiny_model("Llama")
        if change == 0:  # equal numbers, one tensor or two
            model.lm_head.weight = torch.nn.Parameter(model.model.embed_tokens.weight.clone())
        elif change == 1:
            model.lm_head.weight = model.model.embed_tokens.weight
        elif change == 2:
            model.model.rotary_emb.inv_freq[1] *= 2
        elif change == 3:
            model.config.tie_word_embeddings = True
        else:
            model.model.norm.bias = torch.nn.Parameter(torch.zeros(32))
        prints.append(fingerprint(model))
    assert all(one != other for at, one in enumerate(prints) for other in prints[:at])


def test_a_fingerprint_of_odd_sizes_and_places() -> None:
    """Parts of other tensors, at any byte; more words than are summed at once; none at all."""
    model = tiny_model("Llama")
    base = torch.randn(600_001).to(torch.bfloat16)
    model.register_buffer("odd", base[1:])
    model.register_buffer("bits", torch.rand(7) > 0.5)
    model.register_buffer("none", torch.empty(0))
    model.register_buffer("one", torch.tensor(3))
    model.register_buffer("aside", torch.randn(4, 6).T)
    state = torch.get_rng_state()
    known = fingerprint(model)
    assert known is not None and torch.equal(state, torch.get_rng_state())
    for at in (1, 2, 300_000, 600_000):
        base[at] *= -1
        assert fingerprint(model) != known
        base[at] *= -1
        assert fingerprint(model) == known
    model.bits[6] ^= True
    assert fingerprint(model) != known
    model.bits[6] ^= True
    model.aside[5, 3] += 1
    assert fingerprint(model) != known


def test_what_cannot_be_seen_has_no_fingerprint() -> None:
    model = tiny_model("Llama")
    model.model.norm.to("meta")
    assert fingerprint(model) is None


def test_a_model_without_more_adapters_is_not_read_twice(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(monkeypatch, weights_module, "fingerprint")
    open_engine(ModelSpec(str(bases["llama-lora"])), OPTIONS, lambda _: None)
    assert not read
