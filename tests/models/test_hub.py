"""Models from a hub that this machine imitates: what stops one of them, and what is deleted."""

from __future__ import annotations

import errno
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants, scan_cache_dir, snapshot_download

from tests.support.commands import tremble
from tests.support.fake_hub import SHA, FakeHub
from tests.support.toys import save_tiny
from tremble.api.plan import plan_study
from tremble.api.results import analyze_study
from tremble.engines import open as opening
from tremble.engines.shared_prefix import trial
from tremble.errors import UserError
from tremble.models.hub_cache import Downloads
from tremble.study import score as scoring
from tremble.study.file import read_study
from tremble.study.notes import absent, caveats
from tremble.study.run import score_study


def study(folder: Path, *models: str, pairs: Any = (), run: str = "") -> Path:
    lines = [
        {"id": f"{i}", "prompt": f"{i}?", "options": ["a", "b"], "choice": "a", "participant": "p"}
        for i in (1, 2)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    text = '[study]\nname = "s"\ndata = ["mine.jsonl"]\n'
    text += "".join(
        f'[[pair]]\nbase = "{base}"\naligned = "{counterpart}"\n' for base, counterpart in pairs
    )
    text += "".join(f'[[model]]\nid = "{model}"\n' for model in models)
    path = folder / "study.toml"
    path.write_text(f"{text}[run]\n{run}\n")
    return path


def run(path: Path, said: list[str] | None = None) -> int:
    return score_study(read_study(path), path.parent / "out", ([] if said is None else said).append)


def scored(folder: Path) -> set[str]:
    return set(analyze_study(folder / "out")[1]["model"])


def files(folder: Path) -> dict[str, bytes]:
    """Every file and link below a folder with its content; not the hub's own locks and tag."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".locks" not in path.parts and path.name != "CACHEDIR.TAG"
    }


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_model_from_the_hub_is_downloaded_scored_and_kept(tmp_path: Path, hub: FakeHub) -> None:
    assert run(study(tmp_path, "them/one")) == 0
    assert scored(tmp_path) == {"them/one"}
    (repo,) = scan_cache_dir(constants.HF_HUB_CACHE).repos
    assert (repo.repo_id, {r.commit_hash for r in repo.revisions}) == ("them/one", {SHA})
    assert hub.served.count("them/one/model.safetensors") == 1


def test_a_plan_times_a_model_whose_weights_nobody_has(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.01)
    (hub.models["them/one"] / "model.safetensors").write_bytes(b"not for anybody")
    said: list[str] = []
    plan = plan_study(read_study(study(tmp_path, "them/one")), tmp_path / "out", said.append)
    (row,) = plan["models"]
    assert row["timing"] == "timed" and row["seconds"] > 0
    assert "Measuring speed with a few layers like those of them/one." in said
    assert hub.served and not any(name.endswith(".safetensors") for name in hub.served)
    assert not (tmp_path / "out").exists()


def test_disk_never_holds_the_weights_of_two_models(
    tmp_path: Path, cache: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[list[str]] = []
    inner = opening.open_engine

    def watching(*arguments: Any) -> Any:
        held.append([name for name in files(cache) if name.endswith(".safetensors")])
        engine = inner(*arguments)
        held.append([name for name in files(cache) if name.endswith(".safetensors")])
        return engine

    monkeypatch.setattr(opening, "open_engine", watching)
    path = study(tmp_path, "them/one", "them/two", run="keep_models = false")
    assert run(path) == 0
    assert scored(tmp_path) == {"them/one", "them/two"}
    assert [len(names) for names in held] == [0, 1, 0, 1]
    assert files(cache) == {}
    assert run(path) == 0  # nothing is missing: the small files come and go again
    assert len(held) == 4
    assert files(cache) == {}
    assert not list(cache.glob("models--*"))


def test_what_was_in_the_cache_before_stays(tmp_path: Path, cache: Path, hub: FakeHub) -> None:
    """One model whole, one without its weights, and an older revision of that one."""
    older = "f" * 40
    hub.revisions["them/two", "main"] = older
    snapshot_download("them/two", allow_patterns=["*.json"])
    del hub.revisions["them/two", "main"]
    snapshot_download("them/one")
    before = files(cache)
    assert (cache / "models--them--two" / "refs" / "main").read_text() == older
    names = ("them/one", "them/two", "them/three")
    assert run(study(tmp_path, *names, run="keep_models = false")) == 0
    assert scored(tmp_path) == set(names)
    assert "them/two/model.safetensors" in hub.served
    assert files(cache) == before
    assert not (cache / "models--them--three").exists()
    assert scan_cache_dir(cache).warnings == []


def test_a_folder_of_the_users_is_never_deleted(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path / "them")
    assert run(study(tmp_path, "them/one", "./them/two", run="keep_models = false")) == 0
    assert files(tmp_path / "them") == before
    assert hub.served == []


def test_a_blob_that_another_snapshot_uses_stays_for_it(
    tmp_path: Path, cache: Path, hub: FakeHub
) -> None:
    """Two revisions share every file; deleting the first leaves the second whole."""
    hub.revisions["them/one", "late"] = "a" * 40
    downloads = Downloads(keep=False)
    for model in ("them/one@main", "them/one@late"):
        with downloads.noting(model):
            snapshot_download("them/one", revision=model.partition("@")[2])
    whole = files(hub.models["them/one"])
    downloads.delete("them/one@main")
    left = cache / "models--them--one" / "snapshots"
    assert [path.name for path in left.iterdir()] == ["a" * 40]
    assert files(left / ("a" * 40)) == whole
    downloads.delete("them/one@late")
    assert not (cache / "models--them--one").exists()


def test_with_keep_models_nothing_is_looked_at_or_deleted(cache: Path, hub: FakeHub) -> None:
    downloads = Downloads(keep=True)
    with downloads.noting("them/one"):
        snapshot_download("them/one")
    downloads.delete("them/one")
    downloads.delete_all()
    assert any(name.endswith("model.safetensors") for name in files(cache))


def break_model(hub: FakeHub, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Makes them/two a model that cannot be had."""
    weights = hub.models["them/two"] / "model.safetensors"
    config = hub.models["them/two"] / "config.json"
    inner = huggingface_hub.snapshot_download
    if how in ("gated", "gated, with a token"):
        hub.gated.add("them/two")
    if "token" in how:
        (tmp_path / "token").write_text("hf_x")
    if how == "private":
        hub.private.add("them/two")
    if how == "unknown":
        del hub.models["them/two"]
    if how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-64])
    if how == "no safetensors":
        weights.rename(weights.with_name("pytorch_model.bin"))
    if how == "architecture":
        config.write_text(json.dumps({**json.loads(config.read_text()), "model_type": "new"}))
    if how == "full disk":

        def download(name: str, **rest: Any) -> str:
            if name == "them/two" and "*.safetensors" in rest["allow_patterns"]:
                with monkeypatch.context() as patch:
                    patch.setattr("huggingface_hub.file_download.http_get", full_disk)
                    return inner(name, **rest)
            return inner(name, **rest)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    if how == "not writable":

        def refused(name: str, **rest: Any) -> str:
            if name == "them/two":
                raise PermissionError(errno.EACCES, "Permission denied", "blobs")
            return inner(name, **rest)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", refused)
    if how == "forbidden":

        def forbidden(name: str, **rest: Any) -> str:
            if name == "them/two":
                raise ConnectionError("no route") from PermissionError(errno.EPERM, "Not permitted")
            return inner(name, **rest)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", forbidden)
    if how == "endless":
        config.write_text(json.dumps({**json.loads(config.read_text()), "n_layers": 10**9}))
    if how == "offline":
        for name in ("them/one", "them/three"):
            inner(name)
        inner("them/two", allow_patterns=["*.json", "*.jinja"])
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    if how == "memory":
        from transformers import AutoModelForCausalLM

        load = AutoModelForCausalLM.from_pretrained

        def too_large(folder: Any, **rest: Any) -> Any:
            if "them--two" in str(folder):
                raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
            return load(folder, **rest)

        monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", too_large)


