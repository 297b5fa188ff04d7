"""One decision looked at closely: the study's own prompts and numbers, and how they are shown."""

from __future__ import annotations

import json
import math
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from test_cli import mistake, tremble, write_study
from toys import TEMPLATE, GreedyTokenizer, bpe_tokenizer, save_tiny
from tremble.datasets import Notes
from tremble.datasets.demo import load
from tremble.engines.hub_tokenizer import HubTokenizer
from tremble.engines.mock import MockEngine
from tremble.records import decision_to_json
from tremble.report.xray_layout import printable, visible, xray_page
from tremble.study import analyze_study
from tremble.tokens import TokenPaths, option_paths
from tremble.xray import Asked, xray
from tremble.xray_reading import TokenReader, score

PROMPT = "Alice <script>alert(1)</script> offers 10. [/red] Caf\u00e9 \u4f60\n\nYou may: \x1b[31m!"
OWN = {
    "id": "game-1/alice",
    "prompt": PROMPT,
    "system": "A market.",
    "options": [{"key": "zebra", "label": "yes"}, {"key": "yak", "label": "yes please"}],
    "choice": "zebra",
}
OTHER = {"id": "game-1/bob", "prompt": "Bob?", "options": ["accept", "reject"], "choice": "reject"}
LONG = {**OTHER, "id": "game-2", "prompt": "\n".join(f"Round {n}: J." for n in range(1, 101))}


def look(where: Path | str, id_: str, *models: str, **more: Any) -> dict[str, Any]:
    found = xray(Asked(str(where), id_, models, **more), lambda _: None)
    return json.loads(json.dumps(found, allow_nan=False))  # what --json prints


