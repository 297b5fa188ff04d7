"""Small tables of users, with their maps: files and frames, and what their columns mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.pairwise import Case
from tests.support.table_cases import STATISTICS
from tests.support.table_people import options_of, rows_of, spots_of
from tests.support.table_writers import Column, write

_ODD = {
    **{"id": "Your ID?", "choice": 'Q1. "Yes",\nor no; it\'s', "offer": "offer\n(in $)"},
    **{"frame": "frame: a.b [x|y]", "age": "Age, in years", "Status": "the  Status", "n": "N = "},
}
FILES = (1, 2, 10)  # numbers of people in the names of their files, as people count
DROPPED = {
    "Survey Preview": "Survey  Preview",
    "test": "test",
}  # the cell, and how the map writes it


class TableFile:
    """The table of a case: `rows`, its `map`, and `records(...)`, what it stands for."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.options = options_of(case)
        self.spots = spots_of(case["shape"])
        self.rows = rows_of(case, len(self.spots), self.options)
        self.kept = [at for at, row in enumerate(self.rows) if row.status == "ok"]
        self.percent = case["shape"] == "rates" and case["header"] in ("many", "plain")
        self.keyed = case["shape"] == "rates" and case["letters"] in ("cjk", "latin")

    def name(self, role: str, parts: Mapping[str, str] | None = None, file: bool = False) -> str:
        """What a column is called in the map, or in the file."""
        case, name = self.case, role
        if case["format"] == "nested" and role in ("choice", "offer", "age") and not parts:
            name = f"response.{role}"
        if case["header"] == "odd":
            name = _ODD.get(role, role)
        elif role == "frame" and case["format"] not in STATISTICS:
            latin = {"latin": "stärke", "decomposed": "stärke", "cjk": "条件"}
            name = latin.get(case["letters"], role)
        if parts:
            name = ("_" if case["format"] in STATISTICS else ".").join(["g", *parts.values(), name])
        if file:
            return name
        if case["letters"] == "latin":  # the other way round: composed in the file alone
            name = unicodedata.normalize("NFD", name)
        return " ".join(name.split())

    def pattern(self, role: str, family: str) -> str:
        """The name in the map of the columns that hold it for all spots of a family."""
        parts = next(parts for of, parts in self.spots if of == family)
        if self.case["shape"] == "tasks" and role == "choice":
            return self.name(f"choice_{family}")
        return self.name(role, {part: f"{{{part}}}" for part in parts})

    @property
    def families(self) -> list[str]:
        return list(dict.fromkeys(family for family, _ in self.spots))

    def write(self, folder: Path) -> tuple[Any, list[str]]:
        """The file, folder or data frame, and where each row stands, as ids name it."""
        columns = self._columns()
        if self.case["shape"] != "folder":
            source, lines = write(self.case, columns, folder, "answers")
            return source, list(map(str, lines))
        (folder / "people").mkdir()
        places = []
        for at, number in enumerate(FILES):
            of_one = slice(2 * at, 2 * at + 2)
            mine = [Column(c.name, c.values[of_one], c.labels) for c in columns]
            _, lines = write(self.case, mine, folder / "people", f"p{number}")
            places += [f"p{number}/{line}" for line in lines]
        return folder / "people", places

    def _columns(self) -> list[Column]:
        """The columns of the file."""
        case, rows = self.case, self.rows
        made: dict[str, list[Any]] = {
            self.name(role, file=True): [row.person[at] for row in rows]
            for at, role in enumerate(_of_people(case))
        }
        made[self.name("frame", file=True)] = [_coded(case, row.frame) for row in rows]
        made[self.name("age", file=True)] = [_coded(case, row.age) for row in rows]
        if case["missing"] == "drop":
            made[self.name("Status", file=True)] = [row.status for row in rows]
        if case["values"] == "booleans":
            made["flag"] = [row.flag for row in rows]
        if case["values"] == "dates":
            made["when"] = [row.when for row in rows]
        if case["shape"] == "history":
            made["trial"] = [row.round for row in rows]
        labels = {}
        for at, (family, parts) in enumerate(self.spots):
            name = self.name("offer", parts, file=True)
            made[name] = [row.offers[at] for row in rows]
            if case["shape"] in ("rates", "counts"):
                made |= self._shares()
                continue
            role = f"choice_{family}" if case["shape"] == "tasks" else "choice"
            name = self.name(role, parts, file=True)
            text = any(isinstance(option.cell, str) for option in self.options)
            cells = [row.did[at].cell if row.did[at] else None for row in rows]
            made[name] = [_coded(case, cell, text) for cell in cells]
            if case["options"] == "value_labels":
                labels[name] = {option.cell: option.label for option in self.options}
        return [Column(name, values, labels.get(name, {})) for name, values in made.items()]

    def _shares(self) -> dict[str, list[Any]]:
        """Columns of rates or counts, and what stands beside them."""
        case, did = self.case, [row.did[0] for row in self.rows]
        made: dict[str, list[Any]] = {"item": [f"text {at}" for at in range(len(did))]}
        if case["shape"] == "counts":
            for at in range(len(self.options)):
                made[f"count{at}"] = [_coded(case, one and one[at]) for one in did]
            return made
        hundred = 100 if self.percent else 1
        code = float(-99) if case["missing"] == "codes" else None
        shares = [(one and one[0], one and 1 - one[0]) for one in did]
        for at in range(2 if self.keyed else 1):
            made[f"share{at}"] = [code if p[at] is None else float(p[at] * hundred) for p in shares]
        made["sd"] = [float(Decimal("0.25") * hundred)] * len(did)
        return made | {self.name("n", file=True): [one and one[1] for one in did]}

    def map(self) -> dict[str, Any]:
        case = self.case
        file: dict[str, Any] = {}
        if case["values"] == "comma":
            file["decimal"] = ","
        if case["encoding"] == "cp1252":
            file["encoding"] = "cp1252"
        if case["missing"] == "codes":
            file["missing"] = [-99]
        if case["header"] == "sosci":
            file["header_rows"] = 2
        top: dict[str, Any] = {"keep_ids": True} if case["people"] == "keep" else {}
        if case["missing"] == "drop":
            top["drop"] = {self.name("Status"): list(DROPPED.values())}
        return {**top, "file": file, "task": [self._task(family) for family in self.families]}

    def _task(self, family: str) -> dict[str, Any]:
        case = self.case
        offer = self.pattern("offer", family)
        task: dict[str, Any] = {"family": family, "options": [one.entry for one in self.options]}
        people = list(map(self.name, _of_people(case)))
        if people:
            task["participant"] = people if len(people) > 1 else people[0]
        if offer != "offer":
            task["columns"] = {"offer": offer}
        if case["header"] == "many":
            task["target"] = self.options[1].key
        keys = [option.key for option in self.options]
        if case["shape"] == "counts":
            task |= {"counts": {key: f"count{at}" for at, key in enumerate(keys)}, "item": "item"}
        elif case["shape"] == "rates":
            by_key = {key: f"share{at}" for at, key in enumerate(keys)}
            second = case["header"] == "many"
            told = {"rates": by_key} if self.keyed else {"rate": "share0"}
            if second and not self.keyed:
                task["target"] = keys[0]
            task |= {**told, "n": self.name("n"), "rate_sd": "sd", "item": ["item"]}
            task |= {"percent": True} if self.percent else {}
        else:
            task["outcome"] = self.pattern("choice", family)
        task["config"] = {"frame": self.name("frame"), "offer": "offer"}
        task["config"] |= {"file": "file"} if case["shape"] == "folder" else {}
        for kind, role in (("booleans", "flag"), ("dates", "when")):
            task["config"] |= {role: role} if case["values"] == kind else {}
        if case["shape"] == "history":
            task |= {"round": "trial"} | ({"order": "when"} if case["values"] == "dates" else {})
        return task | {"facts": {"age": self.name("age")}, "prompt": self._prompt(family)}

    @property
    def told(self) -> bool:
        """Whether prompts tell what a person did before."""
        named = self.case["people"] != "nobody"
        return self.case["shape"] == "history" or (self.case["shape"] == "wide" and named)

    def _prompt(self, family: str) -> str:
        names = (self.name("frame"), self.name("age"))
        frame, age = (one if one.isidentifier() else f"row[{_quoted(one)}]" for one in names)
        past = "{% for past in history %}{{ past.round }}: {{ past.offer }}, {{ past.choice }}.\n"
        text = past + "{% endfor %}" if self.told else ""
        text += f"{family}: {{% if {frame} %}}{{{{ {frame} }}}}{{% else %}}nothing{{% endif %}}, "
        text += "{{ offer }}?"
        if self.case["shape"] == "parts":
            text += " {{ part }} of {{ round }}."
        for kind, role in (("booleans", "flag"), ("dates", "when")):
            text += f" {{{{ {role} }}}}" if self.case["values"] == kind else ""
        if self.case["values"] == "floats":
            text += f"{{% if {age} %}} Aged {{{{ {age} }}}}.{{% endif %}}"
        return text


def _of_people(case: Case) -> tuple[str, ...]:
    """The columns that name people."""
    several = {"joined": ("site", "id"), "sessions": ("session", "label"), "nobody": ()}
    return several.get(case["people"], ("id",))


def _coded(case: Case, value: Any, text: bool = False) -> Any:
    """A value, or what the file has where it is missing."""
    if value is not None or case["missing"] != "codes":
        return value
    return "-99" if text else -99


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
