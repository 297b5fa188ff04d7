"""Wordings: what each changes and keeps, what it does not fit, and that none leaks or invents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.glee_games import imported, make
from tests.support.places import ROOT
from tests.support.scripts import script
from tests.support.studies import PAIR, run, scores, study_file
from tests.support.toys import save_tiny
from tests.support.wordings import LABELS, OWN, SIZES, named
from tremble.api.plan import plan_study
from tremble.commands.program import app
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Event, Option
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import FORMULATIONS, standard
from tremble.prompts.persona import PERSONAS
from tremble.prompts.presentations import COUNTERBALANCES, presentations
from tremble.study.file import read_study
from tremble.study.notes import caveats


@pytest.fixture(scope="module")
def embedded() -> list[Decision]:
    return sample(list(load(Path(), Notes())), SIZES, seed=2)


def said(wording: str, decision: Decision, presentation: int = 0) -> Conversation | None:
    try:
        return FORMULATIONS[wording](decision, presentation)
    except NotApplicable:
        return None


def every(decisions: Iterable[Decision]) -> Iterator[tuple[str, Decision, Conversation]]:
    for decision in decisions:
        for wording in FORMULATIONS:
            found = said(wording, decision)
            if found is not None:
                yield wording, decision, found


def test_the_pages_are_those_of_today() -> None:
    pages = script("write_prompts").pages()
    folder = ROOT / "docs" / "prompts"
    assert {path.stem for path in folder.iterdir()} == set(pages)
    for name, text in pages.items():
        assert (folder / f"{name}.md").read_text("utf-8") == text, (
            f"{name}: run scripts/write_prompts.py"
        )


def test_which_wordings_fit_which_families(embedded: list[Decision]) -> None:
    misfits = {
        (decision.family, wording)
        for decision in [*embedded, OWN]
        for wording in FORMULATIONS
        if said(wording, decision) is None
    }
    own = ("reversed_roles", "natural_language", "simplified", "minimal", "numbers_only")
    silent = ("persuasion_seller", "repeated_matrix", "one_shot_matrix", "lottery")
    assert misfits == {
        *((name, "numbers_only") for name in silent),
        ("lottery", "reversed_roles"),
        *(("custom", wording) for wording in (*own, "preamble_reversed", "paragraphs_reversed")),
    }
    assert len(FORMULATIONS) == 16


def test_a_wording_keeps_every_line_of_the_rules_and_the_whole_history(
    embedded: list[Decision],
) -> None:
    """Only the last paragraph, how to answer, may read differently; without dialogue all else is
    the same. What preamble_reversed exchanges: test_study_wordings.py."""
    for wording, decision, found in every(embedded):
        if wording == "preamble_reversed":
            continue
        usual = standard(decision)
        assert found.user == usual.user and found.options == usual.options, (wording, decision.id)
        kept = set(usual.system.split("\n\n")[:-1])
        assert kept <= set(found.system.split("\n\n")), (wording, decision.id)
        question = re.split(r" Answer ", usual.system.split("\n\n")[-1])[0]
        assert question in found.system


def test_wordings_of_one_decision_differ(embedded: list[Decision]) -> None:
    """But for dropping a dialogue where there is none."""
    for decision in {d.family: d for d in embedded}.values():
        texts = [f.plain() for w, _, f in every([decision]) if w != "numbers_only"]
        assert len(set(texts)) == len(texts) >= 14


def test_a_persona_and_a_frame_stand_before_a_prompt_of_ones_own() -> None:
    for wording, _, found in every([OWN]):
        assert found.system.endswith("A game.") and found.user == "Stay or go?"
        assert found.opening == "You "
        assert (found.system == "A game.") is (wording == "standard")
    bare = FORMULATIONS["selfish"](replace(OWN, system=None), 0)
    assert "\n" not in bare.system and bare.plain().endswith("\n\nStay or go?\nYou ")


@pytest.mark.parametrize(
    ("wording", "opening"),
    [("natural_language", "The decision is: "), ("simplified", "Answer: "), ("minimal", "I ")],
)
def test_the_answer_opens_as_the_reader_is_told(
    wording: str, opening: str, embedded: list[Decision]
) -> None:
    for decision in embedded:
        found = FORMULATIONS[wording](decision, 0)
        assert found.plain().endswith("\n" + opening)
        assert f'"{opening}..."' in found.system and "JSON" not in found.system


def test_numbers_only_drops_every_message_and_nothing_else(invented: dict[str, Decision]) -> None:
    for decision in invented.values():
        usual, found = standard(decision), FORMULATIONS["numbers_only"](decision, 0)
        kept = [line for line in usual.user.split("\n") if " wrote: " not in line]
        assert len(kept) < len(usual.user.split("\n"))
        assert found.user.split("\n") == kept
        told = "The messages that were sent have been removed from the record below.\n\n"
        assert found.system.replace(told, "") == usual.system
        assert found.system != usual.system


def test_the_other_side_is_whom_the_person_faces(invented: dict[str, Decision]) -> None:
    bob = FORMULATIONS["reversed_roles"](invented["bargaining"], 0).system
    assert bob.startswith(
        'You are Alice. The text below is addressed to Bob, so "you" in it refers to Bob, and '
        '"Alice" in it refers to you. The text may include information that only Bob has.\n'
    )
    assert "Predict Bob's decision." in bob
    alice = replace(invented["negotiation"], role="Alice")
    assert FORMULATIONS["reversed_roles"](alice, 0).system.startswith("You are Bob.")


def test_no_wording_names_an_option_the_person_did_not_have(
    embedded: list[Decision], invented: dict[str, Decision]
) -> None:
    talk = script("write_prompts").not_embedded()["multi_issue"]
    for wording, decision, found in every([*embedded, *invented.values(), talk]):
        own = {option.label for option in decision.options}
        assert named(found.plain()) == own & LABELS, (wording, decision.id)
    fewer = replace(
        invented["negotiation"], options=invented["negotiation"].options[:2], target="AcceptOffer"
    )
    for wording, _, found in every([fewer]):
        assert named(found.plain()) == {"AcceptOffer", "RejectOffer"}, wording


def test_histories_only_grow_in_every_wording(embedded: list[Decision], tmp_path: Path) -> None:
    written = imported(make(tmp_path, "persuasion", "Bob", seller_message_type="binary"))
    pairs = 0
    for one, two in pairwise([*embedded, *written]):
        if one.game is None or two.game is None or one.game.id != two.game.id:
            continue
        for wording in FORMULATIONS:
            before, after = said(wording, one), said(wording, two)
            if before is not None and after is not None:
                assert after.user.startswith(before.user + "\n"), (wording, two.id)
                assert after.system == before.system, (wording, two.id)
                pairs += 1
    assert pairs > 500


def test_what_only_the_other_side_knows_and_what_comes_later_shows_in_no_wording() -> None:
    """Of families of which no data are embedded; GLEE's games: test_glee_leaks.py."""
    for decision in script("write_prompts").not_embedded().values():
        game = decision.game
        assert game is not None
        private = {**game.rules.get("private", {}), "Alice": {"priorities": "zz", "reasons": "zz"}}
        later = tuple(Event(e.type, {**e.data, "text": "zz"}) for e in game.events)
        changed = replace(game, rules={**game.rules, "private": private})
        changed = replace(changed, events=(*game.events, *later), person={"age": 77})
        other = replace(decision, game=changed, choice=decision.options[0].key)
        shown = [replace(decision, game=replace(game, events=game.events[2:]), at=decision.at - 2)]
        if decision.family == "multi_issue":
            own = {**game.rules["private"]["Bob"]["reasons"], "High": "zz"}
            private = {"Bob": {**game.rules["private"]["Bob"], "reasons": own}}
            told = replace(game, rules={**game.rules, "private": private})
            shown.append(replace(decision, game=told))
        fits = 0
        for wording in FORMULATIONS:
            usual = said(wording, decision)
            if usual is None:
                continue
            fits += 1
            assert said(wording, other) == usual, wording
            for change in shown:  # the control: what the person did see
                dropped = wording == "numbers_only" and change is shown[0]
                assert (said(wording, change) == usual) is dropped, wording
        assert fits == {"multi_issue": 16, "persuasion_review": 15, "session": 9}[decision.family]


