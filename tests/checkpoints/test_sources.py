"""Series from folders of this machine: a trainer's, with whole weights or adapters, and a file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.checkpoints import checkpoint, configured, other_tokenizer
from tremble.checkpoints import sources
from tremble.checkpoints.series import Checkpoint, Found, Series
from tremble.checkpoints.sources import series_of
from tremble.errors import UserError
from tremble.models.open import model_identity
from tremble.models.spec import ModelSpec, RunOptions, model_name


def series(source: Path | str, base: str | None = None) -> Series:
    said: list[str] = []
    found = series_of(str(source), base, said.append)
    assert tuple(said) == found.notes
    return found


def refused(source: Path | str, base: str | None = None) -> str:
    with pytest.raises(UserError) as error:
        series(source, base)
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text


def steps(found: Series) -> list[tuple[str, str, int]]:
    return [(one.stage, one.run, one.step) for one in found.checkpoints]


@pytest.fixture
def whole(tmp_path: Path, tiny: Path) -> Path:
    """A trainer's folder of whole weights, in a working folder of its own."""
    for step in (8, 16, 120):
        checkpoint(tmp_path / "out" / f"checkpoint-{step}", tiny)
    return tmp_path / "out"


def test_a_trainers_folder_of_whole_weights(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole / "runs" / "Nov30_tensorboard").mkdir(parents=True)
    monkeypatch.chdir(whole.parent)
    for written in ("out", "out/"):
        found = series(written)
        names = ["out/checkpoint-8", "out/checkpoint-16", "out/checkpoint-120"]
        assert [one.name for one in found.checkpoints] == names
        assert steps(found) == [("", "", 8), ("", "", 16), ("", "", 120)]
        assert found.base == ModelSpec("out/checkpoint-8")
        assert (found.left_out, found.incomplete) == ((), ())
        (note,) = found.notes
        assert "'out/checkpoint-8'" in note and "--base" in note
    assert {one.adapter for one in found.checkpoints} == {False}


def test_a_checkpoint_that_appears_later(whole: Path, tiny: Path) -> None:
    before = series(whole)
    checkpoint(whole / "checkpoint-64", tiny)
    after = series(whole)
    assert [one.step for one in after.checkpoints] == [8, 16, 64, 120]
    assert set(before.checkpoints) < set(after.checkpoints)
    assert after.base == before.base


def test_a_base_apart(whole: Path, tiny: Path) -> None:
    found = series(whole, str(tiny))
    assert found.base == ModelSpec(str(tiny))
    assert (len(found.checkpoints), found.notes) == (3, ())
    assert all(one.model.base is None for one in found.checkpoints)  # whole weights have no base
    assert "no model './gone', which --base names" in refused(whole, "./gone")
    assert "'mock' is a built-in fake model" in refused(whole, "mock")


def test_adapters_of_several_runs(tmp_path: Path, tiny: Path, lora: Path) -> None:
    """Two runs have a checkpoint of one name each: their models have different names and equal
    keys, since the adapters are the same; `ref/` is no checkpoint."""
    root = tmp_path / "sweep"
    for run in ("lr1e-4", "lr1e-5"):
        for step in (8, 16):
            made = checkpoint(root / run / f"checkpoint-{step}", lora)
            shutil.copytree(lora, made / "ref")
    found = series(root)
    expected = [("", run, step) for step in (8, 16) for run in ("lr1e-4", "lr1e-5")]
    assert steps(found) == expected
    assert [one.name for one in found.checkpoints] == [
        f"{root}/{run}/checkpoint-{step}" for _, run, step in expected
    ]
    assert found.runs == ("lr1e-4", "lr1e-5")
    assert {one.adapter for one in found.checkpoints} == {True}
    assert found.base == ModelSpec(str(tiny))
    assert found.notes == ()
    keys = {str(model_identity(one.model, RunOptions(), print)) for one in found.checkpoints}
    assert len(keys) == 1


