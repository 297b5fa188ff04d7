"""The [run] table: what it may say, what enters the key, and devices that are not there."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.studies import PAIR
from tests.support.toys import save_tiny
from tremble.engines import open as opening
from tremble.engines.open import open_engine
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.errors import MissingExtra, ModelUnavailable, UserError
from tremble.models.device import check_device, device_map, quantiser
from tremble.models.open import model_identity, open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.store.study_folder import Store
from tremble.study.file import read_study
from tremble.study.notes import caveats
from tremble.study.run import score_study
from tremble.tokenization.options import option_paths

PROMPTS = [("Answer: ", ["yes please", "no"]), ('Long. {"decision": "', ["accept", "reject"])]


def options(folder: Path, run: str, text: str = PAIR) -> RunOptions:
    path = folder / "trial.toml"
    path.write_text(f'[study]\nname = "trial"\n{text}[run]\n{run}\n')
    return read_study(path).run


def test_the_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    assert options(tmp_path, "") == RunOptions(
        engine="transformers",
        dtype="float32",
        device="cpu",
        batch=1,
        remote_code=(),
        memory=None,
        quantise=None,
        keep_models=True,
        compile=False,
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4 GB", 4_000_000_000),
        ("512MB", 512_000_000),
        ("8 GiB", 8_589_934_592),
        ("1.5 gib", 1_610_612_736),
        ("1 TB", 10**12),
    ],
)
def test_memory_is_a_size(tmp_path: Path, text: str, size: int) -> None:
    assert options(tmp_path, f'memory = "{text}"').memory == size


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        ('memory = "4"', "'4'"),
        ('memory = "four GB"', "'four GB'"),
        ('memory = "0 GB"', "'0 GB'"),
        ("memory = 4.5", "4.5"),
        ('keep_models = "no"', "'no'"),
        ("compile = 1", "compile in [run] is 1; it must be true or false"),
        ('quantise = "3bit"', "'3bit'"),
        ("quantise = 8", "is 8"),
        ("keep_model = false", "did you mean 'keep_models'"),
    ],
)
def test_wrong_values_are_shown(tmp_path: Path, run: str, shown: str) -> None:
    with pytest.raises(UserError) as caught:
        options(tmp_path, run)
    assert shown in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("gpu", "the possible devices are cpu, cuda, cuda:0 and so on, mps and auto"),
        ("cuda:one", "the possible devices are cpu"),
        ("cuda:", "the possible devices are cpu"),
        ("cuda", "sees no CUDA GPU"),
        ("cuda:1", "sees no CUDA GPU"),
        ("mps", "sees no Apple GPU"),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(
    device: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match=f"device '{device}' cannot be used") as caught:
        check_device(RunOptions(device=device))
    assert reason in str(caught.value)


def test_a_gpu_beyond_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device(RunOptions(device="cuda:1"))
    with pytest.raises(UserError, match="up to cuda:1"):
        check_device(RunOptions(device="cuda:2"))


def test_both_engine_names_are_known_and_enter_the_key(tmp_path: Path) -> None:
    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    keys = {}
    for name in ("transformers", "reference"):
        asked = RunOptions(engine=name)
        engine = open_engine(spec, asked, print)
        keys[name] = engine.identity()
        assert keys[name] == model_identity(spec, asked, print)
    assert {**keys["transformers"], "engine": "reference"} == keys["reference"]


def test_a_model_loaded_through_a_device_map_scores_the_same(tmp_path: Path) -> None:
    """On a machine without a GPU, `auto` puts every layer on the processor."""
    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    plain = open_engine(spec, RunOptions(), print)
    mapped = open_engine(spec, RunOptions(device="auto"), print)
    paths = option_paths(plain.tokenizer, PROMPTS)
    expected = [row.logprobs for row in plain.score(paths)]
    got = [row.logprobs for row in mapped.score(paths)]
    assert device_map(RunOptions(device="auto")) == "auto"
    assert device_map(RunOptions(device="cuda:1")) == {"": "cuda:1"}
    assert device_map(RunOptions()) is None  # as ever
    for one, other in zip(got, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_layers_kept_in_main_memory_and_on_disk_score_the_same(tmp_path: Path) -> None:
    """Spread as over several devices: hooks bring each layer's weights to where it computes."""
    from accelerate import dispatch_model

    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    plain = open_engine(spec, RunOptions(engine="reference", batch=3), print)
    assert isinstance(plain, ReferenceEngine)
    paths = option_paths(plain.tokenizer, PROMPTS)
    expected = {row.index: row.logprobs for row in plain.score(paths)}
    parts = ("model.embed_tokens", "model.layers.0", "model.layers.1", "model.norm")
    places = {**dict.fromkeys((*parts, "model.rotary_emb", "lm_head"), "cpu")}
    places |= {"model.embed_tokens": "disk", "model.layers.1": "disk"}
    model = dispatch_model(
        plain.model, places, main_device="cpu", offload_dir=str(tmp_path / "off"), force_hooks=True
    )
    spread = ReferenceEngine(model, plain.tokenizer, {}, None, 3)
    assert next(model.get_input_embeddings().parameters()).device.type == "meta"
    for row in spread.score(paths):
        assert row.logprobs == pytest.approx(expected[row.index], abs=1e-5)
    shared = SharedEngine(spread, print)
    for row in shared.score(paths):
        assert row.logprobs == pytest.approx(expected[row.index], abs=1e-5)
    assert shared.report()["path"] == "shared"


