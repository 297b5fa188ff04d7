"""A user's mistakes, and what goes wrong on the way: one sentence with the value and the cure."""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from safetensors.torch import load_file

from tests.support.checkpoints import configured
from tests.support.commands import mistake, tremble
from tests.support.recipes import (
    DPO,
    SFT,
    aligned,
    files_of,
    preferences,
    stopped,
    write_lines,
    write_recipe,
)
from tremble.tasks.task_file import read_task

pytestmark = pytest.mark.usefixtures("one_thread")


def refused(recipe: Path) -> str:
    """Why a recipe is refused, with nothing left behind."""
    out = recipe.parent / "out"
    message = mistake("align", recipe, "--out", out)
    assert not out.exists()
    return message


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"dpo": {**DPO, "betta": 0.1}}, ["betta", "[dpo]", "did you mean 'beta'?"]),
        ({"sft": {**SFT, "beta": 0.1}}, ["beta", "[sft]"]),
        ({"adapter": {"rnak": 2}}, ["rnak", "[adapter]", "rank"]),
        ({"sft": {**SFT, "checkpoints": [2, 400]}}, ["step 400", "[sft]", "ends at step 4"]),
        ({"dpo": {**DPO, "checkpoints": 0}}, ["checkpoints in [dpo] is 0", "from 1"]),
        ({"dpo": {**DPO, "checkpoints": [0, 2]}}, ["checkpoints in [dpo]", "from 1"]),
        ({"sft": {**SFT, "learning_rate": 0}}, ["learning_rate in [sft] is 0", "above 0"]),
        ({"sft": {**SFT, "learning_rate": "fast"}}, ["learning_rate in [sft]", "fast"]),
        ({"sft": {**SFT, "learning_rate": -1e-4}}, ["learning_rate in [sft] is -0.0001"]),
        ({"sft": {**SFT, "batch": 0}}, ["batch in [sft] is 0"]),
        ({"sft": {**SFT, "steps": 1.5}}, ["steps in [sft] is 1.5"]),
        ({"sft": {**SFT, "schedule": "linea_r"}}, ["linea_r", "linear"]),
        ({"dpo": {**DPO, "loss": "kto"}}, ["kto", "sigmoid"]),
        ({"dpo": {**DPO, "held_out": 12}}, ["held_out in [dpo] is 12", "12 samples"]),
        ({"dpo": {**DPO, "held_out": "none.jsonl"}}, ["held_out in [dpo]", "none.jsonl"]),
        ({"dpo": {**DPO, "data": "none.jsonl"}}, ["data in [dpo]", "none.jsonl"]),
        ({"dpo": {**DPO, "data": "seed.jsonl"}}, ["demonstrations", "pairs", "[sft]"]),
        ({"sft": {**SFT, "data": "pairs.jsonl"}}, ["pairs", "demonstrations", "[dpo]"]),
        ({"adapter": {"dropout": 1.0}, "sft": SFT}, ["dropout in [adapter] is 1", "0.05"]),
        ({"align": {"max_tokens": 5000}}, ["max_tokens in [align] is 5000", "4,096"]),
        ({"align": {"max_tokens": 3}}, ["over max_tokens", "raise max_tokens"]),
        ({"align": {"base": "mock:a"}}, ["mock:a", "weights"]),
        ({"align": {"template": "none.jinja"}}, ["none.jinja"]),
        ({"dpo": {**DPO, "data": "org/pairs"}}, ["'org/pairs'", "a data set of the hub", "#data"]),
        ({"dpo": {**DPO, "data": "no/pairs.jsonl"}}, ["no such file; check the path."]),
        ({"machine": {"device": "cuda"}}, ["'cuda'", 'device = "cpu" in [machine]']),
        ({"runs": [{"name": "a"}, {"name": "a"}]}, ["'a'", "a name of its own"]),
        ({"runs": [{"name": "lr 1"}, {"name": "lr-1"}]}, ["lr-1", "a name of its own"]),
        ({"runs": [{"name": "../a"}]}, ["../a", "without slashes"]),
        ({"runs": [{"name": "Reference.parquet"}]}, ["Reference.parquet", "a file"]),
        ({"sft": SFT, "runs": [{"name": "a", "beta": 0.2}]}, ["beta in [[run]]", "[dpo]"]),
        ({"sft": None, "dpo": None}, ["no stage"]),
    ],
)
def test_a_recipe_that_cannot_be(
    tables: dict[str, Any], said: list[str], base: Path, tmp_path: Path
) -> None:
    message = refused(write_recipe(tmp_path, base, **tables))
    for part in said:
        assert part in message, message


