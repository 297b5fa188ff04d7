"""Model files: what identifies them, GGUF conversion, code that comes with a model."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.gguf_files import as_gguf
from tests.support.toys import save_tiny, tiny_model
from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.files import check_weights, content_hash
from tremble.models.open import find, model_identity, open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.tokenization.options import option_paths

SAID: list[str] = []


def test_identity_follows_the_weights_the_dtype_and_nothing_else(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "a")
    same = save_tiny(tmp_path / "b")
    other = save_tiny(tmp_path / "c", seed=1)

    def identity(path: Path, dtype: str = "float32") -> dict[str, Any]:
        return model_identity(ModelSpec(str(path)), RunOptions(dtype=dtype), SAID.append)

    assert identity(folder) == identity(same)
    assert identity(folder) != identity(other)
    assert identity(folder) != identity(folder, "bfloat16")
    engine = open_engine(ModelSpec(str(folder)), RunOptions(), SAID.append)
    assert engine.identity() == identity(folder)


def test_an_index_that_chooses_among_files_identifies_the_model(tmp_path: Path) -> None:
    """Two models in the shards of one folder: the index alone says which of them is scored. Where
    the names of the files say it, an index does not count, nor does an original release."""
    folder = save_tiny(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    one = dict.fromkeys(tensors, "model-00001-of-00001.safetensors")
    two = {name: f"model-0000{1 + at % 2}-of-00002.safetensors" for at, name in enumerate(tensors)}
    index = folder / "model.safetensors.index.json"

    def write(places: dict[str, str], factor: float) -> None:
        for file in set(places.values()):
            held = {name: tensors[name] * factor for name in tensors if places[name] == file}
            save_file(held, folder / file, metadata={"format": "pt"})

    def identity(places: dict[str, str], total: int = 0) -> dict[str, Any]:
        index.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}))
        return model_identity(ModelSpec(str(folder)), RunOptions(), SAID.append)

    write(two, 1.1)
    (folder / "consolidated.safetensors").write_bytes(b"original")
    alone = [folder / name for name in sorted({"consolidated.safetensors", *two.values()})]
    assert identity(two)["weights"] == content_hash([folder / "config.json", *alone])
    assert identity(two) == identity(two, total=5)
    write(one, 1.0)
    assert identity(one) != identity(two)


def test_a_content_hash_sees_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    seen = set()
    for content in (b"a" * 5_000_000, b"a" * 4_999_999 + b"b", b""):
        path.write_bytes(content)
        seen.add(content_hash([path]))
    assert len(seen) == 3


def test_a_converted_gguf_file_scores_like_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tiny float32 GGUF, written tensor by tensor, against the safetensors it came from. What is
    damaged in the cache is converted anew, and every byte is as it was the first time."""
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    folder = save_tiny(tmp_path / "model")
    path = as_gguf(folder, tmp_path / "tiny-F32.gguf")
    spec = ModelSpec(str(path))
    files = find(spec, SAID.append)
    assert files.quantised is not None
    before = sorted(file.stat().st_mtime_ns for file in files.folder.iterdir())
    converted = open_engine(spec, RunOptions(), SAID.append)
    plain = open_engine(ModelSpec(str(folder)), RunOptions(), SAID.append)
    prompts = [('{"decision": "', ["accept", "reject"])]
    (got,) = converted.score(option_paths(converted.tokenizer, prompts))
    (expected,) = plain.score(option_paths(plain.tokenizer, prompts))
    assert got.logprobs == pytest.approx(expected.logprobs, abs=1e-4)
    assert sorted(file.stat().st_mtime_ns for file in files.folder.iterdir()) == before
    made = {file.name: file.read_bytes() for file in files.folder.iterdir()}
    weights = files.folder / "model.safetensors"
    weights.write_bytes(made[weights.name][:-1] + bytes([made[weights.name][-1] ^ 1]))
    said: list[str] = []
    assert find(spec, said.append) == files
    assert ["'model.safetensors' is damaged" in line for line in said] == [True]
    assert {file.name: file.read_bytes() for file in files.folder.iterdir()} == made
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [files.folder.name]


def test_code_that_comes_with_a_model_does_not_run_unasked(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "unheard-of"
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("open(__file__ + '.ran', 'w').close()\n")
    with pytest.raises(UserError, match="remote_code"):
        open_tokenizer(ModelSpec(str(folder)), RunOptions(), SAID.append)
    assert not list(tmp_path.rglob("*.ran"))


def test_a_sharded_folder_is_checked_shard_by_shard(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny_model("Llama").save_pretrained(folder, max_shard_size="40KB")
    names = [path.name for path in check_weights(folder)]
    assert len(names) > 1 and names == sorted(names)
    shard = folder / names[1]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{names[1]}.* truncated or damaged"):
        check_weights(folder)
    shard.unlink()
    with pytest.raises(UserError, match=f"lack '{names[1]}', which their index lists"):
        check_weights(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json"])
def test_a_byte_order_mark_is_named(name: str, tmp_path: Path) -> None:
    """transformers does not read these files with one."""
    folder = save_tiny(tmp_path / "m")
    (folder / name).write_bytes(BOM_UTF8 + (folder / name).read_bytes())
    with pytest.raises(
        UserError, match=f"{name}' begins with a byte order mark, .*; save the file without it"
    ):
        open_tokenizer(ModelSpec(str(folder)), RunOptions(), SAID.append)


@pytest.mark.parametrize("kept", [[], ["tokenizer_config.json"]])
def test_a_folder_without_a_tokenizer(kept: list[str], tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m")
    for path in folder.iterdir():
        if path.name not in ("config.json", "model.safetensors", *kept):
            path.unlink()
    with pytest.raises(UserError) as caught:
        open_tokenizer(ModelSpec(str(folder)), RunOptions(), SAID.append)
    assert str(caught.value) == (
        f"The model {str(folder)!r} has no tokenizer.json (or tokenizer.model, or vocab.json); "
        "copy or download its tokenizer into its folder."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (RunOptions(dtype="float8"), "no dtype 'float8'"),
        (RunOptions(engine="vlm"), "no engine 'vlm'"),
        (RunOptions(device="cuda:7"), "device 'cuda:7' cannot be used"),
    ],
)
def test_unknown_settings(tmp_path: Path, options: RunOptions, message: str) -> None:
    if options.device.startswith("cuda") and torch.cuda.device_count() > 7:
        pytest.skip("this machine has that device")
    with pytest.raises(UserError, match=message):
        open_engine(ModelSpec(str(save_tiny(tmp_path / "m"))), options, SAID.append)
