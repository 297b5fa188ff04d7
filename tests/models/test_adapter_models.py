"""Adapters as models by their own names: their base, key and tokenizer, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_hub import SHA, FakeHub
from tests.support.odd_models import altered, copied
from tests.support.toys import bpe_tokenizer, save_tiny
from tremble.errors import UserError
from tremble.models import folder as folders
from tremble.models import hub as hubs
from tremble.models.files import digest_of, sha256_of
from tremble.models.hub_files import HubName
from tremble.models.open import find, model_identity, open_tokenizer, source_of
from tremble.models.spec import ModelSpec, RunOptions

peft = pytest.importorskip("peft")
adapters = pytest.importorskip("tests.support.adapters")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]
OPTIONS = RunOptions()


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def trained(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = peft.LoraConfig(**adapters.LORA)
    return Path(adapters.trained(llama, tmp_path_factory.mktemp("lora"), config))


@pytest.fixture
def lora(trained: Path, tmp_path: Path) -> Path:
    return copied(trained, tmp_path / "lora")


def identity(spec: ModelSpec, options: RunOptions = OPTIONS) -> dict[str, Any]:
    return model_identity(spec, options, lambda _: None)


def refusal(spec: ModelSpec, options: RunOptions = OPTIONS) -> str:
    with pytest.raises(UserError) as caught:
        identity(spec, options)
    sentence = str(caught.value)
    assert "\n" not in sentence and "; " in sentence and sentence.endswith(".")
    return sentence


def test_the_base_is_the_one_that_the_configuration_names(llama: Path, lora: Path) -> None:
    assert json.loads((lora / "adapter_config.json").read_text())["base_model_name_or_path"] == str(
        llama
    )
    known = identity(ModelSpec(str(lora)))
    assert known["weights"] == identity(ModelSpec(str(llama)))["weights"]
    assert known["adapter"] is not None
    # However it is named, it is the same.
    assert known == identity(ModelSpec(str(lora), base=str(llama)))
    assert known == identity(ModelSpec(str(llama), adapter=str(lora)))


def test_a_key_holds_what_decides_numbers_and_no_path(
    llama: Path, lora: Path, tmp_path: Path
) -> None:
    known = identity(ModelSpec(str(lora)))
    moved = copied(lora, tmp_path / "elsewhere")
    base = copied(llama, tmp_path / "base")
    (moved / "ref").mkdir()  # what some trainers keep of their reference
    shutil.copy(moved / "adapter_model.safetensors", moved / "ref")
    shutil.copy(moved / "adapter_model.safetensors", moved / "optimizer.safetensors")
    adapters.configured(
        moved,
        base_model_name_or_path=str(base),
        target_modules=["v_proj", "q_proj"],
        inference_mode=False,
        peft_version="0.0.1",
    )
    assert identity(ModelSpec(str(moved))) == known
    adapters.configured(moved, target_modules=["q_proj", "v_proj"])
    assert identity(ModelSpec(str(moved))) == known
    patterns = {"q_proj": 64, "self_attn.q_proj": 1}  # the first that fits counts
    adapters.configured(moved, alpha_pattern=patterns)
    one = identity(ModelSpec(str(moved)))
    adapters.configured(moved, alpha_pattern=dict(reversed(patterns.items())))
    assert len({str(one), str(identity(ModelSpec(str(moved)))), str(known)}) == 3
    adapters.configured(moved, alpha_pattern={}, lora_alpha=16)
    assert identity(ModelSpec(str(moved))) != known
    adapters.configured(moved, lora_alpha=8)
    assert identity(ModelSpec(str(moved))) == known
    altered(
        moved,
        lambda given: {name: 2 * one for name, one in given.items()},
        None,
        "adapter_model.safetensors",
    )
    assert identity(ModelSpec(str(moved))) != known


def test_an_adapter_with_the_configuration_of_its_model_beside_it(llama: Path, lora: Path) -> None:
    known = identity(ModelSpec(str(lora)))
    shutil.copy(llama / "config.json", lora)  # as some trainers leave it
    assert identity(ModelSpec(str(lora))) == known


def test_an_adapter_has_its_own_tokenizer_where_it_has_one(llama: Path, lora: Path) -> None:
    alone = open_tokenizer(ModelSpec(str(lora)), OPTIONS, lambda _: None)
    base = open_tokenizer(ModelSpec(str(llama)), OPTIONS, lambda _: None)
    assert alone.tokenizer is base.tokenizer and alone.window == base.window
    bpe_tokenizer(template="{{ messages[0]['content'] }} own").save_pretrained(lora)
    own = open_tokenizer(ModelSpec(str(lora)), OPTIONS, lambda _: None)
    assert own.tokenizer.template is not None and own.tokenizer.template.endswith("own")
    assert base.tokenizer.template != own.tokenizer.template


def test_equal_tokenizers_are_read_once(llama: Path, tmp_path: Path) -> None:
    other = copied(llama, tmp_path / "other")
    one = open_tokenizer(ModelSpec(str(llama)), OPTIONS, lambda _: None).tokenizer
    assert open_tokenizer(ModelSpec(str(other)), OPTIONS, lambda _: None).tokenizer is one
    bpe_tokenizer(template="{{ messages[0]['content'] }}").save_pretrained(other)
    assert open_tokenizer(ModelSpec(str(other)), OPTIONS, lambda _: None).tokenizer is not one


@pytest.mark.parametrize(
    ("config", "base", "shown"),
    [
        ({"base_model_name_or_path": None}, None, "does not say which model it was trained on"),
        ({"base_model_name_or_path": " "}, None, "give that model as base in its [[model]]"),
        ({"base_model_name_or_path": "/no/such/folder"}, None, "was trained on '/no/such/folder'"),
        ({}, "/no/such/folder", "There is no model folder '/no/such/folder'"),
        ({}, "mock", "cannot be put on 'mock', a fake model"),
    ],
)
def test_a_base_that_is_not_there(
    config: dict[str, Any], base: str | None, shown: str, lora: Path
) -> None:
    adapters.configured(lora, **config)
    with pytest.raises(UserError) as caught:
        identity(ModelSpec(str(lora), base=base))
    assert shown in str(caught.value)


def test_what_does_not_go_together(llama: Path, lora: Path, tmp_path: Path) -> None:
    on_another = adapters.configured(
        copied(lora, tmp_path / "two"), base_model_name_or_path=str(lora)
    )
    assert "is an adapter itself; merge that into its model" in refusal(ModelSpec(str(on_another)))
    two = ModelSpec(str(lora), adapter=str(on_another))
    assert f"{str(lora)!r} is an adapter, and its [[model]] has another one" in refusal(two)
    needless = refusal(ModelSpec(str(llama), base="a/b"))
    assert f"The model {str(llama)!r} is no adapter, so base = 'a/b'" in needless


def test_quantised_weights_take_no_adapter(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tremble.models import from_files

    monkeypatch.setattr(from_files, "check_device", lambda _: None)
    sentence = refusal(ModelSpec(str(lora)), RunOptions(quantise="8bit"))
    assert f"quantise = '8bit' in [run] cannot be combined with the adapter {str(lora)!r}" in (
        sentence
    )


def test_an_adapter_of_another_model(lora: Path, tmp_path: Path) -> None:
    from tests.support.odd_models import refused

    other = save_tiny(tmp_path / "other", "GPT2")
    sentence = refused(lora, base=str(other))
    assert "check that" in sentence and str(lora) in sentence


@pytest.mark.parametrize(
    ("text", "revision", "found"),
    [
        ("org/name", None, HubName("org/name")),
        ("org/name@r", None, HubName("org/name", "r")),
        ("org/name", "r", HubName("org/name", "r")),
        ("org/name@own", "r", HubName("org/name", "own")),
        ("org/name@refs/pr/1", None, HubName("org/name", "refs/pr/1")),
        ("org/name:step-8", None, HubName("org/name", None, "step-8")),
        ("org/name@r:a/b/", "s", HubName("org/name", "r", "a/b")),
    ],
)
def test_names_of_the_hub(text: str, revision: str | None, found: HubName) -> None:
    assert HubName.of(text, revision) == found
    if "/" not in text.partition(":")[0].replace("org/", "").partition("@")[0]:
        assert source_of(text) is hubs.SOURCE


@pytest.mark.parametrize("text", ["org/name:", "org/name:../up", "org/name:a//b", "org/name:./a"])
def test_folders_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="names no folder of 'org/name' after the colon; give"):
        HubName.of(text)


@pytest.mark.parametrize("name", ["C:/models/mine", "C:\\models", "D:/m/a/b"])
def test_drives_are_no_folders_of_the_hub(name: str) -> None:
    assert source_of(name) is folders.SOURCE


def test_an_adapter_on_the_hub(hub: FakeHub, llama: Path, lora: Path, tmp_path: Path) -> None:
    adapters.configured(lora, base_model_name_or_path="them/one", revision=None)
    (lora / "ref").mkdir()
    shutil.copy(lora / "adapter_model.safetensors", lora / "ref")
    hub.models["them/lora"] = lora
    known = identity(ModelSpec("them/lora"))
    assert known["weights"] == SHA  # that of its base
    assert known["adapter"] == identity(ModelSpec(str(lora), base=str(llama)))["adapter"]
    assert "them/lora/ref/adapter_model.safetensors" not in hub.served
    assert known == identity(ModelSpec("them/lora", base="them/one"))
    assert identity(ModelSpec("them/one", adapter="them/lora"))["adapter"] == known["adapter"]
    files = find(ModelSpec("them/lora"), lambda _: None)
    assert files.adapter is not None and files.repository == "them/one"
    # The configuration may name a revision of the base.
    adapters.configured(lora, revision="v2")
    hub.revisions["them/lora", "next"] = 40 * "b"
    hub.revisions["them/one", "v2"] = 40 * "c"
    assert identity(ModelSpec("them/lora@next"))["weights"] == 40 * "c"


def test_tensors_without_a_place_are_refused_from_the_hub_too(
    hub: FakeHub, lora: Path, tmp_path: Path
) -> None:
    from tests.support.odd_models import refused

    adapters.configured(lora, base_model_name_or_path="them/one")
    altered(
        lora,
        lambda given: {name.replace("layers.0.", "layers.9."): one for name, one in given.items()},
        None,
        "adapter_model.safetensors",
    )
    hub.models["them/lora"] = lora
    inside = tmp_path / "repository"
    inside.mkdir()
    shutil.copytree(lora, inside / "checkpoint-8")
    hub.models["them/runs"] = inside
    for name in ("them/lora", "them/runs:checkpoint-8", "them/runs@main:checkpoint-8"):
        with pytest.raises(UserError, match=f"adapter '{name}' (do not fit|lacks)"):
            from tremble.engines.open import open_engine

            open_engine(ModelSpec(name), RunOptions(engine="reference"), lambda _: None)
    assert "do not fit its model" in refused(Path("them/lora"))


def test_a_model_in_a_folder_of_a_repository(hub: FakeHub, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    save_tiny(repository, seed=5)
    for step in (8, 16):
        inside = save_tiny(repository / f"step-{step}", seed=step)
        for path in inside.glob("token*"):
            path.unlink()
        (inside / "chat_template.jinja").unlink(missing_ok=True)
    hub.models["them/steps"] = repository
    known = identity(ModelSpec("them/steps:step-8"))
    assert not [name for name in hub.served if name.endswith("safetensors")]
    folder = repository / "step-8"
    assert known["weights"] == digest_of(
        {name: sha256_of(folder / name) for name in ("config.json", "model.safetensors")}
    )
    files = find(ModelSpec("them/steps:step-8"), lambda _: None)
    served = [name for name in hub.served if name.endswith("safetensors")]
    assert served == ["them/steps/step-8/model.safetensors"]
    assert (files.folder / "model.safetensors").is_file() and files.commit == SHA
    # Its tokenizer is that of the repository where it has none.
    opened = open_tokenizer(ModelSpec("them/steps:step-8"), OPTIONS, lambda _: None)
    assert opened.tokenizer.template
    assert identity(ModelSpec("them/steps:step-16"))["weights"] != known["weights"]
    # More checkpoints come with another commit: what was there keeps its key.
    hub.revisions["them/steps", "main"] = 40 * "d"
    assert identity(ModelSpec("them/steps:step-8")) == known
    # The model in the root is downloaded without those in folders.
    find(ModelSpec("them/steps"), lambda _: None)
    served = [name for name in hub.served if name.endswith("safetensors")]
    assert "them/steps/step-16/model.safetensors" not in served
    with pytest.raises(UserError, match="'them/steps:step-9' has no folder 'step-9'"):
        identity(ModelSpec("them/steps:step-9"))


def test_a_folder_of_a_repository_without_the_hub(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    repository = tmp_path / "repository"
    save_tiny(repository / "step-8", seed=8)
    hub.models["them/steps"] = repository
    spec = ModelSpec("them/steps:step-8")
    known = identity(spec)
    find(spec, lambda _: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert identity(spec) == known


def test_downloads_of_a_base_go_with_the_last_adapter_that_needs_it(
    hub: FakeHub, lora: Path, tmp_path: Path
) -> None:
    from huggingface_hub import scan_cache_dir

    from tremble.models.hub_cache import Downloads

    adapters.configured(lora, base_model_name_or_path="them/one")
    hub.models["them/lora"] = lora
    find(ModelSpec("them/two"), lambda _: None)  # was there before
    downloads = Downloads(keep=False)

    def there() -> set[str]:
        return {repo.repo_id for repo in scan_cache_dir(cache).repos}

    from huggingface_hub import constants

    cache = constants.HF_HUB_CACHE
    for name in ("them/one", "them/lora", str(lora)):
        with downloads.noting(name):
            find(ModelSpec(name), lambda _: None)
    assert there() == {"them/one", "them/two", "them/lora"}
    downloads.delete("them/one")  # two adapters still need it
    assert there() == {"them/one", "them/two", "them/lora"}
    downloads.delete("them/lora")
    assert there() == {"them/one", "them/two"}
    downloads.delete(str(lora))
    assert there() == {"them/two"}
