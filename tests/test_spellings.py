"""Spellings: which texts count for an option, that they never overlap, and what they add."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toys import GreedyTokenizer, bpe_tokenizer, tiny_model
from tremble import records
from tremble.engines import load as loading
from tremble.engines.hub_tokenizer import HubTokenizer
from tremble.engines.mock import ByteTokenizer, MockEngine
from tremble.engines.reference import ReferenceEngine
from tremble.errors import UserError
from tremble.spelled_paths import spelled_paths
from tremble.spellings import Spelled, identifier_words, log_sum, writings
from tremble.store import SCORES, Job, completed
from tremble.study import analyze_study, caveats, further_analysis, score_study
from tremble.study_file import read_study
from tremble.tokens import TokenPaths, option_paths, with_bos

OPENING = '{"decision": "'
YES_NO = [("yes", ()), ("no", ())]


class Words(GreedyTokenizer):
    """A greedy tokenizer that also knows the odd characters used here."""

    def __init__(self, words: Sequence[str], lower: bool = False) -> None:
        super().__init__([*words, *"ñÑ‘“"], lower=lower)


def test_a_word_is_written_in_other_cases_after_a_space_and_behind_another_quote() -> None:
    cases = ["yes", "Yes", "YES"]
    bare = {*cases, *(f" {word}" for word in cases)}
    inner = {quote + word for quote in ("'", "‘", "“") for word in cases}
    found = writings("yes", open_quote=True)
    assert found[0].text == "yes"
    assert {one.text for one in found if not one.quoted} == bare
    assert {one.text for one in found if one.quoted} == inner
    outer = {f"{space}{q}{word}" for q in "\"'‘“" for space in ("", " ") for word in cases}
    assert {one.text for one in writings("yes") if one.quoted} == outer


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("AcceptOffer", ["Accept", "Offer"]),
        ("deal_with_john", ["deal", "with", "john"]),
        ("opt-out", ["opt", "out"]),
        ("yes", []),
        ("yes please", []),
        ("J", []),
        ("10%", []),
        ("_", []),
    ],
)
def test_words_of_an_identifier(label: str, words: list[str]) -> None:
    assert identifier_words(label) == words


def test_an_identifier_is_also_written_as_words() -> None:
    texts = {one.text for one in writings("AcceptOffer", ("deal",))}
    assert texts >= {
        *("AcceptOffer", "acceptOffer", "acceptoffer", "Accept Offer", "Accept offer"),
        *("accept offer", "accept_offer", "ACCEPT_OFFER", " accept offer", "deal", "Deal"),
    }
    assert "Accept" not in texts  # a part of a label is no spelling unless it is declared


def spelled(
    options: Sequence[tuple[str, Sequence[str]]], context: str = OPENING, **how: Any
) -> TokenPaths:
    words = [(label, tuple(declared)) for label, declared in options]
    (paths,) = spelled_paths(ByteTokenizer(), [(context, words)], **how)
    return paths


def texts(paths: TokenPaths, option: int) -> set[str]:
    assert paths.spelled is not None
    return set(paths.spelled.texts[option])


def test_a_spelling_that_only_the_other_option_could_mean_is_left_out() -> None:
    paths = spelled([("A", ()), ("a", ())])
    assert paths.spelled is not None
    # " a" and " A" could be either label in the other case, and so could those in quotes.
    assert paths.spelled.texts == (("A",), ("a",))
    assert set(paths.spelled.dropped[0]) >= {"a", " a", " A", "'a", "'A"}


def test_a_spelling_that_begins_another_option_is_closed_or_left_out() -> None:
    paths = spelled([("no", ()), ("No deal", ())])
    assert paths.spelled is not None
    flat = [text for found in paths.spelled.texts for text in found]
    closed = dict(zip(flat, paths.closed, strict=True))
    # The exact reading closes no label here, so "no deal" is what it takes for "no".
    assert closed["no"] is False
    assert "no deal" in paths.spelled.dropped[1]
    assert closed["No"] is closed[" no"] is closed["NO"] is True
    assert closed["NO DEAL"] is closed[" No deal"] is False
    assert "'no" in paths.spelled.dropped[0]  # no telling how it would be closed
    open_end = spelled([("no", ()), ("No deal", ())], "Answer: ")
    assert texts(open_end, 0) == {"no"}  # nothing closes a spelling, and each begins another


def test_a_word_that_begins_its_own_label_is_closed_so_that_nothing_counts_twice() -> None:
    paths = spelled([("AcceptOffer", ("Accept", "take")), ("RejectOffer", ())])
    flat = dict(
        zip((t for o in paths.spelled.texts for t in o), paths.closed, strict=True)  # type: ignore[union-attr]
    )
    assert flat["Accept"] is True
    assert flat["take"] is False
    assert "Accept Offer" in flat  # goes on where "Accept" is closed
    assert "accept offer" not in flat  # part of what goes on from "accept"
    assert flat["accept"] is False


def test_labels_that_begin_one_another_stay_closed_as_they_were() -> None:
    labels = ["yes", "yes please", "no"]
    (exact,) = option_paths(ByteTokenizer(), [(OPENING, labels)])
    paths = spelled([(label, ()) for label in labels])
    assert paths.spelled is not None
    first = np.cumsum([0, *paths.spelled.counts[:-1]])
    assert tuple(paths.paths[at] for at in first) == exact.paths
    assert tuple(paths.closed[at] for at in first) == exact.closed == (True, False, False)
    assert paths.closing == exact.closing


def test_equal_tokens_count_once() -> None:
    tokenizer = Words(["yes", "no"], lower=True)
    (paths,) = spelled_paths(tokenizer, [(OPENING, YES_NO)])
    assert paths.spelled is not None
    assert len(set(paths.paths)) == len(paths.paths)
    assert paths.spelled.texts[0][0] == "yes"
    assert not {"Yes", "YES"} & texts(paths, 0)


def test_spellings_whose_tokens_reach_into_the_prompt_are_left_out() -> None:
    tokenizer = Words(['" ', "yes", "Yes"])
    (paths,) = spelled_paths(tokenizer, [(OPENING, YES_NO)])
    assert paths.spelled is not None
    assert {" yes", " Yes", " YES"} <= set(paths.spelled.dropped[0])
    assert {"yes", "Yes", "YES"} <= texts(paths, 0)


def test_the_next_token_reading_takes_the_first_token_of_every_spelling() -> None:
    tokenizer = Words(["yes", "no", "Yes", "No", " yes", " no"])
    (paths,) = spelled_paths(tokenizer, [("Say", YES_NO)], "next_token")
    assert paths.reading == "next_token"
    assert {len(path) for path in paths.paths} == {1}
    # Y and N begin YES and NO; the quotes begin spellings of both options.
    assert texts(paths, 0) == {"yes", "Yes", " yes", "YES"}
    assert '"yes' in paths.spelled.dropped[0]  # type: ignore[union-attr]
    (shared,) = spelled_paths(tokenizer, [("Say", [("yes", ()), ("yes!", ())])], "next_token")
    assert shared.error is not None


letters = st.text("aAbBñ ", min_size=1, max_size=3).filter(lambda text: text == text.strip())
label = letters | st.sampled_from(["no", "No", "no deal", "NoDeal", "yes", "a_b", "Option J"])
option = st.tuples(label, st.lists(label, max_size=1).map(tuple))
openings = st.sampled_from([OPENING, f"Rules\nline\n{OPENING}", "Answer:", "Answer: ", "a\n", '"'])
vocabularies = st.lists(
    st.sampled_from(
        ["no", "No", " no", "NO", "deal", " deal", "aA", "ab", " a", "A ", '"a', "'a", '"}', 'b"']
    ),
    unique=True,
)


def asked(options: Sequence[tuple[str, tuple[str, ...]]]) -> bool:
    return len({label for label, _ in options}) == len(options)


several = st.lists(option, min_size=2, max_size=3).filter(asked)


def scored(paths: TokenPaths, next_token: Any) -> list[float]:
    """The probability of every path."""
    (row,) = MockEngine(next_token=next_token).score([paths])
    return [math.exp(value) for value in row.logprobs]  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(openings, several, vocabularies, st.sampled_from(["auto", "always"]), st.integers(0, 99))
def test_mass_with_spellings_is_never_below_the_exact_one_and_never_above_one(
    context: str, options: Any, words: list[str], closing: Any, seed: int
) -> None:
    tokenizer = Words(words)
    labels = [label for label, _ in options]
    try:
        (exact,) = option_paths(tokenizer, [(context, labels)], closing=closing)
    except UserError:
        with pytest.raises(UserError):
            spelled_paths(tokenizer, [(context, options)], closing=closing)
        return
    (paths,) = spelled_paths(tokenizer, [(context, options)], closing=closing)
    assert paths.spelled is not None
    assert paths.prefix == exact.prefix
    at = [sum(paths.spelled.counts[:option]) for option in range(len(labels))]
    assert tuple(paths.paths[place] for place in at) == exact.paths
    flat = [text for found in paths.spelled.texts for text in found]
    for text, path in zip(flat, paths.paths, strict=True):
        assert with_bos(tokenizer.encode([context + text])[0], ()) == paths.prefix + path
    size = len(tokenizer.words)

    def made_up(before: tuple[int, ...]) -> np.ndarray:
        drawn = np.random.default_rng([seed, *before]).gamma(0.2, size=size) + 1e-9
        return drawn / drawn.sum()

    every = scored(paths, made_up)
    assert sum(scored(exact, made_up)) - 1e-12 <= sum(every)
    if not labels_overlap(exact):
        assert sum(every) <= 1 + 1e-9
        # No answer is two spellings: whatever a model writes counts once at most.
        events = list(zip(paths.paths, paths.closed, strict=True))
        for path, closed in events:
            answer = path + paths.closing[:1] if closed else path
            held = [
                one
                for one, ends in events
                if answer[: len(one)] == one
                and (not ends or answer[len(one) : len(one) + 1] in {(x,) for x in paths.closing})
            ]
            assert held == [path]


def labels_overlap(exact: TokenPaths) -> bool:
    """Whether the exact reading itself counts some answers twice (labels with quotes in them,
    tokens that begin another label's without its letters doing so)."""
    return any(
        one is not other
        and other[: len(one)] == one
        and (not closed or other[len(one)] in exact.closing)
        for one, closed in zip(exact.paths, exact.closed, strict=True)
        for other in exact.paths
    )


def test_a_real_architecture_and_a_trained_tokenizer_keep_the_bounds() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama", len(tokenizer.pieces()))
    engine = ReferenceEngine(model, tokenizer, {}, None)
    contexts = [f"You may accept or reject.\n{OPENING}", "Answer: ", "accept or reject\n"]
    words = [("accept", ("yes",)), ("reject", ("no",))]
    asked = [(context, words) for context in contexts]
    exact = option_paths(tokenizer, [(context, ["accept", "reject"]) for context in contexts])
    found = spelled_paths(tokenizer, asked)
    before = {row.index: row.logprobs for row in engine.score(exact)}
    for row in engine.score(found):
        paths = found[row.index]
        assert paths.spelled is not None
        options = paths.spelled.by_option(row.logprobs)
        assert [values[0] for values in options] == pytest.approx(before[row.index], abs=1e-5)
        mass = sum(math.exp(value) for value in row.logprobs if value is not None)
        least = sum(math.exp(value) for value in before[row.index] if value is not None)
        assert least - 1e-6 <= mass <= 1 + 1e-6
        flat = [text for texts in paths.spelled.texts for text in texts]
        wholes = tokenizer.encode([contexts[row.index] + text for text in flat])
        assert [paths.prefix + path for path in paths.paths] == [tuple(ids) for ids in wholes]


def test_log_sum() -> None:
    assert log_sum([math.log(0.2), math.log(0.3)]) == pytest.approx(math.log(0.5))
    assert log_sum([-1000.0, -1000.0]) == pytest.approx(-1000 + math.log(2))
    assert log_sum([-math.inf, -math.inf]) == -math.inf
    assert log_sum([0.0, None]) is None


def test_row_keys_of_the_exact_reading_are_what_they_were() -> None:
    paths = TokenPaths((1, 2), ((3,), (4, 5)), (False, True), (6,))
    digest = blake2b(b"joint", digest_size=12)
    for part in ([1, 2], [3], [4, 5], [0, 1], [6]):
        digest.update(np.asarray([len(part), *part], dtype=np.int64).tobytes())
    assert paths.key() == digest.hexdigest()
    keys = set()
    for split in ((("a",), ("b",)), (("a", "b"), ())):  # the same paths, of other options
        which = Spelled(split, ((), ()))
        keys.add(TokenPaths(paths.prefix, paths.paths, paths.closed, (6,), spelled=which).key())
    assert len(keys | {paths.key()}) == 3
    assert Spelled.from_json(which.to_json()) == which


# A study from end to end: a model that writes YES and No, with a byte or two of doubt.


def speaking(answers: dict[str, float]) -> Any:
    """A byte model that, after the opening, writes one of these texts, and a quote."""
    opening = OPENING.encode()
    written = [(f'{text}"'.encode(), share) for text, share in answers.items()]

    def next_token(before: tuple[int, ...]) -> np.ndarray:
        so_far = bytes(byte for byte in before if byte < 256).rpartition(opening)[2]
        row = np.full(257, 1e-12)
        for text, share in written:
            if text.startswith(so_far) and len(text) > len(so_far):
                row[text[len(so_far)]] += share
        return row / row.sum()

    return next_token


SHARES = {"YES": 0.6, " No": 0.3, "buy": 0.06, "no": 0.01, "perhaps": 0.03}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def mock(spec: Any) -> MockEngine:
        return MockEngine(spec.id, speaking(SHARES) if spec.id == "mock:loud" else None)

    monkeypatch.setattr(loading, "_mock", mock)
    options = [
        {"key": "b", "label": "yes", "spellings": ["buy"]},
        {"key": "n", "label": "no"},
    ]
    lines = [
        {"id": f"d{i}", "prompt": f"Round {i}", "options": options, "choice": "bn"[i % 2]}
        for i in range(12)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def run(folder: Path, spellings: str | None, models: Sequence[str] = ("loud",)) -> Path:
    asked = "" if spellings is None else f'spellings = "{spellings}"\n'
    named = "".join(f'[[model]]\nid = "mock:{model}"\n' for model in models)
    path = folder / "s.toml"
    path.write_text(
        f'[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n{asked}{named}'
    )
    assert score_study(read_study(path), folder / "out", lambda _: None) == 0
    return folder / "out"


def test_a_model_that_answers_in_another_spelling_is_read(folder: Path) -> None:
    exact = analyze_study(run(folder, None))[0].models[0]
    assert exact["mass"] == pytest.approx(0.01, abs=1e-6)  # the little "no"
    out = run(folder, "all")
    analysis, scores, decisions = analyze_study(out)
    # All but "perhaps" is an answer.
    assert analysis.models[0]["mass"] == pytest.approx(0.97, abs=1e-6)
    said = analysis.predicted.filter(pl.col("key") == "b")["prediction"]
    assert said.to_list() == pytest.approx([0.66 / 0.97] * 12, abs=1e-6)
    assert scores["mass_exact"].to_list() == pytest.approx([0.01] * 12, abs=1e-6)
    first = scores.row(0, named=True)
    assert [math.exp(x) for x in first["logprobs"]] == pytest.approx([0.66, 0.31], abs=1e-6)
    assert [math.exp(x) for x in first["exact_logprobs"]] == pytest.approx([0, 0.01], abs=1e-6)
    (row,) = further_analysis(out, analysis, decisions, ["spellings"])["spellings"]
    assert (row["mass_exact"], row["mass"]) == pytest.approx((0.01, 0.97), abs=1e-6)
    assert row["spellings"] == 'b: "YES" .600, "buy" .060; n: " No" .300, "no" .010'
    assert any("add up all spellings" in note for note in caveats(out))


def test_both_readings_stay_on_disk_and_neither_is_computed_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [analyze_study(run(folder, how))[1]["row_key"].to_list() for how in (None, "all")]
    assert not set(keys[0]) & set(keys[1])
    monkeypatch.setattr(MockEngine, "score", lambda *_: pytest.fail("scored again"))
    assert analyze_study(run(folder, "exact"))[1]["row_key"].to_list() == keys[0]


def test_the_table_holds_r_of_both_readings(folder: Path) -> None:
    out = run(folder, "all", ["loud", "any"])
    analysis, scores, decisions = analyze_study(out)
    rows = further_analysis(out, analysis, decisions, ["spellings"])["spellings"]
    row = next(row for row in rows if row["model"] == "mock:any")
    mine = scores.filter(pl.col("model") == "mock:any").join(decisions, on="decision")
    chose = (mine["choice"] == "b").to_numpy().astype(float)
    for name, column in (("r", "logprobs"), ("r_exact", "exact_logprobs")):
        shares = np.exp(np.array(mine[column].to_list()))
        expected = np.corrcoef(shares[:, 0] / shares.sum(axis=1), chose)[0, 1]
        assert row[name] == pytest.approx(expected)
    assert row["mass"] == pytest.approx(0.9)
    assert row["mass_exact"] == pytest.approx(mine["mass_exact"].to_numpy().mean())
    loud = next(row for row in rows if row["model"] == "mock:loud")
    assert loud["r"] is None
    assert loud["note"]  # every decision reads alike


def test_an_exact_study_has_no_table_and_no_note(folder: Path) -> None:
    out = run(folder, "exact")
    analysis, scores, decisions = analyze_study(out)
    assert further_analysis(out, analysis, decisions, ["spellings"]) == {"spellings": []}
    assert not any("spellings" in note for note in caveats(out))
    assert scores["mass_exact"].null_count() == scores.height


def test_scores_of_an_earlier_version_are_read(folder: Path) -> None:
    out = run(folder, None)
    (path,) = out.rglob("part-*.parquet")
    before = Job(path.parent).all_rows()
    new = ["exact_logprobs", "mass_exact", "spellings", "spelling_logprobs"]
    pl.read_parquet(path).drop(new).write_parquet(path)
    assert Job(path.parent).all_rows().equals(before)
    filled = completed(pl.DataFrame({"mass": [0.5]}), SCORES)
    assert set(filled.columns) == set(SCORES)
    assert filled.row(0, named=True)["mass"] == 0.5


def test_families_declare_words_for_their_own_labels(tmp_path: Path) -> None:
    from tremble.datasets import Notes
    from tremble.datasets.demo import load
    from tremble.engines import ModelSpec, RunOptions
    from tremble.rendering import prompts_of

    (tmp_path / "s.toml").write_text(
        '[study]\nname = "s"\ndata = ["demo"]\nspellings = "all"\n[[model]]\nid = "mock"\n'
    )
    study = read_study(tmp_path / "s.toml")
    opened = loading.open_tokenizer(ModelSpec("mock"), RunOptions(), lambda _: None)
    buyer = next(d for d in load(tmp_path, Notes()) if d.family == "persuasion")
    (prompt,) = prompts_of([buyer], "standard", None, opened, study)
    assert prompt.paths.spelled is not None
    found = dict(zip(prompt.keys, prompt.paths.spelled.texts, strict=True))
    assert {"buy", "Buy", " Yes"} <= set(found["yes"])
    assert {"don't buy", "NO"} <= set(found["no"])


def test_declared_spellings_are_part_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    options: list[Any] = [{"key": "y", "label": "yes", "spellings": ["buy", "buy"]}, "no"]

    def read() -> Any:
        path.write_text(json.dumps({"prompt": "?", "options": options, "choice": "y"}))
        return list(records.read(path))

    found = read()
    assert [option.spellings for option in found[0].options] == [("buy",), ()]
    records.write(found, tmp_path / "again.jsonl")
    assert next(records.read(tmp_path / "again.jsonl")).options == found[0].options
    options[1] = {"key": "n", "label": "no", "spellings": ["buy"]}
    with pytest.raises(UserError, match="'buy' is a spelling of 'y' and of 'n'"):
        read()
    for wrong in ("pass", [""], [1]):
        options[1] = {"key": "n", "label": "no", "spellings": wrong}
        with pytest.raises(UserError, match="must be a list of texts"):
            read()


def test_another_word_in_the_study_file_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="spellings is 'every'; it must be one of exact, all"):
        run(folder, "every")