def test_folders_of_stages_and_of_runs_in_runs(tmp_path: Path, lora: Path) -> None:
    for place in ("a/sft", "a/dpo", "b/sft"):
        checkpoint(tmp_path / place / "checkpoint-4", lora)
    found = series(tmp_path)
    assert steps(found) == [("sft", "a", 4), ("sft", "b", 4), ("dpo", "a", 4)]
    assert found.stages == ("sft", "dpo")


def test_the_base_of_adapters(tmp_path: Path, tiny: Path, lora: Path) -> None:
    for step in (1, 2, 3):
        checkpoint(tmp_path / f"step_{step}", lora)
    put = series(tmp_path, str(tiny))
    assert {one.model.base for one in put.checkpoints} == {str(tiny)}
    # Another way to write the same path is no other base.
    configured(tmp_path / "step_2", base_model_name_or_path=f"{tiny}/../{tiny.name}")
    assert series(tmp_path).base == ModelSpec(str(tiny))
    configured(tmp_path / "step_2", base_model_name_or_path="them/other")
    said = refused(tmp_path)
    assert "step_1' and " in said and f"{str(tiny)!r} and 'them/other'" in said
    assert len(series(tmp_path, str(tiny)).checkpoints) == 3
    for step in (1, 2, 3):
        configured(tmp_path / f"step_{step}", base_model_name_or_path="/old/place/of/model")
    assert "'/old/place/of/model', as its configuration says" in refused(tmp_path)
    configured(tmp_path / "step_1", base_model_name_or_path=None)
    assert "step_1' does not say which model it was trained on" in refused(tmp_path)


def test_checkpoints_that_are_not_whole(whole: Path, tiny: Path) -> None:
    checkpoint(whole / "checkpoint-1", tiny, "config.json")
    checkpoint(whole / "checkpoint-2", tiny, "model.safetensors")
    cut = checkpoint(whole / "checkpoint-3", tiny) / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    pickled = checkpoint(whole / "checkpoint-4", tiny, "model.safetensors")
    (pickled / "pytorch_model.bin").write_bytes(b"")
    (whole / "checkpoint-5").mkdir()
    checkpoint(whole / "best", tiny)
    found = series(whole)
    assert [one.step for one in found.checkpoints] == [8, 16, 120]
    assert [one.step for one in found.incomplete] == [1, 2, 3, 4, 5]
    reasons = dict(found.left_out)
    assert set(reasons) == {f"{whole}/checkpoint-{n}" for n in range(1, 6)} | {f"{whole}/best"}
    expected = {
        "best": "no step",
        "checkpoint-1": "neither config.json nor",
        "checkpoint-2": "state of a trainer but no weights",
        "checkpoint-3": "truncated or damaged",
        "checkpoint-4": "only pickled weights (pytorch_model.bin)",
        "checkpoint-5": "has no weights",
    }
    assert all(words in reasons[f"{whole}/{name}"] for name, words in expected.items())
    assert found.base.id == f"{whole}/checkpoint-8"  # not one that cannot be read
    assert any(note.startswith("6 names left out") for note in found.notes)


def test_adapters_that_are_not_whole(tmp_path: Path, lora: Path) -> None:
    checkpoint(tmp_path / "checkpoint-1", lora)
    cut = checkpoint(tmp_path / "checkpoint-2", lora) / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-10])
    checkpoint(tmp_path / "checkpoint-3", lora, "adapter_model.safetensors")
    (checkpoint(tmp_path / "checkpoint-4", lora) / "adapter_config.json").write_text("{")
    found = series(tmp_path)
    assert [one.step for one in found.checkpoints] == [1]
    assert [one.step for one in found.incomplete] == [2, 3, 4]


def test_no_whole_checkpoint_at_all(tmp_path: Path, tiny: Path) -> None:
    checkpoint(tmp_path / "checkpoint-1", tiny, "config.json")
    assert "The only checkpoint in " in refused(tmp_path)
    (tmp_path / "checkpoint-2").mkdir()
    said = refused(tmp_path)
    assert "None of the 2 checkpoints" in said and "neither config.json" in said


