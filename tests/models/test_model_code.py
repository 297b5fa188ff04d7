"""Code that comes with a model: it identifies it where it may run, and is pinned."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_hub import FakeHub
from tests.support.odd_models import altered, copied
from tests.support.toys import save_tiny
from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.open import model_identity, open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.tokenization.options import option_paths

MODEL = """
from transformers import LlamaConfig, LlamaForCausalLM
from .scales import SCALE

class Config(LlamaConfig):
    model_type = "scaled-llama"

class Model(LlamaForCausalLM):
    config_class = Config

    def forward(self, *arguments, logits_to_keep=0, **named):
        out = super().forward(*arguments, logits_to_keep=logits_to_keep, **named)
        out.logits = SCALE * out.logits
        return out
"""
AUTO = {"AutoConfig": "scaled.Config", "AutoModelForCausalLM": "scaled.Model"}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where transformers copies code to before it runs it: not to the user's own cache."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    """A model whose own code doubles the logits of a Llama."""
    folder = save_tiny(tmp_path / "scaled")
    (folder / "scaled.py").write_text(MODEL)
    (folder / "scales.py").write_text("SCALE = 2.0\n")
    return altered(folder, None, {"model_type": "scaled-llama", "auto_map": AUTO})


def identity(folder: Path, *trusted: str) -> dict[str, Any]:
    options = RunOptions(remote_code=trusted)
    return model_identity(ModelSpec(str(folder)), options, lambda _: None)


def test_trusted_code_is_part_of_the_identity(scaled: Path) -> None:
    """Also what it imports; and nothing of it where it does not run."""
    trusted = identity(scaled, str(scaled))
    unasked = identity(scaled)
    assert {key: trusted[key] for key in unasked} == unasked and set(trusted) - set(unasked)
    (scaled / "scales.py").write_text("SCALE = 3.0\n")
    assert identity(scaled, str(scaled)) != trusted
    assert identity(scaled) == unasked


def test_a_trusted_model_without_code_keeps_its_identity(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    assert identity(folder, str(folder)) == identity(folder)


def test_trusted_code_is_what_runs(scaled: Path) -> None:
    """Twice the logits: as the same model with its output head twice as large."""
    options = RunOptions(engine="reference", remote_code=[str(scaled)])
    engine = open_engine(ModelSpec(str(scaled)), options, lambda _: None)
    twice = altered(
        copied(scaled, scaled.parent / "twice"),
        lambda given: {**given, "lm_head.weight": 2 * given["lm_head.weight"]},
        {"model_type": "llama", "auto_map": {}},
    )
    plain = open_engine(ModelSpec(str(twice)), RunOptions(engine="reference"), lambda _: None)
    prompts = [('{"decision": "', ["accept", "reject"])]
    (found,) = engine.score(option_paths(engine.tokenizer, prompts))
    (expected,) = plain.score(option_paths(plain.tokenizer, prompts))
    assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-5)


@pytest.mark.parametrize(
    ("file", "auto_map"),
    [
        ("config.json", {"AutoConfig": "them/elsewhere--code.Config"}),
        ("tokenizer_config.json", {"AutoTokenizer": [None, "them/elsewhere--code.Fast"]}),
    ],
)
def test_trusted_code_of_another_repository_is_refused(
    file: str, auto_map: dict[str, Any], scaled: Path
) -> None:
    path = scaled / file
    path.write_text(json.dumps({**json.loads(path.read_text()), "auto_map": auto_map}))
    options = RunOptions(remote_code=[str(scaled)])
    with pytest.raises(UserError) as caught:
        open_tokenizer(ModelSpec(str(scaled)), options, lambda _: None)
    sentence = str(caught.value)
    assert f"uses code from 'them/elsewhere' (auto_map in {file})" in sentence
    assert "\n" not in sentence and "; " in sentence and sentence.endswith(".")


def test_code_of_the_hub_is_that_of_the_revision(hub: FakeHub, tmp_path: Path) -> None:
    """It is downloaded with the model's small files, whether auto_map names its repository or not;
    another one's is refused."""
    folder = hub.models["them/one"]
    (folder / "scaled.py").write_text(MODEL)
    (folder / "scales.py").write_text("SCALE = 2.0\n")
    options = RunOptions(engine="reference", remote_code=["them/one"])
    for digit, auto_map in ("a", AUTO), ("b", {key: f"them/one--{AUTO[key]}" for key in AUTO}):
        hub.revisions["them/one", "main"] = 40 * "e"  # what came later
        hub.revisions["them/one", 40 * digit] = 40 * digit
        altered(folder, None, {"model_type": "scaled-llama", "auto_map": auto_map})
        engine = open_engine(ModelSpec("them/one", 40 * digit), options, lambda _: None)
        kind = type(engine.model)  # type: ignore[attr-defined]
        assert kind.__name__ == "Model" and (digit == "a" or 40 * digit in kind.__module__)
        assert engine.identity()["weights"] == 40 * digit and "code" not in engine.identity()
    hub.revisions["them/one", "main"] = 40 * "c"
    altered(folder, None, {"auto_map": {"AutoConfig": "them/two--scaled.Config"}})
    with pytest.raises(UserError, match="uses code from 'them/two'"):
        open_tokenizer(ModelSpec("them/one"), options, lambda _: None)
