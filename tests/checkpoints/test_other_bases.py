"""Adapters on a model that they were not trained on: said, or refused where it is certain."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.checkpoints import checkpoint, configured, trained_adapter
from tests.support.commands import mistake, tremble
from tests.support.series_studies import asked
from tests.support.toys import save_tiny
from tremble.checkpoints.series import Series
from tremble.checkpoints.sources import series_of
from tremble.errors import UserError

peft = pytest.importorskip("peft")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the same layout as `tiny`, with other weights."""
    return save_tiny(tmp_path_factory.mktemp("merged"), seed=9)


def series(source: Path | str, base: Path | str | None) -> Series:
    return series_of(str(source), None if base is None else str(base), lambda note: None)


def named(folder: Path, lora: Path, *names: str) -> Path:
    """A series of adapters that name these models."""
    for step, name in enumerate(names, 1):
        made = checkpoint(folder / f"checkpoint-{step}", lora)
        configured(made, base_model_name_or_path=name)
    return folder


def resized(base: Path, folder: Path, **settings: int) -> Path:
    """The model with other sizes."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base)
    for name, value in settings.items():
        setattr(config, name, value)
    if hasattr(config, "layer_types"):
        config.layer_types = None
    shutil.copytree(base, folder)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def test_the_base_of_another_stage_is_refused(
    here: Path, tiny: Path, other: Path, lora: Path
) -> None:
    """The later stage was trained on the merged model, which lies on this machine."""
    named(here / "run", lora, str(tiny), str(other))
    for more in ((), ("--plan",)):
        said = mistake("trajectory", "run", "--base", tiny, *asked(*more))
        assert f"'run/checkpoint-2' was trained on {str(other)!r}, whose weights differ" in said
        assert said.endswith("list the checkpoints in a TOML file, each with its own base.")
    said = mistake("trajectory", "run", *asked())
    assert "each with its own base, and give the model to compare with by --base" in said
    assert "right only if both names mean one model" in said
    assert not (here / "out").exists()


def test_a_file_puts_each_on_its_own(here: Path, tiny: Path, other: Path, lora: Path) -> None:
    """The way out of the refusal; where the file itself says another model, it is a note, which the
    study keeps."""
    named(here / "run", lora, str(tiny), str(other))
    entry = '[[checkpoint]]\nmodel = "run/checkpoint-{}"\nbase = "{}"\n'
    path = Path("series.toml")
    path.write_text(entry.format(1, tiny) + entry.format(2, other))
    assert series(path, tiny).notes == ()
    path.write_text(entry.format(1, tiny) + entry.format(2, tiny))
    (note,) = series(path, tiny).notes
    assert note == (
        f"The adapter 'run/checkpoint-2' names {str(other)!r} as the model of the training, but "
        f"is put on {str(tiny)!r}; its weights are others, so the numbers are not those of the "
        "checkpoints."
    )
    ended = tremble("trajectory", "series.toml", "--base", tiny, *asked("--formats", "plain"))
    assert ended[0] == 0 and ended[2].count(note) == 1
    shown = tremble("analyze", here / "out")[1]
    assert " ".join(note.split()) in " ".join(shown.split())  # also when nobody sees that output


def test_a_study_file_says_it_when_it_runs(here: Path, tiny: Path, other: Path, lora: Path) -> None:
    named(here / "run", lora, str(other))
    (here / "study.toml").write_text(
        '[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n'
        f'[[model]]\nid = "run/checkpoint-1"\nbase = "{tiny}"\n'
    )
    code, _, error = tremble("run", "study.toml", "--out", "out")
    assert code == 0 and "Warning: The adapter 'run/checkpoint-1' names" in error
    assert "its weights are others" in error


@pytest.mark.parametrize("how", ["copy", "elsewhere", "hub", "case", "commit", "cache", "shards"])
def test_other_names_of_one_model(
    how: str, tmp_path: Path, tiny: Path, lora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said: a copy, a path of another machine, the hub's name, the hub's cache."""
    monkeypatch.chdir(tmp_path)
    base = Path(shutil.copytree(tiny, tmp_path / "gemma-1b"))
    if how == "shards":
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(tiny)
        (base / "model.safetensors").unlink()
        model.save_pretrained(base, max_shard_size="40KB")
        assert len(list(base.glob("*.safetensors"))) > 1
    name = {
        "copy": str(tiny),
        "shards": str(tiny),
        "elsewhere": "/scratch/them/gemma-1b/",
        "hub": "google/gemma-1b",
        "case": "google/Gemma-1B",
        "commit": f"google/gemma-1b@{'0a' * 20}",
        "cache": "/home/them/.cache/huggingface/hub/models--google--gemma-1b/snapshots/0a1b2c",
    }[how]
    assert series(named(tmp_path / "run", lora, name), base).notes == ()


