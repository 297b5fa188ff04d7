"""A training that goes on: with the same recipe, or with none other."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import mistake, tremble
from tests.support.recipes import DPO, SFT, aligned, files_of, stopped, write_recipe
from tremble.post_training import trainers
from tremble.post_training.saving import State, save_adapter

pytestmark = pytest.mark.usefixtures("one_thread")
LAST = {"sft": {**SFT, "checkpoints": [1, 2, 3, 4]}, "dpo": {**DPO, "checkpoints": [1, 2, 3, 4, 5]}}


@pytest.fixture
def copied(work: Path, tmp_path: Path) -> Path:
    """The folder of recipe and training, to be changed."""
    return Path(shutil.copytree(work, tmp_path, symlinks=True, dirs_exist_ok=True))


def test_a_finished_training_is_not_trained_again(copied: Path) -> None:
    before = files_of(copied / "out")
    times = {path: path.stat().st_mtime_ns for path in (copied / "out").rglob("*.safetensors")}
    _, said = aligned(copied / "recipe.toml", copied / "out")
    assert "SFT: already trained." in said and "DPO: already trained." in said
    assert files_of(copied / "out") == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_a_checkpoint_that_is_gone_is_made_again(stage: str, copied: Path) -> None:
    """The same, though its stage was finished."""
    before = files_of(copied / "out")
    shutil.rmtree(copied / "out" / stage / "checkpoint-2")
    aligned(copied / "recipe.toml", copied / "out")
    assert files_of(copied / "out") == before


def test_a_checkpoint_that_went_during_an_interruption_is_made_again(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(copied / "out")
    shutil.rmtree(copied / "out")
    interrupted(copied, monkeypatch, at=7)
    assert (copied / "out/dpo/checkpoint-2").is_dir()
    shutil.rmtree(copied / "out/dpo/checkpoint-1")
    monkeypatch.undo()
    aligned(copied / "recipe.toml", copied / "out")
    assert files_of(copied / "out") == before


def interrupted(work: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """A training that Ctrl-C ends as its so-manieth state is written."""
    whole, seen = State.write, []

    def write(self: State, step: int, fill: Any) -> None:
        seen.append(step)
        if len(seen) == at:
            raise KeyboardInterrupt
        whole(self, step, fill)

    monkeypatch.setattr(State, "write", write)
    monkeypatch.setattr(trainers, "STATE_SECONDS", 0.0)
    code, _, _ = tremble("align", work / "recipe.toml", "--out", work / "out")
    assert code == 130


def test_the_reference_after_a_resume_is_the_sft_adapter(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the half-trained one: the loss goes on where it was, far from log 2."""
    steps = pl.read_parquet(copied / "out/dpo/steps.parquet")
    reference = (copied / "out/dpo/reference.parquet").read_bytes()
    shutil.rmtree(copied / "out")
    interrupted(copied, monkeypatch, at=8)  # behind the third step of DPO
    monkeypatch.undo()
    _, said = aligned(copied / "recipe.toml", copied / "out")
    assert "DPO: goes on after step 3." in said
    assert (copied / "out/dpo/reference.parquet").read_bytes() == reference
    after = pl.read_parquet(copied / "out/dpo/steps.parquet")
    assert after.equals(steps)
    assert after["loss"][3] < 0.67


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_a_reference_that_changed_on_disk_is_computed_again(side: str, copied: Path) -> None:
    """Also in the pair of a later step, which the first one does not show."""
    before = files_of(copied / "out")
    place = copied / "out/dpo/reference.parquet"
    known = pl.read_parquet(place)
    other = known[side].to_list()
    other[5] += 2.0**-10
    known.with_columns(pl.Series(side, other)).write_parquet(place)
    shutil.rmtree(copied / "out/dpo/checkpoint-3")
    aligned(copied / "recipe.toml", copied / "out")
    assert files_of(copied / "out") == before


def test_threads_are_those_of_before_once_it_is_done(base: Path, tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        recipe = write_recipe(tmp_path, base, sft={**SFT, "steps": 1}, machine={"threads": 3})
        aligned(recipe, tmp_path / "out")
        record = json.loads((tmp_path / "out/align.json").read_text())
        assert record["machine"]["threads"] == 3
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("tables", "before", "now"),
    [
        ({"dpo": {**LAST["dpo"], "beta": 0.2}}, "beta = 0.1 in [dpo]", "0.2"),
        ({"sft": {**LAST["sft"], "warmup": 0.5}}, "warmup = 0.1 in [sft]", "0.5"),
        ({"adapter": {"rank": 2}}, "rank = 4 in [adapter]", "2"),
        ({"align": {"seed": 9}}, "seed = 3", "9"),
        ({"align": {"max_tokens": 400}}, "max_tokens = 512", "400"),
        ({"dpo": {**LAST["dpo"], "loss": "ipo"}}, "loss = sigmoid in [dpo]", "ipo"),
        ({"runs": [{"name": "a"}]}, "name =  in [[run]] 0", "a"),
        ({"sft": None}, "stages = [sft, dpo]", "[dpo]"),
        ({"runs": [{"name": "a"}, {"name": "b"}]}, "runs = []", "[a, b]"),
    ],
)
def test_another_recipe_is_refused_with_both_values(
    tables: dict[str, Any], before: str, now: str, copied: Path, base: Path
) -> None:
    files = files_of(copied / "out")
    recipe = write_recipe(copied, base, **{**LAST, **tables})
    message = mistake("align", recipe, "--out", copied / "out").lower()
    assert f"begun with {before}, and the recipe now has {now};" in message.replace("'", "")
    assert "--out" in message
    assert files_of(copied / "out") == files


