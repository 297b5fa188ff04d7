"""Study files: the schema and its page, and what include, exclude and families leave of a study."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.places import ROOT
from tests.support.scripts import script
from tests.support.studies import run, scores, study_file
from tremble.api.plan import plan_study
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import jsonl
from tremble.errors import UserError
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.formulations import FORMULATIONS
from tremble.settings.schema import REQUIRED, Key
from tremble.stats.frames.treatments import Contrast
from tremble.store.study_folder import Store
from tremble.study.cells import Facts, cells, prompts_key
from tremble.study.file import Study, read_study
from tremble.study.notes import caveats
from tremble.study.prepare import read_data
from tremble.study.run import score_study
from tremble.study.schema import REPEATED, SCHEMA, TABLES
from tremble.study.selection import selected

PAGE = ROOT / "docs" / "study_files.md"
BARE = {
    "study": {"name": '"x"'},
    "pair": {"base": '"mock:base"', "aligned": '"mock:aligned"'},
    "model": {"id": '"mock:base"'},
}
NEEDED = {  # what a table has wherever it stands
    "contrast": {"by": '"condition"'},
    "wording": {"name": '"calm"', "template": '"{{ history }}"'},
    "control": {"name": '"brief"', "rules": '"Play."'},
    "checkpoint": {"model": '"mock:base"', "step": "8"},
}
ASKED = {  # and what [study] says then
    "wording": {"formulations": '["calm"]'},
    "control": {"controls": '["brief"]'},
}
MODELS = (
    '[[pair]]\nbase = "mock:base"\naligned = "mock:aligned"\n[[model]]\nid = "mock:single"\n'
    'template = "gemma"\n'
)
FAMILIES = ("repeated_matrix", "lottery", "bargaining")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    drawn = sample(list(load(tmp_path, Notes())), dict(zip(FAMILIES, (4, 3, 2), strict=True)), 1)
    jsonl.write(drawn, tmp_path / "mine.jsonl")
    return tmp_path


# The schema.


def written(folder: Path, **extra: dict[str, str]) -> Path:
    """The smallest study file with a pair, and `extra` keys by table."""
    lines = []
    if "trajectory" in extra:
        extra = {"checkpoint": {}, **extra}
    for table in TABLES:
        needed = NEEDED.get(table, {}) if table in extra else {}
        if table == "study":
            needed = {key: held for one in extra for key, held in ASKED.get(one, {}).items()}
        entries = {**BARE.get(table, {}), **needed, **extra.get(table, {})}
        if table in BARE or table in extra:
            lines.append(f"[[{table}]]" if table in REPEATED else f"[{table}]")
        lines += [f"{key} = {value}" for key, value in entries.items()]
    path = folder / "x.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_the_page_holds_the_schema_of_today() -> None:
    page = PAGE.read_text("utf-8")
    assert script("write_study_schema").written(page) == page, "run scripts/write_study_schema.py"
    shown = re.findall(r"<!-- schema: (\w+) -->\n\| key", page)
    assert sorted([*shown, "exclude"]) == sorted(TABLES)
    rows = {table: [key.name for key in SCHEMA if key.table == table] for table in TABLES}
    assert rows["exclude"] == rows["include"]  # the page says that they are the same


def test_the_examples_of_the_page_are_study_files(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    whole, rules, contrast, own, adapter = examples
    path = tmp_path / "page.toml"
    path.write_text(whole, "utf-8")
    study = read_study(path)
    assert [model.id for model in study.models] == [
        "Qwen/Qwen2.5-0.5B",
        "Qwen/Qwen2.5-0.5B-Instruct",
        "google/gemma-3-270m",
    ]
    assert study.run.memory == 4_000_000_000
    path.write_text(whole + contrast, "utf-8")
    assert read_study(path).contrasts == (Contrast(("condition",), ("control",)),)
    path.write_text(whole + rules, "utf-8")
    assert [one.patterns for one in read_study(path).include] == [
        {"format": ("plain",)},
        {"format": ("chat",), "formulation": ("standard",)},
    ]
    path.write_text(whole + adapter, "utf-8")
    adapter_model = ModelSpec("runs/dpo/checkpoint-100", base="google/gemma-3-270m")
    assert read_study(path).models[-1] == adapter_model
    path.write_text(own, "utf-8")
    assert score_study(read_study(path), tmp_path / "out", lambda _: None) == 0
    names = {name.partition("+")[::2] for name in Store(tmp_path / "out").scores()["formulation"]}
    assert names == {(w, c) for w in ("standard", "calm") for c in ("", "brief")}


@pytest.mark.parametrize("key", SCHEMA, ids=lambda key: f"{key.table}.{key.name}")
def test_every_key_takes_its_example_and_nothing_else(tmp_path: Path, key: Key) -> None:
    example = script("write_study_schema")._example(key).strip("`")
    read_study(written(tmp_path, **{key.table: {key.name: example}}))
    strange = '"zz"' if key.kind in ("flag", "count", "size") else "2020-01-01"
    with pytest.raises(UserError, match=rf"{key.name}\b.* is .*; (it must be|give a name)"):
        read_study(written(tmp_path, **{key.table: {key.name: strange}}))
    if key.words:
        wrong = '"zz"' if key.kind == "text" else '["zz"]'
        words = ", ".join(map(json.dumps, key.words))
        with pytest.raises(UserError, match=f"'zz'; it must be one of {words}"):
            read_study(written(tmp_path, **{key.table: {key.name: wrong}}))
        for word in map(json.dumps, key.words):
            value = word if key.kind == "text" else f"[{word}]"
            read_study(written(tmp_path, **{key.table: {key.name: value}}))
    with pytest.raises(UserError, match=f"unknown key .* did you mean '{key.name}'"):
        read_study(written(tmp_path, **{key.table: {f"{key.name}e": example}}))


def test_a_key_left_out_is_what_the_page_says_and_what_python_takes(tmp_path: Path) -> None:
    found = read_study(written(tmp_path))
    assert replace(found, text="", folder=Path()) == Study("x", (), found.pairs, found.models)
    assert found.run == RunOptions()
    for key in SCHEMA:
        if key.table in ("study", "run") and key.default is not REQUIRED:
            of = found if key.table == "study" or key.name == "too_long" else found.run
            value = getattr(of, key.name)
            value = (value, *found.also_read) if key.name == "reading" else value
            assert value == key.default, key.name
    keys = {key.name for key in SCHEMA if key.table == "run"}
    assert keys == {*(entry.name for entry in fields(RunOptions)), "too_long"}


def test_all_formulations(tmp_path: Path) -> None:
    assert read_study(study_file(tmp_path, formulations="all")).formulations == tuple(FORMULATIONS)
    with pytest.raises(UserError, match=r'formulations is \'core\'; it must be "all" or a list'):
        read_study(study_file(tmp_path, formulations="core"))


# The matrix.


def matrix(frame: pl.DataFrame, decisions: dict[str, str]) -> set[tuple[str, ...]]:
    family = pl.col("decision").replace_strict(decisions)
    rows = frame.with_columns(family=family).select("model", "format", "formulation", "family")
    return set(rows.unique().iter_rows())


@pytest.mark.parametrize(
    ("rules", "stays"),
    [
        (
            '[[exclude]]\nmodel = ["mock:single"]\nformat = "chat"\n',
            lambda m, f, w, g: (m, f) != ("mock:single", "chat"),
        ),
        (
            '[[include]]\nformat = "plain"\n[[include]]\nformulation = "standard"\n'
            '[[exclude]]\nfamily = ["rep*", "lott?ry"]\nmodel = "*:base"\n',
            lambda m, f, w, g: (
                (f == "plain" or w == "standard") and (m != "mock:base" or g == "bargaining")
            ),
        ),
        (
            '[[include]]\ndata = "mine.jsonl"\nfamily = ["lottery", "bargaining"]\n'
            '[[exclude]]\nformulation = "[!s]*"\nfamily = "bargaining"\n',
            lambda m, f, w, g: g == "lottery" or (g == "bargaining" and w == "standard"),
        ),
    ],
)
@pytest.mark.slow
def test_what_stays_is_what_the_rules_say(
    data: Path, rules: str, stays: Callable[..., bool]
) -> None:
    """Against the rules as a predicate over the whole matrix."""
    wordings = ["standard", "observer"]
    asked: dict[str, Any] = {"formats": ["plain", "chat"], "formulations": wordings}
    decisions = {d.id: d.family for d in jsonl.read(data / "mine.jsonl")}
    every = set(
        itertools.product(
            ("mock:base", "mock:aligned", "mock:single"), ("plain", "chat"), wordings, FAMILIES
        )
    )
    out = data / "out"
    path = study_file(data, MODELS + rules, **asked)
    plan = plan_study(read_study(path), out, lambda _: None)
    assert run(path, out) == 0
    found = scores(out)
    expected = {cell for cell in every if stays(*cell)}
    assert set() < expected < every
    assert matrix(found, decisions) == expected
    sizes = {family: list(decisions.values()).count(family) for family in FAMILIES}
    sizes["lottery"] *= 2  # shown in both orders
    assert found.height == sum(sizes[cell[3]] for cell in expected)
    assert plan["totals"]["rows"] == found.height
    assert any("include and exclude" in line for line in caveats(out))


@pytest.mark.slow
def test_what_was_left_out_is_scored_later_and_nothing_twice(data: Path) -> None:
    out = data / "out"
    assert run(study_file(data, MODELS + '[[exclude]]\nfamily = "lottery"\n'), out) == 0
    first = scores(out)
    before = {part: part.read_bytes() for part in out.rglob("part-*.parquet")}
    assert run(study_file(data, MODELS), out) == 0
    assert all(part.read_bytes() == content for part, content in before.items())
    rows = sum(pl.read_parquet(part).height for part in out.rglob("part-*.parquet"))
    assert rows == scores(out).height == first.height + 3 * 2 * 3  # models, orders, lotteries


def test_families_leave_the_others_out_of_the_study(data: Path) -> None:
    out = data / "out"
    assert run(study_file(data, families=["lottery", "barg*"]), out) == 0
    decisions = {d.id: d.family for d in jsonl.read(data / "mine.jsonl")}
    kept = {id_ for id_, family in decisions.items() if family != "repeated_matrix"}
    frame = scores(out)
    assert set(frame["decision"]) == kept
    assert set(read_data(read_study(data / "trial.toml"))["mine.jsonl"]["decision"]) == kept
    assert not any("include" in line for line in caveats(out))


def test_prompts_of_other_families_are_other_prompts(data: Path) -> None:
    study = read_study(study_file(data))
    facts = facts_of(study)
    (cell, *_) = cells(study, facts)
    keys = {
        prompts_key(study, replace(cell, families=families), facts[cell.model], "data")
        for families in (None, ("lottery",), ("lottery", "bargaining"))
    }
    assert len(keys) == 3


def facts_of(study: Study) -> dict[Any, Facts]:
    return {
        model: Facts.of(open_tokenizer(model, study.run, lambda _: None)) for model in study.models
    }


def test_a_rule_may_name_a_model_that_cannot_be_had(data: Path) -> None:
    path = study_file(data, MODELS + '[[exclude]]\nmodel = "mock:single"\nformat = "chat"\n')
    study = read_study(path)
    there = {model: f for model, f in facts_of(study).items() if model.id != "mock:single"}
    found = cells(study, there)
    assert selected(study, found, read_data(study).families()) == found


@pytest.mark.parametrize(
    "rule", ['[[exclude]]\ncontrol = "no_*"\n', '[[include]]\ncontrol = "none"\n']
)
def test_a_wording_under_a_control_is_told_from_the_wording(data: Path, rule: str) -> None:
    study = read_study(study_file(data, MODELS + rule))
    found = cells(study, facts_of(study))
    under = [replace(cell, asked=replace(cell.asked, control="no_history")) for cell in found]
    assert selected(study, [*found, *under], read_data(study).families()) == found


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            '[[exclude]]\nmodel = "mock:bass"\n',
            "model = 'mock:bass' in [[exclude]] matches nothing",
        ),
        ('[[exclude]]\nmodel = "mock:bass"\n', "did you mean 'mock:base'?"),
        ('[[include]]\nfamily = ["lottery", "lotery"]\n', "'lotery' in [[include]]"),
        ('[[include]]\nformulation = "expert"\n', "choose from: standard."),
        (
            '[[exclude]]\nformulation = "standard+no_rules"\n',
            'give them separately, as formulation = "standard" and control = "no_rules".',
        ),
        ('[[exclude]]\nformat = "native"\n', "choose from: chat, plain."),
        ('[[exclude]]\ncontrol = "shuffled"\n', "control = 'shuffled' in [[exclude]]"),
        ("[[exclude]]\n", "one [[exclude]] is empty; give it at least one of model, data,"),
        (
            '[[exclude]]\nmodels = "a"\n',
            "unknown key 'models' in [[exclude]]; did you mean 'model'",
        ),
        ('[exclude]\nmodel = "a"\n', "exclude must be written [[exclude]], once for each"),
        (
            '[[exclude]]\nmodel = "mock:base"\nformat = "chat"\n',
            "[[exclude]] with model = 'mock:base' and format = 'chat' matches nothing",
        ),
        (
            '[[include]]\nfamily = "lottery"\n[[exclude]]\nfamily = "*"\n',
            "nothing left to score: its 1 [[include]] and 1 [[exclude]] drop all 3 cells",
        ),
        ('families = ["lotery"]\n', "families in [study] holds 'lotery'"),
        ('families = ["lotery"]\n', "did you mean 'lottery'?"),
        ('families = ["custom"]\n', "have no decision of the families in [study], only"),
    ],
)
def test_rules_that_mean_nothing_are_one_sentence(data: Path, rules: str, said: str) -> None:
    path = study_file(data, MODELS + rules)
    if rules.startswith("families"):
        own = {"id": "own", "prompt": "Go?", "options": ["yes", "no"], "choice": "yes"}
        (data / "own.jsonl").write_text(json.dumps(own), "utf-8")
        wanted = {"data": ["mine.jsonl", "own.jsonl"], "families": json.loads(rules[11:])}
        path = study_file(data, MODELS, **wanted)
    with pytest.raises(UserError) as caught:
        run(path, data / "out")
    assert said in str(caught.value)
    assert str(caught.value).endswith((".", "?")) and "\n" not in str(caught.value)
    assert not (data / "out").exists()


# Contrasts.


def with_contrast(folder: Path, *tables: str) -> Path:
    text = "".join(f"[[contrast]]\n{table}\n" for table in tables)
    return study_file(folder, MODELS + text)


def test_contrasts_are_read_with_their_controls_as_text(tmp_path: Path) -> None:
    path = with_contrast(
        tmp_path,
        'by = "condition"\ncontrol = "control"',
        'by = ["stakes", "framed"]\ncontrol = [1.5, true]\nfamily = "custom"',
        'by = "stakes"',
    )
    assert read_study(path).contrasts == (
        Contrast(("condition",), ("control",)),
        Contrast(("stakes", "framed"), ("1.5", "true"), "custom"),
        Contrast(("stakes",)),
    )


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        (['control = "x"'], "by is missing"),
        (['by = "a"\ncontrol = ["x", "y"]'], "a list, but by is one key, 'a'; give one value"),
        (['by = "a"\ncontrol = ["x"]'], "a list, but by is one key, 'a'; give one value"),
        (['by = ["a", "b"]\ncontrol = "x"'], "1 value for 2 keys; give one for each"),
        (['by = ["a", "b"]\ncontrol = ["x"]'], "1 value for 2 keys; give one for each"),
        (['by = ["a", "b", "c"]'], "has 3 keys; give one or two"),
        (['by = ["a", "a"]'], "by holds 'a' 2 times; keep one"),
        (['by = "a"\ncontrol = {x = 1}'], "it must be a text, a number, true or false"),
        (['by = "a"', 'by = "a"'], "the contrast by 'a' appears twice; keep one"),
        (
            ['by = ["a", "b"]\ncontrol = [1, 2]', 'by = ["b", "a"]\ncontrol = [2, 1]'],
            "the contrast by 'b:a' appears twice; keep one",
        ),
        (['by = "a"\nfamilyy = "x"'], "did you mean 'family'"),
    ],
)
def test_a_contrast_that_means_nothing_is_refused(
    tmp_path: Path, tables: list[str], sentence: str
) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_study(with_contrast(tmp_path, *tables))
