"""A training as a series of checkpoints for `tremble trajectory`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.answer_logs import logs, model_at
from tests.support.commands import mistake, tremble
from tests.support.recipes import (
    DPO,
    SFT,
    aligned,
    preferences,
    write_lines,
    write_recipe,
)
from tests.support.series_studies import run_trajectory, write_inputs
from tests.support.toys import save_tiny
from tremble.errors import ModelUnavailable
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.post_training.recipe import read_recipe
from tremble.post_training.run import look_at
from tremble.post_training.series import found_in

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another current folder, with decisions."""
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(base: Path, folder: Path, **tables: Any) -> Path:
    aligned(write_recipe(folder, base, **tables), folder / "out")
    return folder / "out"


def test_from_a_finished_training_to_the_gain_on_its_own_pairs(
    base: Path, tmp_path_factory: pytest.TempPathFactory, elsewhere: Path
) -> None:
    """Its base, its held-out pairs and its beta, wherever it is looked at from; the DPO loss on
    them, from the adapter that DPO began with, by hand."""
    made = trained(
        base,
        tmp_path_factory.mktemp("made"),
        sft={**SFT, "checkpoints": [4]},
        dpo={**DPO, "held_out": 4, "beta": 0.5, "checkpoints": [1, 5]},
    )
    tables, said = run_trajectory(made, "--data", "mine.jsonl", "--out", elsewhere / "study")
    rows = tables["task"]
    assert {(one["stage"], one["step"]) for one in rows if one["step"]} == {
        *(("sft", 4), ("dpo", 1), ("dpo", 5))
    }
    known = look_at(read_recipe(str(made.parent / "recipe.toml")), print)
    everything = look_at(
        read_recipe(str(write_recipe(made.parent, base, dpo={**DPO, "held_out": 0}))), print
    )
    held = {one.id for one in known.samples[1].held_out}
    pairs = [one for one in everything.samples[0].training if one.item.id in held]
    assert len(pairs) == 4
    for step in (1, 5):
        row = next(one for one in rows if (one["stage"], one["step"]) == ("dpo", step))
        assert row["items"] == 4
        expected = loss(base, made / f"dpo/checkpoint-{step}", pairs, beta=0.5)
        assert row["dpo_loss"] == pytest.approx(expected, abs=2e-5)
    assert "Traceback" not in said


def loss(base: Path, adapter: Path, pairs: list[Any], beta: float) -> float:
    """The mean DPO loss in float64."""
    model = model_at(base, adapter)
    reference = model_at(base, adapter.parents[1] / "sft/checkpoint-4")
    found = []
    for one in pairs:
        gains = [
            float((logs(model, one.prompt, ids) - logs(reference, one.prompt, ids)).sum())
            for ids in one.answers
        ]
        found.append(np.log1p(np.exp(-beta * (gains[0] - gains[1]))))
    return float(np.mean(found))


def planned(source: Path, *more: Any) -> tuple[int, str, str]:
    given = ("--data", "mine.jsonl", "--out", "study", "--plan", *more)
    return tremble("trajectory", source, *given)


