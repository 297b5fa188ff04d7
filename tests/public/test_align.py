"""`tr.align`: a recipe as a dict or a file, the training that it gives, and its way to a study."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import tremble as tr
from tests.support.toys import save_tiny
from tremble.disk.tables import read_table

pytest.importorskip("trl", reason='needs the extra "align"')

COLUMNS = [
    "stage",
    "run",
    "step",
    "loss",
    "gradient",
    "learning_rate",
    "accuracy",
    "margin",
    "chosen",
    "rejected",
]


def write_data(folder: Path) -> None:
    demos = [{"prompt": f"Say {n}.", "completion": f"Yes, {n}."} for n in range(8)]
    pairs = [{"prompt": f"Why {n}?", "chosen": f"For {n}.", "rejected": "No."} for n in range(12)]
    for name, lines in (("demos", demos), ("pairs", pairs)):
        text = "".join(json.dumps(one) + "\n" for one in lines)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")


def tables(base: Path) -> dict[str, Any]:
    return {
        "align": {"name": "Two stages", "base": base},
        "sft": {"data": "demos.jsonl", "batch": 2, "checkpoints": 2},
        "dpo": {"data": Path("pairs.jsonl"), "held_out": 4, "batch": 4, "checkpoints": (1,)},
        "run": [
            {"name": "plain", "learning_rate": 1e-3},
            {"name": "control", "learning_rate": 1e-3, "shuffle_preferences": True},
        ],
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("align") / "tiny")


@pytest.mark.slow
def test_a_training_from_a_dict_says_where_everything_is(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = tr.align(tables(base))
    assert capfd.readouterr() == ("", "")
    assert (made.folder, made.base) == (Path("Two-stages"), base.as_posix())
    # 8 demonstrations are 4 steps of 2; 8 of 12 pairs are 2 steps of 4, in two runs.
    places = ["sft/checkpoint-1", "sft/checkpoint-4"]
    places += [f"dpo/{run}/checkpoint-{step}" for run in ("plain", "control") for step in (1, 2)]
    assert list(made.checkpoints) == [made.folder / one for one in places]
    assert all((one / "adapter_model.safetensors").is_file() for one in made.checkpoints)
    assert repr(made) == (
        f"<Training 'Two stages' of {base.as_posix()} in Two-stages: SFT, then DPO in 2 runs, "
        "6 checkpoints>"
    )
    assert any("8 samples from 'pairs.jsonl', 4 held out" in one for one in made.notes)

    steps = made.steps
    assert steps.columns == COLUMNS
    assert steps.select("stage", "run", "step").rows() == [
        *(("sft", "", step) for step in (1, 2, 3, 4)),
        *(("dpo", run, step) for run in ("plain", "control") for step in (1, 2)),
    ]
    sft, dpo = (steps.filter(stage=one) for one in ("sft", "dpo"))
    assert all(sft[name].null_count() == 4 for name in COLUMNS[-4:])
    assert all(dpo[name].null_count() == 0 for name in COLUMNS)
    assert dpo.filter(step=1)["loss"].to_list() == pytest.approx([math.log(2)] * 2, abs=1e-4)
    stored = read_table(made.folder / "dpo" / "plain" / "steps.parquet")
    assert dpo.filter(run="plain")["margin"].to_list() == stored["margin"].to_list()

    again = tr.align(tables(base), progress=False)
    assert again.checkpoints == made.checkpoints and again.steps.equals(steps)
    assert [one for one in again.notes if "already trained" in one] == [
        "SFT: already trained.",
        "DPO, plain: already trained.",
        "DPO, control: already trained.",
    ]
    with pytest.raises(tr.UserError, match=r"begun with seed = 0, .* now has 1; give another out"):
        tr.align({**tables(base), "align": {**tables(base)["align"], "seed": 1}})
    result = tr.trajectory(made.folder, data=decisions(), formats="plain", progress=False)
    assert result.table("checkpoints")["checkpoint"].n_unique() == 5  # base, 2 of SFT, 2 of a run
    assert set(result.table("checkpoints")["run"]) == {"plain", "control"}
    assert result.table("task")["items"].max() == 4


def decisions() -> tr.Decisions:
    return tr.read_decisions(
        [
            {
                "prompt": f"Round {n}. Keep or share? Answer as JSON with the key decision.",
                "options": ["keep", "share"],
                "choice": "keep" if n % 3 else "share",
                "participant": n,
            }
            for n in range(6)
        ]
    )


def test_a_recipe_that_is_wrong_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    base, dpo = {"base": "b"}, {"data": "pairs.jsonl"}
    for recipe, sentence in (
        ({"align": base}, "recipe: there is no stage; add [sft] with demonstrations, [dpo] with "
         "pairs, or both."),
        ({"align": base, "dop": dpo}, "recipe: unknown key 'dop'; did you mean 'dpo'?"),
        ({"align": base, "dpo": 3}, "dpo is 3; give a dict, or a list of dicts."),
        ({"align": base, "dpo": dpo, "run": {"name": "a"}}, "recipe: run must be written [[run]], "
         "once for each entry."),
        ({"align": base, "dpo": {**dpo, "beta": object}}, "beta is <class 'object'>, a type; give "
         "texts, numbers, true or false, or lists of them."),
        ({"align": {"base": "mock:one"}, "dpo": dpo}, "base in [align] is 'mock:one', a built-in "
         "fake model, which cannot be trained; give a model with weights."),
    ):  # fmt: skip
        with pytest.raises(tr.UserError) as error:
            tr.align(recipe)
        assert str(error.value) == sentence
    (tmp_path / "file").write_text("")
    with pytest.raises(tr.UserError, match=r"There is no recipe 'none\.toml'"):
        tr.align(Path("none.toml"), "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "demos.jsonl",
        "file",
        "pairs.jsonl",
    ]
