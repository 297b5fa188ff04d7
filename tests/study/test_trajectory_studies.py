"""Studies of checkpoints: the held-out task beside decisions, with built-in fake models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import mistake, tremble
from tests.support.series_studies import pairs, scores_of, tables_of, write_inputs
from tremble.store.study_folder import Store
from tremble.study import score
from tremble.study.data import decisions_of
from tremble.study.taken import Part

CHECKPOINTS = (("mock:b", "sft", 1), ("mock:c", "sft", 2), ("mock:d", "dpo", 1))


def written(
    folder: Path,
    checkpoints: Sequence[tuple[str, str, int]] = CHECKPOINTS,
    study: str = "",
    more: str = "",
    **trajectory: Any,
) -> Path:
    """A study file over `mine.jsonl` and `task.jsonl`, which are written where they are missing."""
    if not (folder / "mine.jsonl").exists():
        write_inputs(folder, items=8, decisions=12)
    asked = {"base": "mock:a", "task": "task.jsonl", "template": "gemma", **trajectory}
    data = "" if "data =" in study else 'data = ["mine.jsonl"]\n'
    lines = ['[study]\nname = "s"\nformats = ["plain"]\n' + data + study, "[trajectory]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in asked.items() if value is not None]
    for model, stage, step in checkpoints:
        lines.append(f'[[checkpoint]]\nmodel = "{model}"\nstage = "{stage}"\nstep = {step}')
    path = folder / "study.toml"
    path.write_text("\n".join([*lines, more]), "utf-8")
    return path


def ran(study: Path, out: str = "out", code: int = 0) -> str:
    """What a run said."""
    ended, _, error = tremble("run", study, "--out", study.parent / out)
    assert ended == code, error
    return error


def test_checkpoints_stand_by_stage_and_step(tmp_path: Path) -> None:
    shuffled = [CHECKPOINTS[1], CHECKPOINTS[0], CHECKPOINTS[2]]
    ran(written(tmp_path, shuffled))
    tables = tables_of(tmp_path / "out")
    models = ["mock:a", "mock:b", "mock:c", "mock:d"]
    assert [row["model"] for row in tables["task"]] == models
    assert [row["model"] for row in tables["checkpoints"] if row["rounds"] == "all"] == models


@pytest.mark.parametrize(
    ("places", "base", "words"),
    [
        ((0, 2, 1), "mock:a", "because 'sft' comes after a later stage"),
        ((0, 1, 2), "mock:c", "base in [trajectory] is 'mock:c', but the checkpoint 'mock:b'"),
        ((0, 0), "mock:a", "the model 'mock:b' is in 2 [[checkpoint]] tables"),
        ((), "mock:a", "[trajectory] has no checkpoints"),
    ],
)
def test_orders_that_are_none(
    places: tuple[int, ...], base: str, words: str, tmp_path: Path
) -> None:
    study = written(tmp_path, [CHECKPOINTS[place] for place in places], base=base)
    assert words in mistake("run", study, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_task_file_that_changed(tmp_path: Path) -> None:
    """Answers of items that changed are scored again, others are not, and no stale answer counts:
    all is as in a folder of its own."""
    study = written(tmp_path)
    ran(study)
    items = pairs(8)
    items[2]["chosen"] = "yes, another answer"
    items[5] = {**items[6], "id": "i5"}
    (tmp_path / "task.jsonl").write_text("\n".join(map(json.dumps, [*items[:6], items[7]])))
    said = ran(study)
    assert "mock:b: everything is already scored" not in said
    ran(study, "fresh")
    assert scores_of(tmp_path / "out").equals(scores_of(tmp_path / "fresh"))
    assert tables_of(tmp_path / "out") == tables_of(tmp_path / "fresh")
    assert {row["items"] for row in tables_of(tmp_path / "out")["task"]} == {7}


def test_prompts_that_are_also_those_of_decisions(tmp_path: Path) -> None:
    study = written(tmp_path)
    assert "also that of a decision" not in ran(study)
    mine = (tmp_path / "mine.jsonl").read_text().splitlines()
    items = pairs(8)
    items[4]["prompt"] = f" {json.loads(mine[3])['prompt'].upper()}\n"
    (tmp_path / "task.jsonl").write_text("\n".join(map(json.dumps, items)))
    said = ran(study)
    assert "Warning: 1 item of the task (the first: 'i4') has a prompt that is also that of" in said


def test_items_that_are_there_twice(tmp_path: Path) -> None:
    study = written(tmp_path)
    assert "of the task" not in ran(study)
    first, second, *_ = items = pairs(8)
    items.append({**first, "id": "again"})
    (tmp_path / "task.jsonl").write_text("\n".join(map(json.dumps, items)))
    said = ran(study)
    assert "Warning: 1 item of the task (the first: 'again') repeats an earlier one" in said
    assert "reverse" not in said
    turned = {**second, "chosen": second["rejected"], "rejected": second["chosen"]}
    items += [{**first, "id": "more"}, {**turned, "id": "turned"}]
    (tmp_path / "task.jsonl").write_text("\n".join(map(json.dumps, items)))
    assert (
        "Warning: 2 items of the task (the first: 'again') repeat an earlier one under another id, "
        "though a repeated item is one observation; 1 pair of the task (the first: 'turned') is "
        "the reverse of an earlier one, which contradicts it; all are scored and counted, so"
        in ran(study)
    )


def test_prompts_that_are_also_games_in_words(tmp_path: Path) -> None:
    """Games have no prompt of their own: what is compared is what the study's wordings make of
    them, also where the tables of prompts are there from before."""
    data = 'data = ["demo"]\nsample = 1\nfamilies = ["lottery"]\n'
    study = written(tmp_path, study=data + 'formulations = ["standard", "natural_language"]\n')
    write_inputs(tmp_path, items=8, decisions=12)
    assert "also that of a decision" not in ran(study)
    one = next(d for d in decisions_of("demo", tmp_path, Part(1)) if d.family == "lottery")
    asked = ("demo", one.id, "--model", "mock:a", "--format", "plain", "--json")
    code, shown, _ = tremble("xray", *asked, "--formulation", "natural_language")
    assert not code
    told = json.loads(shown)["readings"][0]
    words = f"{told['system']}\n\n{told['user']}"
    items = pairs(8)
    items[1]["prompt"] = told["text"]
    items[3]["prompt"] = words.replace("\n", "  ").upper()
    items[5]["prompt"] = [{"role": role, "content": told[role]} for role in ("system", "user")]
    items[6]["prompt"] = f"{words} And why?"
    (tmp_path / "task.jsonl").write_text("\n".join(map(json.dumps, items)))
    said = ran(study)
    assert "Warning: 3 items of the task (the first: 'i1') have a prompt that is also that" in said


def test_words_that_mean_something_for_tasks(tmp_path: Path) -> None:
    """A family of the user's own called task, and a wording called answer, are what they are."""
    write_inputs(tmp_path, items=8, decisions=12)
    lines = [json.loads(line) for line in (tmp_path / "mine.jsonl").read_text().splitlines()]
    for line in lines:
        line["family"] = "task"
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    wording = '[[wording]]\nname = "answer"\ntemplate = "{{ prompt }} Take your time."'
    study = written(tmp_path, study='formulations = ["standard", "answer"]\n', more=wording)
    said = ran(study, "own")
    tables = tables_of(tmp_path / "own")
    assert {row["formulation"] for row in tables["models"]} == {"standard", "answer"}, said
    assert {row["family"] for row in tables["models"]} == {"task"}
    assert {row["n"] for row in tables["models"]} == {12}
    assert {row["items"] for row in tables["task"]} == {8}


