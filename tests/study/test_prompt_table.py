"""Tables of prompts: equal to prompt-for-prompt tokenising, made once, never stale."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tremble
from tests.support.studies import PAIR, run, scores, study_file
from tests.support.toys import GreedyTokenizer, bpe_tokenizer, save_tiny
from tremble.decisions import jsonl, record
from tremble.errors import UserError
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.open import Opened
from tremble.models.spec import ModelSpec
from tremble.models.tokenizer import HubTokenizer
from tremble.prompts.asked import Asked
from tremble.prompts.chat import Template
from tremble.prompts.formulations import standard
from tremble.report.terminal import progress
from tremble.study import cells as study_cells
from tremble.study import columns, prepare, prompt_cache
from tremble.study.cells import Cell, Facts, prompts_key
from tremble.study.file import Study, read_study
from tremble.study.prompt_cache import PromptCache
from tremble.study.render import prompts_of, render
from tremble.study.run import score_study
from tremble.xray.decision import look_at
from tremble.xray.request import Request

TEMPLATE = Template("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}", "t")
CELL = Cell(ModelSpec("mock"), "chat", TEMPLATE, None, "mine.jsonl", Asked("standard"))
TOKENIZERS: dict[str, Any] = {
    "bytes": ByteTokenizer(),
    "greedy": GreedyTokenizer(['"yes', "Option", " yes", "Go"], bos=True),
    "bpe": HubTokenizer(bpe_tokenizer(bos=True)),
}
LABELS = [["yes", "no"], ["yes", "yes please", "no"], ["Option J", "Option F"], ["1", "10", "100"]]


def write(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def own(number: int, prompt: str = "Go?", labels: list[str] = LABELS[0]) -> dict[str, Any]:
    options = [{"key": f"key {label}", "label": label} for label in labels]
    target = options[0]["key"]
    return {
        "id": str(number),
        "prompt": prompt,
        "options": options,
        "choice": target,
        "target": target,
    }


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.lists(
        st.tuples(st.text("Go yesOption:\n é", min_size=1, max_size=12), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    ),
    name=st.sampled_from(list(TOKENIZERS)),
    reading=st.sampled_from(["joint", "next_token"]),
    terminator=st.sampled_from(["auto", "always"]),
    block=st.integers(1, 5),
    part=st.sampled_from([1, 100, 1 << 24]),
    chat=st.booleans(),
)
def test_a_table_equals_prompt_for_prompt_tokenising(
    drawn: list[tuple[str, int]],
    name: str,
    reading: Any,
    terminator: Any,
    block: int,
    part: int,
    chat: bool,
) -> None:
    """Also where a table is written and read in parts of one row or a few."""
    tokenizer = TOKENIZERS[name]
    if name == "greedy":  # it knows ASCII only
        drawn = [(text.replace("é", "e"), labels) for text, labels in drawn]
    cell = CELL if chat else replace(CELL, template=None)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "BLOCK", block)
        patch.setattr(columns, "PART_BYTES", part)
        lines = [own(i, text, LABELS[labels]) for i, (text, labels) in enumerate(drawn)]
        path = write(Path(folder), lines)
        asked = Study("s", (), (), (), reading=reading, closing=terminator, folder=Path(folder))
        expected = [
            prompt
            for decision in jsonl.read(path)
            for prompt in prompts_of(
                [decision], standard, cell.template, tokenizer, asked.how_read(cell.asked)
            )
        ]
        cache = PromptCache(Path(folder) / "prompts", Path(folder))
        cache.add("k", render(asked, cell, tokenizer))
        table = cache.table("k", reading)
        rows, view = table.rows(), table.token_paths()
        backwards = list(table.token_paths(rows["prompt"].reverse()))
        made = [view[number] for number in rows["prompt"]]
    assert rows["decision"].to_list() == [prompt.decision.id for prompt in expected]
    assert rows["keys"].to_list() == [list(prompt.keys) for prompt in expected]
    assert made == [prompt.paths for prompt in expected]
    assert backwards == [prompt.paths for prompt in reversed(expected)]
    assert rows["row_key"].to_list() == [prompt.paths.key() for prompt in expected]
    assert rows["length"].to_list() == [prompt.paths.length for prompt in expected]
    assert rows["prompt_tokens"].to_list() == [len(prompt.paths.prefix) for prompt in expected]
    assert rows["join"].to_list() == [prompt.paths.token_boundary for prompt in expected]
    texts = {(prompt.text, tuple(o.label for o in prompt.decision.options)) for prompt in expected}
    assert len(view) == len(texts)  # equal prompts are kept once


def key(**changes: Any) -> str:
    asked = replace(Study("s", (), (), ()), **changes.pop("study", {}))
    facts = replace(Facts.of(Opened(ByteTokenizer(), None, None)), **changes.pop("facts", {}))
    return prompts_key(asked, replace(CELL, **changes.pop("cell", {})), facts, **changes)


CHANGES: dict[str, dict[str, Any]] = {
    "content": {"data": "b"},
    "name": {"data": "a", "cell": {"dataset": "yours.jsonl"}},
    "wording": {"data": "a", "cell": {"asked": Asked("other")}},
    "format": {"data": "a", "cell": {"template": None}},
    "template": {"data": "a", "cell": {"template": Template("{{ messages }}", "t")}},
    "special": {"data": "a", "cell": {"template": replace(TEMPLATE, special={"bos_token": "B"})}},
    "tokenizer": {"data": "a", "facts": {"key": "other"}},
    "bos": {"data": "a", "facts": {"bos": ()}},
    "own special": {"data": "a", "facts": {"special": {}}},
    "reading": {"data": "a", "study": {"reading": "next_token"}},
    "closing": {"data": "a", "study": {"closing": "always"}},
}


@pytest.mark.parametrize("changed", list(CHANGES))
def test_the_key_depends_on_everything_that_decides_a_prompt(changed: str) -> None:
    assert key(data="a") == key(data="a")
    assert key(**CHANGES[changed]) != key(data="a")


def test_the_key_leaves_out_what_does_not() -> None:
    """The model, its window and where a template came from: twins share their prompts."""
    other = {
        "model": ModelSpec("mock:b"),
        "partner": "x",
        "template": replace(TEMPLATE, source="u"),
    }
    assert key(data="a", cell=other, facts={"window": 9, "template": "x"}) == key(data="a")


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (study_cells, "FROZEN_DATE", datetime(2027, 1, 1)),
        (prompt_cache, "_code", lambda: "other"),
        (prompt_cache, "_libraries", lambda: {"jinja2": "9"}),
    ],
)
def test_the_key_depends_on_date_code_and_libraries(
    module: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key(data="a")
    monkeypatch.setattr(module, name, value)
    assert key(data="a") != before


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("games/lottery.py", True),
        ("datasets/embedded/lotteries.csv", True),
        ("tokens.py", True),
        ("games/new.py", True),
        ("report/page.py", False),
        ("public/study.py", False),
    ],
)
def test_the_code_is_that_of_every_room_that_decides_prompts(
    file: str, matters: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(Path(tremble.__file__).parent, tmp_path / "tremble")
    monkeypatch.setattr(tremble, "__file__", str(copy / "__init__.py"))
    code: Callable[[], str] = prompt_cache._code.__wrapped__
    before = code()
    assert before == prompt_cache._code()
    with (copy / file).open("a") as out:
        out.write("\n# changed\n")
    assert (code() != before) == matters


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(model, format) of every table that is rendered."""
    calls = []
    inner = prepare.render  # type: ignore[attr-defined]

    def counting(asked: Study, cell: Cell, *rest: Any) -> Iterator[pl.DataFrame]:
        calls.append((cell.model.id, cell.format))
        return inner(asked, cell, *rest)

    monkeypatch.setattr(prepare, "render", counting)
    return calls


