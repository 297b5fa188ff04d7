"""Spellings: which texts count for an option."""

from __future__ import annotations

import math
from hashlib import blake2b

import numpy as np
import pytest

from tremble.tokenization.options import TokenPaths
from tremble.tokenization.surface_forms import SurfaceForms, identifier_words, log_sum, writings


def test_a_word_is_written_in_other_cases_after_a_space_and_behind_another_quote() -> None:
    cases = ["yes", "Yes", "YES"]
    bare = {*cases, *(f" {word}" for word in cases)}
    inner = {quote + word for quote in ("'", "‘", "“") for word in cases[:2]}
    found = writings("yes", open_quote=True)
    assert found[0].text == "yes"
    assert {one.text for one in found if not one.quoted} == bare
    assert {one.text for one in found if one.quoted} == inner
    outer = {f"{space}{q}{word}" for q in "\"'‘“" for space in ("", " ") for word in cases[:2]}
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
    assert {one.text for one in writings(" J")} >= {" J", "J", " j", "j"}
    assert "Accept" not in texts  # a part of a label is no spelling unless it is declared


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
        which = SurfaceForms(split, ((), ()))
        keys.add(
            TokenPaths(paths.prefix, paths.paths, paths.terminated, (6,), surface_forms=which).key()
        )
    assert len(keys | {paths.key()}) == 3
    assert SurfaceForms.from_json(which.to_json()) == which