def test_fidelity_alone(tmp_path: Path) -> None:
    ran(written(tmp_path, task=None, template=None))
    tables = tables_of(tmp_path / "out")
    assert len(tables["checkpoints"]) == 12  # four models, three kinds of rounds
    assert tables["task"] == []
    (stop,) = tables["stop"]
    assert (stop["checkpoint"], stop["reason"]) == (None, "there is no held-out task")
    assert {row["word"] for row in tables["timing"]} == {"cannot say"}


def test_a_gain_that_the_task_does_not_have(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    (tmp_path / "task.jsonl").write_text(json.dumps({"messages": said}))
    assert "needs preference pairs" in mistake("run", written(tmp_path, gain="dpo"))


def test_a_base_that_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    said = ran(written(tmp_path, base=str(tmp_path / "empty")), code=1)
    assert "is skipped" in said
    tables = tables_of(tmp_path / "out")
    assert tables["checkpoints"] == tables["task"] == tables["timing"] == []
    (stop,) = tables["stop"]
    assert stop["reason"] == f"the base model {tmp_path / 'empty'} has no scores"


def test_a_run_that_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is shown, with a reason for what is not, and the same command goes on."""
    study = written(tmp_path)
    inner, begun = score._score_model, []

    def until_the_third(*arguments: Any) -> None:
        begun.append(arguments)
        if len(begun) == 3:
            raise KeyboardInterrupt
        inner(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(score, "_score_model", until_the_third)
        code, _, error = tremble("run", study, "--out", tmp_path / "out")
    assert code == 130, error
    tables = tables_of(tmp_path / "out")
    assert [row["model"] for row in tables["task"]] == ["mock:a", "mock:b"]
    # The last stage starts from a model that was not scored yet.
    why = "the model that the last stage starts from has no scores"
    assert {row["reason"] for row in tables["stop"]} == {why}
    assert {row["note"] for row in tables["task"]} == {why}
    ran(study)
    ran(study, "whole")
    assert tables_of(tmp_path / "out") == tables_of(tmp_path / "whole")


def test_fidelity_counted_again_in_every_family(tmp_path: Path) -> None:
    """r and log loss are those of the tables of models; KL, mass and changed favourites from the
    stored rows, also with three options and where both orders are shown."""
    study = written(tmp_path, study='data = ["demo"]\nsample = 8\n', task=None, template=None)
    ran(study)
    tables = tables_of(tmp_path / "out")
    shares: dict[tuple[str, str], dict[str, list[Any]]] = {}
    for row in Store(tmp_path / "out").scores().to_dicts():
        p = np.exp(row["logprobs"])
        named = dict(zip(row["keys"], p / p.sum(), strict=True))
        of = shares.setdefault((row["model"], row["family"]), {})
        of.setdefault(row["decision"], []).append(([named[key] for key in sorted(named)], p.sum()))
    seen = set()
    known = {(row["model"], row["family"]): row for row in tables["models"]}
    losses = {(row["model"], row["family"]): row for row in tables["measures"]}
    for row in (one for one in tables["checkpoints"] if one["rounds"] == "all"):
        place = row["model"], row["family"]
        kl, changed, mass = [], [], []
        for decision, shown in shares[place].items():
            own = np.mean([one for one, _ in shown], axis=0)
            base = np.mean([one for one, _ in shares["mock:a", row["family"]][decision]], axis=0)
            kl.append((own * np.log(own / base)).sum())
            changed.append(own.argmax() != base.argmax())
            mass.append(np.mean([one for _, one in shown]))
            seen.add((len(shown), len(own)))
        again = {"kl": np.mean(kl), "changed": np.mean(changed), "mass": np.mean(mass)}
        again |= {"n": len(kl), "r": known[place]["r"], "log_loss": losses[place]["log_loss"]}
        assert {key: row[key] for key in again} == pytest.approx(again, abs=1e-9)
    assert {(1, 2), (2, 2), (2, 3)} <= seen
    assert len({row["family"] for row in tables["checkpoints"]}) == 7


def test_other_commands_on_such_a_study(tmp_path: Path) -> None:
    """The rows of the task are no decisions for anybody."""
    study = written(tmp_path)
    ran(study)
    plain = written(tmp_path, task=None, template=None)
    ran(plain, "plain")
    for name in ("out", "plain"):
        code, _, error = tremble("export", tmp_path / name, "--out", tmp_path / f"{name}.csv")
        assert code == 0, error
    assert (tmp_path / "out.csv").read_text() == (tmp_path / "plain.csv").read_text()
    one, other = (tables_of(tmp_path / name) for name in ("out", "plain"))
    for table in ("models", "pairs", "baselines", "intervals", "checkpoints"):
        assert one[table] == other[table]
    for command in (("verdict",), ("methods",), ("verdict", "--json"), ("methods", "--json")):
        code, _, error = tremble(command[0], tmp_path / "out", *command[1:])
        assert code == 0, error
    code, _, error = tremble("report", tmp_path / "out", "--out", tmp_path / "page.html")
    assert code == 0, error
    code, _, error = tremble("xray", tmp_path / "out", "d3")
    assert code == 0, error
    code, _, error = tremble("xray", tmp_path / "out", "i3/chosen")
    assert code == 2 and "i3/chosen" in error
    study = written(tmp_path)
    code, said, error = tremble("plan", study, "--json")
    assert code == 0, error
    assert json.loads(said)["totals"]["rows"] == scores_of(tmp_path / "out").height
