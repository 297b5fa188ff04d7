"""Tables whose rows are questions, with the shares or numbers of people who chose each option."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tremble.tabular.cells import measured
from tremble.tabular.guess.doubts import of_prompts
from tremble.tabular.guess.draft import Draft, DraftOption, DraftTask
from tremble.tabular.guess.looked import Field, Look, codes_seen, reading_of
from tremble.tabular.guess.options import PAIRS
from tremble.tabular.guess.prompt_text import Shown, called, is_tagged, prompt_of
from tremble.tabular.guess.roles import is_condition, is_item, person_of
from tremble.tabular.guess.words import TEXT, has_word, joined, short_name, word_set, words_of

_RATE = word_set(
    "rate share proportion prop percent percentage pct p prob probability frequency anteil "
    "prozent mean"
)
_COUNT = word_set("n count number num anzahl freq")
_N = ("n", "nobs", "count", "participants", "people", "npeople", "nparticipants", "total", "ntotal")
_NEAR = 0.02  # by which rounded shares may miss their sum


def rates_drafted(look: Look, fields: Sequence[Field], private: dict[str, str]) -> Draft | None:
    """The draft of a table of rates or counts; None for other tables."""
    if person_of(look, private).names and not any(is_item(field) for field in fields):
        return None
    n = next((field for field in fields if joined(field.name) in _N and _whole(field)), None)
    rates = [field for field in fields if _option_of(field.name, _RATE) and _is_share(field)]
    counts = [
        field
        for field in fields
        if field is not n and _option_of(field.name, _COUNT) and _whole(field)
    ]
    named = [field for field in rates if _option_of(field.name, _RATE) != "chosen"]
    if len(named) > 1 and _sums(named):
        return _draft(look, fields, private, (named, "rates", n))
    if len(counts) > 1:
        return _draft(look, fields, private, (counts, "counts", None))
    if rates and (n is not None or len(rates) == 1):
        return _draft(look, fields, private, (rates[:1], "rate", n))
    return None


def _option_of(name: str, known: frozenset[str]) -> str | None:
    """The option that a column of rates names: p_safe -> safe; None for another column."""
    words = words_of(name) or re.findall(r"[a-z]+", name.casefold())
    rest = [word for word in words if word not in known and word not in ("of", "who")]
    if len(rest) == len(words):
        return None
    digits = re.findall(r"\d+$", name)
    return "_".join([*rest, *digits]) or "chosen"


def _numbers(field: Field) -> list[float] | None:
    made = [measured(value.removesuffix("%"), field.decimal) for value in field.counts]
    known = [float(number) for number in made if number is not None]
    return known if made and len(known) == len(made) else None


def _is_share(field: Field) -> bool:
    numbers = _numbers(field)
    return numbers is not None and min(numbers) >= 0 and max(numbers) <= 100 and _varied(numbers)


def _varied(numbers: Sequence[float]) -> bool:
    """Shares, not codes: some lie between whole numbers, or above what codes are."""
    return any(number % 1 for number in numbers) or max(numbers) > 20


def _whole(field: Field) -> bool:
    numbers = _numbers(field)
    return numbers is not None and all(number >= 0 and not number % 1 for number in numbers)


def _percent(field: Field) -> bool:
    return max(_numbers(field) or [0]) > 1 and not any("%" in value for value in field.counts)


def _sums(fields: Sequence[Field]) -> bool:
    """Whether shares of a row make a whole."""
    for cells in zip(*(field.held[0] for field in fields), strict=True):
        if None in cells:
            continue
        made = [measured((cell or "").removesuffix("%"), fields[0].decimal) for cell in cells]
        total = sum(float(number) for number in made if number is not None)
        if min(abs(total - 1), abs(total - 100) / 100) > _NEAR:
            return False
    return True


def _draft(
    look: Look,
    fields: Sequence[Field],
    private: dict[str, str],
    shares: tuple[Sequence[Field], str, Field | None],
) -> Draft:
    outcomes, kind, n = shares
    known = _COUNT if kind == "counts" else _RATE
    task = DraftTask("decision", "")
    keys = [_option_of(field.name, known) or "" for field in outcomes]
    if kind == "rate":
        task.rate = outcomes[0].name
        keys = _two(keys[0])
        task.comments["options"] = [
            f"the first option is the one that {outcomes[0].name!r} counts; write what both "
            "options are"
        ]
    elif kind == "rates":
        task.rates = {key: field.name for key, field in zip(keys, outcomes, strict=True)}
    else:
        task.counts = {key: field.name for key, field in zip(keys, outcomes, strict=True)}
    task.options = [DraftOption(key, [key]) for key in keys]
    task.percent = kind != "counts" and any(map(_percent, outcomes))
    task.n = n.name if n is not None else None
    used = {*(field.name for field in outcomes), task.n}
    seen = _add_columns(task, look, fields, outcomes)
    draft = Draft("a table of rates", reading_of(look), tasks=[task], private=[*private.items()])
    told = ", ".join(repr(field.name) for field in outcomes)
    draft.found.append(f"each row is a question; {told} say how many people chose what")
    if task.n is None and kind != "counts":
        draft.check.append(
            "no column seems to say how many people were asked; if there is one, give it as n"
        )
    unsure = [f.name for f in seen if not (is_condition(f) or is_item(f) or has_word(f.name, TEXT))]
    draft.check += of_prompts(draft.tasks, {task.family: unsure})
    codes = codes_seen(look, [name for name in used if name] + [field.name for field in seen])
    if codes:
        draft.reading["missing"] = codes
    draft.unused = [f.name for f in fields if f.name not in used and f not in seen]
    return draft


def _add_columns(
    task: DraftTask, look: Look, fields: Sequence[Field], outcomes: Sequence[Field]
) -> list[Field]:
    """Add to a task what was asked: its columns, config, item and prompt; returns their fields."""
    used = {*(field.name for field in outcomes), task.n}
    first = min(field.number for field in outcomes)
    seen = [
        field
        for field in fields
        if field.name not in used
        and field.part is None
        and len(field.counts) > 1
        and (field.number < first or is_condition(field))
        and not _option_of(field.name, _RATE)
        and joined(field.name) not in (*_N, "sd", "se", "id", "doi", "source", "study")
    ]
    for field in seen:
        alias = short_name(field.name, {*task.columns, *look.names} - {field.name})
        if alias != field.name:
            task.columns[alias] = field.name
        if is_condition(field) or (len(field.counts) <= 10 and not is_item(field)):
            task.config[alias] = field.name
    items = [field for field in seen if is_item(field) or has_word(field.name, TEXT)]
    task.item = items[0].name if items else None
    shown = [
        Shown(
            next((a for a, column in task.columns.items() if column == field.name), field.name),
            called(field.name),
            alone=has_word(field.name, TEXT) and field.numbers is None,
            gaps=any(cell is None for cell in field.held[0]),
            tagged=is_tagged(list(field.counts)[:1000]),
        )
        for field in seen
    ]
    task.prompt = prompt_of(shown, [option.key for option in task.options], None, [])
    return seen


def _two(key: str) -> list[str]:
    """The option that a rate counts, and the other one."""
    for word, (yes, no) in PAIRS.items():
        if key.startswith(word):
            return [yes, no]
    pairs = {"safe": "risky", "risky": "safe", "yes": "no", "a": "b", "left": "right"}
    return [key, pairs.get(key, "other" if key == "chosen" else f"not {key.replace('_', ' ')}")]