def test_an_unfinished_training_names_what_is_missing(
    work: Path, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("part")
    shutil.copytree(work, place, symlinks=True, dirs_exist_ok=True)
    for name in ("dpo/checkpoint-3", "dpo/checkpoint-4", "dpo/checkpoint-5"):
        shutil.rmtree(place / "out" / name)
    half = place / "out/dpo/.checkpoint-3.123-00000000-00000000.tmp"
    half.mkdir()
    (half / "adapter_config.json").write_text("{}")
    code, out, error = planned(place / "out")
    assert code == 1
    assert "3 names left out" in error and "has not been trained yet" in error
    left_out = out[out.index("Left out:") :]
    assert all(f"dpo/checkpoint-{step}" in left_out for step in (3, 4, 5))
    assert ".tmp" not in out + error


def test_a_checkpoint_without_all_its_files_is_none(
    work: Path, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("part")
    shutil.copytree(work, place, symlinks=True, dirs_exist_ok=True)
    weights = place / "out/sft/checkpoint-2/adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    code, _, error = planned(place / "out")
    assert code == 1
    assert "sft/checkpoint-2" in error


def test_nothing_trained_yet(work: Path, elsewhere: Path) -> None:
    (elsewhere / "new").mkdir()
    shutil.copy(work / "out/align.json", elsewhere / "new/align.json")
    message = mistake("trajectory", "new", "--data", "mine.jsonl", "--out", "study")
    assert "no checkpoint yet" in message and "--out new" in message


def test_runs_side_by_side_differ_as_asked(
    base: Path, work: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One SFT before all of them; of two betas none is that of the training."""
    made = trained(
        base,
        tmp_path,
        sft={**SFT, "checkpoints": [4]},
        dpo={**DPO, "checkpoints": [5]},
        runs=[{"name": "as it is"}, {"name": "b", "beta": 0.3}, {"name": "c", "seed": 8}],
    )
    names = {path.relative_to(made).as_posix() for path in made.rglob("checkpoint-*")}
    assert names == {
        *("sft/checkpoint-4", "dpo/as-it-is/checkpoint-5"),
        *("dpo/b/checkpoint-5", "dpo/c/checkpoint-5"),
    }
    weights = {name: (made / name / "adapter_model.safetensors").read_bytes() for name in names}
    assert len(set(weights.values())) == 4
    alone = (work / "out/dpo/checkpoint-5/adapter_model.safetensors").read_bytes()
    assert weights["dpo/as-it-is/checkpoint-5"] == alone
    found = found_in(str(made), made)
    assert {(one.stage, one.run, one.step) for one in found.checkpoints} == {
        *(("sft", "", 4), ("dpo", "as it is", 5), ("dpo", "b", 5), ("dpo", "c", 5))
    }
    assert found.own is not None and found.own.beta is None


def test_the_beta_of_a_training_is_that_of_its_runs(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work / "out", tmp_path / "out")
    path = tmp_path / "out/align.json"
    record = json.loads(path.read_text())
    record["runs"][0]["beta"] = 0.7
    path.write_text(json.dumps(record))
    found = found_in(str(tmp_path / "out"), tmp_path / "out")
    assert found.own is not None and found.own.beta == 0.7


@pytest.mark.parametrize("given", [False, True], ids=["by the record", "by --base"])
def test_a_base_with_other_weights_is_refused(given: bool, base: Path, tmp_path: Path) -> None:
    """Of the same name and shape, where the record says that the base is, or where --base does."""
    place = shutil.copytree(base, tmp_path / "models" / base.name)
    made = trained(place, tmp_path / "made", sft={**SFT, "held_out": 2, "steps": 1})
    asked = ["--base", place] if given else []
    assert tremble("trajectory", made, "--plan", *asked)[0] == 0
    shutil.rmtree(place)
    save_tiny(place, seed=7)
    message = mistake("trajectory", made, "--plan", *asked)
    assert "other weights" in message and "--base" in message and str(place) in message


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_template_that_is_no_file_is_not_that_of_the_base(
    kind: str, base: Path, tmp_path: Path
) -> None:
    made = trained(base, tmp_path, sft={**SFT, "held_out": 2, "steps": 1})
    place = made / "sft/checkpoint-1/chat_template.jinja"
    place.unlink()
    place.symlink_to(tmp_path / "nowhere") if kind == "link" else place.mkdir()
    spec = ModelSpec(str(place.parent), base=str(base))
    with pytest.raises(ModelUnavailable, match=r"chat_template\.jinja' is no file"):
        open_tokenizer(spec, RunOptions(), print)


def test_held_out_items_that_changed_are_not_used_until_written_anew(
    base: Path, tmp_path: Path
) -> None:
    """With turns of a system and of people's own formats, which are written as messages."""
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Why? "}]
    rows = [
        {"prompt": turns, "chosen": " Because.", "rejected": "No.\n", "subset": 3, "id": 7},
        *preferences(8, each=1),
        *(
            {key: f"\n\nHuman: {n}?\n\nAssistant: {key}" for key in ("chosen", "rejected")}
            for n in range(8)
        ),
    ]
    write_lines(tmp_path / "pairs.jsonl", rows)
    made = trained(base, tmp_path, dpo={**DPO, "held_out": 14, "steps": 1, "batch": 1})
    place = made / "held_out.jsonl"
    before = place.read_bytes()
    own = found_in(str(made), made).own
    assert own is not None and own.task == place.as_posix() and own.notes == ()
    for change in (lambda: place.unlink(), lambda: write_lines(place, rows[:3])):
        change()
        own = found_in(str(made), made).own
        assert own is not None and own.task is None
        assert "held_out.jsonl" in own.notes[0] and "--task" in own.notes[0]
        code, _, said = tremble("trajectory", made, "--plan")
        assert code == 0 and own.notes[0] in said
        aligned(tmp_path / "recipe.toml", made)
        assert place.read_bytes() == before


def test_several_betas_are_said(base: Path, tmp_path: Path) -> None:
    runs = [{"name": "a"}, {"name": "b", "beta": 0.5}]
    made = trained(base, tmp_path, dpo={**DPO, "steps": 1}, runs=runs)
    own = found_in(str(made), made).own
    assert own is not None and own.beta is None
    assert "(0.1, 0.5)" in own.notes[0] and "beta = 0.1" in own.notes[0]


def test_a_folder_of_trainings_is_said_to_be_one(base: Path, tmp_path: Path) -> None:
    """Their checkpoints are read as those of any trainer: by names, with none of the record."""
    sft = {**SFT, "steps": 1, "held_out": 2}
    for name in ("a", "b"):
        aligned(write_recipe(tmp_path / "made", base, sft=sft), tmp_path / "sweep" / name)
    code, _, said = tremble("trajectory", tmp_path / "sweep", "--plan", "--base", base)
    assert code == 0
    assert "holds 2 trainings (the first: 'a')" in said and "held-out items" in said
    code, _, said = tremble("trajectory", tmp_path / "sweep/a", "--plan")
    assert code == 0 and "holds" not in said