def test_folders_without_checkpoints(tmp_path: Path, tiny: Path, whole: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = refused(tmp_path / "empty")
    assert f"no checkpoints in {str(tmp_path / 'empty')!r} or the folders in it" in said
    assert "checkpoint-100" in said
    assert "is one checkpoint; give the folder in which it lies" in refused(whole / "checkpoint-8")
    shutil.copytree(tiny, tmp_path / "named" / "final")
    assert "named/final' in " in (said := refused(tmp_path / "named")) and "has no step" in said
    assert "There is no folder './gone'" in refused("./gone")
    assert "There is no folder 'mock'" in refused("mock")
    assert "The name of the series is empty" in refused("")
    (tmp_path / "notes.txt").touch()
    assert "not a .toml file" in refused(tmp_path / "notes.txt")


def test_two_checkpoints_of_one_step(whole: Path, tiny: Path) -> None:
    checkpoint(whole / "step_016", tiny)
    said = refused(whole)
    assert "checkpoint-16' and " in said and "step_016' are both step 16" in said
    (whole / "step_016").rename(whole / "epoch-3")
    assert "counts steps and " in refused(whole)


def test_another_tokenizer_is_said(whole: Path, tiny: Path) -> None:
    other_tokenizer(whole / "checkpoint-16")
    same = [note for note in series(whole, str(tiny)).notes if note.startswith("The tokenizer")]
    assert len(same) == 1
    assert f"The tokenizer of {str(whole / 'checkpoint-16')!r} differs from" in same[0]
    assert f"{str(tiny)!r} (tokenizer.json)" in same[0]
    for step in range(200, 205):
        other_tokenizer(checkpoint(whole / f"checkpoint-{step}", tiny))
    said = [note for note in series(whole).notes if note.startswith("The tokenizer")]
    assert len(said) == 4 and "3 more checkpoints differ" in said[-1]


def test_a_record_of_training_has_a_reader_of_its_own(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ModuleType("a_reader")
    made = Checkpoint("sft", "seed 1", 5, ModelSpec(str(tiny)))
    reader.found_in = lambda source, folder: Found(source, (made,))  # type: ignore[attr-defined]
    monkeypatch.setitem(sources.RECORDS, "record.json", "a_reader")
    monkeypatch.setitem(sys.modules, "a_reader", reader)
    (tmp_path / "record.json").touch()
    assert steps(series(tmp_path)) == [("sft", "seed 1", 5)]


def written(folder: Path, *tables: str) -> Path:
    path = folder / "series.toml"
    path.write_text("\n".join(f"[[checkpoint]]\n{table}" for table in tables))
    return path


def test_a_file_over_folders(tmp_path: Path, tiny: Path, lora: Path) -> None:
    """Paths start at the file's folder; steps are read from names where the file has none."""
    shutil.copytree(tiny, tmp_path / "pre")
    checkpoint(tmp_path / "sft" / "checkpoint-50", lora)
    checkpoint(tmp_path / "dpo" / "last", lora)
    path = written(
        tmp_path,
        'stage = "base"\nstep = 0\nmodel = "pre"',
        'stage = "sft"\nmodel = "sft/checkpoint-50"\nbase = "pre"',
        'stage = "dpo"\nstep = 7\nmodel = "dpo/last"\nrun = 3\nbase = "pre"',
    )
    found = series(path)
    assert steps(found) == [("base", "", 0), ("sft", "", 50), ("dpo", "3", 7)]
    assert [one.adapter for one in found.checkpoints] == [False, True, True]
    pre = (tmp_path / "pre").as_posix()
    assert {one.model.base for one in found.checkpoints} == {None, pre}
    assert found.base == ModelSpec(pre)
    assert [one.name for one in found.checkpoints][1:] == [
        (tmp_path / place).as_posix() for place in ("sft/checkpoint-50", "dpo/last")
    ]


@pytest.mark.parametrize("base", [None, "pre"])
def test_adapters_on_a_checkpoint_of_the_series(
    base: str | None, tmp_path: Path, tiny: Path, lora: Path
) -> None:
    """As after a stage whose adapter was merged: they stay on that, and the base is the first
    model, or the one that the user names."""
    for name in ("pre", "merged"):
        shutil.copytree(tiny, tmp_path / name)
    merged = str(tmp_path / "merged")
    for step in (1, 2):
        made = checkpoint(tmp_path / "dpo" / f"checkpoint-{step}", lora)
        configured(made, base_model_name_or_path=merged)
    checkpoint(tmp_path / "other" / "checkpoint-3", lora)  # trained on another copy of the base
    path = written(
        tmp_path,
        'stage = "base"\nstep = 0\nmodel = "pre"',
        'stage = "sft"\nstep = 9\nmodel = "merged"',
        'stage = "dpo"\nmodel = "dpo/checkpoint-1"',
        'stage = "dpo"\nmodel = "dpo/checkpoint-2"\nbase = "merged"',
        'stage = "dpo"\nmodel = "other/checkpoint-3"',
    )
    pre = (tmp_path / "pre").as_posix()
    found = series(path, None if base is None else pre)
    assert found.base == ModelSpec(pre)
    put = [one.model.base for one in found.checkpoints]
    assert put == [None, None, None, merged, None if base is None else pre]


def test_a_file_in_an_order_of_its_own(tmp_path: Path, tiny: Path) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(tiny, tmp_path / name)
    tables = [
        f'stage = "{stage}"\nstep = {step}\nmodel = "{model}"'
        for stage, step, model in (("warm", 9, "a"), ("cool", 2, "b"), ("cool", 1, "c"))
    ]
    path = written(tmp_path, *tables)
    assert steps(series(path)) == [("warm", "", 9), ("cool", "", 1), ("cool", "", 2)]
    written(tmp_path, tables[1], tables[0], tables[2])
    assert "'cool' comes back after another stage" in refused(path)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            'stage = "sft"\nstep = 1\nmodle = "a/m"',
            "'modle' in [[checkpoint]]; did you mean 'model'?",
        ),
        ("step = 1", "model in [[checkpoint]] is missing"),
        ('step = -1\nmodel = "a/m"', "step in [[checkpoint]] is '-1'; it must be a whole number"),
        ('step = 1.5\nmodel = "a/m"', "step in [[checkpoint]] is '1.5'"),
        ('model = "them/one"', "'them/one') has no step; add step = NUMBER"),
        ('step = 1\nmodel = "mock"', "'mock', a built-in fake model"),
        ('step = 1\nmodel = "./gone"', "There is no model folder './gone'"),
        ('step = 1\nmodel = "pre"\nbase = "pre"', "'pre' is no adapter; leave base out"),
    ],
)
def test_mistakes_in_a_file(table: str, words: str, tmp_path: Path, tiny: Path) -> None:
    shutil.copytree(tiny, tmp_path / "pre")
    assert words in refused(written(tmp_path, table))