def test_a_run_can_be_added_and_is_what_it_would_have_been(base: Path, tmp_path: Path) -> None:
    first, second = {"name": "a"}, {"name": "b", "learning_rate": 1e-3, "seed": 5}
    tables: dict[str, Any] = {"sft": {**SFT, "steps": 1}, "dpo": {**DPO, "steps": 2}}
    recipe = write_recipe(tmp_path, base, **tables, runs=[first])
    aligned(recipe, tmp_path / "out")
    before = files_of(tmp_path / "out" / "dpo" / "a")
    recipe = write_recipe(tmp_path, base, **tables, runs=[second, first])
    _, said = aligned(recipe, tmp_path / "out")
    assert "SFT: already trained." in said and "DPO, a: already trained." in said
    assert files_of(tmp_path / "out" / "dpo" / "a") == before
    aligned(recipe, tmp_path / "at once")
    added, at_once = (files_of(tmp_path / one / "dpo") for one in ("out", "at once"))
    assert added == at_once and len(at_once) > len(before)
    records = [
        json.loads((tmp_path / one / "align.json").read_text()) for one in ("out", "at once")
    ]
    assert records[0] == records[1]
    # None may be left out or changed, which would leave checkpoints that no recipe has.
    for runs in ([second], [first, {**second, "seed": 6}]):
        recipe = write_recipe(tmp_path, base, **tables, runs=runs)
        assert "another --out" in mistake("align", recipe, "--out", tmp_path / "out")


def test_other_data_is_refused(copied: Path) -> None:
    path = copied / "seed.jsonl"
    path.write_text(path.read_text().replace("Question 1:", "Question 1?"))
    message = mistake("align", copied / "recipe.toml", "--out", copied / "out")
    digest = sha256(path.read_bytes()).hexdigest()[:12]
    assert "begun with another content of data in [sft] (" in message
    assert f", now '{digest}')" in message


def test_other_pairs_held_out_by_a_file_are_refused(base: Path, tmp_path: Path) -> None:
    held = tmp_path / "held.jsonl"
    line = {"prompt": "Quite another opening?", "chosen": "yes", "rejected": "no"}
    held.write_text(json.dumps(line))
    recipe = write_recipe(tmp_path, base, dpo={**DPO, "steps": 1, "held_out": "held.jsonl"})
    aligned(recipe, tmp_path / "out")
    held.write_text(json.dumps({**line, "chosen": "yes please"}))
    assert "other items held out in [dpo]" in mistake("align", recipe, "--out", tmp_path / "out")


def test_other_versions_are_said_and_go_on(copied: Path) -> None:
    path = copied / "out/align.json"
    record = json.loads(path.read_text())
    record["versions"]["trl"] = "0.1"
    path.write_text(json.dumps(record))
    shutil.rmtree(copied / "out/dpo/checkpoint-2")
    _, said = aligned(copied / "recipe.toml", copied / "out")
    assert f"trl 0.1 (now {__import__('trl').__version__})" in said


def test_a_base_elsewhere_is_found_from_there_on(base: Path, copied: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(base, tmp_path / "elsewhere" / base.name)
    (copied / "base").unlink()
    (copied / "base").symlink_to(moved, target_is_directory=True)
    aligned(copied / "recipe.toml", copied / "out")
    record = json.loads((copied / "out/align.json").read_text())
    assert (copied / "out" / record["base_at"]).resolve() == moved.resolve()


def test_until_something_is_trained_a_recipe_may_change(base: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, base, adapter={"targets": ["nothing"]}, sft={**SFT, "steps": 1})
    assert "nothing" in stopped(recipe, tmp_path / "out")
    recipe = write_recipe(tmp_path, base, adapter={"targets": ["q_proj"]}, sft={**SFT, "steps": 1})
    aligned(recipe, tmp_path / "out")
    assert (tmp_path / "out/recipe.toml").read_text() == recipe.read_text()


def test_two_trainings_in_one_folder_wait_for_each_other(copied: Path) -> None:
    from tremble.store.lock import locked

    with locked(copied / "out"):
        message = mistake("align", copied / "recipe.toml", "--out", copied / "out")
    assert "Another run is writing" in message


def one_file(folder: Path) -> None:
    (folder / "a").write_text("a")


def broken(folder: Path) -> None:
    one_file(folder)
    raise ZeroDivisionError


def test_a_state_is_replaced_whole(tmp_path: Path) -> None:
    state = State(tmp_path / ".state" / "sft")
    state.write(3, one_file)
    with pytest.raises(ZeroDivisionError):
        state.write(5, broken)
    found = state.newest()
    assert found is not None and found[0] == 3
    state.write(5, one_file)
    assert [path.name for path in state.folder.iterdir()] == ["step-5"]
    state.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_is_there_stays(base: Path, work: Path, tmp_path: Path) -> None:
    import peft
    from transformers import AutoModelForCausalLM

    model = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base), str(work / "out/sft/checkpoint-4")
    )
    place = tmp_path / "checkpoint-1"
    place.mkdir()
    (place / "mine").write_text("x")
    save_adapter(place, model, "base", None)
    assert [path.name for path in place.iterdir()] == ["mine"]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]
