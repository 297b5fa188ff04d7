"""Series from the hub: branches and folders, listed at once, and what they cost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants, snapshot_download

from tests.support.checkpoints import branch, bytes_of, checkpoint, configured, other_tokenizer
from tests.support.fake_hub import FakeHub
from tremble.checkpoints.cost import Cost, cost_of
from tremble.checkpoints.series import Series
from tremble.checkpoints.sources import series_of
from tremble.errors import ModelUnavailable, UserError
from tremble.models.hub_files import HubName
from tremble.models.hub_lists import ListedFile, files_of
from tremble.models.open import find
from tremble.models.spec import ModelSpec

NAME = "them/series"


def series(source: str, base: str | None = None) -> Series:
    return series_of(source, base, lambda note: None)


def refused(source: str, base: str | None = None) -> str:
    with pytest.raises(UserError) as error:
        series(source, base)
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text


def test_branches(hub: FakeHub, tiny: Path) -> None:
    for name in ("step1000-tokens4B", "step20-tokens1B", "step300", "step-final", "v2", "Step5"):
        branch(hub, NAME, name)
    found = series(f"{NAME}@step*")
    names = ["step20-tokens1B", "step300", "step1000-tokens4B"]
    assert [one.name for one in found.checkpoints] == [f"{NAME}@{name}" for name in names]
    assert [one.step for one in found.checkpoints] == [20, 300, 1000]
    assert [one.tokens for one in found.checkpoints] == [10**9, None, 4 * 10**9]
    assert [name for name, _ in found.left_out] == ["step-final"]
    assert found.incomplete == ()
    assert found.base == ModelSpec(f"{NAME}@step20-tokens1B")
    assert hub.served == []  # nothing is downloaded
    assert cost_of(found) == Cost(3, 3, bytes_of(tiny), 3 * bytes_of(tiny), 3)
    assert hub.served == []
    assert find(found.checkpoints[1].model, print).commit == hub.revisions[NAME, "step300"]


def test_branches_by_stage(hub: FakeHub) -> None:
    for name in ("stage2-step-10", "stage1-step-40000", "stage1-step-200"):
        branch(hub, NAME, name)
    found = series(f"{NAME}@stage*")
    assert [(one.stage, one.step) for one in found.checkpoints] == [
        ("stage1", 200),
        ("stage1", 40_000),
        ("stage2", 10),
    ]
    branch(hub, NAME, "annealing-step-10")
    said = refused(f"{NAME}@*step*")
    assert "order of the stages" in said and "'annealing'" in said and "'stage2'" in said
    branch(hub, NAME, "stage1-step-0200")
    said = refused(f"{NAME}@stage*")
    assert f"'{NAME}@stage1-step-200' and '{NAME}@stage1-step-0200' are both step 200" in said


def test_a_branch_that_appears_later(hub: FakeHub) -> None:
    branch(hub, NAME, "step1")
    before = series(f"{NAME}@step*")
    branch(hub, NAME, "step2")
    after = series(f"{NAME}@step*")
    assert after.checkpoints[:1] == before.checkpoints
    assert [one.step for one in after.checkpoints] == [1, 2]


def test_branches_of_adapters(hub: FakeHub, tiny: Path, lora: Path, tmp_path: Path) -> None:
    hub.models["them/base"] = tiny
    own = configured(
        Path(shutil.copytree(lora, tmp_path / "a")), base_model_name_or_path="them/base"
    )
    for step in (1, 2, 3):
        branch(hub, NAME, f"step{step}", own)
    found = series(f"{NAME}@step*")
    assert found.base == ModelSpec("them/base")
    assert {one.adapter for one in found.checkpoints} == {True}
    assert set(hub.served) == {f"{NAME}/adapter_config.json"}
    each = bytes_of(own)
    assert cost_of(found) == Cost(3, 3, each, 3 * each + bytes_of(tiny), 1)
    assert {one.model.base for one in series(f"{NAME}@step*", "them/b").checkpoints} == {"them/b"}
    other = configured(
        Path(shutil.copytree(lora, tmp_path / "b")), base_model_name_or_path="them/other"
    )
    branch(hub, NAME, "step4", other)
    assert "different models, 'them/base' and 'them/other'" in refused(f"{NAME}@step*")


@pytest.fixture
def folders(hub: FakeHub, tiny: Path, tmp_path: Path) -> Path:
    """A repository with checkpoints in its folders."""
    root = tmp_path / "repository"
    for step in (8, 16, 120):
        made = checkpoint(root / f"checkpoint-{step}", tiny)
        shutil.copytree(tiny, made / "ref")
    hub.models[NAME] = root
    return root


def test_folders(hub: FakeHub, folders: Path, tiny: Path) -> None:
    (folders / "checkpoint-best").mkdir()
    (folders / "checkpoint-best" / "config.json").write_text("{}")
    found = series(f"{NAME}:checkpoint-*")
    assert [one.name for one in found.checkpoints] == [
        f"{NAME}:checkpoint-{step}" for step in (8, 16, 120)
    ]
    assert [name for name, _ in found.left_out] == [f"{NAME}:checkpoint-best"]
    assert len([path for path in hub.asked if "/tree/" in path]) == 1
    cost = cost_of(found)
    # The state of training is not read, and trainer_state.json is two bytes of JSON.
    assert cost == Cost(3, 3, bytes_of(tiny) + 2, 3 * (bytes_of(tiny) + 2), 3)
    assert find(found.checkpoints[2].model, print, weights=False).folder.name == "checkpoint-120"
    branch(hub, NAME, "old", folders)
    at = series(f"{NAME}@old:checkpoint-*")
    assert at.checkpoints[0].name == f"{NAME}@old:checkpoint-8"


def test_folders_of_stages_and_runs(hub: FakeHub, tiny: Path, tmp_path: Path) -> None:
    for place in ("sft/seed1/step-1", "sft/seed2/step-1", "dpo/seed1/step-1"):
        checkpoint(tmp_path / "r" / place, tiny)
    hub.models[NAME] = tmp_path / "r"
    found = series(f"{NAME}:*/*/step-*")
    assert [(one.stage, one.run) for one in found.checkpoints] == [
        ("sft", "seed1"),
        ("sft", "seed2"),
        ("dpo", "seed1"),
    ]


def test_folders_that_are_not_whole(hub: FakeHub, folders: Path, tiny: Path) -> None:
    """Every folder is in the list, so each is looked at."""
    (folders / "checkpoint-16" / "model.safetensors").unlink()
    pickled = checkpoint(folders / "checkpoint-20", tiny, "model.safetensors")
    (pickled / "pytorch_model.bin").touch()
    checkpoint(folders / "checkpoint-30", tiny, "config.json")
    found = series(f"{NAME}:checkpoint-*")
    assert [one.step for one in found.checkpoints] == [8, 120]
    assert [one.step for one in found.incomplete] == [16, 20, 30]
    reasons = [reason for _, reason in found.left_out]
    for reason, words in zip(
        reasons, ("no weights", "only pickled", "neither config.json"), strict=True
    ):
        assert words in reason


def test_the_first_and_last_branch_are_looked_at(hub: FakeHub, tiny: Path, tmp_path: Path) -> None:
    pickled = checkpoint(tmp_path / "p", tiny, "model.safetensors")
    (pickled / "pytorch_model.bin").touch()
    for step in (1, 2, 3):
        branch(hub, NAME, f"step{step}", pickled if step == 1 else None)
    found = series(f"{NAME}@step*")
    assert [one.step for one in found.incomplete] == [1]
    assert found.base == ModelSpec(f"{NAME}@step2")
    assert "only pickled weights" in found.left_out[0][1]


def test_another_tokenizer_on_the_hub(
    hub: FakeHub, folders: Path, tiny: Path, tmp_path: Path
) -> None:
    def said(base: str | None) -> list[str]:
        notes = series(f"{NAME}:checkpoint-*", base).notes
        return [note for note in notes if note.startswith("The tokenizer")]

    hub.models["them/base"] = tiny
    assert said(None) == said("them/base") == said(str(tiny)) == []
    other_tokenizer(folders / "checkpoint-16")
    for base in (None, "them/base", str(tiny)):
        (note,) = said(base)
        assert f"'{NAME}:checkpoint-16'" in note
    assert len(said(str(other_tokenizer(Path(shutil.copytree(tiny, tmp_path / "o")))))) == 2


def test_a_file_over_repositories(hub: FakeHub, tiny: Path, lora: Path, tmp_path: Path) -> None:
    for name in ("pre", "sft", "dpo"):
        hub.models[f"them/{name}"] = tiny
    path = tmp_path / "series.toml"
    rows = [("base", 0, "them/pre"), ("sft", 100, "them/sft"), ("dpo", 10, "them/dpo@main")]
    path.write_text(
        "".join(
            f'[[checkpoint]]\nstage = "{stage}"\nstep = {step}\nmodel = "{model}"\n'
            for stage, step, model in rows
        )
    )
    found = series(str(path))
    assert [(one.stage, one.step, one.name) for one in found.checkpoints] == rows
    assert found.base == ModelSpec("them/pre")
    assert cost_of(found).bytes_total == 3 * bytes_of(tiny)
    hub.models["them/sft"] = lora
    assert [one.adapter for one in series(str(path), "them/pre").checkpoints] == [0, 1, 0]
    del hub.models["them/sft"]
    found = series(str(path))
    assert [one.name for one in found.incomplete] == ["them/sft"]
    assert "There is no model 'them/sft' on the hub" in found.left_out[0][1]


def test_names_that_are_no_series(hub: FakeHub, tiny: Path) -> None:
    for step in range(5):
        branch(hub, NAME, f"step{step}")
    said = refused(NAME)
    assert f"(or give {NAME}@step* for branches, or {NAME}:step-* for folders" in said
    assert "as a hub name it is one model" in refused(f"{NAME}@step1")
    assert "pattern of one of them alone" in refused(f"{NAME}@step*:checkpoint-1")
    said = refused(f"{NAME}@iter*")
    assert f"No branch of '{NAME}' fits the pattern 'iter*'" in said
    assert "it has 6 branches: main, step0, step1 and 3 more" in said
    assert "fits the pattern 'step-*'; it has no folder" in refused(f"{NAME}:step-*")
    assert "'main' in the branches of" in (said := refused(f"{NAME}@ma*")) and "no step" in said
    assert "There is no model 'them/gone' on the hub" in refused("them/gone@step*")
    assert "has no revision 'gone'" in refused(f"{NAME}@gone:step-*")
    assert "is a web address" in refused("https://hub.example/them/series")
    for name in ("a b@step*", "runs*"):
        assert f"{name!r} is neither a folder nor a possible hub name" in refused(name)


def test_a_gated_model_and_no_hub(
    hub: FakeHub, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(hub, NAME, "step1")
    hub.gated.add(NAME)
    for source in (f"{NAME}@step*", f"{NAME}:checkpoint-*"):
        assert f"'{NAME}' is gated" in refused(source)
    hub.gated.clear()
    hub.private.add(NAME)
    assert "or it is private" in refused(f"{NAME}@step*")
    hub.private.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    said = refused(f"{NAME}@step*")
    assert f"The branches of '{NAME}' cannot be listed offline" in said and "TOML file" in said
    assert "The folders of" in refused(f"{NAME}:checkpoint-*")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelUnavailable, match="because the hub cannot be reached"):
        series(f"{NAME}@step*")


def test_a_file_over_models_of_the_cache_offline(
    hub: FakeHub, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is here needs no hub; what is not is left out with the reason."""
    hub.models["them/two"] = tiny
    snapshot_download(NAME)
    path = tmp_path / "series.toml"
    path.write_text(
        f'[[checkpoint]]\nstep = 1\nmodel = "{NAME}"\n'
        '[[checkpoint]]\nstep = 2\nmodel = "them/two"\n'
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = series(str(path))
    assert [one.name for one in found.checkpoints] == [NAME]
    assert [one.name for one in found.incomplete] == ["them/two"]
    assert "'them/two' is not on this machine, and HF_HUB_OFFLINE" in found.left_out[0][1]
    assert cost_of(found) == Cost(1, 0, 0, 0, 1)


def test_the_imitated_hub_names_files_as_git_does(hub: FakeHub, tmp_path: Path) -> None:
    """So that what is compared with files of this machine is what the hub would say."""
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "config.json").write_text("{}")
    hub.models["them/two"] = tmp_path / "two"
    (listed,) = files_of(HubName("them/two")).values()
    # printf '{}' | git hash-object --stdin
    assert listed == ListedFile(2, "9e26dfeeb6e641a33dae4961196235bdb965b21b", False)
    with pytest.raises(ModelUnavailable, match="has no folder 'gone' in this revision"):
        files_of(HubName("them/two", None, "gone"))
