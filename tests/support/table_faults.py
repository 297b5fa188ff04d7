"""Names, cells and maps with one fault each, and what the sentence about it must hold."""

from __future__ import annotations

from tests.support.fault import CSV, Fault, book

RATE = {"rate": "p", "n": "n", "options": ["yes", "no"], "prompt": "Yes?"}
COUNTS = {"counts": {"yes": "a", "no": "b"}, "prompt": "Yes?"}
PAST = "{% for past in history %}"
HEADED = CSV.replace("\nann", "\nWho?,Arm?,How much?,Which?\nann", 1)
SECOND = "write header_rows = 2 under [file]"
NAMES = [
    Fault("config.csv", CSV, ("'armm'", "did you mean 'arm'?"), {"config": ["armm"]}),
    Fault("outcome.csv", CSV, ("'chioce'", "did you mean 'choice'?"), {"outcome": "chioce"}),
    Fault("person.csv", CSV, ("'Id'", "did you mean 'id'?"), {"participant": "Id"}),
    Fault("none.csv", CSV, ("'age'", "it has 'id', 'arm', 'offer', 'choice'"), {"facts": ["age"]}),
    Fault("dropped.csv", CSV, ("'offr'", "did you mean 'offer'?"), top={"drop": {"offr": ["1"]}}),
    Fault("rows.csv", CSV, ("'offr'", "did you mean 'offer'?"), {"rows": {"offr": ["1"]}}),
    Fault("words.csv", CSV, ("'offr'", "did you mean 'offer'?"), {"words": {"offr": {"1": "a"}}}),
    Fault(
        "wide.csv",
        "id,arm,offer,g.1.choice,g.2.choice\na,b,1,yes,no\n",
        ("'g.{round}.choic'", "did you mean 'g.{round}.choice'?"),
        {"outcome": "g.{round}.choic"},
    ),
    Fault(
        "long names.csv",
        ",".join(
            f"what is this question, number {at}, about?".replace(",", "") for at in range(200)
        ),
        ("'choice'", "'what is this question number 0 about?'", "and 19"),
    ),
    Fault(
        "twice.csv", CSV.replace("arm", "offer"), ("'offer'", "rename all except"), {"config": []}
    ),
    Fault("variable.csv", CSV, ("'offr'", "did you mean 'offer'?"), {"prompt": "{{ offr }}"}),
    Fault("item.csv", CSV, ("'offr'", "did you mean 'offer'?"), {"prompt": '{{ row["offr"] }}'}),
    Fault(
        "past.csv",
        CSV,
        ("'offr'", "did you mean 'offer'?"),
        {"prompt": PAST + "{{ past.offr }}{% endfor %}x"},
    ),
    Fault("alias.csv", CSV, ("'history' cannot be a short name",), {"columns": {"history": "arm"}}),
]
CELLS = [
    Fault(
        "outside.csv", CSV.replace("yes", "maybe"), ("'maybe' (2)", "cells", "missing under [file]")
    ),
    Fault("case.csv", CSV.replace("yes", "Yes"), ("'Yes' (2)", "only in case")),
    Fault(
        "many values.csv",
        "id,arm,offer,choice\n" + "".join(f"{at},a,1,{'so ' * 900}{at}\n" for at in range(50)),
        ("'so so so", "... (1)", "and 4"),
    ),
    Fault("headed.csv", HEADED, ("'Which?' (1)", SECOND)),
    Fault(
        "headed.xlsx",
        book(*(line.split(",") for line in HEADED.split("\n") if line)),
        ("'Which?'", SECOND),
    ),
    Fault("people", {"1.csv": HEADED, "2.csv": HEADED, "3.csv": HEADED}, ("'Which?' (3)", SECOND)),
    Fault(
        "headed wide.csv",
        "id,arm,offer,c.1,c.2\nWho,Arm,Offer,First?,Second?\na,a,1,yes,no\n",
        ("'First?' (1), 'Second?' (1)", SECOND),
        {"outcome": "c.{round}"},
    ),
    Fault("headed rate.csv", "p,n\nShare,People\n0.5,10\n", ("line 2", "'Share'", SECOND), RATE),
    Fault(
        "headed counts.csv",
        "a,b\nSaid yes,Said no\n5,10\n",
        ("line 2", "'Said yes'", SECOND),
        COUNTS,
    ),
    Fault(
        "blank.csv",
        CSV.replace("bob", " \u00a0"),
        ("participant 'id' is blank", "line 4", "[drop]"),
    ),
    Fault(
        "blank code.csv",
        CSV.replace("bob", "-99.0"),
        ("participant 'id' is blank", "line 4"),
        file={"missing": [-99]},
    ),
    Fault(
        "blank of two.csv",
        CSV.replace("bob", ""),
        ("'id' is blank",),
        {"participant": ["arm", "id"]},
    ),
    Fault("rate.csv", "p,n\n0.5,10\nmany,10\n", ("line 3", "'many'", "is not a number"), RATE),
    Fault("rate comma.csv", 'p,n\n"0,5",10\n', ("line 2", "'0,5'", 'decimal = ","'), RATE),
    Fault("per cent.csv", "p,n\n50,10\n", ("line 2", "'50'", "percent = true"), RATE),
    Fault(
        "long rate.csv", f"p,n\n0.5,3\n{'z' * 999},3\n", ("line 3", "'zzz", "is not a number"), RATE
    ),
    Fault("n.csv", "p,n\n0.5,10\n0.5,ca. 20\n", ("line 3", "'ca. 20'", "whole number"), RATE),
    Fault("counts.csv", "a,b\n5,10\n5,x\n", ("line 3", "'x'", "is not a number"), COUNTS),
    Fault("half.csv", "a,b\n5,10\n5,2.5\n", ("line 3", "2.5", "not a number of people"), COUNTS),
    Fault(
        "round.csv",
        CSV.replace("3.5", "2").replace("3,", "two,"),
        ("'two'", "line 4"),
        {"round": "offer"},
    ),
    Fault(
        "order.csv",
        CSV.replace("4,no", "late,no"),
        ("'offer'", "only numbers, or times"),
        {"order": "offer", "prompt": "{{ history|length }}"},
    ),
    Fault(
        "same round.csv",
        CSV.replace("4,no", "3.5,no"),
        ("'offer' twice", "line 2", "line 3"),
        {"order": "offer", "prompt": "{{ history|length }}"},
    ),
    Fault("empty cell.csv", CSV.replace("3.5", ""), ("'offer'", "missing in 1 row", "line 2")),
    Fault(
        "dropped all.csv",
        CSV,
        ("dropped all.csv", "2 arm is 'a'; 1 arm is 'b'"),
        top={"drop": {"arm": ["a", "b"]}},
    ),
    Fault("unanswered.csv", CSV.replace("yes", "").replace("no", "NA"), ("3 nothing in 'choice'",)),
    Fault(
        "no such rows.csv", CSV, ("no such rows.csv", "gives a decision"), {"rows": {"arm": ["z"]}}
    ),
]
MAPS = [
    Fault("same.csv", CSV, ("['yes', 'yes']", "same key"), {"options": ["yes", "yes"]}),
    Fault("same letters.csv", CSV, ("'é'", "same key"), {"options": ["é", "e\u0301"]}),
    Fault(
        "same label.csv",
        CSV,
        ("['x', 'x']", "same label"),
        {"options": [{"key": "yes", "label": "x"}, {"key": "no", "label": "x"}]},
    ),
    Fault(
        "two options.csv",
        CSV,
        ("'1.0' stands for both 'yes' and 'no'",),
        {"options": [{"key": "yes", "cells": ["yes", 1]}, {"key": "no", "cells": ["no", "1.0"]}]},
    ),
    Fault("one option.csv", CSV, ("one option",), {"options": ["yes"]}),
    Fault(
        "own.csv",
        CSV,
        ("'choice', which contains the decision itself",),
        {"prompt": "{{ choice }}"},
    ),
    Fault(
        "own label.csv",
        CSV,
        ("'choice', which",),
        {"options": [{"key": "yes", "label": "{{ choice }}"}, "no"]},
    ),
    Fault("own system.csv", CSV, ("'choice', which",), {"system": '{{ row["choice"] }}'}),
    Fault("own alias.csv", CSV, ("'x', which",), {"columns": {"x": "choice"}, "prompt": "{{ x }}"}),
    Fault("own n.csv", "p,n\n0.5,10\n", ("'n', which contains",), {**RATE, "prompt": "{{ n }}"}),
    Fault("open.csv", CSV, ("is not a valid template", "line 1"), {"prompt": "{{ offer "}),
    Fault("filter.csv", CSV, ("'nope'", "is not a valid template"), {"prompt": "{{ offer|nope }}"}),
    Fault("divided.csv", CSV, ("line 2", "division by zero"), {"prompt": "{{ offer / 0 }}"}),
    Fault("text.csv", CSV, ("line 2", "'a' is not a number"), {"prompt": "{{ arm * 2 }}"}),
    Fault(
        "nothing.csv",
        CSV,
        ("line 2", "prints nothing"),
        {"prompt": "{% if offer > 9 %}x{% endif %}"},
    ),
    Fault(
        "row.csv",
        CSV.replace("arm", "row"),
        ("uses `row` as a whole",),
        {"prompt": "{{ row }}", "config": []},
    ),
    Fault(
        "history.csv",
        CSV.replace("arm", "history"),
        ("prints a list", 'row["the name"]'),
        {"prompt": "{{ history }}", "config": []},
    ),
    Fault(
        "options.csv",
        CSV.replace("arm", "options"),
        ("prints a list",),
        {"prompt": "{{ options }}", "config": []},
    ),
    Fault(
        "self.csv",
        CSV.replace("arm", "self"),
        ("uses `self`",),
        {"prompt": "{{ self }}", "config": []},
    ),
    Fault(
        "method.csv",
        CSV,
        ("line 2", "prints or compares a function"),
        {"prompt": "{{ offer.upper }}"},
    ),
    Fault(
        "all past.csv",
        CSV,
        ("line 3", "whole earlier decision"),
        {"prompt": PAST + "{{ past }}{% endfor %}x"},
    ),
    Fault(
        "joined past.csv",
        CSV,
        ("line 3", "whole earlier decision"),
        {"prompt": PAST + '{{ past ~ "." }}{% endfor %}x'},
    ),
]
