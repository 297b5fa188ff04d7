"""Labels that the user's own wordings and controls write out, compared with what is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from tremble.decisions.record import Decision
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.own_labels import names
from tremble.prompts.own_trial import own_template
from tremble.prompts.own_wording import OwnControl, OwnWording, template_of

Own = OwnWording | OwnControl


def check_labels(
    made: Collection[Own], decision: Decision, views: Mapping[int, View], control: str | None
) -> None:
    """Raises UserError where a template writes out a label of a decision that stands for another
    option, or for none, in one of the `views`, which are by presentation; `control`: what they are
    shown under."""
    moving = _moving(decision, views)
    if not moving:
        return
    every = {*moving, *(option.label for option in decision.options)}
    way = "another way" if control is None or len(views) > 1 else f"under the control {control!r}"
    for one, key, texts in _written(made):
        for label, (at, how, usual) in moving.items():
            if usual and _tells_rules(one):
                continue
            if not any(names(part, label, every) for part in texts):
                continue
            cure = "leave it out" if key == "opening" else f"write {{{{ options[{at}] }}}} instead"
            raise UserError(
                f"{_place(one, key)} contains the label {label!r}, which {how} when the decision "
                f"{decision.id!r} is shown {way}; {cure}."
            )


def check_meanings(
    made: Collection[Own], decisions: Iterable[Decision], notify: Callable[[str], None]
) -> None:
    """Tells `notify` of labels that a template writes out and that stand for one option in one of
    these decisions and for another one in another, as J for "keep" here and for "share" there."""
    first: dict[str, tuple[str, str]] = {}
    turned: dict[str, tuple[str, str, str, int]] = {}
    every: set[str] = set()
    for decision in decisions:
        for at, option in enumerate(decision.options):
            every.add(option.label)
            key, of = first.setdefault(option.label, (option.key, decision.id))
            if key != option.key:
                turned.setdefault(option.label, (key, of, decision.id, at))
    for one, where, texts in _written(made) if turned else ():
        for label, (key, of, other, at) in turned.items():
            if any(names(part, label, every) for part in texts):
                cure = "" if where == "opening" else f", or write {{{{ options[{at}] }}}} instead"
                notify(
                    f"Warning: {_place(one, where)} contains the label {label!r}, which stands for "
                    f"{key!r} in the decision {of!r} and for another option in {other!r}; do not "
                    f"say what it means{cure}."
                )


def _written(made: Collection[Own]) -> Iterator[tuple[Own, str, tuple[str, ...]]]:
    """What each text of these writes out, with the key of the text."""
    for one in made:
        for key, text in one.texts().items():
            opens = key == "opening"
            yield one, key, (text,) if opens else own_template(text, one.known).literals


def _place(one: Own, key: str) -> str:
    what = "control" if isinstance(one, OwnControl) else "wording"
    whose = key if key == "opening" else template_of(key)
    return f"{one.file}: the {whose} of the {what} {one.name!r}"


def _tells_rules(one: Own) -> bool:
    """Whether a model is told the rules of the game, which say what each label means."""
    if isinstance(one, OwnControl) and one.rules is None:
        return True
    used = (own_template(text, one.known).names for text in one.templates.values())
    return any({"rules", "system"} & some for some in used)


def _moving(decision: Decision, views: Mapping[int, View]) -> dict[str, tuple[int, str, bool]]:
    """The labels that do not stand for the same option throughout, among them those of the record:
    their first places in the order shown, what they do, and whether the family says them under any
    labels, as "accept"."""
    first: dict[str, tuple[int, str]] = {}
    for options in (decision.options, *(seen.options for seen in views.values())):
        for at, option in enumerate(options):
            first.setdefault(option.label, (at, option.key))
    found: dict[str, tuple[int, str, bool]] = {}
    for number, seen in views.items():
        keys = {option.label: option.key for option in seen.options}
        for label, (at, key) in first.items():
            if label in found or keys.get(label) == key:
                continue
            if label in keys:
                found[label] = at, "stands for another option", False
            else:
                usual = len(label) > 1 and names(standard(decision, number).words, label)
                found[label] = at, "is not shown", usual
    return found