def test_no_recipe_and_no_toml(tmp_path: Path) -> None:
    assert "none.toml" in mistake("align", tmp_path / "none.toml")
    assert "is a folder; give a recipe" in mistake("align", tmp_path)
    (tmp_path / "bad.toml").write_text("[align\n")
    assert "bad.toml" in mistake("align", tmp_path / "bad.toml")
    (tmp_path / "bare.toml").write_text('[sft]\ndata = "a.jsonl"\n')
    assert "[align]" in mistake("align", tmp_path / "bare.toml")


def test_a_base_without_a_template(base: Path, tmp_path: Path) -> None:
    """The sentence names the recipe's table, not that of a study file."""
    bare = shutil.copytree(base, tmp_path / "bare")
    (bare / "chat_template.jinja").unlink(missing_ok=True)
    settings = json.loads((bare / "tokenizer_config.json").read_text("utf-8"))
    settings.pop("chat_template", None)
    (bare / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    message = refused(write_recipe(tmp_path / "work", bare))
    assert "no chat template; set template in [align]: gemma, or a jinja file." in message


def test_a_recipe_where_trajectory_wants_its_checkpoints(base: Path, tmp_path: Path) -> None:
    message = mistake("trajectory", write_recipe(tmp_path, base), "--plan")
    assert "recipe.toml" in message and "give the folder with its checkpoints." in message
    (tmp_path / "align.json").write_text("{}")
    assert "give its folder." in mistake("trajectory", tmp_path / "align.json", "--plan")


TABLES = {
    "pairs.csv": ("prompt,chosen,rejected\na,b,c\n", "a CSV file", "read_csv"),
    "pairs.json": (
        '[\n{"prompt": "a", "chosen": "b", "rejected": "c"}]\n',
        "a JSON list",
        "read_json",
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_how_to_convert_it(name: str, base: Path, tmp_path: Path) -> None:
    """And the cure works."""
    text, what, read = TABLES[name]
    recipe = write_recipe(tmp_path, base, dpo={**DPO, "data": name})
    (tmp_path / name).write_text(text, "utf-8")
    message = refused(recipe)
    cure = f'polars.{read}("{name}").write_ndjson("pairs.jsonl")'
    assert f"{name}, line 1: this is {what}" in message and cure in message
    getattr(pl, read)(tmp_path / name).write_ndjson(tmp_path / "pairs.jsonl")
    (item,) = read_task(tmp_path / "pairs.jsonl").items
    assert (item.prompt, item.answers) == ((("user", "a"),), ("b", "c"))


def test_other_columns_say_where_it_is_shown_how_to_rename_them(base: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, base)
    write_lines(tmp_path / "pairs.jsonl", [{"question": "a", "response_j": "b", "response_k": "c"}])
    message = refused(recipe)
    assert "'question', 'response_j', 'response_k'" in message
    assert "rename the keys that hold them (docs/align.md#data shows how)." in message


def test_a_plan_names_keys_that_are_not_read(base: Path, tmp_path: Path) -> None:
    """A system text beside the prompt would else be lost without a word."""
    recipe = write_recipe(tmp_path, base)
    rows = [*preferences(8), *({**one, "system": "Be kind."} for one in preferences(12)[8:])]
    write_lines(tmp_path / "pairs.jsonl", [{"subset": "x", **one} for one in rows])
    _, out, _ = tremble("align", recipe, "--plan")
    assert [line for line in out.splitlines() if "not read" in line] == [
        "Keys in 'pairs.jsonl' that are not read: 'system'."
    ]


@pytest.mark.parametrize(
    ("held_out", "checkpoints", "said"),
    [
        (0, [1, 2, 3], ["Nothing is held out, so"]),
        (2, [1, 2], ["has 1 first turn; for a stop", "There are 2 checkpoints; for a stop"]),
        (40, [1, 2, 3], []),
    ],
)
def test_a_plan_says_what_a_stop_would_still_need(
    held_out: int, checkpoints: list[int], said: list[str], base: Path, tmp_path: Path
) -> None:
    """20 first turns, and three checkpoints beside the base (docs/trajectory.md)."""
    dpo = {**DPO, "held_out": held_out, "steps": checkpoints[-1], "checkpoints": checkpoints}
    recipe = write_recipe(tmp_path, base, dpo=dpo)
    write_lines(tmp_path / "pairs.jsonl", preferences(60))
    code, out, _ = tremble("align", recipe, "--plan")
    assert code == 0
    lines = [line for line in out.splitlines() if "`tremble trajectory`" in line]
    assert len(lines) == len(said)
    assert all(part in line for part, line in zip(said, lines, strict=True))


class Bad(NamedTuple):
    row: dict[str, Any]
    said: tuple[str, ...]


TURNS = [{"role": "user", "content": "Which?"}]
BACKWARDS = [{"role": "assistant", "content": "That."}, {"role": "user", "content": "Which?"}]
BAD_LINES = {
    "no rejected side": Bad({"prompt": "Which?", "chosen": "yes"}, ("rejected",)),
    "no chosen side": Bad({"prompt": "Which?", "rejected": "yes"}, ("chosen",)),
    "roles out of order": Bad({"prompt": BACKWARDS, "chosen": "yes", "rejected": "no"}, ("user",)),
    "a demonstration": Bad({"prompt": "Which?", "completion": "yes"}, ("demonstrations",)),
    "no text": Bad({"prompt": "Which?", "chosen": 3, "rejected": "no"}, ("chosen", "3")),
    "an id twice": Bad({"id": "p0", "prompt": "So?", "chosen": "a", "rejected": "b"}, ("'p0'",)),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_is_no_pair(name: str, base: Path, tmp_path: Path) -> None:
    bad = BAD_LINES[name]
    write_lines(tmp_path / "pairs.jsonl", [*preferences(), bad.row])
    message = refused(write_recipe(tmp_path, base))
    assert "pairs.jsonl" in message and "13" in message
    for part in bad.said:
        assert part in message, message


def test_only_answers_that_cannot_be_compared(base: Path, tmp_path: Path) -> None:
    rows = [{**one, "rejected": one["chosen"]} for one in preferences()]
    write_lines(tmp_path / "pairs.jsonl", rows)
    assert "12 lines with equal answers" in refused(write_recipe(tmp_path, base))


def test_a_pair_in_both_splits(base: Path, tmp_path: Path) -> None:
    """The same first turn is enough."""
    held = [{**preferences()[4], "id": "again", "chosen": "something else"}]
    write_lines(tmp_path / "held.jsonl", held)
    recipe = write_recipe(tmp_path, base, dpo={**DPO, "held_out": "held.jsonl"})
    message = refused(recipe)
    assert "'again'" in message and "held.jsonl" in message and "pairs.jsonl" in message


def test_all_demonstrations_held_out(base: Path, tmp_path: Path) -> None:
    rows = [*preferences(2), {"prompt": "Else?", "chosen": "yes", "rejected": "no", "id": "x"}]
    write_lines(tmp_path / "pairs.jsonl", rows)
    first = [{"prompt": "Opening 0: which of 0?", "completion": "yes"}]
    write_lines(tmp_path / "seed.jsonl", first)
    held = write_lines(tmp_path / "held.jsonl", rows[:1])
    write_lines(tmp_path / "pairs.jsonl", rows[2:])
    recipe = write_recipe(tmp_path, base, sft=SFT, dpo={**DPO, "held_out": held.name})
    assert "hold out less" in refused(recipe)


def test_a_folder_of_something_else(base: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, base, sft=SFT)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("x")
    assert "mine.txt" in mistake("align", recipe, "--out", tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert "is a file" in mistake("align", recipe, "--out", tmp_path / "full/mine.txt")


def test_an_adapter_as_base(base: Path, work: Path, tmp_path: Path) -> None:
    adapter = shutil.copytree(work / "out/sft/checkpoint-4", tmp_path / "adapter")
    configured(adapter, base_model_name_or_path=str(base))
    message = refused(write_recipe(tmp_path, adapter, sft=SFT))
    assert "an adapter; merge it into its model" in message


@pytest.mark.parametrize("missing", ["trl", "peft"])
def test_without_the_extra(
    missing: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    message = refused(write_recipe(tmp_path, base, sft=SFT))
    assert "tremble[align]" in message


def test_a_disk_that_is_too_small_is_said_before_the_first_step(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adapters of 18 kB, and the states of an optimizer."""
    recipe = write_recipe(tmp_path, base, sft=SFT)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50_000))
    message = stopped(recipe, tmp_path / "out")
    assert "0 MB left" in message and "--out" in message
    assert not list(tmp_path.rglob("checkpoint-*"))
    monkeypatch.undo()
    aligned(recipe, tmp_path / "out")


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The system refuses to write files that are longer, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [10_000, 30_000], ids=["weights", "optimizer"])
def test_a_disk_that_gets_full_in_a_save(
    size: int, base: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the weights of a checkpoint (18 kB), or in the state beside it (38 kB): what is whole
    stays, and the training goes on later."""
    recipe = write_recipe(tmp_path, base, sft={**SFT, "checkpoints": [1, 2, 3, 4]})
    with files_up_to(size):
        message = stopped(recipe, tmp_path / "out")
    assert "Cannot write" in message and "free some space" in message
    left = {path.name for path in tmp_path.glob("out/sft/*")}
    assert left == ({"checkpoint-1"} if size == 30_000 else set())
    aligned(recipe, tmp_path / "out")
    for step in range(1, 5):
        name = f"sft/checkpoint-{step}"
        assert files_of(tmp_path / "out" / name) == files_of(work / "out" / name)


def test_a_loss_that_is_no_number_stops_and_keeps_what_is_whole(base: Path, tmp_path: Path) -> None:
    """AdamW moves weights by the learning rate, so the second step's logits are too large."""
    sft = {**SFT, "learning_rate": 1e30, "checkpoints": [1, 2, 3, 4]}
    recipe = write_recipe(tmp_path, base, sft=sft)
    message = stopped(recipe, tmp_path / "out")
    assert "loss at step 2 of sft" in message and "1e+30" in message
    assert [path.name for path in (tmp_path / "out/sft").iterdir()] == ["checkpoint-1"]
    assert load_file(tmp_path / "out/sft/checkpoint-1/adapter_model.safetensors")
    assert "loss at step 2 of sft" in stopped(recipe, tmp_path / "out")


def test_weights_that_a_precision_has_not_are_refused(base: Path, tmp_path: Path) -> None:
    sft = {**SFT, "learning_rate": 1e6}
    recipe = write_recipe(tmp_path, base, adapter={"dtype": "float16"}, sft=sft)
    message = stopped(recipe, tmp_path / "out")
    assert "no numbers in float16" in message
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_a_damaged_record(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work, tmp_path / "work", symlinks=True)
    (tmp_path / "work/out/align.json").write_text('{"schema": 2}')
    message = mistake("align", tmp_path / "work/recipe.toml", "--out", tmp_path / "work/out")
    assert "align.json" in message and "schema 2" in message


def test_a_plan_writes_nothing(base: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, base)
    before = files_of(tmp_path)
    code, out, _ = tremble("align", recipe, "--out", tmp_path / "out", "--plan", "--json")
    assert code == 0
    stages = json.loads(out)["stages"]
    assert [one["training_items"] for one in stages] == [10, 10]
    assert stages[0]["checkpoints"] == [1, 2, 3, 4]
    assert files_of(tmp_path) == before
