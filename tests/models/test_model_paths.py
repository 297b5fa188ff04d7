"""Names of models and adapters that are paths: names, never patterns, and what cannot be one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.commands import tremble
from tests.support.places import GOLDEN
from tremble.errors import ModelUnavailable, UserError
from tremble.models import folder, gguf, on_base
from tremble.models.open import source_of
from tremble.models.spec import ModelSpec

TINY = GOLDEN / "study_0_1_0" / "models" / "base"
BAD = {
    "~nobody-of-that-name/model": "there is no such user",
    "./null\0character": "null character",
    f"./{'x' * 300}": "a name of 300 bytes",
    f"./{'é' * 200}": "a name of 400 bytes",
    "/x" * 3000: "6000 bytes",
    "./not\udcffutf8": "is not UTF-8",
}


def say(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.parametrize("name", BAD)
def test_a_path_that_cannot_be_one(name: str) -> None:
    for ask in (
        lambda: folder.SOURCE.locate(ModelSpec(name), say, True),
        lambda: gguf.SOURCE.locate(ModelSpec(f"{name}.gguf"), say, True),
        lambda: on_base.adapter_of(name).digest(),
        lambda: source_of(f"{name}/").files(ModelSpec(name), say),
    ):
        with pytest.raises(UserError) as caught:
            ask()
        assert "\n" not in str(caught.value)
        assert BAD[name].split()[-1] in str(caught.value)


@pytest.mark.parametrize("name", ["~nobody-of-that-name/m", "~nobody-of-that-name/m.gguf"])
def test_the_command_says_it(name: str) -> None:
    code, _, error = tremble("score", "--model", name, "--prompt", "x", "--options", "a,b")
    assert code == 2
    assert "there is no such user" in " ".join(error.split())


@pytest.mark.parametrize("name", ["[2026]", "*", "a?b", "{x,y}", " ", "é\u202e"])
def test_a_folder_of_any_name_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TINY, tmp_path / name)
    (tmp_path / "2").mkdir()  # what [2026] would find as a pattern
    assert source_of(name) is folder.SOURCE
    found = folder.SOURCE.locate(ModelSpec(name), say, True)
    plain = folder.SOURCE.locate(ModelSpec(str(TINY)), say, True)
    assert found.identity == plain.identity


def test_a_home_folder_is_filled_in_for_adapters_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    adapter = shutil.copytree(TINY, tmp_path / "adapter")
    (adapter / "config.json").rename(adapter / "adapter_config.json")
    (adapter / "model.safetensors").rename(adapter / "adapter_model.safetensors")
    assert on_base.adapter_of("~/adapter").weights() == adapter / "adapter_model.safetensors"


@pytest.mark.parametrize("step", ["is_dir", "is_file", "iterdir", "open", "stat"])
def test_what_may_not_be_read(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Path(shutil.copytree(TINY, tmp_path / "model"))
    inner = getattr(Path, step)

    def refused(self: Path, *rest: object, **options: object) -> object:
        if str(self).startswith(str(model)):
            raise PermissionError(13, "Permission denied", str(self))
        return inner(self, *rest, **options)

    monkeypatch.setattr(Path, step, refused)
    with pytest.raises(ModelUnavailable, match=r"cannot be read \(Permission denied\)"):
        folder.SOURCE.locate(ModelSpec(str(model)), say, True)


NOT_OF_THE_HUB = {
    "a revision beside": (ModelSpec("tiny", "main"), "it has no revision 'main'"),
    "a revision behind": (
        ModelSpec("tiny@refs/pr/1"),
        "'tiny' is a folder, and folders have no revisions",
    ),
    "a file": (ModelSpec("weights.bin"), "is a file but not a .gguf file"),
    "a file inside": (ModelSpec("./tiny/config.json"), "is a file but not a .gguf file"),
    "nothing": (ModelSpec("./none"), "There is no model folder './none'"),
}


@pytest.mark.parametrize("kind", NOT_OF_THE_HUB)
def test_what_lies_here_is_not_looked_for_on_the_hub(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TINY, tmp_path / "tiny")
    (tmp_path / "weights.bin").touch()
    spec, sentence = NOT_OF_THE_HUB[kind]
    with pytest.raises(UserError, match=re.escape(sentence)):
        source_of(spec.id).files(spec, say)


def test_an_adapter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no adapter folder"):
        on_base.adapter_of(str(tmp_path / "none")).digest()