def shown_paths(reading: dict[str, Any]) -> TokenPaths:
    """What was scored, out of the ids that are shown alone."""
    return TokenPaths(
        tuple(token["id"] for token in reading["tokens"]),
        tuple(tuple(t["id"] for t in option["tokens"]) for option in reading["options"]),
        tuple(option["closed"] for option in reading["options"]),
        tuple(reading["closing"]),
        reading["join"],
        reading["reading"],
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A scored study of two tiny models, own prompts, and a lottery shown in both orders."""
    folder = tmp_path_factory.mktemp("xray")
    save_tiny(folder / "base", "Llama", 1, template=None)
    save_tiny(folder / "aligned", "Qwen3", 2, template=TEMPLATE)
    lottery = next(d for d in load(folder, Notes()) if d.family == "lottery")
    path = write_study(
        folder,
        [OWN, OTHER, decision_to_json(lottery)],
        base=str(folder / "base"),
        aligned=str(folder / "aligned"),
    )
    assert tremble("run", path, "--out", folder / "s")[0] == 0
    return folder


@pytest.mark.parametrize("id_", ["game-1/alice", "game-1/bob", "demo/lottery"])
def test_ids_and_numbers_are_those_of_the_study(study: Path, id_: str) -> None:
    lines = [json.loads(line) for line in (study / "mine.jsonl").read_text().splitlines()]
    whole = next(line["id"] for line in lines if line["id"].startswith(id_))
    scores = analyze_study(study / "s")[1].filter(pl.col("decision") == whole)
    readings = look(study / "s", id_, presentation="all")["readings"]
    assert len(readings) == scores.height == (4 if "lottery" in id_ else 2)
    for reading in readings:
        row = scores.filter(
            pl.col("model") == reading["model"],
            pl.col("presentation") == reading["presentation"],
        ).row(0, named=True)
        assert (reading["format"], reading["row_key"]) == (row["format"], row["row_key"])
        assert shown_paths(reading).key() == row["row_key"]
        assert [option["key"] for option in reading["options"]] == row["keys"]
        now = [option["logprob"] for option in reading["options"]]
        assert now == pytest.approx(row["logprobs"], abs=1e-4)
        assert reading["mass"] == pytest.approx(row["mass"], abs=1e-4)
        assert reading["first_mass"] == pytest.approx(row["first_mass"], abs=1e-4)
        assert reading["stored"]["logprobs"] == row["logprobs"]
        assert reading["stored"]["same_prompt"]
        assert not reading["stored"]["differs"]
        for option in reading["options"]:
            assert option["prediction"] == pytest.approx(option["probability"] / reading["mass"])
            parts = [token["logprob"] for token in option["tokens"]]
            parts += [option["closing_logprob"]] if option["closed"] else []
            assert math.fsum(parts) == pytest.approx(option["logprob"], abs=1e-4)


def test_twins_stand_side_by_side_by_presentation(study: Path) -> None:
    readings = look(study / "s", "demo/lottery", presentation="all")["readings"]
    assert [(r["presentation"], r["roles"], r["format"]) for r in readings] == [
        (0, ["base"], "plain"),
        (0, ["aligned"], "chat"),
        (1, ["base"], "plain"),
        (1, ["aligned"], "chat"),
    ]
    one, other = ([o["key"] for o in readings[i]["options"]] for i in (0, 2))
    assert one == other[::-1]
    assert (
        readings[0]["text"]
        == "\n\n".join(part for part in (readings[0]["system"], readings[0]["user"]) if part)
        + "\n"
        + readings[0]["opening"]
    )
    only = look(study / "s", "demo/lottery", presentation=1)["readings"]
    assert only == readings[2:]
    first = look(study / "s", "demo/lottery")
    assert first["readings"] == readings[:2]
    assert first["notes"] == [
        "Presentation 0 of 2; the others are 1: --presentation takes one of them, or all."
    ]


def test_a_score_that_moved_and_data_that_changed_are_said(study: Path, tmp_path: Path) -> None:
    mine = tmp_path / "copy"
    shutil.copytree(study, mine)
    for part in (mine / "s").rglob("part-*.parquet"):
        moved = pl.col("logprobs").list.eval(pl.element() + 2e-4)
        pl.read_parquet(part).with_columns(moved).write_parquet(part)
    stored = look(mine / "s", "game-1/bob")["readings"][0]["stored"]
    assert stored["differs"]
    assert stored["max_abs_diff"] == pytest.approx(2e-4, abs=5e-5)
    more = {**OTHER, "options": ["accept", "haggle", "reject"], "target": "accept"}
    text = (mine / "mine.jsonl").read_text().replace(json.dumps(OTHER), json.dumps(more))
    (mine / "mine.jsonl").write_text(text)
    stored = look(mine / "s", "game-1/bob")["readings"][0]["stored"]
    assert (stored["same_prompt"], stored["logprobs"]) == (False, None)
    out = tremble("xray", mine / "s", "game-1/bob")[1]
    assert "ANOTHER PROMPT" in out
    (mine / "mine.jsonl").unlink()
    assert "mine.jsonl" in mistake("xray", mine / "s", "game-1/bob")


def test_the_choice_stands_in_no_prompt_and_after_all_of_them(tmp_path: Path) -> None:
    path = write_study(tmp_path, [OWN])
    found = look(path, "game-1/alice")
    assert found["people"]["choice"] == "zebra"
    for reading in found["readings"]:
        pieces = "".join(token["piece"] for token in reading["tokens"])
        for text in (reading["text"], reading["system"], reading["user"], pieces):
            assert "zebra" not in text
    out = tremble("xray", path, "game-1/alice")[1]
    assert out.rindex("Never shown to a model") < out.rindex("choice: zebra")
    assert out.rindex("answer starts") < out.rindex("Never shown to a model")
    assert "\x1b[31m" not in out
    assert "\\u001b[31m" in out
    assert "[/red]" in out


@pytest.mark.parametrize("text", ["{{ messages[0]['content'] }}", "<bos>{{ messages[0]['role'] }}"])
def test_bos_is_shown_once_also_where_the_template_prints_it(tmp_path: Path, text: str) -> None:
    path = write_study(tmp_path, [OTHER])
    (tmp_path / "t.jinja").write_text(text)
    more: dict[str, Any] = {"format": "chat", "template": str(tmp_path / "t.jinja")}
    for reading in look(path, "game-1/bob", **more)["readings"]:
        marks = [token["mark"] for token in reading["tokens"]]
        assert marks[0] == "bos"
        assert marks.count("bos") == 1


def test_a_second_bos_and_special_tokens_are_marked() -> None:
    tokenizer = GreedyTokenizer(["hello"], bos=True)
    reader = TokenReader(tokenizer)
    bos, hello = tokenizer.bos[0], 0
    assert [t["mark"] for t in reader.tokens((bos, hello, bos))] == ["bos", None, "bos"]
    plain = TokenReader(GreedyTokenizer(["hello"]))  # puts no BOS: only a first one is one
    assert [t["mark"] for t in plain.tokens((bos, hello, bos))] == ["bos", None, "special"]


def test_a_token_across_the_join_is_marked() -> None:
    """The context ends in a quote; before 'accept' the quote is part of the token '"acc'."""
    tokenizer = GreedyTokenizer(['"acc', "ept", "reject"], bos=True)
    text, labels = 'Say "', ["accept", "reject"]
    [paths] = option_paths(tokenizer, [(text, labels)])
    assert paths.join
    reader = TokenReader(tokenizer)
    assert [token["piece"] for token in reader.tokens(paths.prefix)] == ["<s>", *"Say "]
    assert [token["piece"] for token in reader.straddled(text, paths)] == ['"']
    found = [reader.path(paths, number, '"') for number in range(2)]
    assert [[(t["piece"], t["join"]) for t in tokens] for tokens in found] == [
        [('"acc', True), ("ept", False)],
        [('"', True), ("reject", False)],
    ]


def test_log_probabilities_of_tokens_are_the_models_own() -> None:
    """A model whose next token depends on the last one; 'yes' begins 'yes!', so both are closed
    by a quote."""

    def next_token(ids: tuple[int, ...]) -> np.ndarray:
        weights = np.arange(1.0, 258.0) + ids[-1]
        return weights / weights.sum()

    def log(token: int, before: int) -> float:
        return math.log((token + 1 + before) / (257 * 258 / 2 + 257 * before))

    engine = MockEngine(next_token=next_token)
    [paths] = option_paths(engine.tokenizer, [('Say "', ["yes", "yes!"])])
    row, parts = score(engine, paths)
    y, e, s, bang, quote = b'yes!"'
    start = [log(y, ord('"')), log(e, y), log(s, e)]
    assert parts is not None
    assert parts[0] == pytest.approx([*start, log(quote, s)])
    assert parts[1][:4] == pytest.approx([*start, log(bang, s)])
    assert [math.fsum(part) for part in parts] == pytest.approx(list(row.logprobs))


def test_a_mock_without_probabilities_of_tokens_shows_none(tmp_path: Path) -> None:
    reading = look(write_study(tmp_path, [OTHER]), "game-1/bob")["readings"][0]
    assert reading["mass"] == pytest.approx(0.9)
    assert {t["logprob"] for o in reading["options"] for t in o["tokens"]} == {None}


def test_pieces_are_the_text_with_bytes_by_name() -> None:
    """The toy's merges know no accents: an e with one is two bytes, shown by name."""
    reader = TokenReader(HubTokenizer(bpe_tokenizer()))
    for text in ("Answer: yes or no", "  two spaces\n\n", "</s>yes"):
        ids = reader.tokenizer.encode([text])[0]
        assert "".join(token["piece"] for token in reader.tokens(ids)) == text
    ids = reader.tokenizer.encode(["a\u00e9b"])[0]
    assert [token["piece"] for token in reader.tokens(ids)] == ["a", "\u00c3", "\u00a9", "b"]
    assert visible(" a\n\t\x1b\u202e") == "␣a↵⇥\\u001b\\u202e"
    assert printable(" a\n\u202e") == " a\n\\u202e"


def test_spaces_that_are_printed_only_behind_another_token_are_shown() -> None:
    """As SentencePiece decodes: a word alone loses its space. An added line end is not special."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<unk>": 0, "\u2581the": 1, "\u2581game": 2}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    inner.add_tokens([AddedToken("\n", normalized=False)])
    tokenizer = HubTokenizer(PreTrainedTokenizerFast(tokenizer_object=inner))
    assert tokenizer.decode([2]) == "game"
    found = TokenReader(tokenizer).tokens((1, 2, 3))
    assert [token["piece"] for token in found] == ["the", " game", "\n"]
    assert [token["mark"] for token in found] == [None, None, None]


class Tags(HTMLParser):
    """The tags of a page, their attributes, and the text outside of style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_escapes_what_comes_from_data_and_needs_nothing_else(tmp_path: Path) -> None:
    label = "<img src=x onerror=y>"
    record = {**OWN, "id": "<i>1", "options": [label, "no"], "choice": label}
    path = write_study(tmp_path, [record])
    page = tmp_path / "page.html"
    code, out, _ = tremble("xray", path, "<i>1", "--html", page)
    assert (code, out) == (0, f"The page is {page}\n")
    tags = Tags(page.read_text(encoding="utf-8"))
    assert {"script", "img", "link", "i", "iframe"}.isdisjoint(tags.tags)
    assert tags.links == []
    assert "url(" not in page.read_text() and "@import" not in page.read_text()
    assert "<script>alert(1)</script>" in tags.text
    assert f"{label}: probability" in tags.text
    assert "\x1b" not in page.read_text()
    assert tags.tags.count("article") == 2  # the twins
    assert "mock:a (base), plain" in tags.text
    assert "mock:b (aligned), chat" in tags.text
    assert tags.text.index("answer starts here") < tags.text.index("Never shown to a model")


def test_the_terminal_has_a_column_for_each_twin_and_folds_long_prompts(tmp_path: Path) -> None:
    path = write_study(tmp_path, [LONG])
    out = tremble("xray", path, "game-2")[1]
    assert any(
        "mock:a (base), plain" in x and "mock:b (aligned), chat" in x for x in out.split("\n")
    )
    assert "Round 1: J." in out
    assert "Round 50: J." not in out
    assert "76 lines more; --all shows them" in out
    found = look(path, "game-2")
    tokens = len(found["readings"][0]["tokens"])
    assert f"{tokens - 24 - 48:,} tokens more; --all shows them" in out
    whole = tremble("xray", path, "game-2", "--all")[1]
    assert "--all" not in whole
    assert whole.count("Round 50: J.") == 3  # the user's part, and each twin's text
    page = xray_page(found)
    assert page.count('<span class="token') > 2 * tokens  # the page folds, and holds them all


def test_baselines_and_theory_stand_beside(tmp_path: Path) -> None:
    """Three choices of one family, two of them the target: the majority says two thirds."""
    records = [
        {**OTHER, "id": str(n), "choice": c, "target": "accept"}
        for n, c in enumerate(["accept", "accept", "reject"])
    ]
    path = write_study(tmp_path, records)
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    found = look(path, "2", out=tmp_path / "s")
    assert found["baselines"]["majority"] == pytest.approx(2 / 3)
    assert found["theory"]["why"] == "no game that tremble knows"
    assert found["readings"][0]["stored"]["same_prompt"]


def test_spellings_stand_beside_the_labels(study: Path, tmp_path: Path) -> None:
    text = (study / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.jsonl").write_bytes((study / "mine.jsonl").read_bytes())
    (tmp_path / "all.toml").write_text(
        text.replace("[study]\n", '[study]\nspellings = "all"\n'), encoding="utf-8"
    )
    assert tremble("run", tmp_path / "all.toml", "--out", tmp_path / "s")[0] == 0
    scores = analyze_study(tmp_path / "s")[1].filter(pl.col("decision") == "game-1/bob")
    for reading in look(tmp_path / "s", "game-1/bob")["readings"]:
        row = scores.row(by_predicate=pl.col("model") == reading["model"], named=True)
        assert reading["stored"]["same_prompt"] and not reading["stored"]["differs"]
        assert reading["spelled"]["mass"] == pytest.approx(row["mass"], rel=1e-4)
        assert reading["mass"] == pytest.approx(row["mass_exact"], rel=1e-4)
        assert row["mass"] > row["mass_exact"]
        assert {one["text"] for one in reading["spelled"]["texts"][1]} & {"Reject", " reject"}
