"""Single prompts: the same numbers and the same sentences as the command's."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import tremble as tr
from tests.support.commands import tremble

ASKED = "Accept $2 of $10?"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(tr.UserError) as error:
        call()
    return str(error.value)


def test_a_score_is_the_commands() -> None:
    command = ("score", "--model", "mock:one", "--prompt", ASKED, "--options", "yes,no")
    for more, how in (
        ((), {}),
        (("--chat", "--system", "You play."), {"chat": True, "system": "You play."}),
        (("--opening", "", "--reading", "next_token"), {"opening": "", "reading": "next_token"}),
    ):
        scored = tr.score("mock:one", ASKED, ["yes", "no"], **how)
        said = json.loads(tremble(*command, *more, "--json")[1])
        assert {**scored.facts, "id": None} == {**said, "id": None}
        shares = {one["label"]: one["probability"] for one in said["options"]}
        assert scored.probabilities == shares and scored.mass == pytest.approx(sum(shares.values()))
        assert sum(share or 0 for share in scored.predictions.values()) == pytest.approx(1)


def test_messages_and_options_in_full_are_taken() -> None:
    messages = [{"role": "system", "content": "You play."}, {"role": "user", "content": ASKED}]
    options = [{"key": "a", "label": "yes"}, {"key": "b", "label": "no"}]
    assert tr.score("mock:one", messages, options).probabilities == (
        tr.score("mock:one", ASKED, ["yes", "no"], system="You play.").probabilities
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: tr.score("mock", ASKED, "yes,no"), "a decision needs a list of at least two"),
        (lambda: tr.score("mock", ASKED, ["a", "a"]), "two options have the same key"),
        (lambda: tr.score("mock", "", ["a", "b"]), "prompt is empty"),
        (lambda: tr.score("mock", ASKED, [{"key": {1}}, "b"]), "cannot be written as JSON"),
        (lambda: tr.score("mock", ASKED, ["a", "b"], reading="x"), "There is no reading 'x'"),
        (
            lambda: tr.score("mock", ASKED, ["a", "b"], template="gemma"),
            "template is for the chat format; add chat=True.",
        ),
        (
            lambda: tr.score("mock", ASKED, ["a", "b"], systems="x"),  # type: ignore[call-arg]
            "tr.score has no argument 'systems'; did you mean 'system'?",
        ),
        (lambda: tr.score("no/such.gguf", ASKED, ["a", "b"]), "no/such.gguf"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(call: Callable[[], object], said: str) -> None:
    message = refusal(call)
    assert said in message and "\n" not in message


def test_a_notebook_shows_it_escaped() -> None:
    scored = tr.score("mock:one", ASKED, ["<b>", "no"])
    shown = scored._repr_html_()
    assert "&lt;b&gt;" in shown and "<b>" not in shown and "Mass .9000" in shown
    assert "mass 0.9000" in repr(scored)
