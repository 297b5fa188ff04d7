"""Plain tables as people keep them, with the decisions in them written down by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A decision: who (numbered as they come; None where nobody is named), and what.
Did = tuple[str | None, str]


@dataclass(frozen=True)
class PlainFile:
    """`decisions`: family -> in the order of the rows, of wide tables column by column within a
    row; `config`: parameters that the first decision of the first family must have."""

    name: str
    write: Callable[[Path], None]
    decisions: dict[str, list[Did]]
    config: dict[str, Any]


def _text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content.encode(encoding))

    return write


def _sheet(rows: list[list[Any]]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from openpyxl import Workbook

        book = Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)

    return write


def _sav(columns: dict[str, list[Any]], **labels: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import pandas as pd
        import pyreadstat

        pyreadstat.write_sav(pd.DataFrame(columns), str(path), **labels)

    return write


def _all(choices: str, people: str | None = None) -> list[Did]:
    """Choices and people, each a word."""
    words = choices.split()
    who = people.split() if people is not None else [str(n) for n in range(1, len(words) + 1)]
    return list(zip(who, words, strict=True))


LONG = """subject,trial,offer,choice
a,1,2,reject
a,2,5,accept
a,3,1,reject
b,1,5,accept
b,2,1,reject
b,3,2,accept
c,1,1,reject
c,2,2,accept
c,3,5,accept
"""
WIDE = """id;treatment;choice_1;choice_2;choice_3
11;low;left;right;left
12;high;right;right;left
13;low;left;;right
14;high;left;left;left
"""
TABS = "\n".join(
    "\t".join(row.split("|"))
    for row in (
        "Participant|Treatment|Age|Decision",
        "p01|control|21|buy",
        "p02|discount|34|not buy",
        "p03|control|28|not buy",
        "p04|discount|45|buy",
        "p05|control|30|buy",
        "p06|discount|30|buy",
    )
)
SHEET: list[list[Any]] = [
    ["Group", "Code", "Answer", "Comments"],
    ["A", 101, "Yes", "fine"],
    ["B", 102, "No", None],
    ["A", 103, "yes", "was long"],
    ["B", 104, "No", None],
    ["A", 105, None, None],
]
PANDAS = """,pid,condition,choice
0,1,0.0,1.0
1,2,1.0,2.0
2,3,0.0,2.0
3,4,1.0,
4,5,0.0,1.0
5,6,1.0,1.0
"""
R_COMMA = """"id";"stakes";"offer";"accepted"
1;"low";1,5;TRUE
1;"low";0,25;FALSE
2;"high";2,5;TRUE
2;"high";1;FALSE
3;"low";4,75;TRUE
3;"low";1,5;TRUE
"""
WITHIN = """workerId,vignette,frame,rt,response
A1B,disease,gain,812,certain
A1B,disease,loss,734,risky
A1B,jobs,gain,655,certain
A1B,jobs,loss,900,certain
B2C,disease,loss,610,risky
B2C,disease,gain,711,risky
B2C,jobs,loss,500,risky
B2C,jobs,gain,566,certain
"""
ROUNDS = """ppt,offer_r1,accept_r1,offer_r2,accept_r2
1,3,1,4,0
2,5,1,1,0
3,2,0,5,1
4,4,1,3,1
"""
TWO_COLUMNS = """id,age,trust_decision,ultimatum_decision
1,20,send,accept
2,31,keep,accept
3,27,send,reject
4,44,send,accept
5,19,keep,reject
6,25,keep,accept
"""
TWO_KINDS = """participant,game,amount,response
1,trust,10,send
1,trust,20,keep
1,ultimatum,3,accept
1,ultimatum,1,reject
2,trust,10,send
2,trust,20,send
2,ultimatum,3,accept
2,ultimatum,1,accept
"""
SCALE = """subj,group,q1,q2,q3
1,A,7,5,2
2,B,1,4,2
3,A,6,5,3
4,B,4,4,1
"""
RATES = """problem,gain,p_risky,n
1,100,0.25,40
2,250,0.55,40
3,900,0.9,38
"""
COUNTS = """scenario,n_accept,n_reject
kind,30,10
harsh,12,28
"""
SESSIONS = """session,subject,round,phase,offer,decision
s1,1,1,practice,5,accept
s1,1,1,main,2,-99
s1,1,2,main,4,accept
s1,2,1,main,1,reject
s1,2,2,main,3,accept
s2,1,1,main,2,reject
s2,1,2,main,4,accept
s2,2,1,main,1,reject
s2,2,2,main,3,reject
"""
RECORDS = [
    {"user_id": "u1", "arm": "nudge", "donated": True},
    {"user_id": "u2", "arm": "plain", "donated": False},
    {"user_id": "u3", "arm": "nudge", "donated": True},
    {"user_id": "u4", "arm": "plain", "donated": True},
]
LIKERT = {1.0: "disagree", 2.0: "neutral", 3.0: "agree"}

FILES = (
    PlainFile(
        "long.csv",
        _text(LONG),
        {
            "choice": _all(
                "reject accept reject accept reject accept reject accept accept",
                "1 1 1 2 2 2 3 3 3",
            )
        },
        {"offer": 2},
    ),
    PlainFile(
        "wide.csv",
        _text(WIDE),
        {
            "choice": _all(
                "left right left right right left left right left left left",
                "1 1 1 2 2 2 3 3 4 4 4",
            )
        },
        {"treatment": "low"},
    ),
    PlainFile(
        "tabs.tsv",
        _text(TABS),
        {
            "decision": [
                *(("1", "buy"), ("2", "not buy"), ("3", "not buy")),
                *(("4", "buy"), ("5", "buy"), ("6", "buy")),
            ]
        },
        {"Treatment": "control"},
    ),
    PlainFile("sheet.xlsx", _sheet(SHEET), {"answer": _all("Yes No Yes No")}, {"Group": "A"}),
    PlainFile(
        "labels.sav",
        _sav(
            {
                "vp": [1.0, 2, 3, 4, 5, 6],
                "cond": [1.0, 2, 1, 2, 1, 2],
                "agreement": [3.0, 1, 2, 3, 3, 1],
            },
            variable_value_labels={"cond": {1.0: "gain", 2.0: "loss"}, "agreement": LIKERT},
            column_labels={"agreement": "Was the offer fair?"},
        ),
        {"agreement": _all("agree disagree neutral agree agree disagree")},
        {"cond": "gain"},
    ),
    PlainFile(
        "pandas.csv", _text(PANDAS), {"choice": _all("1 2 2 1 1", "1 2 3 4 5")}, {"condition": 0}
    ),
    PlainFile(
        "r.csv",
        _text(R_COMMA),
        {"accepted": _all("accept reject accept reject accept accept", "1 1 2 2 3 3")},
        {"stakes": "low"},
    ),
    PlainFile(
        "within.csv",
        _text(WITHIN),
        {
            "response": _all(
                "certain risky certain certain risky risky risky certain", "1 1 1 1 2 2 2 2"
            )
        },
        {"frame": "gain"},
    ),
    PlainFile(
        "rounds.csv",
        _text(ROUNDS),
        {
            "accept_r": _all(
                "accept reject accept reject reject accept accept accept", "1 1 2 2 3 3 4 4"
            )
        },
        {"offer_r": 3},
    ),
    PlainFile(
        "two_columns.csv",
        _text(TWO_COLUMNS),
        {
            "trust_decision": _all("send keep send send keep keep"),
            "ultimatum_decision": _all("accept accept reject accept reject accept"),
        },
        {},
    ),
    PlainFile(
        "two_kinds.csv",
        _text(TWO_KINDS),
        {
            "trust": _all("send keep send send", "1 1 2 2"),
            "ultimatum": _all("accept reject accept accept", "1 1 2 2"),
        },
        {"amount": 10},
    ),
    PlainFile(
        "scale.csv",
        _text(SCALE),
        {"q": _all("7 5 2 1 4 2 6 5 3 4 4 1", "1 1 1 2 2 2 3 3 3 4 4 4")},
        {"group": "A"},
    ),
    PlainFile(
        "rates.csv",
        _text(RATES),
        {"decision": [(None, "0.25 of 40"), (None, "0.55 of 40"), (None, "0.9 of 38")]},
        {"gain": 100},
    ),
    PlainFile(
        "sessions.csv",
        _text(SESSIONS),
        {"decision": _all("accept reject accept reject accept reject reject", "1 2 2 3 3 4 4")},
        {"offer": 4},
    ),
    PlainFile(
        "records.json",
        _text(json.dumps(RECORDS)),
        {"donated": _all("donate keep donate donate")},
        {"arm": "nudge"},
    ),
    PlainFile(
        "counts.csv",
        _text(COUNTS),
        {"decision": [(None, "0.75 of 40"), (None, "0.3 of 40")]},
        {},
    ),
)