BROKEN = {
    "gated": ("is gated", "`hf auth login`"),
    "gated, with a token": ("is gated", "accept the terms at http"),
    "private": ("no model 'them/two' on the hub, or it is private", "`hf auth login`"),
    "unknown": ("no model 'them/two' on the hub", "check the name"),
    "truncated": ("truncated or damaged", "download them again"),
    "no safetensors": ("no safetensors weights", "choose a revision"),
    "architecture": ("cannot be read", "check"),
    "full disk": ("disk is full", "keep_models = false"),
    "not writable": ("cannot be stored in", "(Permission denied); set HF_HOME"),
    "forbidden": ("the hub cannot be reached", "check the name and the connection"),
    "endless": ("n_layers = 1000000000, which is more than 10,000", "download it again"),
    "offline": ("HF_HUB_OFFLINE forbids", "hf download them/two"),
    "memory": ("does not fit into the memory of the device 'cpu'", "smaller dtype"),
}


@pytest.mark.parametrize("how", list(BROKEN))
def test_a_model_that_cannot_be_had_does_not_stop_the_others(
    how: str,
    tmp_path: Path,
    hub: FakeHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cause, cure = BROKEN[how]
    break_model(hub, how, monkeypatch, tmp_path)
    path = study(tmp_path, "them/one", "them/two", "them/three")
    code, _, error = tremble("run", path, "--out", tmp_path / "out")
    assert code == 1
    assert "Traceback" not in error
    (sentence,) = (line for line in error.splitlines() if "is skipped" in line)
    assert "them/two" in sentence
    assert cause in sentence
    assert cure in sentence
    assert "1 model is unavailable (them/two), so scores are missing in every table;" in error
    assert scored(tmp_path) == {"them/one", "them/three"}
    assert list(absent(tmp_path / "out")) == ["them/two"]
    (note,) = caveats(tmp_path / "out")
    assert cause in note
    printed = tremble("analyze", tmp_path / "out")[1]
    assert "them/two is unavailable, so its scores are missing." in " ".join(printed.split())


@pytest.mark.parametrize("how", list(BROKEN))
def test_a_study_of_that_model_alone_is_refused(
    how: str,
    tmp_path: Path,
    hub: FakeHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cause, cure = BROKEN[how]
    break_model(hub, how, monkeypatch, tmp_path)
    code, _, error = tremble("run", study(tmp_path, "them/two"), "--out", tmp_path / "out")
    assert code == 2
    assert cause in error
    assert cure in error
    assert not (tmp_path / "out").exists()


def test_the_model_is_scored_once_it_can_be_had(tmp_path: Path, hub: FakeHub) -> None:
    hub.gated.add("them/two")
    path = study(tmp_path, "them/one", "them/two")
    run(path)
    assert scored(tmp_path) == {"them/one"}
    hub.gated.clear()
    run(path)
    assert scored(tmp_path) == {"them/one", "them/two"}
    assert absent(tmp_path / "out") == {}
    assert caveats(tmp_path / "out") == []


def test_a_failed_download_leaves_nothing_behind(
    tmp_path: Path, cache: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_model(hub, "full disk", monkeypatch, tmp_path)
    run(study(tmp_path, "them/two", "them/three", run="keep_models = false"))
    assert scored(tmp_path) == {"them/three"}
    assert files(cache) == {}


def test_a_twin_alone_is_read_in_its_own_format(tmp_path: Path, hub: FakeHub) -> None:
    """A base model whose twin is missing is still read as plain text, and in no borrowed format."""
    pairs = [("mock:a", "mock:b"), ("them/one", "them/nobody"), ("them/nowhere", "them/two")]
    path = study(tmp_path, pairs=pairs)
    path.write_text(
        path.read_text().replace("[[pair]]", 'formats = ["native", "chat"]\n[[pair]]', 1)
    )
    assert run(path) == 0
    analysis, frame, _ = analyze_study(tmp_path / "out")
    alone = frame.filter(frame["model"].str.starts_with("them/")).select("model", "format").unique()
    assert sorted(alone.rows()) == [("them/one", "plain"), ("them/two", "chat")]
    assert set(absent(tmp_path / "out")) == {"them/nobody", "them/nowhere"}
    why = {(row["base"], row["why"]) for row in analysis.pairs if row["base"] != "mock:a"}
    reason = "no decision scored by both"
    assert why == {("them/one", reason), ("them/nowhere", reason)}


def test_nothing_to_compare_is_refused_and_a_mistake_in_the_file_too(
    tmp_path: Path, hub: FakeHub
) -> None:
    path = study(tmp_path, pairs=[("them/one", "them/nobody"), ("them/nowhere", "them/two")])
    with pytest.raises(UserError, match=r"2 of 4 models are unavailable.*'them/nobody'"):
        run(path)
    for wrong in ("./nowhere", "gone.gguf", "embedded/gemma3", "a b"):
        with pytest.raises(UserError, match=wrong):
            run(study(tmp_path, "mock:a", "mock:b", wrong))
    assert not (tmp_path / "out").exists()


def test_a_model_is_gone_from_memory_before_the_next_is_loaded(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[weakref.ref[Any]] = []
    inner = opening.open_engine

    def watching(*arguments: Any) -> Any:
        assert [ref() for ref in seen] == [None] * len(seen)
        engine: Any = inner(*arguments)
        seen.append(weakref.ref(engine.model))
        return engine

    monkeypatch.setattr(opening, "open_engine", watching)
    gc.disable()  # what is freed is freed by name, not by luck
    try:
        run(study(tmp_path, "them/one", "them/two", "them/three"))
    finally:
        gc.enable()
    assert len(seen) == 3


def test_downloads_of_a_refused_or_interrupted_study_go_too(
    tmp_path: Path, cache: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models["them/bare"] = save_tiny(tmp_path / "bare", template=None)
    keep = "keep_models = false"
    with pytest.raises(UserError, match="has no chat template"):
        run(study(tmp_path, pairs=[("them/one", "them/bare")], run=keep))
    assert {"them/one/tokenizer.json", "them/bare/tokenizer.json"} <= set(hub.served)
    assert files(cache) == {}

    def interrupted(*_: Any) -> None:
        assert len([name for name in files(cache) if name.endswith(".safetensors")]) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "_score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(study(tmp_path, "them/one", "them/two", run=keep))
    assert files(cache) == {}


def test_a_twin_that_fails_after_the_other_was_scored(tmp_path: Path, hub: FakeHub) -> None:
    """What is scored by then is kept: finished in part, not refused."""
    weights = hub.models["them/two"] / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-64])
    path = study(tmp_path, pairs=[("them/one", "them/two")])
    code, _, error = tremble("run", path, "--out", tmp_path / "out")
    assert code == 1
    assert "them/two is skipped" in error
    assert scored(tmp_path) == {"them/one"}
    (tmp_path / "cache").rename(tmp_path / "damaged")
    weights.write_bytes(whole)
    assert run(path) == 0
    assert scored(tmp_path) == {"them/one", "them/two"}
