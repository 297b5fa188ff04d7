"""Families, wordings and controls of packages that fail or give no words: the package is named, and
the data are not to blame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.extensions import example, on_path
from tremble.datasets.base import Notes, source
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Unfit
from tremble.games.base import Family, family
from tremble.games.base import _of_package as family_of
from tremble.prompts import controls, formulations
from tremble.prompts.asked import Asked
from tremble.prompts.controls import under
from tremble.prompts.conversation import AS_IT_WAS, Conversation, NotApplicable, Telling
from tremble.prompts.formulations import standard
from tremble.study.decision_frame import decision_row

ENTRY = Entry("wording", "own", "faulty", "1.0", "module:x", "", None)
DEMO = {one.family: one for one in source("demo").decisions(Path(), Notes())}
OFFER = DEMO["bargaining"]
HEAD = "of the package faulty 1.0 "


def refusal(call: Callable[..., Any], *given: Any) -> str:
    with pytest.raises(UserError) as raised:
        call(*given)
    assert not isinstance(raised.value, NotApplicable)
    return str(raised.value)


def wording(change: Callable[[Conversation], Any]) -> Any:
    return formulations._of_package(
        lambda decision, presentation, told: change(standard(decision, presentation, told)), ENTRY
    )


def other_keys(made: Conversation) -> Conversation:
    first, second = made.options
    options = (replace(first, key=second.key), replace(second, key=first.key))
    return replace(made, options=options)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda made: None, "returns NoneType, not Conversation"),
        (lambda made: replace(made, options=made.options[:1]), "gives the options [("),
        (other_keys, "(key and label)"),
        (lambda made: replace(made, options=()), "gives the options []"),
        (lambda made: replace(made, options=None), "gives the options None"),
        (lambda made: replace(made, system="\ud800"), "gives '\\ud800' as system"),
        (lambda made: replace(made, user=None), "gives None as user"),
        (lambda made: replace(made, opening=b"x"), "gives b'x' as opening"),
        (lambda made: 1 / 0, "failed (ZeroDivisionError: division by zero, test_words.py line"),
        (lambda made: exit(2), "failed (SystemExit: 2"),
    ],
)
def test_a_wording_gives_texts_and_the_options_as_they_are_shown(
    change: Callable[[Conversation], Any], why: str
) -> None:
    said = refusal(wording(change), OFFER)
    assert said.startswith(f"The wording 'own' {HEAD}") and why in said


@pytest.mark.parametrize("decision", DEMO.values(), ids=list(DEMO))
@pytest.mark.parametrize("number", [0, 1])
def test_options_may_be_exchanged_relettered_and_renamed(decision: Decision, number: int) -> None:
    exchanged = wording(lambda made: replace(made, options=made.options[::-1]))
    words = exchanged(decision, number)
    shown = formulations.standard(decision, number)
    assert words.options == shown.options[::-1]
    renamed = formulations.spoken(Asked("standard", "renamed"))
    try:
        expected = renamed(decision, number)
    except NotApplicable:
        return
    same = under(wording(lambda made: made), controls.renamed)
    assert same(decision, number) == expected


def no_such_key() -> Any:
    known: dict[str, Any] = {}
    return known["q"]


def control(telling: Any) -> Callable[[], Conversation]:
    entry = replace(ENTRY, kind="control")
    made = under(standard, controls._of_package(lambda decision, others: telling, entry))
    return lambda: made(OFFER)


@pytest.mark.parametrize(
    ("telling", "why"),
    [
        (None, "returns NoneType, not Telling"),
        (Telling(names=["Alice"]), "as names, which is not a dict"),  # type: ignore[arg-type]
        (Telling(names={"Alice": 3}), "as names, which is not a dict"),  # type: ignore[dict-item]
        (Telling(names={"accept": "take"}), "renames 'accept', which is in the option 'accept'"),
        (Telling(lambda seen: None), "gives NoneType in seen"),  # type: ignore[arg-type,return-value]
        (Telling(lambda seen: replace(seen, options=seen.options[:1])), "gives the options ["),
        (Telling(lambda seen: no_such_key()), "failed (KeyError: 'q', test_words.py line"),
        (Telling(rules=lambda words, seen: None), "gives None in rules"),  # type: ignore[arg-type,return-value]
        (Telling(rules=lambda words, seen: "abc"), "gives 'abc' in rules, not a list of texts"),
        (Telling(history=lambda words, seen: [1]), "gives [1] in history"),  # type: ignore[list-item]
    ],
)
def test_a_control_tells_texts_and_the_options_there_are(telling: Any, why: str) -> None:
    said = refusal(control(telling))
    assert said.startswith(f"The control 'own' {HEAD}") and why in said


@pytest.mark.parametrize("name", ["Alice", "alice", "ALICE"])
def test_names_are_replaced_whichever_case_they_are_written_in(name: str) -> None:
    usual, other = standard(OFFER).words, control(Telling(names={name: "Zoe", "a.*b": "c"}))().words
    assert "Alice" in usual and other == usual.replace("Alice", "Zoe").replace("alice", "zoe")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"rules": lambda seen: "text"}, "gives str 'text' in rules, not a list of texts."),
        ({"rules": lambda seen: [5]}, "gives list [5] in rules"),
        ({"rules": lambda seen: None}, "gives NoneType in rules"),
        ({"history": lambda seen: ["\udc00"]}, "in history, not a list of texts"),
        ({"question": lambda seen: None}, "gives NoneType in question, not a text."),
        (
            {"rules": lambda seen: seen.rules["nope"]},
            "failed (KeyError: 'nope', test_words.py line",
        ),
        ({"question": lambda seen: 1 + "a"}, "failed (TypeError"),  # type: ignore[operator]
    ],
)
def test_a_family_that_breaks_down_is_named_and_not_the_data(
    given: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(standard, own_family(given, monkeypatch))
    assert said.startswith(f"The family 'own' {HEAD}") and why in said
    assert "in another form" not in said
    if "failed" in why:
        assert f"for the decision {OFFER.id!r}; either the package has an error" in said


def own_family(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Decision:
    """A decision of a family of a package, like the bargaining of tremble but for what is given."""
    found = family_of(replace(family("bargaining"), **given), replace(ENTRY, kind="family"))
    known = SimpleNamespace(get={"own": found}.get, entry={"own": ENTRY}.get)
    monkeypatch.setattr("tremble.games.base.EXTENSIONS", known)
    assert OFFER.game is not None
    return replace(OFFER, family="own", game=replace(OFFER.game, family="own"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"normative": lambda seen: {"accept": 1}}, "gives dict in normative, not Normative"),
        ({"normative": lambda seen: shares({"accept": 7.0})}, "between 0 and 1"),
        ({"normative": lambda seen: shares({"accept": 0.5})}, "add up to 1"),
        ({"normative": lambda seen: shares({"accept": float("nan"), "reject": 1.0})}, "between 0"),
        ({"normative": lambda seen: shares({"take": 1.0})}, "the options are ['accept', 'reject']"),
        ({"normative": lambda seen: shares({"accept": "1"})}, "not all numbers"),
        ({"numbers": lambda seen: {"x": {1, 2}}}, "that JSON cannot hold"),
        ({"numbers": lambda seen: {"x": float("inf")}}, "that JSON cannot hold"),
        ({"numbers": lambda seen: [1]}, "gives list [1] in numbers, not a dict"),
        ({"numbers": lambda seen: 1 / 0}, "failed (ZeroDivisionError"),
    ],
)
def test_what_theory_and_baselines_get_is_checked(
    given: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(decision_row, own_family(given, monkeypatch))
    assert said.startswith(f"The family 'own' {HEAD}") and why in said


def shares(given: Any) -> Any:
    from tremble.games.theory.normative import Normative

    return Normative(given)


@pytest.mark.parametrize("given", [{"accept": 1.0}, {"accept": None, "reject": 0.0}, None])
def test_sound_shares_pass(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = decision_row(own_family({"normative": lambda seen: shares(given)}, monkeypatch))
    assert row["normative"] == (
        None if given is None else [given["accept"], given.get("reject", 0)]
    )


def test_amounts_that_a_family_does_not_know_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(seen: Any) -> Any:
        raise UserError("amounts in words")

    assert decision_row(own_family({"numbers": unknown}, monkeypatch))["numbers"] is None


def test_a_family_is_one() -> None:
    with pytest.raises(Unfit):
        family_of("bargaining", ENTRY)
    assert isinstance(family_of(family("lottery"), ENTRY), Family)
    assert AS_IT_WAS.names == {}


def test_the_bug_of_an_installed_family_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = ("money(seen.rules['pie'])", "money(seen.rules['cake'])")
    on_path(monkeypatch, example(tmp_path / "site", change))
    one = next(iter(source("dictator_demo").decisions(tmp_path, Notes())))
    said = refusal(standard, one)
    assert "family 'dictator' of the package tremble-dictator 1.0 failed (KeyError: 'cake'" in said
