"""What a guess is put together from: codes of no answer, numbered columns, options, map text."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tremble.errors import UserError
from tremble.settings.toml import value_text
from tremble.tabular.guess.looked import codes_in, looked_at
from tremble.tabular.guess.numbered import fields_of
from tremble.tabular.guess.options import options_of
from tremble.tabular.guess.registry import FirstMap, first_map
from tremble.tabular.guess.words import short_name, words_of

COMMAS = "id;größe;choice\n1;1,5;ja\n2;2,25;nein\n"


def guess(folder: Path, text: str, name: str = "a.csv", encoding: str = "utf-8") -> FirstMap:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return first_map(path, "map.toml")


def options(folder: Path, *cells: str, name: str = "choice") -> list[tuple[str, float | None]]:
    path = folder / "options.csv"
    path.write_text("\n".join([name, *cells, ""]))
    look = looked_at(path)
    made, _ = options_of(look.single(name), {})
    return [(one.key, one.value) for one in made]


@pytest.mark.parametrize(
    ("held", "codes"),
    [
        ({"1", "2", "-99"}, {"-99"}),
        ({"1", "2", "3", "99"}, {"99"}),
        ({"1", "2", "-9", "99"}, {"-9", "99"}),
        ({"20", "45", "99"}, set()),  # ages: 99 is one of them
        ({"-1", "0", "1"}, set()),
        ({"-99", "-98", "-50", "3"}, set()),
        ({"accept", "reject", "-99"}, {"-99"}),
        ({"accept", "reject", "7"}, set()),
        ({"yes", "no", "No answer"}, {"No answer"}),
        ({"0", "1"}, set()),
    ],
)
def test_codes_of_no_answer(held: set[str], codes: set[str]) -> None:
    assert codes_in(held, ".") == codes


def test_a_code_that_is_a_value_elsewhere_is_none(tmp_path: Path) -> None:
    """[file] missing counts for all columns: -99 may be an amount in one of them."""
    rows = "".join(
        f"{n},{amount},{choice}\n"
        for n, amount, choice in [(1, -99, 1), (2, -50, 2), (3, 10, -99), (4, 20, 1), (5, -99, 2)]
    )
    made = guess(tmp_path, "id,amount,choice\n" + rows)
    assert "missing" not in made.draft.reading
    made = guess(tmp_path, "id,amount,choice\n" + rows.replace(",-50,", ",50,"))
    assert made.draft.reading["missing"] == ["-99"]


def test_numbered_columns_are_one_field(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(
        "id,q1,q2,q10,t1_rt,offer_a,offer_b,x1y2,x1y3\n1,1,2,2,5,a,b,7,8\n2,2,1,1,6,a,c,9,6\n"
    )
    look = looked_at(path)
    fields = {field.name: list(field.columns.values()) for field in fields_of(look, look.names)}
    assert fields["q{item}"] == ["q1", "q2", "q10"]
    assert fields["x1y{item}"] == ["x1y2", "x1y3"]
    assert fields["offer_a"] == ["offer_a"]


def test_numbered_columns_of_other_kinds_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("Q1,Q2,Q3\nyes,23,fine\nno,31,well\nyes,44,bad\n")
    look = looked_at(path)
    assert [field.name for field in fields_of(look, look.names)] == ["Q1", "Q2", "Q3"]


def test_options_of_scales_have_values_and_all_points(tmp_path: Path) -> None:
    assert options(tmp_path, "1", "2", "5", "4") == [(str(n), n) for n in range(1, 6)]
    assert options(tmp_path, "0", "10", "100") == [("0", 0), ("10", 10), ("100", 100)]
    agree = ("Strongly agree", "Disagree", "Neutral", "Agree")
    assert options(tmp_path, *agree) == [
        ("Disagree", 1),
        ("Neutral", 2),
        ("Agree", 3),
        ("Strongly agree", 4),
    ]


@pytest.mark.parametrize(
    ("name", "cells", "keys"),
    [
        ("accepted", ["0", "1"], ["accept", "reject"]),
        ("accepted", ["True", "False"], ["accept", "reject"]),
        ("will_cooperate", ["1", "0"], ["cooperate", "defect"]),
        ("choice", ["FALSE", "TRUE"], ["yes", "no"]),
        ("choice", ["0", "1"], ["1", "0"]),  # nobody knows what they mean
        ("choice", ["1", "2"], ["1", "2"]),
        ("choice", ["no", "yes", "No", "no "], ["yes", "no"]),
        ("choice", ["b", "a", "c"], ["a", "b", "c"]),
    ],
)
def test_options_of_a_column(tmp_path: Path, name: str, cells: list[str], keys: list[str]) -> None:
    assert [key for key, _ in options(tmp_path, *cells, name=name)] == keys


def test_spellings_of_one_option_are_its_cells(tmp_path: Path) -> None:
    made = guess(tmp_path, "id,answer\n1,Yes\n2,no\n3,yes\n4,Yes\n5,NO\n6,no\n")
    assert [(one.key, one.cells) for one in made.draft.tasks[0].options] == [
        ("Yes", ["Yes", "yes"]),
        ("no", ["no", "NO"]),
    ]
    assert made.trial.decisions == {"answer": 6}


@pytest.mark.parametrize(
    ("text", "encoding", "reading"),
    [
        (
            "id;größe;choice\n1;1,5;ja\n2;2,25;nein\n",
            "cp1252",
            {"encoding": "cp1252", "decimal": ","},
        ),
        (COMMAS, "cp1252", {"encoding": "cp1252", "decimal": ","}),
        (COMMAS, "utf-8-sig", {"decimal": ","}),
        ("id\tgröße\tchoice\n1\t1,500\tja\n2\t2,250\tnein\n", "utf-16", {}),  # thousands
        (
            "id,x,choice\nThe id,A number,Your choice\n1,2,a\n2,3,b\n3,4,a\n",
            "utf-8",
            {"header_rows": 2},
        ),
    ],
)
def test_how_a_file_is_read(
    tmp_path: Path, text: str, encoding: str, reading: dict[str, object]
) -> None:
    made = guess(tmp_path, text, encoding=encoding)
    assert made.draft.reading == reading
    assert tomllib.loads(made.text).get("file", {}) == reading
    assert made.trial.failure is None


def test_people_are_told_apart_across_sessions(tmp_path: Path) -> None:
    rows = "".join(f"{s},{p},{r},{'ab'[r % 2]}\n" for s in "xy" for p in (1, 2) for r in (1, 2))
    made = guess(tmp_path, "session,subject,round,choice\n" + rows)
    assert made.draft.tasks[0].participant == ["session", "subject"]
    assert made.trial.decisions == {"choice": 8}
    assert "8 rows of 4 participants, identified by 'session' and 'subject'" in made.draft.found[0]


def test_e_mail_addresses_name_nobody_in_the_map(tmp_path: Path) -> None:
    made = guess(tmp_path, "mail,choice\na@x.org,left\nb@x.org,right\nc@x.org,left\n")
    assert made.draft.private == [("mail", "e-mail addresses")]
    assert "mail" not in str(tomllib.loads(made.text))


def test_a_prompt_skips_columns_with_gaps(tmp_path: Path) -> None:
    made = guess(tmp_path, "id,offer,choice\n1,2,yes\n2,,no\n3,4,yes\n4,5,no\n")
    assert made.trial.failure is None
    assert made.trial.decisions == {"choice": 4}
    # A row with the column and one without: both in whole lines, none of them empty.
    first, second = (str(one.prompt).split("\n") for one in made.trial.shown[:2])
    assert first == ["offer: 2", *second] or second == ["offer: 2", *first]
    assert all(line.strip() for line in (*first, *second))


def test_conditions_at_the_end_of_names(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},{'safe' if n % 3 else 'risky'},{'risky' if n % 2 else 'safe'}\n" for n in range(12)
    )
    made = guess(tmp_path, "id,choice_gain,choice_loss\n" + rows)
    assert made.draft.tasks[0].outcome == "choice_{condition}"
    assert [one.config["condition"] for one in made.trial.shown] == ["gain", "loss"]
    assert made.trial.decisions == {"choice": 24}


def test_a_question_as_the_name_of_a_column(tmp_path: Path) -> None:
    rows = "".join(f"{n},p{n}@x.org,{'Yes' if n % 3 else 'No'}\n" for n in range(9))
    made = guess(tmp_path, "Timestamp,Email Address,Do you accept the offer?\n" + rows)
    assert made.draft.tasks[0].participant == ["row"]  # an address in each row: a person in each
    assert str(made.trial.shown[0].prompt).startswith("Do you accept the offer?\nWhich do you")


def test_the_answer_of_somebody_else_is_no_outcome(tmp_path: Path) -> None:
    random = Random(1)
    rows = "".join(
        f"{person // 2},{person},{r},{random.choice('CD')},{random.choice('CD')}\n"
        for person in range(8)
        for r in (1, 2, 3)
    )
    made = guess(tmp_path, "dyad,player,round,my_choice,partner_choice\n" + rows)
    assert [task.outcome for task in made.draft.tasks] == ["my_choice"]
    assert any("past.partner_choice" in text for text in made.draft.check)
    assert made.draft.tasks[0].config == {}


def test_a_number_that_stands_apart_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{n},{[1, 2, 9][n % 3]}\n" for n in range(12))
    made = guess(tmp_path, "id,vote\n" + rows)
    assert [one.key for one in made.draft.tasks[0].options] == ["1", "2", "9"]
    assert 'write missing = ["9"] under [file]' in made.text.replace("\n#   ", " ")


def test_too_many_values_for_options(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n * 1.7:.1f}\n" for n in range(40))
    with pytest.raises(UserError, match="'contribution' has 40 different values, so write a map"):
        guess(tmp_path, "id,contribution\n" + rows)


def test_at_most_five_tasks(tmp_path: Path) -> None:
    names = [f"decision_{letter}" for letter in "abcdefg"]
    random = Random(1)
    rows = "".join(
        ",".join([str(n), *(random.choice(["yes", "no"]) for _ in names)]) + "\n" for n in range(20)
    )
    made = guess(tmp_path, ",".join(["id", *names]) + "\n" + rows)
    assert [task.outcome for task in made.draft.tasks] == names[:5]
    assert made.draft.others == ["decision_f (2 values)", "decision_g (2 values)"]
    assert (
        "# These could also be outcomes: decision_f (2 values), decision_g (2 values)." in made.text
    )


@given(st.text(), st.dictionaries(st.text(), st.lists(st.text(), max_size=3), max_size=3))
@settings(max_examples=40, deadline=None)
def test_toml_says_what_was_meant(text: str, table: dict[str, list[str]]) -> None:
    assert tomllib.loads(f"x = {value_text(text)}\ny = {value_text(table)}") == {
        "x": text,
        "y": table,
    }


@given(st.text(min_size=1), st.sets(st.text(max_size=3)))
def test_short_names_can_be_used_in_templates(column: str, taken: set[str]) -> None:
    made = short_name(column, taken)
    assert made.isidentifier()
    assert made not in taken
    assert made not in ("file", "row", "history", "options", "question", "not", "in")


def test_words_of_names() -> None:
    assert words_of("ultimatum.1.player.hasAccepted_2") == [
        "ultimatum",
        "player",
        "has",
        "accepted",
    ]


_ODD = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x7f"), max_size=8
)


@given(st.lists(st.tuples(_ODD, _ODD), min_size=4, max_size=12), _ODD)
@settings(max_examples=60, deadline=None)
def test_whatever_cells_hold_the_map_is_sound(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], name: str
) -> None:
    """A guess is a sound map of the decisions that it says, or one sentence."""
    quoted = [f'"{a}","{b}"'.replace('""', '"') for a, b in rows if '"' not in a + b]
    path = tmp_path_factory.mktemp("odd") / "odd.csv"
    path.write_text("\n".join([f"choice,{name.replace(chr(34), '') or 'x'}", *quoted, ""]), "utf-8")
    try:
        made = first_map(path, "map.toml")
    except UserError as error:
        assert "\n" not in str(error)
        return
    tomllib.loads(made.text)
    assert made.trial.failure is None


@pytest.mark.slow
def test_ten_megabytes_take_about_two_seconds(tmp_path: Path) -> None:
    random = Random(1)
    lines = ["participant_id,condition,session_date,trial,offer_amount,choice,rt_ms,comment"]
    for person in range(2000):
        arm = random.choice(["gain_frame", "loss_frame"])
        lines += [
            f"P{person:06d},{arm},2026-03-01 10:00:00,{trial},{random.randint(1, 50)},"
            f"{random.choice(['accept', 'reject'])},{random.randint(300, 3000)},comment {trial % 9}"
            for trial in range(1, 76)
        ]
    lines[-1] = lines[-1].replace(",accept,", ",neither,").replace(",reject,", ",neither,")
    path = tmp_path / "big.csv"
    path.write_text("\n".join(lines) + "\n")
    assert path.stat().st_size > 9_500_000
    start = time.process_time()
    made = first_map(path, "map.toml")
    assert time.process_time() - start < 5  # about 2 on a machine that is idle
    # The last row of all has a value of its own: options are those of all rows.
    assert [one.key for one in made.draft.tasks[0].options] == ["accept", "neither", "reject"]
    assert made.trial.decisions == {"choice": 150_000}
    assert len(made.trial.shown) == 3
