"""A probe of a study's prompts: which model, which prompts, numbers, and what it leaves alone."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import mistake, tremble
from tests.support.no_network import refuse_network
from tests.support.studies import study_file
from tests.support.toys import save_tiny
from tremble.api import probe, probe_model
from tremble.api.probe import probe_study
from tremble.api.probe_prompts import in_turn, spread
from tremble.engines import mock
from tremble.models.embedded import EMBEDDED, GEMMA, SMOLLM
from tremble.study.file import Study, read_study


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_network(monkeypatch)


@pytest.fixture
def nothing_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    from tremble.models.embedded import SOURCE

    monkeypatch.setattr(type(SOURCE), "here", lambda self, spec: None)


def record(at: int, **given: Any) -> dict[str, Any]:
    usual = {"id": str(at), "prompt": f"Offer {at}?", "options": ["yes", "no"], "choice": "yes"}
    return {**usual, **given}


def study(folder: Path, records: list[dict[str, Any]], models: str, **asked: Any) -> Study:
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    return read_study(study_file(folder, models, **asked))


def probed(asked: Study) -> dict[str, Any]:
    return probe_study(asked, lambda sentence: None)


MOCK = '[[model]]\nid = "mock:a"\n'


def byte_model(
    monkeypatch: pytest.MonkeyPatch, likely: Callable[[bytes], dict[str, float]]
) -> None:
    """Has made-up models give the next byte these probabilities, by the text before; the rest is
    spread evenly."""

    def next_token(ids: tuple[int, ...]) -> Any:
        known = likely(bytes(one for one in ids if one < 256))
        chances = np.full(257, (1 - sum(known.values())) / (257 - len(known)))
        for sign, chance in known.items():
            chances[ord(sign)] = chance
        return chances

    monkeypatch.setattr(
        mock, "open_engine", lambda model, options, notify: mock.MockEngine("a", next_token)
    )


def test_mass_and_other_answers_are_those_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of one byte, so that the mass is what the model gives two bytes."""

    def likely(text: bytes) -> dict[str, float]:
        more = 0.1 if b"Offer 1?" in text else 0.0
        return {"y": 0.2 + more, "n": 0.1, "\n": 0.4 - more}

    byte_model(monkeypatch, likely)
    records = [record(at, options=["y", "n"], choice="y") for at in range(3)]
    found = probed(study(tmp_path, records, MOCK, formats=["plain"]))
    (family,) = found["families"]
    assert family["median_mass"] == pytest.approx(0.3)
    assert family["lowest_mass"] == pytest.approx(0.3)
    first = family["others"][0]
    assert first["token"] == "\n" and first["above"] == 2
    assert first["probability"] == pytest.approx((0.4 + 0.4 + 0.3) / 3)
    assert (found["prompts"], found["made_up"]) == (3, True)
    worst = found["worst"][0]
    assert worst["mass"] == pytest.approx(0.3) and worst["other"] == "\n"
    assert [one["rule"] for one in worst["advice"]] == ["new line"]


@pytest.mark.parametrize(
    ("sign", "given", "rule"),
    [
        ("{", {"opening": ""}, "structure"),
        ("7", {"options": ["1", "2"], "choice": "1"}, "number"),
        ("Y", {"options": ["y", "n"], "choice": "y"}, "spelling"),
        ("T", {}, "sentence"),
        (" ", {}, "new line"),
    ],
)
def test_each_kind_of_other_answer_has_its_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: str, given: dict[str, Any], rule: str
) -> None:
    byte_model(monkeypatch, lambda text: {sign: 0.9})
    found = probed(study(tmp_path, [record(0, **given)], MOCK, formats=["plain"]))
    assert [one["rule"] for one in found["worst"][0]["advice"]] == [rule]


def test_good_prompts_have_nothing_to_change(tmp_path: Path) -> None:
    asked = study(tmp_path, [record(at) for at in range(30)], MOCK)
    found = probed(asked)
    assert (found["prompts"], found["worst"]) == (20, [])
    assert found["families"][0]["lowest_mass"] == pytest.approx(0.9)  # of made-up models
    code, out, _ = tremble("probe", tmp_path / "trial.toml")
    assert code == 0 and "does not read the prompts" in out and "nothing to change" not in out
    assert not (tmp_path / "trial").exists()


