"""Paths of spellings: the labels keep theirs, and no answer is ever counted twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toys import GreedyTokenizer, bpe_tokenizer, tiny_model
from tremble.engines.mock import MockEngine
from tremble.engines.reference import ReferenceEngine
from tremble.errors import UserError
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import TokenPaths, option_paths, with_bos
from tremble.tokenization.surface_form_paths import surface_form_paths

OPENING = '{"decision": "'
YES_NO = [("yes", ()), ("no", ())]


class Words(GreedyTokenizer):
    """A greedy tokenizer that also knows the odd characters used here."""

    def __init__(self, words: Sequence[str], lower: bool = False) -> None:
        super().__init__([*words, *"ñÑ‘“"], lower=lower)


def surface_forms(
    options: Sequence[tuple[str, Sequence[str]]], context: str = OPENING, **how: Any
) -> TokenPaths:
    words = [(label, tuple(declared)) for label, declared in options]
    (paths,) = surface_form_paths(ByteTokenizer(), [(context, words)], **how)
    return paths


def texts(paths: TokenPaths, option: int) -> set[str]:
    assert paths.surface_forms is not None
    return set(paths.surface_forms.texts[option])


def test_a_spelling_that_only_the_other_option_could_mean_is_left_out() -> None:
    paths = surface_forms([("A", ()), ("a", ())])
    assert paths.surface_forms is not None
    # " a" and " A" could be either label in the other case, and so could those in quotes.
    assert paths.surface_forms.texts == (("A",), ("a",))
    assert set(paths.surface_forms.dropped[0]) >= {"a", " a", " A", "'a", "'A"}


def test_a_spelling_that_begins_another_option_is_closed_or_left_out() -> None:
    paths = surface_forms([("no", ()), ("No deal", ())])
    assert paths.surface_forms is not None
    flat = [text for found in paths.surface_forms.texts for text in found]
    terminated = dict(zip(flat, paths.terminated, strict=True))
    # The exact reading closes no label here, so "no deal" is what it takes for "no".
    assert terminated["no"] is False
    assert "no deal" in paths.surface_forms.dropped[1]
    assert terminated["No"] is terminated[" no"] is terminated["NO"] is True
    assert terminated["NO DEAL"] is terminated[" No deal"] is False
    assert "'no" in paths.surface_forms.dropped[0]  # no telling how it would be closed
    open_end = surface_forms([("no", ()), ("No deal", ())], "Answer: ")
    assert texts(open_end, 0) == {"no"}  # nothing closes a spelling, and each begins another


def test_a_word_that_begins_its_own_label_is_closed_so_that_nothing_counts_twice() -> None:
    paths = surface_forms([("AcceptOffer", ("Accept", "take")), ("RejectOffer", ())])
    flat = dict(
        zip((t for o in paths.surface_forms.texts for t in o), paths.terminated, strict=True)  # type: ignore[union-attr]
    )
    assert flat["Accept"] is True
    assert flat["take"] is False
    assert "Accept Offer" in flat  # goes on where "Accept" is closed
    assert "accept offer" not in flat  # part of what goes on from "accept"
    assert flat["accept"] is False


def test_labels_that_begin_one_another_stay_closed_as_they_were() -> None:
    labels = ["yes", "yes please", "no"]
    (exact,) = option_paths(ByteTokenizer(), [(OPENING, labels)])
    paths = surface_forms([(label, ()) for label in labels])
    assert paths.surface_forms is not None
    first = np.cumsum([0, *paths.surface_forms.counts[:-1]])
    assert tuple(paths.paths[at] for at in first) == exact.paths
    assert tuple(paths.terminated[at] for at in first) == exact.terminated == (True, False, False)
    assert paths.terminator == exact.terminator
    assert paths.labels_alone() == exact == exact.labels_alone()


def test_equal_tokens_count_once() -> None:
    tokenizer = Words(["yes", "no"], lower=True)
    (paths,) = surface_form_paths(tokenizer, [(OPENING, YES_NO)])
    assert paths.surface_forms is not None
    assert len(set(paths.paths)) == len(paths.paths)
    assert paths.surface_forms.texts[0][0] == "yes"
    assert not {"Yes", "YES"} & texts(paths, 0)


def test_spellings_whose_tokens_reach_into_the_prompt_are_left_out() -> None:
    tokenizer = Words(['" ', "yes", "Yes"])
    (paths,) = surface_form_paths(tokenizer, [(OPENING, YES_NO)])
    assert paths.surface_forms is not None
    assert {" yes", " Yes", " YES"} <= set(paths.surface_forms.dropped[0])
    assert {"yes", "Yes", "YES"} <= texts(paths, 0)


def test_the_next_token_reading_takes_the_first_token_of_every_spelling() -> None:
    tokenizer = Words(["yes", "no", "Yes", "No", " yes", " no"])
    (paths,) = surface_form_paths(tokenizer, [("Say", YES_NO)], "next_token")
    assert paths.reading == "next_token"
    assert {len(path) for path in paths.paths} == {1}
    # Y and N begin YES and NO; the quotes begin spellings of both options.
    assert texts(paths, 0) == {"yes", "Yes", " yes", "YES"}
    assert '"yes' in paths.surface_forms.dropped[0]  # type: ignore[union-attr]
    (shared,) = surface_form_paths(tokenizer, [("Say", [("yes", ()), ("yes!", ())])], "next_token")
    assert shared.error is not None


letters = st.text("aAbBñ ", min_size=1, max_size=3)
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
@pytest.mark.slow
def test_mass_with_spellings_is_never_below_the_exact_one_and_never_above_one(
    context: str, options: Any, words: list[str], terminator: Any, seed: int
) -> None:
    tokenizer = Words(words)
    labels = [label for label, _ in options]
    try:
        (exact,) = option_paths(tokenizer, [(context, labels)], terminator=terminator)
    except UserError:
        with pytest.raises(UserError):
            surface_form_paths(tokenizer, [(context, options)], terminator=terminator)
        return
    (paths,) = surface_form_paths(tokenizer, [(context, options)], terminator=terminator)
    assert paths.surface_forms is not None
    assert paths.prefix == exact.prefix
    at = [sum(paths.surface_forms.counts[:option]) for option in range(len(labels))]
    assert tuple(paths.paths[place] for place in at) == exact.paths
    flat = [text for found in paths.surface_forms.texts for text in found]
    for text, path in zip(flat, paths.paths, strict=True):
        assert with_bos(tokenizer.encode([context + text])[0], ()) == paths.prefix + path
    size = len(tokenizer.words)

    def made_up(before: tuple[int, ...]) -> np.ndarray:
        drawn = np.random.default_rng([seed, *before]).gamma(0.2, size=size) + 1e-9
        return drawn / drawn.sum()

    every = scored(paths, made_up)
    assert sum(scored(exact, made_up)) - 1e-12 <= sum(every)
    assert sum(every) <= 1 + 1e-9
    # No answer is two spellings: whatever a model writes counts once at most.
    events = list(zip(paths.paths, paths.terminated, strict=True))
    for path, terminated in events:
        answer = path + paths.terminator[:1] if terminated else path
        held = [
            one
            for one, ends in events
            if answer[: len(one)] == one
            and (not ends or answer[len(one) : len(one) + 1] in {(x,) for x in paths.terminator})
        ]
        assert held == [path]


def test_a_real_architecture_and_a_trained_tokenizer_keep_the_bounds() -> None:
    tokenizer = HubTokenizer(bpe_tokenizer())
    model = tiny_model("Llama", len(tokenizer.pieces()))
    engine = ReferenceEngine(model, tokenizer, {}, None)
    contexts = [f"You may accept or reject.\n{OPENING}", "Answer: ", "accept or reject\n"]
    words = [("accept", ("yes",)), ("reject", ("no",))]
    asked = [(context, words) for context in contexts]
    exact = option_paths(tokenizer, [(context, ["accept", "reject"]) for context in contexts])
    found = surface_form_paths(tokenizer, asked)
    before = {row.index: row.logprobs for row in engine.score(exact)}
    for row in engine.score(found):
        paths = found[row.index]
        assert paths.surface_forms is not None
        options = paths.surface_forms.by_option(row.logprobs)
        assert [values[0] for values in options] == pytest.approx(before[row.index], abs=1e-5)
        mass = sum(math.exp(value) for value in row.logprobs if value is not None)
        least = sum(math.exp(value) for value in before[row.index] if value is not None)
        assert least - 1e-6 <= mass <= 1 + 1e-6
        flat = [text for texts in paths.surface_forms.texts for text in texts]
        wholes = tokenizer.encode([contexts[row.index] + text for text in flat])
        assert [paths.prefix + path for path in paths.paths] == [tuple(ids) for ids in wholes]
