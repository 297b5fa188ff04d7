"""What made-up tables stand for: the records that a right import writes, made by plain loops over
the same people as the files, never by tremble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.support.table_files import DROPPED, FILES, TableFile
from tests.support.table_people import Choosable
from tests.support.table_writers import shown

Decided = tuple[int, int]  # a row and a spot


class Records:
    """The records of a table, and what gives none."""

    def __init__(self, of: TableFile) -> None:
        self.of = of

    def left_out(self) -> Counter[str]:
        """How many rows or outcomes give no decision, by the reason."""
        found: Counter[str] = Counter()
        for row in self.of.rows:
            if row.status != "ok":
                name = self.of.name("Status")
                found[f"{name} is {DROPPED[row.status]!r}"] += 1
        for at, (family, parts) in enumerate(self.of.spots):
            asked = repr(self.of.pattern("choice", family))
            if not parts:
                role = f"choice_{family}" if self.of.case["shape"] == "tasks" else "choice"
                asked = repr(self.of.name(role, file=True))
            if self.of.case["shape"] == "counts":
                asked = " and ".join(f"'count{at}'" for at in range(len(self.of.options)))
            if self.of.case["shape"] == "rates":
                asked = "'share0' and 'share1'" if self.of.keyed else "'share0'"
            blank = sum(self.of.rows[row].did[at] is None for row in self.of.kept)
            if blank:
                found[f"nothing in {asked}"] += blank
        return found

    def all(self, places: Sequence[str]) -> list[dict[str, Any]]:
        """What is written, in its order; `places`: where each row stands."""
        numbers: dict[tuple[Any, ...], str] = {}
        made = []
        for family in self.of.families:
            spots = [at for at, (of, _) in enumerate(self.of.spots) if of == family]
            decided = [
                (row, at)
                for row in self.of.kept
                for at in spots
                if self.of.rows[row].did[at] is not None
            ]
            for one in decided:
                record = self._record(one, self._past(one, decided))
                record["id"] = f"{family}/{places[one[0]]}{record['id']}"
                person = self.of.rows[one[0]].person
                if person:
                    number = numbers.setdefault(person, str(len(numbers) + 1))
                    record["participant"] = (
                        person[0] if self.of.case["people"] == "keep" else number
                    )
                made.append(record)
        return made

    def _order(self, one: Decided) -> Any:
        row = self.of.rows[one[0]]
        if self.of.case["shape"] != "history":
            return one
        return row.when if self.of.case["values"] == "dates" else row.round

    def _past(self, this: Decided, decided: Sequence[Decided]) -> list[Decided]:
        if not self.of.told:
            return []
        person = self.of.rows[this[0]].person
        before = [one for one in decided if self._order(one) < self._order(this)]
        return sorted((d for d in before if self.of.rows[d[0]].person == person), key=self._order)

    def _label(self, option: Choosable, one: Decided) -> str:
        return option.label.replace("{{ offer }}", self._offer(one))

    def _offer(self, one: Decided) -> str:
        return shown(self.of.case, self.of.rows[one[0]].offers[one[1]])

    def _round(self, one: Decided) -> int | None:
        if self.of.case["shape"] == "history":
            return self.of.rows[one[0]].round
        number = self.of.spots[one[1]][1].get("round")
        return None if number is None else int(number)

    def _record(self, one: Decided, past: Sequence[Decided]) -> dict[str, Any]:
        case, row = self.of.case, self.of.rows[one[0]]
        family, parts = self.of.spots[one[1]]
        lines = [
            f"{self._round(d)}: {self._offer(d)}, {self._label(self.of.rows[d[0]].did[d[1]], d)}.\n"
            for d in past
        ]
        prompt = f"{''.join(lines)}{family}: {row.frame or 'nothing'}, {self._offer(one)}?"
        amount = row.offers[one[1]]
        config: dict[str, Any] = {"frame": row.frame, "offer": _number(amount)}
        if case["shape"] == "parts":
            prompt += f" {parts['part']} of {int(parts['round'])}."
        if case["shape"] == "folder":
            config["file"] = f"p{FILES[one[0] // 2]}"
        if case["values"] == "booleans":
            text = shown(case, row.flag)
            prompt += f" {text}"
            config["flag"] = int(text) if text.isdecimal() else text
        if case["values"] == "floats" and row.age is not None:
            prompt += f" Aged {row.age}."
        if case["values"] == "dates":
            prompt += f" {row.when}"
            config["when"] = str(row.when)
        options = [
            {"key": o.key, "label": self._label(o, one)}
            | ({} if o.value is None else {"value": o.value})
            for o in self.of.options
        ]
        target = self.of.options[0].key if len(options) == 2 else None
        if case["header"] == "many" and not (case["shape"] == "rates" and not self.of.keyed):
            target = self.of.options[1].key
        optional = {
            "round": self._round(one),
            "target": target,
            "config": {key: value for key, value in config.items() if value is not None},
            "person": None if row.age is None else {"age": row.age},
            **self._outcome(one),
        }
        return {
            "schema": 1,
            "kind": "decision",
            "id": "".join(f"/{part}" for part in parts.values()),
            "dataset": "mine",
            "family": family,
            "prompt": prompt,
            "opening": '{"decision": "',
            "options": options,
            **{key: value for key, value in optional.items() if value is not None},
        }

    def _outcome(self, one: Decided) -> dict[str, Any]:
        did, keys = self.of.rows[one[0]].did[one[1]], [option.key for option in self.of.options]
        if self.of.case["shape"] == "counts":
            shares = [count / sum(did) for count in did]
            item = {"item": f"text {one[0]}"}
            return {**item, "rates": dict(zip(keys, shares, strict=True)), "n": sum(did)}
        if self.of.case["shape"] == "rates":
            share, n = did
            rates = dict(zip(keys, (float(share), float(1 - share)), strict=True))
            return {"item": f"text {one[0]}", "rates": rates, "n": n, "rate_sd": 0.25}
        return {"choice": did.key}


def _number(amount: float) -> int | float:
    return int(amount) if amount.is_integer() else amount