def test_memory_bounds_what_a_pass_holds(tmp_path: Path) -> None:
    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    rows = {}
    for memory in (None, 40_000):
        engine = open_engine(spec, RunOptions(memory=memory), print)
        paths = option_paths(engine.tokenizer, PROMPTS)
        rows[memory] = {row.index: row.logprobs for row in engine.score(paths)}
        passes = engine.report()["passes"]
        assert passes > 3 if memory else passes == 1
    for index, logprobs in rows[None].items():
        assert rows[40_000][index] == pytest.approx(logprobs, abs=1e-5)


def test_a_lower_precision_is_measured_against_the_published_weights(tmp_path: Path) -> None:
    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    said: list[str] = []
    engine = open_engine(spec, RunOptions(dtype="bfloat16"), said.append)
    paths = option_paths(engine.tokenizer, PROMPTS)
    assert len(list(engine.score(paths))) == len(PROMPTS)
    assert engine.report()["precision"]["max_log_odds"] > 0
    assert any("bfloat16 moves the log-odds" in line for line in said)


def test_quantised_weights_have_a_key_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    plain = model_identity(spec, RunOptions(), print)
    assert set(plain) == {"engine", "weights", "adapter", "dtype"}  # keys of studies so far
    asked = RunOptions(quantise="4bit")
    _pretend(monkeypatch, "bitsandbytes")
    assert model_identity(spec, asked, print) == {**plain, "quantise": "4bit"}
    assert open_tokenizer(spec, asked, print).quantised == "quantised to 4bit when loaded"
    with pytest.raises(UserError, match="does not work on the device 'mps'"):
        check_device(RunOptions(quantise="8bit", device="mps"))
    with pytest.raises(UserError, match="no quantise = '2bit'"):
        check_device(RunOptions(quantise="2bit"))


def _pretend(monkeypatch: pytest.MonkeyPatch, package: str, there: bool = True) -> None:
    """A package that is installed, or is not, for whoever looks."""
    inner = importlib.util.find_spec

    def find(name: str, *rest: Any) -> Any:
        return (object() if there else None) if name == package else inner(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find)


def test_without_bitsandbytes_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, "bitsandbytes", there=False)
    with pytest.raises(MissingExtra, match=r"quantise = '8bit' needs .*tremble\[quantised\]"):
        check_device(RunOptions(quantise="8bit"))


@pytest.mark.parametrize(
    ("rope", "batch", "new"),
    [
        ({"rope_type": "default"}, 8, False),
        ({"rope_type": "dynamic", "factor": 2.0}, 1, False),  # its window is the original one
        ({"rope_type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 64}, 1, True),
        ({"type": "longrope", "original_max_position_embeddings": 64}, 1, False),
        ({"type": "longrope", "original_max_position_embeddings": 64}, 2, True),
    ],
)
def test_what_had_angles_of_other_prompts_has_a_new_key(
    rope: dict[str, Any], batch: int, new: bool, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path / "m")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "rope_parameters": rope}))
    options = RunOptions(batch=batch)
    identity = model_identity(ModelSpec(str(folder)), options, print)
    assert ("angles" in identity) == new