def test_low_mass_is_no_error_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    byte_model(monkeypatch, lambda text: {"T": 0.9})
    study(tmp_path, [record(0)], MOCK, formats=["plain"])
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    code, out, error = tremble("probe", "trial.toml")
    assert (code, error) == (0, "")
    assert "does not read the prompts, so there is nothing to conclude or change" in " ".join(
        out.split()
    )
    code, out, _ = tremble("probe", "trial.toml", "--json")
    assert code == 0 and json.loads(out)["families"][0]["prompts"] == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_prompts_are_spread_over_families_data_and_settings(tmp_path: Path) -> None:
    """A large family does not crowd out a small one, nor a common setting a rare one."""
    made = [
        record(at, family="big", config={"frame": "rare" if at % 50 == 0 else "usual"})
        for at in range(400)
    ]
    made += [record(1000 + at, family="small") for at in range(3)]
    (tmp_path / "more.jsonl").write_text(json.dumps(record(2000, family="big")), "utf-8")
    asked = study(tmp_path, made, MOCK, data=["mine.jsonl", "more.jsonl"])
    found = probed(asked)
    numbers = {(row["data"], row["family"]): row["prompts"] for row in found["families"]}
    # In turn until the small ones have no more: 16, 3 and 1.
    assert numbers == {
        ("mine.jsonl", "big"): 16,
        ("mine.jsonl", "small"): 3,
        ("more.jsonl", "big"): 1,
    }
    drawn = spread(asked, 20)[0][("mine.jsonl", "big")][:16]
    assert Counter(one.breakdown["frame"] for one in drawn) == {"rare": 8, "usual": 8}
    assert found == probed(asked)


def test_a_text_that_many_read_is_asked_once(tmp_path: Path) -> None:
    made = [record(at, prompt="Take it?", participant=str(at)) for at in range(50)]
    found = probed(study(tmp_path, [*made, record(99)], MOCK, formats=["plain"]))
    assert found["prompts"] == 2


def test_where_prompts_are_few_further_wordings_and_formats_are_asked(tmp_path: Path) -> None:
    made = [record(at) for at in range(3)]
    wordings = ["standard", "observer", "natural_language"]
    found = probed(study(tmp_path, made, MOCK, formats=["plain", "chat"], formulations=wordings))
    (family,) = found["families"]
    assert family["formats"] == ["plain", "chat"]
    assert family["formulations"] == ["standard", "observer"]
    assert family["prompts"] == 12
    assert found["passed_over"] == 6  # `natural_language` has no words for prompts of one's own


def test_exclude_and_families_are_heeded(tmp_path: Path) -> None:
    made = [record(at, family=["one", "two", "three"][at % 3]) for at in range(9)]
    tables = MOCK + '[[exclude]]\nmodel = "mock:a"\nfamily = "two"\n'
    found = probed(study(tmp_path, made, tables, families=["one", "two"]))
    assert [row["family"] for row in found["families"]] == ["one"]
    nothing = MOCK + '[[exclude]]\nmodel = "mock:a"\n'
    study(tmp_path, made, nothing)
    assert "has no prompt for mock:a: its wordings, include and exclude leave none;" in mistake(
        "probe", tmp_path / "trial.toml"
    )


def test_after_a_minute_each_family_still_has_a_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "SECONDS", -1.0)
    made = [record(at, family=["one", "two"][at % 2]) for at in range(30)]
    found = probed(study(tmp_path, made, MOCK))
    assert (found["prompts"], found["chosen"]) == (2, 20)
    assert found["cut"].startswith("2 of 20 prompts were tried")


