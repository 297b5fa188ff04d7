"""What a guess leaves out of prompts and tasks, and what it asks the user: expectations by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.commands import tremble
from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.tabular.guess.registry import FirstMap, first_map
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import load_table

# Public goods: the total of the group holds the own contribution.
PGG = """participant.code,session.code,pg.1.player.id_in_group,pg.1.player.contribution,\
pg.1.group.total_contribution,pg.1.group.individual_share,pg.2.player.id_in_group,\
pg.2.player.contribution,pg.2.group.total_contribution,pg.2.group.individual_share
a,s,1,0,1,0.5,1,2,3,1.5
b,s,2,1,1,0.5,2,1,3,1.5
c,s,1,2,2,1,1,0,0,0
d,s,2,0,2,1,2,0,0,0
"""
# Ultimatum: both decisions are stored for the group; player 2 answers the offer of player 1.
ULTIMATUM = """participant.code,session.code,ultimatum.1.player.id_in_group,\
ultimatum.1.player.role,ultimatum.1.group.offer,ultimatum.1.group.accepted,\
ultimatum.2.player.id_in_group,ultimatum.2.player.role,ultimatum.2.group.offer,\
ultimatum.2.group.accepted
a,s,1,,3,1,1,,1,0
b,s,2,,3,1,2,,1,0
c,s,1,,7,0,1,,4,1
d,s,2,,7,0,2,,4,1
"""
# Trust: who sent and who sent back have roles of these names; a row for each round.
TRUST = """participant.code,session.code,player.id_in_group,player.role,group.sent_amount,\
group.sent_back_amount,subsession.round_number
a,s,1,Sender,6,2,1
b,s,2,Receiver,6,2,1
a,s,1,Sender,0,0,2
b,s,2,Receiver,0,0,2
c,s,1,Sender,3,4,1
d,s,2,Receiver,3,4,1
c,s,1,Sender,6,4,2
d,s,2,Receiver,6,4,2
"""
PARTNERS = """participant.code,session.code,player.id_in_group,group.total,\
subsession.round_number,player.partner_decision,player.decision
a,s,1,4,1,defect,cooperate
b,s,2,4,1,cooperate,defect
a,s,1,0,2,defect,defect
b,s,2,0,2,defect,defect
c,s,1,2,1,cooperate,cooperate
d,s,2,2,1,cooperate,cooperate
"""
LIKERT = """id,trust_1,risk_attitude,Q5,cond
0,5,2,1,B
1,1,1,1,A
2,2,4,2,B
3,2,1,2,B
4,5,3,1,A
5,1,5,2,A
"""
FEEDBACK = """subject,trial,rt,correct,corr_ans,response,confidence
0,1,428,0,right,left,3
0,2,660,0,left,right,2
1,1,847,1,left,left,1
1,2,580,1,left,left,2
2,1,612,1,right,right,2
2,2,587,0,left,right,1
"""
TWO = """id,dg_give,dg_choice,ug_choice,total_accept
0,1,keep,reject,2
1,0,keep,reject,2
2,2,give,accept,0
3,1,give,accept,1
4,2,keep,accept,3
5,0,give,reject,1
"""
HANDED = "id,gender,handed,age\n0,m,l,59\n1,m,r,32\n2,f,l,53\n3,f,r,47\n"
SESSIONS = "session,subject,offer,accept\n1,1,8,0\n1,2,4,1\n2,1,5,1\n2,2,2,1\n"


def guess(folder: Path, text: str) -> tuple[FirstMap, list[Decision]]:
    """The map of a table, and what its import gives."""
    path = folder / "a.csv"
    path.write_text(text)
    made = first_map(path, "map.toml")
    map_ = map_from(tomllib.loads("keep_ids = true\n" + made.text))
    return made, list(load_table(path, map_, Notes(), "mine"))


def did(decisions: list[Decision], family: str) -> set[tuple[str | None, int | None, str | None]]:
    return {(one.participant, one.round, one.choice) for one in decisions if one.family == family}


def config(decisions: list[Decision]) -> set[str]:
    return {key for one in decisions for key in one.config}


def says(made: FirstMap, *words: str) -> bool:
    """Whether a sentence to check has all these words, in the map as in what is printed."""
    there = [text for text in made.draft.check if all(word in text for word in words)]
    plain = made.text.replace("\n#   ", " ")
    return bool(there) and all(f"# Check: {text}." in plain for text in there)


def test_no_prompt_has_what_the_group_made_of_the_own_choice(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, PGG)
    assert did(decisions, "pg") == {
        *{("a", 1, "0"), ("b", 1, "1"), ("c", 1, "2"), ("d", 1, "0")},
        *{("a", 2, "2"), ("b", 2, "1"), ("c", 2, "0"), ("d", 2, "0")},
    }
    assert config(decisions) == set()
    assert not any("total" in str(one.prompt) or "share" in str(one.prompt) for one in decisions)
    assert says(made, "pg.{round}.group.total_contribution", "excluded", "same round")
    assert "total_contribution" not in str(tomllib.loads(made.text))


def test_a_field_of_the_group_is_the_decision_of_one_role(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, ULTIMATUM)
    assert did(decisions, "ultimatum") == {
        *{("b", 1, "accept"), ("b", 2, "reject"), ("d", 1, "reject"), ("d", 2, "accept")}
    }
    assert {(one.participant, one.round): one.config["offer"] for one in decisions} == {
        ("b", 1): 3,
        ("b", 2): 1,
        ("d", 1): 7,
        ("d", 2): 4,
    }
    assert made.draft.tasks[0].rows == {"ultimatum.1.player.id_in_group": ["2"]}
    assert says(made, "'ultimatum.{round}.group.accepted'", "decision of those with '2'")
    assert says(made, "people knew 'ultimatum.{round}.group.offer'")


def test_roles_tell_who_decided(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, TRUST)
    assert did(decisions, "sent_amount") == {
        *{("a", 1, "6"), ("a", 2, "0"), ("c", 1, "3"), ("c", 2, "6")}
    }
    assert did(decisions, "sent_back_amount") == {
        *{("b", 1, "2"), ("b", 2, "0"), ("d", 1, "4"), ("d", 2, "4")}
    }
    first, second = made.draft.tasks
    assert (first.rows, second.rows) == (
        {"player.role": ["Sender"]},
        {"player.role": ["Receiver"]},
    )
    assert first.config == {}
    assert second.config == {"sent_amount": "group.sent_amount"}


def test_nobody_knows_who_of_three_decided_for_the_group(tmp_path: Path) -> None:
    rows = "".join(f"p{g}{i},s,{i},{'AB'[g % 2]}\n" for g in range(4) for i in (1, 2, 3))
    head = "participant.code,session.code,player.id_in_group,group.decision\n"
    with pytest.raises(UserError, match=r"'group\.decision', and it is unclear who.*\["):
        guess(tmp_path, head + rows)


def test_roles_that_change_between_rounds(tmp_path: Path) -> None:
    rows = [line.split(",") for line in ULTIMATUM.splitlines()]
    for row in rows[1:]:
        row[6] = "2" if row[6] == "1" else "1"
    text = "\n".join(",".join(row) for row in rows) + "\n"
    with pytest.raises(
        UserError, match="roles change between rounds; export only the app 'ultimatum'"
    ):
        guess(tmp_path, text)


def test_the_words_of_an_app_say_nothing_of_its_columns(tmp_path: Path) -> None:
    """The app is called framing_choice: its other columns are neither conditions nor choices."""
    made, decisions = guess(
        tmp_path,
        "participant.code,session.code,framing_choice.1.player.id_in_group,"
        "framing_choice.1.player.vote,framing_choice.1.player.mood\n"
        "a,s,1,yes,3\nb,s,2,no,1\nc,s,1,yes,2\nd,s,2,no,2\n",
    )
    assert [task.outcome for task in made.draft.tasks] == ["framing_choice.{round}.player.vote"]
    assert config(decisions) == set()


def test_partners_decide_no_task(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, PARTNERS)
    assert [task.outcome for task in made.draft.tasks] == ["player.decision"]
    assert len(decisions) == 6
    assert config(decisions) == set()
    assert says(
        made, "'player.partner_decision'", "another person's answer", "past.partner_decision"
    )


@pytest.mark.parametrize(
    "name", ["other_choice", "co_player_choice", "their_decision", "opponentChoice", "coplayer.act"]
)
def test_answers_of_others_are_neither_outcomes_nor_shown(tmp_path: Path, name: str) -> None:
    rows = "".join(f"p{n},{'CD'[n % 2]},{'CCD'[n % 3]}\n" for n in range(9))
    made, decisions = guess(tmp_path, f"subject,{name},choice\n{rows}")
    assert [task.outcome for task in made.draft.tasks] == ["choice"]
    assert config(decisions) == set()
    assert says(made, f"{name!r} seems to be another person's answer")


def test_scales_are_neither_tasks_nor_conditions(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, LIKERT)
    assert did(decisions, "q5") == {
        *{("0", None, "1"), ("1", None, "1"), ("2", None, "2")},
        *{("3", None, "2"), ("4", None, "1"), ("5", None, "2")},
    }
    assert config(decisions) == {"cond"}
    assert decisions[0].facts == {"risk_attitude": 2}
    assert says(made, "'Q5' is only a guess")
    assert made.draft.others == ["trust_1 (3 values)"]


def test_a_scale_is_the_outcome_where_nothing_else_is(tmp_path: Path) -> None:
    made, _ = guess(tmp_path, "id,age,attitude\n1,20,3\n2,30,1\n3,40,3\n4,21,1\n5,33,2\n6,32,2\n")
    assert [task.outcome for task in made.draft.tasks] == ["attitude"]
    assert says(made, "'attitude' is only a guess")


def test_the_right_answer_is_not_told(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, FEEDBACK)
    assert config(decisions) == set()
    assert {one.prompt for one in decisions} == {
        "Which do you choose: left or right?\n"
        'Answer as JSON: {"decision": "left"} or {"decision": "right"}.'
    }
    assert made.draft.others == []


def test_own_amounts_and_sums_are_not_shown(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, TWO)
    assert [task.outcome for task in made.draft.tasks] == ["dg_choice", "ug_choice"]
    assert config(decisions) == set()
    assert made.draft.others == ["dg_give (3 values)"]
    assert not any("give:" in str(one.prompt) for one in decisions)


def test_demographics_are_no_decision(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column that could be what people chose"):
        guess(tmp_path, HANDED)


def test_what_is_called_after_the_group_and_is_no_condition(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'AB'[n % 2]},{n % 5},{n % 3},{n % 4},{'CCD'[n % 3]}\n" for n in range(12))
    head = "id,group,group_contribution,group_total,final_payoff_euro,choice\n"
    _, decisions = guess(tmp_path, head + rows)
    assert config(decisions) == {"group"}


def test_a_column_of_which_only_the_place_is_known(tmp_path: Path) -> None:
    text = "id,frame,mood,offer,choice\n1,a,3,2,x\n2,b,1,5,y\n3,a,1,5,x\n4,b,3,2,x\n"
    made, decisions = guess(tmp_path, text)
    assert config(decisions) == {"frame", "mood", "offer"}
    assert says(made, "knew 'mood', 'offer' before they decided (choice)")
    told = tremble("data", "import", "table", tmp_path / "a.csv", "--guess", "--out", "-")[2]
    assert "check: only their place in the file suggests that people knew 'mood'" in told


def test_the_same_names_in_two_sessions_are_other_people(tmp_path: Path) -> None:
    made, decisions = guess(tmp_path, SESSIONS)
    assert made.draft.tasks[0].participant == ["session", "subject"]
    assert len({one.participant for one in decisions}) == 4
    assert says(
        made, "'subject' appear with several values of 'session'", 'participant = "subject"'
    )
    assert config(decisions) == {"offer"}


def test_the_same_names_on_two_days_are_told(tmp_path: Path) -> None:
    text = SESSIONS.replace("session,", "date,").replace("\n1,", "\n2026-01-01 09:00,")
    made, decisions = guess(tmp_path, text.replace("\n2,", "\n2026-01-02 09:00,"))
    assert len({one.participant for one in decisions}) == 2
    assert says(made, "2 of 2 participants", "'date'", 'participant = ["date", "subject"]')
    same_day, _ = guess(tmp_path, text.replace("\n2,", "\n2026-01-01 17:30,"))
    assert not says(same_day, "'date'")


def test_the_same_names_in_two_files(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("s1", "s2"):
        (folder / f"{name}.csv").write_text(f"id,choice\n1,x\n2,{name}\n3,{name}\n")
    made = first_map(folder, "map.toml")
    assert says(made, "3 of 3 participants", "'file'", 'participant = ["file", "id"]')
    for name in ("s1", "s2"):  # with rounds, which they have twice
        rows = "".join(f"{who},{n},{'xy'[n % 2]}\n" for who in (1, 2) for n in (1, 2))
        (folder / f"{name}.csv").write_text("id,round,choice\n" + rows)
    made = first_map(folder, "map.toml")
    assert made.draft.tasks[0].participant == ["file", "id"]
    decisions = load_table(folder, map_from(tomllib.loads(made.text)), Notes(), "mine")
    assert [one.participant for one in decisions] == ["1", "1", "2", "2", "3", "3", "4", "4"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("id,round,choice\n1,1,a\n1,2,b\n1,1,b\n2,1,a\n2,2,b\n", "round"),
        ("id,choice_1,choice_2,choice_3\n1,a,b,a\n1,b,a,a\n2,a,b,b\n", "item"),
    ],
)
def test_a_round_twice_is_told(tmp_path: Path, text: str, part: str) -> None:
    made, _ = guess(tmp_path, text)
    assert says(made, f"participant '1' decided 2 times in {part} '1' of 'choice'")
    once, _ = guess(tmp_path, text.replace("1,1,b\n", "3,1,b\n").replace("1,b,a,a", "3,b,a,a"))
    assert not says(once, "2 times")