def tables(out: Path) -> list[Path]:
    return sorted((out / "prompts").glob("*"))


@pytest.mark.slow
def test_models_of_one_tokenizer_share_their_prompts(
    tmp_path: Path, rendered: list[tuple[str, str]]
) -> None:
    write(tmp_path, [own(i, f"{i}?") for i in range(3)])
    path = study_file(tmp_path, formats=["native", "plain", "chat"])
    run(path, tmp_path / "out")
    assert rendered == [("mock:base", "plain"), ("mock:aligned", "chat")]
    before = tables(tmp_path / "out")
    assert len(before) == 2
    run(path, tmp_path / "out")
    assert len(rendered) == 2
    assert tables(tmp_path / "out") == before


def test_tables_no_longer_used_are_deleted(tmp_path: Path, rendered: list[tuple[str, str]]) -> None:
    write(tmp_path, [own(1)])
    run(study_file(tmp_path), tmp_path / "out")
    before = tables(tmp_path / "out")
    write(tmp_path, [own(1, "Stop?")])
    run(study_file(tmp_path), tmp_path / "out")
    assert len(rendered) == 4
    after = tables(tmp_path / "out")
    assert len(after) == 2
    assert not {*before} & {*after}


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "a flipped bit": lambda whole: whole[:200] + bytes([whole[200] ^ 1]) + whole[201:],
    "empty": lambda _: b"",
    "foreign": lambda _: b"not a table",
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", list(DAMAGE))
def test_a_damaged_table_is_made_again_without_a_word(
    damage: str, tmp_path: Path, rendered: list[tuple[str, str]]
) -> None:
    write(tmp_path, [own(i, f"{i}?") for i in range(3)])
    out, path = tmp_path / "out", study_file(tmp_path)
    run(path, out)
    expected, sound = scores(out), [file.read_bytes() for file in tables(out)]
    for file in tables(out):
        file.write_bytes(DAMAGE[damage](file.read_bytes()))
    own_of_user = [out / "prompts" / name for name in ("0-0.parquet", f"{'0' * 32}.parquet")]
    for file in own_of_user:
        file.write_bytes(b"left by something else")
    said: list[str] = []
    assert run(path, out, said) == 0
    assert len(rendered) == 4
    assert said == [
        "mock:base: everything is already scored.",
        "mock:aligned: everything is already scored.",
    ]
    assert scores(out).equals(expected)
    assert [file.read_bytes() for file in own_of_user] == [b"left by something else"] * 2
    for file in own_of_user:
        file.unlink()
    assert [file.read_bytes() for file in tables(out)] == sound


