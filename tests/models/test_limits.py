"""Configurations that no model has: one sentence each, before anything is built of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.architectures import ARCHITECTURES
from tests.support.places import GOLDEN
from tremble.errors import ModelUnavailable
from tremble.models.files import check_weights, read_json
from tremble.models.limits import check_config
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions

TINY = GOLDEN / "study_0_1_0" / "models" / "base"
MORE, LESS, NOT_WHOLE = (
    "which is more than",
    "which is less than 1;",
    "which is not a whole number;",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "model"))


def refused(folder: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        check_config(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("num_hidden_layers", 10_001, f"{MORE} 10,000;"),
        ("num_hidden_layers", 10**4000, f"{MORE} 10,000;"),
        ("num_hidden_layers", 1e300, f"{MORE} 10,000;"),
        ("num_hidden_layers", 0, LESS),
        ("num_hidden_layers", -1, LESS),
        ("num_hidden_layers", 2.5, NOT_WHOLE),
        ("num_hidden_layers", float("inf"), NOT_WHOLE),
        ("num_hidden_layers", float("nan"), NOT_WHOLE),
        ("num_hidden_layers", "2", NOT_WHOLE),
        ("num_hidden_layers", True, NOT_WHOLE),
        ("num_hidden_layers", [2, {}], NOT_WHOLE),
        ("n_layer", 10**9, f"{MORE} 10,000;"),
        ("hidden_size", 10**9, MORE),
        ("hidden_size", 0, LESS),
        ("vocab_size", 10**10, MORE),
        ("vocab_size", None, ""),
        ("max_position_embeddings", "64", NOT_WHOLE),
        ("max_position_embeddings", 10**10, MORE),
        ("num_labels", 10**8, f"{MORE} 1,000,000;"),
        ("num_local_experts", 10**6, f"{MORE} 10,000;"),
        ("num_experts", 10**6, f"{MORE} 10,000;"),
        ("intermediate_size", [64, 10**12], MORE),
        ("num_attention_heads", 10**9, MORE),
        ("mamba_chunk_size", 10**9, MORE),
    ],
)
@pytest.mark.parametrize("inside", [None, "text_config"])
def test_a_size_that_no_model_has(
    key: str, value: Any, reason: str, inside: str | None, folder: Path
) -> None:
    config = json.loads((folder / "config.json").read_text())
    (config if inside is None else config.setdefault(inside, {}))[key] = value
    (folder / "config.json").write_text(json.dumps(config))
    if not reason:
        check_config(folder)
        return
    sentence = refused(folder)
    assert f"{key} = {str(value)[:40]}" in sentence.replace("'", "")
    assert reason in sentence
    assert str(folder / "config.json") in sentence
    assert len(sentence) < 400 + len(str(folder))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("layer_types", ["full_attention"] * 7, "`num_hidden_layers` (1) must be equal to"),
        ("rms_norm_eps", "small", "expected float, got str (value: 'small')"),
    ],
)
def test_what_transformers_finds_is_said_in_whole(
    key: str, value: Any, reason: str, folder: Path
) -> None:
    from transformers import AutoConfig

    config = json.loads((folder / "config.json").read_text())
    layers = AutoConfig.from_pretrained(folder).num_hidden_layers
    (folder / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(ModelUnavailable) as caught:
        open_tokenizer(ModelSpec(str(folder)), RunOptions(), print)
    assert reason.replace("(1)", f"({layers})") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_the_parts_only_that_of_texts_must_have_layers(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"] = {"num_hidden_layers": 0}
    config["id2label"] = {"num_labels": 10**12}
    (folder / "config.json").write_text(json.dumps(config))
    check_config(folder)
    config["vision_config"]["num_hidden_layers"] = 10**6
    (folder / "config.json").write_text(json.dumps(config))
    assert "num_hidden_layers = 1000000" in refused(folder)


def test_a_tokenizer_of_a_billion_names(folder: Path) -> None:
    """A ByT5 or T5 tokenizer makes that many, one by one."""
    (folder / "tokenizer_config.json").write_text('{"extra_ids": 1000000000}')
    sentence = refused(folder)
    assert "tokenizer_config.json' has extra_ids = 1000000000" in sentence


def test_models_as_they_are_pass(folder: Path) -> None:
    check_config(folder)
    largest = {  # of published models, each its own
        "num_hidden_layers": 126,
        "hidden_size": 16_384,
        "vocab_size": 262_208,
        "max_position_embeddings": 100_000_000,
        "num_experts": 2048,
        "num_attention_heads": 128,
        "intermediate_size": [16_384, 8192],
        "num_nextn_predict_layers": 1,
        "sliding_window": None,
        "rope_theta": 1e12,
    }
    (folder / "config.json").write_text(json.dumps(largest))
    check_config(folder)
    for described in ARCHITECTURES.values():
        (folder / "config.json").write_text(json.dumps(described.arguments))
        check_config(folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[" * 100_000, "maximum recursion depth"),
        ('{"a":' * 100_000, "maximum recursion depth"),
        (f'{{"num_hidden_layers": {"9" * 5000}}}', "5000 digits"),
        ('{"model_type": ', "Expecting value"),
        ("[1]", "does not contain a JSON object"),
        ("\udcff{}", "can't decode byte"),
    ],
)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_json_that_is_none_or_without_end(
    content: str, reason: str, name: str, folder: Path
) -> None:
    (folder / name).write_text(content, "utf-8", "surrogateescape")
    sentence = refused(folder)
    assert reason in sentence
    assert str(folder / name) in sentence


def test_nested_as_deep_as_can_be_read(folder: Path) -> None:
    """What json reads, is walked through; what it does not is refused: nothing in between."""
    for deep in range(100, 1000, 25):
        (folder / "config.json").write_text('{"a":' * deep + "{}" + "}" * deep)
        try:
            read_json(folder / "config.json")
        except ModelUnavailable:
            refused(folder)
        else:
            check_config(folder)


def test_an_index_of_shards_is_read_as_carefully(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    (folder / "model.safetensors").unlink()  # which would be loaded whatever an index names
    for content in ("[" * 100_000, f'{{"weight_map": {"9" * 5000}}}', '{"weight_map": [1]}', "{}"):
        index.write_text(content)
        with pytest.raises(ModelUnavailable, match=r"index\.json' .*copy or download it again"):
            check_weights(folder)