@pytest.mark.parametrize(
    "name", ["./model", "google/gemma-1b-it", "/scratch/merged", "them/tiny0@step9"]
)
def test_other_names_that_may_be_of_another(
    name: str, tmp_path: Path, tiny: Path, lora: Path
) -> None:
    (note,) = series(named(tmp_path / "run", lora, name, name), tiny).notes
    assert note.startswith("2 adapters (the first: ")
    assert f"name {name!r} as the model of the training" in note
    assert "if that is another model, the numbers are not those" in note


def test_one_series_on_two_models(tmp_path: Path, tiny: Path, lora: Path) -> None:
    source = named(tmp_path / "run", lora, "them/sft", "them/sft", "/old/base", "/new/base")
    (note,) = series(source, tiny).notes
    first, third = (f"{source}/checkpoint-{n}" for n in (1, 3))
    assert note.startswith(
        f"The adapters were trained on different models: 2 adapters (the first: {first!r}) name "
        f"'them/sft'; 2 adapters (the first: {third!r}) name '/old/base'; --base puts all of them"
    )
    assert "TOML file" in note


def test_another_precision_is_no_other_model(tmp_path: Path, tiny: Path, lora: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    half = Path(shutil.copytree(tiny, tmp_path / "half"))
    AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.bfloat16).save_pretrained(half)
    (note,) = series(named(tmp_path / "run", lora, str(half)), tiny).notes
    assert "if that is another model" in note


def test_a_relative_path_is_not_certain(
    tmp_path: Path, tiny: Path, other: Path, lora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(other, "merged")
    (note,) = series(named(tmp_path / "run", lora, "merged"), tiny).notes
    assert "its weights are others" in note


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"intermediate_size": 80, "hidden_size": 64}, "weights there, and"),
        ({"num_hidden_layers": 1}, "which this model does not have"),
    ],
)
def test_adapters_that_do_not_fit(
    sizes: dict[str, int], words: str, here: Path, tiny: Path, lora: Path
) -> None:
    """By the headers of files, before anything is scored, and once each."""
    small = resized(tiny, here / "small", **sizes)
    named(here / "run", lora, "them/one", "them/one")
    for more in ((), ("--plan",)):
        said = mistake("trajectory", "run", "--base", small, *asked(*more))
        assert f"'run/checkpoint-1' does not fit {str(small)!r}" in said and words in said
    fits = trained_adapter(small, here / "fits")
    checkpoint(here / "run" / "checkpoint-3", fits)
    code, out, error = tremble("trajectory", "run", "--base", small, "--plan", "--json")
    assert code == 1 and error.count("does not fit") == 1
    found = json.loads(out)
    assert [one["step"] for one in found["checkpoints"]] == [3]
    assert [one["name"] for one in found["left_out"]] == [f"run/checkpoint-{n}" for n in (1, 2)]


@pytest.mark.real
def test_adapters_that_do_not_fit_an_embedded_model(here: Path, tiny: Path, lora: Path) -> None:
    from tremble.models.spec import ModelSpec
    from tremble.models.stored import weights_of_modules

    named(here / "run", lora, "them/one")
    for name in ("smollm2-135m-instruct", "gemma-3-270m"):
        if weights_of_modules(ModelSpec(f"embedded/{name}")) is not None:
            said = mistake("trajectory", "run", "--base", f"embedded/{name}", "--plan")
            assert f"does not fit 'embedded/{name}'" in said
        assert f"did you mean 'embedded/{name}'?" in mistake(
            "trajectory", "run", "--base", name, "--plan"
        )


def test_a_base_of_no_source(tmp_path: Path, lora: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'embedded/gemma-3-270m'"):
        series(named(tmp_path / "run", lora, "them/one"), "embedded/gemma-3-270")