# Through a study.


@pytest.mark.slow
def test_a_study_counts_what_a_wording_does_not_fit(
    tmp_path: Path, embedded: list[Decision]
) -> None:
    overlapping = replace(
        next(d for d in embedded if d.family == "bargaining"),
        id="overlap",
        options=(Option("accept", "accept"), Option("reject", "accept not")),
    )
    drawn = sample(embedded, {"lottery": 3, "repeated_matrix": 20}, seed=1)
    own = replace(OWN, choice="go", opening='{"decision": "')
    jsonl.write([*drawn, overlapping, own], tmp_path / "mine.jsonl")
    out = tmp_path / "out"
    wordings = ["standard", "reversed_roles", "numbers_only", "simplified"]
    assert run(study_file(tmp_path, PAIR, formulations=wordings, formats=["plain"]), out) == 0
    frame = scores(out)
    failed = frame.filter(frame["error"].is_not_null() & (frame["model"] == "mock:base"))
    missing = {
        wording: failed.filter(failed["formulation"] == wording)["decision"].to_list()
        for wording in wordings
    }
    lotteries = [d.id for d in drawn if d.family == "lottery" for _ in range(2)]
    rounds = [d.id for d in drawn if d.family == "repeated_matrix"]
    assert missing["standard"] == []
    assert sorted(missing["reversed_roles"]) == sorted([*lotteries, "own"])
    assert sorted(missing["numbers_only"]) == sorted([*lotteries, *rounds, "own"])
    assert sorted(missing["simplified"]) == ["overlap", "own"]
    # Once per decision, whatever the number of presentations and models.
    total = 3 + 20 + 2
    notes = [note for note in caveats(out) if "is not applicable to" in note]
    assert (
        f"The wording reversed_roles is not applicable to 4 of {total} decisions of mine.jsonl: "
        "most often (3), lottery has no other side; they are missing in that wording."
    ) in notes
    assert any(
        note.startswith(
            f"The wording simplified is not applicable to 2 of {total} decisions of mine."
        )
        for note in notes
    )
    assert len(notes) == 3
    # A plan has a row for every reason, in prompts, and takes none of it for a failure.
    path = tmp_path / "trial.toml"
    plan = plan_study(read_study(path), tmp_path / "new", lambda _: None)
    reasons = frame["error"].drop_nulls()
    assert {row["why"]: row["rows"] for row in plan["cannot"]} == dict(
        reasons.value_counts().iter_rows()
    )
    for row in plan["cannot"]:
        of_it = frame.filter(frame["error"] == row["why"])
        assert row["decisions"] == of_it["decision"].n_unique()
        assert row["cells"] == of_it.select("model", "formulation").n_unique()
        assert row["models"] == ["mock:base", "mock:aligned"]
        assert set(row["formulations"]) == set(of_it["formulation"])
    asked = ["plan", str(path), "--out", str(tmp_path / "new"), "--json"]
    assert CliRunner().invoke(app, asked).exit_code == 0