def test_tables_say_that_weights_were_quantised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of this test stay as they are: only the way to the reader is looked at."""
    from tremble.engines import weights

    _pretend(monkeypatch, "bitsandbytes")
    passed = []
    monkeypatch.setattr(weights, "quantiser", lambda asked: passed.append(asked.quantise))
    record = {"id": "1", "prompt": "Go?", "options": ["a", "b"], "choice": "a", "participant": "p"}
    (tmp_path / "mine.jsonl").write_text(json.dumps(record))
    path = tmp_path / "s.toml"
    path.write_text(
        '[study]\nname = "s"\ndata = ["mine.jsonl"]\n'
        f"[[model]]\nid = {json.dumps(str(save_tiny(tmp_path / 'm')))}\n"
        '[run]\nquantise = "8bit"\n'
    )
    score_study(read_study(path), tmp_path / "out", print)
    assert passed == ["8bit", None]  # and once more as published, to measure what it costs
    note, measured = caveats(tmp_path / "out")
    moved = re.search(r"differ by up to (\S+) nat on 2 prompts", measured)
    assert moved is not None
    assert float(moved[1]) < 1e-5
    assert "weights quantised to 8bit when loaded; not the published precision" in note


def test_quantising_is_asked_of_transformers_by_its_own_configuration() -> None:
    assert quantiser(RunOptions()) is None
    eight, four = (
        quantiser(RunOptions(quantise=bits, dtype="bfloat16")) for bits in ("8bit", "4bit")
    )
    assert (eight.load_in_8bit, eight.load_in_4bit) == (True, False)
    assert (four.load_in_8bit, four.load_in_4bit) == (False, True)
    assert (four.bnb_4bit_quant_type, four.bnb_4bit_compute_dtype) == ("nf4", torch.bfloat16)


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-00002-of-00002.safetensors"}}))
    with pytest.raises(ModelUnavailable, match="lack 'model-00002-of-00002"):
        open_engine(ModelSpec(str(folder)), RunOptions(), print)
    index.write_text("{")
    with pytest.raises(ModelUnavailable, match=r"index of the weights .* is damaged"):
        open_engine(ModelSpec(str(folder)), RunOptions(), print)


def test_the_manifest_says_how_rows_were_computed_and_what_a_precision_costs(
    tmp_path: Path,
) -> None:
    records = [
        {"id": str(n), "prompt": "Offer. " * n + "Take it?", "options": ["yes", "no"],
         "choice": "yes", "participant": "p"}
        for n in range(1, 9)
    ]  # fmt: skip
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, records)))
    path = tmp_path / "s.toml"
    path.write_text(
        '[study]\nname = "s"\ndata = ["mine.jsonl"]\n'
        f"[[model]]\nid = {json.dumps(str(save_tiny(tmp_path / 'm')))}\n"
        '[run]\ndtype = "bfloat16"\n'
    )
    score_study(read_study(path), tmp_path / "out", print)
    (manifest,) = (tmp_path / "out").rglob("manifest.json")
    scoring = json.loads(manifest.read_text())["scoring"]
    assert scoring["path"] == "shared"
    assert scoring["prompts"] == 8
    assert scoring["computed_tokens"] == scoring["distinct_tokens"] < scoring["tokens"]
    assert scoring["self_check"]["why"] is None
    moved = scoring["precision"]["max_log_odds"]
    assert moved > 0
    low, measured = caveats(tmp_path / "out")
    assert "scored in bfloat16" in low
    assert f"the log-odds of options differ by up to {moved:.2g} nat on 7 prompts" in measured


def test_a_model_that_breaks_down_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = opening.open_engine

    def open_engine(spec: ModelSpec, *rest: Any) -> Any:
        if spec.id == "mock:bad":
            raise IndexError("index out of range in self")
        return opened(spec, *rest)

    monkeypatch.setattr(opening, "open_engine", open_engine)
    record = {"id": "1", "prompt": "Go?", "options": ["a", "b"], "choice": "a", "participant": "p"}
    (tmp_path / "mine.jsonl").write_text(json.dumps(record))
    path = tmp_path / "s.toml"
    path.write_text(
        '[study]\nname = "s"\ndata = ["mine.jsonl"]\n'
        + "".join(f'[[model]]\nid = "mock:{name}"\n' for name in ("one", "bad", "two"))
    )
    said: list[str] = []
    with pytest.raises(IndexError):
        score_study(read_study(path), tmp_path / "out", said.append)
    assert Store(tmp_path / "out").scores()["model"].to_list() == ["mock:one", "mock:two"]
    assert any("mock:bad failed (IndexError: index out of range in self)." in line for line in said)


def test_a_model_larger_than_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tremble.engines import memory

    spec = ModelSpec(str(save_tiny(tmp_path / "m")))
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1000.0)
    with pytest.raises(ModelUnavailable, match="does not fit into the memory of the device 'cpu'"):
        open_engine(spec, RunOptions(), print)
