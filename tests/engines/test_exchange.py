"""Adapters on one base, one after another: loaded once, and put back bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.calls import counting
from tests.support.odd_models import PROMPTS, assert_scored_as
from tests.support.toys import save_tiny
from tremble.engines import merging
from tremble.engines import weights as weights_module
from tremble.engines.base import Engine
from tremble.engines.open import Engines
from tremble.engines.shared_prefix import engine as shared
from tremble.models.spec import ModelSpec, RunOptions, model_name
from tremble.study import render as rendering
from tremble.study.file import read_study
from tremble.study.run import score_study
from tremble.tokenization.options import option_paths

peft = pytest.importorskip("peft")
adapters = pytest.importorskip("tests.support.adapters")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def ten(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten adapters of one run, of several kinds."""
    run = tmp_path_factory.mktemp("run")
    kinds: list[dict[str, Any]] = [
        {},
        {"target_modules": "all-linear"},
        {"use_rslora": True},
        {"init_lora_weights": "orthogonal"},
        {"use_dora": True},
    ]
    return [
        adapters.trained(
            llama,
            run / f"checkpoint-{step}",
            peft.LoraConfig(**{**adapters.LORA, **kinds[step % len(kinds)]}),
            seed=step,
        )
        for step in range(10)
    ]


def scores(engine: Engine) -> list[tuple[float | None, ...]]:
    paths = option_paths(engine.tokenizer, PROMPTS)
    return [one.logprobs for one in sorted(engine.score(paths), key=lambda one: one.index)]


def spec(base: Path, adapter: Path) -> ModelSpec:
    return ModelSpec(str(adapter), base=str(base))


@pytest.mark.parametrize("name", ["reference", "transformers"])
def test_after_ten_adapters_the_first_scores_as_before(
    name: str, llama: Path, ten: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = counting(monkeypatch, weights_module, "_without_adapter")
    engines = Engines(RunOptions(engine=name), lambda _: None)
    base = scores(engines.open(ModelSpec(str(llama)), more=True))
    found = [scores(engines.open(spec(llama, one), more=True)) for one in ten]
    assert scores(engines.open(spec(llama, ten[0]), more=True)) == found[0]
    assert scores(engines.open(ModelSpec(str(llama)))) == base
    assert len(loads) == 1
    assert len({str(one) for one in (base, *found)}) == 11
    for adapter, mine in zip(ten, found, strict=True):  # each as if it had been alone
        alone = Engines(RunOptions(engine=name), lambda _: None).open(spec(llama, adapter))
        for one, other in zip(mine, scores(alone), strict=True):
            assert one == pytest.approx(other, abs=1e-6)


def test_a_base_with_an_adapter_scores_as_merged(llama: Path, ten: list[Path]) -> None:
    for adapter in ten[:5]:
        merged = adapters.unmerged(llama, adapter).merge_and_unload()
        assert_scored_as(merged, adapter, within=1e-4, base=str(llama))


@pytest.mark.parametrize(
    "settings", [{"modules_to_save": ["lm_head"]}, {"target_modules": ["embed_tokens", "q_proj"]}]
)
def test_what_cannot_be_put_back_is_loaded_again(
    settings: dict[str, Any], llama: Path, ten: list[Path], tmp_path: Path
) -> None:
    config = peft.LoraConfig(**{**adapters.LORA, **settings})
    odd = adapters.trained(llama, tmp_path / "odd", config)
    engines = Engines(RunOptions(), lambda _: None)
    first = scores(engines.open(spec(llama, ten[0]), more=True))
    held = engines.open(spec(llama, odd), more=True)
    scores(held)
    again = engines.open(spec(llama, ten[0]))
    assert again is not held
    assert scores(again) == first


def test_little_memory_means_loading_again(
    llama: Path, ten: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = Engines(RunOptions(), lambda _: None)
    first = scores(engines.open(spec(llama, ten[0])))
    monkeypatch.setattr(merging, "memory", SimpleNamespace(free_bytes=lambda _: 1000))
    engines = Engines(RunOptions(), lambda _: None)
    held = engines.open(spec(llama, ten[0]), more=True)
    again = engines.open(spec(llama, ten[1]))
    assert again is not held
    assert scores(engines.open(spec(llama, ten[0]))) == first


def study(folder: Path, base: Path, some: list[Path]) -> Path:
    lines = [
        {"id": f"{i}", "prompt": f"{i}?", "options": ["a", "b"], "choice": "a", "participant": "p"}
        for i in range(4)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    text = '[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n'
    for one in some:
        text += f'[[pair]]\nbase = "{base}"\naligned = "{one}"\n'
        text += f'[[model]]\nid = "{one}"\nbase = "{base}"\n'
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_ten_adapters_in_a_study(
    llama: Path, ten: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One load, one table of prompts, one check of the path."""
    loads = counting(monkeypatch, weights_module, "_without_adapter")
    checks = counting(monkeypatch, shared.SharedEngine, "_begin")
    tables = counting(monkeypatch, rendering, "in_parts")
    out = tmp_path / "out"
    assert score_study(read_study(study(tmp_path, llama, ten)), out, lambda _: None) == 0
    assert (len(loads), len(checks), len(tables)) == (1, 1, 1)
    manifests = [json.loads(path.read_text()) for path in out.rglob("manifest.json")]
    assert len(manifests) == 11
    assert {one["scoring"]["self_check"]["model"] for one in manifests} == {str(llama)}
    assert sum("merged_to" in one["scoring"]["weights"] for one in manifests) == 10


def test_labels_tell_runs_apart() -> None:
    one = ModelSpec("org/base", adapter="/there/a/checkpoint-8", written="a/checkpoint-8")
    other = ModelSpec("org/base", adapter="/there/b/checkpoint-8", written="b/checkpoint-8")
    assert model_name(one) == "org/base+a/checkpoint-8"
    assert model_name(one) != model_name(other)


@pytest.mark.parametrize(
    "settings",
    [
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "olora"},
        {"bias": "all"},
        {"bias": "lora_only"},
        {"lora_bias": True},
        {"init_lora_weights": "orthogonal"},
    ],
)
def test_weights_that_an_adapter_changes_when_it_is_put_on(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """Qwen 2 has biases of its own, and some adapters begin with the weights of their model."""
    qwen = save_tiny(tmp_path / "qwen", "Qwen2")
    plain = adapters.trained(qwen, tmp_path / "plain", peft.LoraConfig(**adapters.LORA))
    config = peft.LoraConfig(**{**adapters.LORA, **settings})
    odd = adapters.trained(qwen, tmp_path / "odd", config)
    order = [spec(qwen, odd), ModelSpec(str(qwen)), spec(qwen, odd), spec(qwen, plain)]
    engines = Engines(RunOptions(engine="reference"), lambda _: None)
    found = [scores(engines.open(one, more=True)) for one in order]
    for one, mine in zip(order, found, strict=True):
        alone = Engines(RunOptions(engine="reference"), lambda _: None)
        assert mine == scores(alone.open(one))