def test_the_model_that_is_here_is_asked_and_its_numbers_are_its_own(
    tmp_path: Path, nothing_embedded: None
) -> None:
    """Against the whole vocabulary, by a pass of this test's own."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = str(save_tiny(tmp_path / "tiny"))
    models = f'[[pair]]\nbase = "acme/gone"\naligned = {json.dumps(name)}\n{MOCK}'
    asked = study(tmp_path, [record(0, options=["J", "F"], choice="J")], models, formats=["plain"])
    found = probed(asked)
    assert found["model"] == name == found["stands_for"]
    assert found["why"] == f"Of the study's 3 models, only {name} is on this machine."
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32).eval()
    ids = tokenizer('Offer 0?\n{"decision": "', return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        chances = model(input_ids=ids).logits[0, -1].double().softmax(-1).numpy().copy()
    options = [tokenizer(label, add_special_tokens=False)["input_ids"] for label in "JF"]
    assert all(len(one) == 1 for one in options)
    mass = sum(float(chances[one[0]]) for one in options)
    assert found["families"][0]["lowest_mass"] == pytest.approx(mass, rel=1e-4)
    for one in options:
        chances[one[0]] = 0
    best = int(chances.argmax())
    other = found["families"][0]["others"][0]
    assert other["probability"] == pytest.approx(float(chances[best]), rel=1e-4)
    assert other["token"] == tokenizer.decode([best])
    assert math.isclose(found["worst"][0]["probability"], float(chances[best]), rel_tol=1e-4)


def test_of_models_here_the_one_with_fewer_bytes_is_asked(
    tmp_path: Path, nothing_embedded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tremble.models.folder import SOURCE
    from tremble.models.open import Here

    small, large = save_tiny(tmp_path / "b"), save_tiny(tmp_path / "a")
    sizes = {str(small): 5, str(large): 7}
    monkeypatch.setattr(type(SOURCE), "here", lambda self, spec: Here(spec, sizes[spec.id]))
    models = f'[[model]]\nid = "{large}"\n[[model]]\nid = "{small}"\n'
    asked = study(tmp_path, [record(0)], models)
    found = probed(asked)
    assert found["model"] == str(small)
    assert found["why"].endswith(
        "is the smallest of the 2 models of the study that are on this machine."
    )
    # What takes longer than a minute is passed over, and said.
    monkeypatch.setattr(probe_model, "MOST_BYTES", 6)
    assert probed(asked)["model"] == str(small)
    monkeypatch.setattr(probe_model, "MOST_BYTES", 4)
    sentence = mistake("probe", tmp_path / "trial.toml")
    assert f"{large} and {small} would take more than a minute on this machine" in sentence


def test_a_model_of_the_hub_is_read_from_the_cache_without_asking_the_hub(
    tmp_path: Path, nothing_embedded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--acme--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    save_tiny(folder / "snapshots" / commit)
    found = probed(study(tmp_path, [record(0)], '[[model]]\nid = "acme/tiny"\n'))
    assert (found["model"], found["why"]) == ("acme/tiny", "acme/tiny is the study's model.")
    assert found["families"][0]["formats"] == ["chat"]  # it has a template


def test_a_model_that_breaks_is_said_and_the_next_one_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, sound = save_tiny(tmp_path / "a"), save_tiny(tmp_path / "b")
    (broken / "tokenizer.json").write_text("{")
    models = f'[[model]]\nid = "{broken}"\n[[model]]\nid = "{sound}"\n'
    asked = study(tmp_path, [record(0)], models)
    said: list[str] = []
    found = probe_study(asked, said.append)
    assert found["model"] == str(sound)
    assert said[0].startswith(f"{broken} cannot be tried.")


def test_without_any_model_there_is_one_sentence(tmp_path: Path, nothing_embedded: None) -> None:
    study(tmp_path, [record(0)], '[[model]]\nid = "acme/gone"\n')
    sentence = mistake("probe", tmp_path / "trial.toml")
    assert 'pip install "tremble[demo]"' in sentence and "None of the study's" in sentence
    (tmp_path / "trial.toml").write_text('[study]\nname = "x"\n' + MOCK)
    assert "has no data" in mistake("probe", tmp_path / "trial.toml")
    assert "no study file" in mistake("probe", tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("models", "formats", "first"),
    [
        ('[[pair]]\nbase = "acme/a"\naligned = "acme/b"\n', ["native"], GEMMA),
        ('[[pair]]\nbase = "acme/a"\naligned = "acme/b"\n', ["chat"], SMOLLM),
        ('[[model]]\nid = "acme/a-Instruct"\n', ["native"], SMOLLM),
        ('[[model]]\nid = "acme/a-Instruct"\n', ["plain"], GEMMA),
        ('[[model]]\nid = "acme/a"\n', ["native"], GEMMA),
    ],
)
def test_the_embedded_model_that_reads_what_is_asked_stands_in(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    models: str,
    formats: list[str],
    first: str,
) -> None:
    from tremble.models.embedded import SOURCE
    from tremble.models.open import Here

    monkeypatch.setattr(type(SOURCE), "here", lambda self, spec: Here(spec, 1, True))
    tried: list[str] = []

    def opened(spec: Any, local: Any, options: Any, why: str, notify: Any) -> None:
        tried.append(local.id)

    monkeypatch.setattr(probe_model, "_opened", opened)
    study(tmp_path, [record(0)], models, formats=formats)
    assert "None of the study's models" in mistake("probe", tmp_path / "trial.toml")
    assert tried[0] == first and {*tried} == {*EMBEDDED}


def test_lists_are_read_in_turn() -> None:
    assert list(in_turn([[1, 2, 3], [], [4], [5, 6]])) == [1, 4, 5, 2, 6, 3]


@pytest.mark.real
def test_an_embedded_model_stands_in_and_says_what_is_wrong(tmp_path: Path) -> None:
    plain = record(0, prompt="The other player offers you $2 of $10. Do you take it?", opening="")
    study(tmp_path, [plain], '[[pair]]\nbase = "acme/a"\naligned = "acme/b"\n')
    code, out, _ = tremble("probe", tmp_path / "trial.toml", "--json")
    found = json.loads(out)
    assert code == 0 and found["model"] == GEMMA and GEMMA in found["why"]
    assert found["families"][0]["median_mass"] < 0.1
    (worst,) = found["worst"]
    assert worst["advice"][-1]["rule"] == "new line"
    assert "as JSON with the key decision" in worst["advice"][-1]["sentence"]
