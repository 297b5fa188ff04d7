"""Recipes: the schema and its page, every key and every wrong value, and runs of one stage."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.scripts import script
from tremble.errors import UserError
from tremble.post_training.recipe import AdapterRecipe, Recipe, RunRecipe, read_recipe, recipe_of
from tremble.post_training.schema import RECIPE
from tremble.settings.schema import Key, keys_of
from tremble.store.provenance import slug

PAGE = ROOT / "docs" / "align.md"
TABLES = ("align", "adapter", "sft", "dpo", "run", "machine")
FILES = ("pairs.jsonl", "demonstrations.jsonl", "seed.jsonl", "held.jsonl")
NEEDED = {
    "align": {"base": '"org/model"'},
    "sft": {"data": '"demonstrations.jsonl"'},
    "dpo": {"data": '"pairs.jsonl"'},
    "run": {"name": '"one"'},
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of data, from which recipes in another one are read."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def recipe(folder: Path, stages: tuple[str, ...] = ("dpo",), **tables: dict[str, str]) -> Recipe:
    """The smallest recipe of some stages, with `tables` of further keys (as TOML) in it."""
    lines = []
    for table in TABLES:
        if table not in ("align", *stages, *tables):
            continue
        lines.append(f"[[{table}]]" if table == "run" else f"[{table}]")
        values = {**NEEDED.get(table, {}), **tables.get(table, {})}
        lines += [f"{key} = {value}" for key, value in values.items()]
    return read(folder, "\n".join(lines))


def read(folder: Path, text: str) -> Recipe:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return read_recipe(path.relative_to(Path.cwd()).as_posix())


def refused(folder: Path, text: str) -> str:
    """What is said of a recipe, behind its path."""
    with pytest.raises(UserError) as error:
        read(folder, text)
    said = str(error.value)
    assert said.startswith("recipes/mine.toml")
    return said.removeprefix("recipes/mine.toml: ")


# The schema and its page.


def test_the_page_holds_the_schema_of_today() -> None:
    page = PAGE.read_text("utf-8")
    assert script("write_study_schema").written(page, RECIPE) == page, (
        "run scripts/write_study_schema.py"
    )
    assert re.findall(r"<!-- schema: (\w+) -->\n\| key", page) == list(TABLES)
    assert {key.table for key in RECIPE} == set(TABLES)


def test_the_recipe_of_the_page_and_the_one_of_the_tutorial_are_recipes(here: Path) -> None:
    (example, model) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    found = read(here, example)
    assert [one.name for one in found.stages] == ["sft", "dpo"]
    assert [one.name for one in found.runs] == ["lr 1e-5", "shuffled"]
    assert found.last.checkpoints == (1, 2, 4, 8, 16, 32, 64) and found.last.kept(64)[-1] == 64
    short = ROOT / "examples" / "align" / "short.toml"
    (here / "hh_harmless_test.jsonl.gz").write_bytes(b"")
    found = read(here, short.read_text("utf-8"))
    (stage,) = found.stages
    assert (stage.samples, stage.held_out, stage.batch) == (128, 200, 8)
    assert stage.steps_over(128) == 16 and len(stage.kept(16)) == 8
    both = {(one.stage.learning_rate, one.seed) for one in found.runs[:4]}
    assert both == {(rate, seed) for rate in (5e-5, 5e-4) for seed in (0, 1)}
    assert [one.stage.shuffle_preferences for one in found.runs] == [False] * 4 + [True]
    assert f'id = "short/dpo/{slug(found.runs[-1].name)}/checkpoint-16"' in model


@pytest.mark.parametrize("key", RECIPE, ids=lambda key: f"{key.table}.{key.name}")
def test_every_key_takes_its_example_and_nothing_else(here: Path, key: Key) -> None:
    example = script("write_study_schema")._example(key).strip("`")
    stages = ("sft",) if key.table == "sft" else ("dpo",)
    recipe(here, stages, **{key.table: {key.name: example}})
    for strange in ("2020-01-01", "{ a = 1 }", "[]"):
        with pytest.raises(UserError, match=rf"{key.name}\b.* is .*; it must be"):
            recipe(here, stages, **{key.table: {key.name: strange}})
    for word in key.words:
        recipe(here, stages, **{key.table: {key.name: json.dumps(word)}})
    if key.words:
        words = ", ".join(map(json.dumps, key.words))
        with pytest.raises(UserError, match=f"'zz'; it must be one of {words}"):
            recipe(here, stages, **{key.table: {key.name: '"zz"'}})


def test_what_is_left_out_is_as_the_page_says(here: Path) -> None:
    found = recipe(here, ("sft", "dpo"))
    assert (found.name, found.base, found.template) == ("mine", "org/model", None)
    assert (found.seed, found.max_tokens, found.device, found.threads) == (0, 512, "cpu", None)
    assert found.adapter == AdapterRecipe(8, 16.0, 0.0, ("all-linear",), "float32")
    assert found.adapter.target_modules == "all-linear"
    sft, dpo = found.stages
    for stage, rate in ((sft, 2e-4), (dpo, 5e-5)):
        assert (stage.samples, stage.held_out, stage.steps, stage.epochs) == (None, 0, None, 1)
        assert (stage.batch, stage.learning_rate, stage.schedule) == (8, rate, "linear")
        assert (stage.warmup, stage.checkpoints) == (0.1, 8)
    assert (sft.beta, sft.loss, sft.shuffle_preferences) == (None, None, None)
    assert (dpo.beta, dpo.loss, dpo.shuffle_preferences) == (0.1, "sigmoid", False)
    assert found.runs == (RunRecipe("", 0, dpo),) and found.last is dpo


def test_paths_start_at_the_folder_of_the_recipe_and_names_stay(here: Path) -> None:
    (here / "model").mkdir()
    (here / "own.jinja").write_text("{{ messages }}")
    general = {"base": '"model"', "template": '"own.jinja"'}
    found = recipe(here, align=general, dpo={"held_out": '"held.jsonl"'})
    assert (found.base, found.template) == ("recipes/model", "recipes/own.jinja")
    assert (found.last.data, found.last.held_out) == ("recipes/pairs.jsonl", "recipes/held.jsonl")
    found = recipe(here, align={"base": '"embedded/gemma-3-270m"', "template": '"gemma"'})
    assert (found.base, found.template) == ("embedded/gemma-3-270m", "gemma")
    text = '[align]\nbase = "model"\n[dpo]\ndata = "recipes/pairs.jsonl"\n'
    given = recipe_of(text, Path("recipe"))  # of a dict: from the current folder
    assert (given.name, given.base) == ("recipe", "model")
    assert given.last.data == "recipes/pairs.jsonl"


# Wrong values, each with its sentence.

BASE, DPO = '[align]\nbase = "b"\n', '[dpo]\ndata = "pairs.jsonl"\n'
WRONG = {
    DPO: "there is no [align]; add it with the base, the model that is trained.",
    "[align]\n" + DPO: "base in [align] is missing; it must be text in quotes.",
    BASE: "there is no stage; add [sft] with demonstrations, [dpo] with pairs, or both.",
    BASE + "[dpp]\n": "unknown key 'dpp'; did you mean 'dpo'?",
    BASE + DPO + "sample = 3\n": "unknown key 'sample' in [dpo]; did you mean 'samples'?",
    BASE + '[sft]\ndata = "seed.jsonl"\nbeta = 1\n': "unknown key 'beta' in [sft]; choose from: "
    "batch, checkpoints, data, epochs, held_out, learning_rate, samples, schedule, steps, warmup.",
    BASE + "[[dpo]]\n": "dpo must be a table, written [dpo].",
    BASE + DPO + "[run]\n": "run must be written [[run]], once for each entry.",
    BASE + '[dpo]\ndata = "none.jsonl"\n': "data in [dpo] is 'none.jsonl', and there is no such "
    "file; check the path.",
    BASE + '[dpo]\ndata = "."\n': "data in [dpo] is '.', and there is no such file; check the "
    "path.",
    BASE + DPO + 'held_out = "none"\n': "held_out in [dpo] is 'none'; it must be a whole number "
    "from 0, or a file, and there is no such file.",
    BASE + DPO + "held_out = -5\n": "held_out in [dpo] is '-5'; it must be a whole number from 0, "
    "or a file, and there is no such file.",
    BASE + DPO + "held_out = [5]\n": "held_out in [dpo] is ['5']; it must be a whole number from "
    "0, or a file.",
    BASE + DPO + "steps = 0\n": "steps in [dpo] is 0; it must be a whole number from 1.",
    BASE + DPO + "batch = 2.5\n": "batch in [dpo] is 2.5; it must be a whole number from 1.",
    BASE + DPO + "learning_rate = 0\n": "learning_rate in [dpo] is 0; it must be a number above "
    "0, such as 5e-05.",
    BASE + DPO + "learning_rate = nan\n": "learning_rate in [dpo] is nan; it must be a number "
    "above 0, such as 5e-05.",
    BASE + DPO + "beta = inf\n": "beta in [dpo] is inf; it must be a number above 0, such as 0.05.",
    BASE + DPO + "warmup = 1.5\n": "warmup in [dpo] is 1.5; it must be a number from 0 to 1.",
    BASE + DPO + "checkpoints = 0\n": "checkpoints in [dpo] is 0; it must be a whole number from "
    "1, or a list of steps from 1.",
    BASE + DPO + "checkpoints = [4, 0]\n": "checkpoints in [dpo] is ['4', '0']; it must be a whole "
    "number from 1, or a list of steps from 1.",
    BASE + DPO + "checkpoints = true\n": "checkpoints in [dpo] is true; it must be a whole number "
    "from 1, or a list of steps from 1.",
    BASE + DPO + "[adapter]\ndropout = 1\n": "dropout in [adapter] is 1; it must be less, such as "
    "0.05.",
    BASE + DPO + '[adapter]\ntargets = ["a", "a"]\n': "targets holds 'a' 2 times; keep one.",
    BASE + DPO + '[machine]\ndevice = "gpu"\n': "device is 'gpu'; it must be one of \"cpu\", "
    '"cuda", "mps"; did you mean \'cpu\'?',
    BASE + DPO + "shuffle_preferences = 1\n": "shuffle_preferences in [dpo] is 1; it must be true "
    "or false.",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_one_sentence(here: Path, text: str) -> None:
    assert refused(here, text) == WRONG[text]


def test_a_file_that_is_no_recipe_is_one_sentence(here: Path) -> None:
    with pytest.raises(UserError, match=r"^There is no recipe 'none.toml'; check the path\.$"):
        read_recipe("none.toml")
    with pytest.raises(UserError, match=r"^'recipes' is a folder; give a recipe, which is a "):
        read_recipe("recipes")
    assert refused(here, "[align\n").startswith("recipes/mine.toml is not valid TOML (")


# Several runs of the last stage.


def test_runs_differ_in_what_they_say_alone(here: Path) -> None:
    text = (
        '[align]\nbase = "b"\nseed = 7\n[sft]\ndata = "seed.jsonl"\n'
        '[dpo]\ndata = "pairs.jsonl"\nlearning_rate = 1e-4\nsteps = 9\n'
        '[[run]]\nname = "plain"\n[[run]]\nname = " other "\nseed = 2\nbeta = 0.5\n'
        '[[run]]\nname = "control"\nshuffle_preferences = true\nlearning_rate = 1e-3\n'
    )
    found = read(here, text)
    assert [(one.name, one.seed) for one in found.runs] == [
        ("plain", 7),
        ("other", 2),
        ("control", 7),
    ]
    stages = [one.stage for one in found.runs]
    assert [one.learning_rate for one in stages] == [1e-4, 1e-4, 1e-3]
    assert [one.beta for one in stages] == [0.1, 0.5, 0.1]
    assert [one.shuffle_preferences for one in stages] == [False, False, True]
    assert {one.steps for one in stages} == {9} and {one.name for one in stages} == {"dpo"}
    assert found.stages[0].name == "sft" and found.seed == 7


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "a"), ("lr 1", "lr-1"), ("A", "a"), ("!", "?"), ("x" * 70, "y" + "x" * 69)],
)
def test_runs_that_would_share_a_folder_are_refused(here: Path, one: str, other: str) -> None:
    assert slug(one).lower() == slug(other).lower()
    runs = "".join(f"[[run]]\nname = {json.dumps(name)}\n" for name in (one, other))
    assert refused(here, BASE + DPO + runs) == (
        f"name in [[run]] is {other!r}, and the run {one!r} would be in the same folder; give each "
        "run a name of its own, in letters and digits."
    )


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", ".."])
def test_a_run_has_a_name_that_can_be_a_folder(here: Path, name: str) -> None:
    text = BASE + DPO + f"[[run]]\nname = {json.dumps(name)}\n"
    if name == "..":
        assert slug(read(here, text).runs[0].name) not in ("", ".", "..")
    else:
        assert "name in [[run]] is " in refused(here, text)


@pytest.mark.parametrize(("key", "value"), [("beta", 0.2), ("shuffle_preferences", False)])
def test_runs_without_pairs_take_no_keys_of_pairs(here: Path, key: str, value: Any) -> None:
    stage = '[sft]\ndata = "seed.jsonl"\n'
    rate = '[[run]]\nname = "a"\nlearning_rate = 1e-3\nseed = 3\n'
    (run,) = read(here, BASE + stage + rate).runs
    assert (run.stage.learning_rate, run.seed, run.stage.name) == (1e-3, 3, "sft")
    text = BASE + stage + rate + f"{key} = {json.dumps(value)}\n"
    assert refused(here, text) == (
        f"{key} in [[run]] is about [dpo], which the recipe does not have."
    )


# Steps and checkpoints.


@pytest.mark.parametrize(
    ("written", "samples", "steps"),
    [("", 16, 2), ("", 17, 3), ("", 1, 1), ("epochs = 3", 17, 7), ("steps = 5\nepochs = 3", 99, 5)],
)
def test_steps_are_those_given_or_enough_for_all_samples(
    here: Path, written: str, samples: int, steps: int
) -> None:
    assert read(here, BASE + DPO + written).last.steps_over(samples) == steps


def test_the_last_step_is_kept_whatever_is_asked_for(here: Path) -> None:
    asked = read(here, BASE + DPO + "checkpoints = [4, 1, 4]").last
    assert asked.checkpoints == (1, 4) and asked.kept(9) == (1, 4, 9) and asked.kept(4) == (1, 4)
    with pytest.raises(UserError) as error:
        asked.kept(3)
    assert str(error.value) == (
        "checkpoints in [dpo] has step 4, but the stage ends at step 3; leave it out, or train "
        "longer."
    )
    for count in (1, 2, 5, 9, 20):
        kept = read(here, BASE + DPO + f"checkpoints = {count}").last.kept(9)
        assert len(kept) == min(count, 9) and kept[-1] == 9
        assert list(kept) == sorted(set(kept)) and kept[0] >= 1


def test_the_names_of_tables_are_those_of_the_schema() -> None:
    assert [key.table for key in RECIPE] == sorted((key.table for key in RECIPE), key=TABLES.index)
    for table in TABLES:
        assert keys_of(RECIPE, table)