@pytest.mark.slow
def test_a_study_in_all_wordings_and_formats(tmp_path: Path, embedded: list[Decision]) -> None:
    chosen = list({d.family: d for d in embedded}.values())
    jsonl.write(chosen, tmp_path / "mine.jsonl")
    path = study_file(tmp_path, formulations=list(FORMULATIONS), formats=["plain", "chat"])
    assert run(path, tmp_path / "out") == 0
    frame = scores(tmp_path / "out")
    frame = frame.filter(frame["error"].is_null())
    assert frame.select("model", "format", "formulation").unique().height == 2 * 2 * 16


def test_a_wording_that_fits_nothing_leaves_nothing_to_score(
    tmp_path: Path, embedded: list[Decision]
) -> None:
    """With a real engine: its path is not tried on prompts that are none."""
    jsonl.write([d for d in embedded if d.family == "lottery"], tmp_path / "mine.jsonl")
    model = f"[[model]]\nid = {json.dumps(str(save_tiny(tmp_path / 'model')))}\n"
    path = study_file(tmp_path, model, formulations=["numbers_only"])
    assert run(path, tmp_path / "out") == 0
    frame = scores(tmp_path / "out")
    assert frame.height == 6 and set(frame["error"]) == {
        "the wording does not fit: lottery has no dialogue to drop"
    }
    assert run(study_file(tmp_path, model, formulations=["standard"]), tmp_path / "out") == 0
    assert scores(tmp_path / "out")["mass"].null_count() == 0


def test_a_transcript_takes_what_stands_before_it_and_nothing_else() -> None:
    told = (Event("text", {"text": "Two slots.\nYou press "}),)
    session = Decision("s", "mine", "session", (Option("J", "J"), Option("F", "F")), history=told)
    fits = {wording for wording, _, _ in every([session])}
    assert fits == {"standard", "predict_human", "observer", *PERSONAS}
    assert presentations(session, COUNTERBALANCES) == (0,)
    found = FORMULATIONS["expert"](session, 0)
    assert found.plain() == f"{PERSONAS['expert']}\n\nTwo slots.\nYou press <<"