def test_files_without_a_checkpoint(tmp_path: Path) -> None:
    assert "There is no file './gone.toml' of checkpoints" in refused("./gone.toml")
    assert "there is no checkpoint; add [[checkpoint]]" in refused(written(tmp_path))
    (tmp_path / "series.toml").write_text("[checkpoints]\n")
    assert "did you mean 'checkpoint'?" in refused(tmp_path / "series.toml")
    (tmp_path / "series.toml").write_text("[checkpoint]\n")
    assert "must be written [[checkpoint]]" in refused(tmp_path / "series.toml")
    (tmp_path / "series.toml").write_text("]")
    assert "not valid TOML" in refused(tmp_path / "series.toml")


def test_names_are_those_of_tables(whole: Path) -> None:
    assert all(one.name == model_name(one.model) for one in series(whole).checkpoints)


def test_a_folder_that_cannot_be_read_stops_nobody(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint(tmp_path / "run" / "checkpoint-1", tiny)
    (tmp_path / "theirs").mkdir()
    inner = Path.iterdir

    def guarded(self: Path) -> Iterator[Path]:
        if self.name == "theirs":
            raise PermissionError(13, "Permission denied")
        return inner(self)

    monkeypatch.setattr(Path, "iterdir", guarded)
    assert steps(series(tmp_path)) == [("", "run", 1)]
    assert "cannot be read (Permission denied)" in refused(tmp_path / "theirs")