def test_every_model_is_held_to_its_own_window_also_where_prompts_are_shared(
    tmp_path: Path, rendered: list[tuple[str, str]]
) -> None:
    text = ""
    for name, window in (("wide", 4096), ("narrow", 60)):
        folder = save_tiny(tmp_path / name)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(
            json.dumps({**config, "max_position_embeddings": window})
        )
        text += f"[[model]]\nid = {json.dumps(str(folder))}\n"
    write(tmp_path, [own(1), own(2, "Go? " * 99)])
    path = study_file(tmp_path, text, formats=["plain"])
    with pytest.raises(UserError) as caught:
        run(path, tmp_path / "out")
    (tokens,) = {int(word) for word in str(caught.value).split() if word.isdigit()} - {60}
    assert str(caught.value) == (
        f"The prompt of '2' has {tokens} tokens, but {tmp_path / 'narrow'} takes 60; leave that "
        'decision out, or set too_long = "missing" in [run] to count such prompts as missing.'
    )
    assert tokens > 99
    assert len(rendered) == 1
    assert not (tmp_path / "out").exists()


def test_a_doubtful_join_is_told_once_per_data_set_and_again_from_the_cache(
    tmp_path: Path,
) -> None:
    bare = {"opening": "", "options": ["yes", "no"], "choice": "yes"}
    write(
        tmp_path,
        [
            {**bare, "id": "1", "prompt": "Answer:"},
            {**bare, "id": "2", "prompt": "Answer: "},
            {**bare, "id": "3", "prompt": "Another: "},
        ],
    )
    for _ in range(2):
        said: list[str] = []
        run(study_file(tmp_path, formats=["plain"]), tmp_path / "out", said)
        assert [line for line in said if line.startswith("Warning")] == [
            "Warning: 2: The text before the label ends in a space, and the label follows "
            "directly: 'Answer: |yes' (the bar shows where the label begins)."
        ]


@pytest.mark.slow
def test_a_join_that_the_wording_itself_makes_is_no_warning(tmp_path: Path) -> None:
    """`minimal` ends in a space in every game; nothing in the data could mend that."""
    said: list[str] = []
    study = study_file(tmp_path, formulations=["minimal"], data=["demo"], sample=2)
    run(study, tmp_path / "out", said)
    assert [line for line in said if line.startswith("Warning")] == []
    reading = look_at(Request("demo", "demo/lottery/5", ("mock",), "plain", "minimal"), print)
    (one,) = reading["readings"]
    assert one["text"].endswith(" ") and one["warning"] is None


def test_data_that_change_while_they_are_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [own(1)])
    inner = prepare.render  # type: ignore[attr-defined]

    def disturbing(*arguments: Any) -> Iterator[pl.DataFrame]:
        write(tmp_path, [own(1, "Changed?")])
        return inner(*arguments)

    monkeypatch.setattr(prepare, "render", disturbing)
    with pytest.raises(UserError, match=r"'mine\.jsonl' changed while they were read"):
        run(study_file(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_long_rendering_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models that read alike: the second one's six prompts are there already."""
    write(tmp_path, [own(i, f"{i}?") for i in range(6)])
    monkeypatch.setattr(progress, "LINE_SECONDS", -1.0)
    monkeypatch.setattr(record, "BLOCK", 4)
    out = io.StringIO()
    asked = read_study(study_file(tmp_path, PAIR, formats=["plain"]))
    score_study(asked, tmp_path / "out", lambda _: None, progress.Lines(out))
    said = [line.split(", measuring")[0] for line in out.getvalue().splitlines()]
    assert said[:3] == [f"Rendering: {done} of 12 prompts" for done in (4, 6, 12)]
    assert said[3] == "mock:base: 6 prompts to score"
    monkeypatch.setattr(progress, "LINE_SECONDS", 60.0)
    quick = io.StringIO()
    score_study(asked, tmp_path / "again", lambda _: None, progress.Lines(quick))
    assert "Rendering" not in quick.getvalue()
    assert "mock:base: 6 of 6 prompts" in quick.getvalue()
