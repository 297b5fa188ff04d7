"""Labels that the user's own wordings and controls write out, held against what is shown."""

from __future__ import annotations

from collections.abc import Collection

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.prompts.own_labels import names
from tremble.prompts.own_trial import own_template
from tremble.prompts.own_wording import OwnControl, OwnWording, template_of
from tremble.prompts.presentations import shown_options


def check_labels(
    made: Collection[OwnWording | OwnControl], decision: Decision, numbers: Collection[int]
) -> None:
    """Raises UserError where a template writes out a label of a decision that stands for another
    option, or for none, in another of the presentations `numbers`."""
    if len(numbers) < 2:
        return
    moving = _moving(decision, numbers)
    every = {*moving, *(option.label for option in decision.options)}
    for one in made:
        what = "control" if isinstance(one, OwnControl) else "wording"
        for key, text in one.texts().items():
            opens = key == "opening"
            texts = (text,) if opens else own_template(text, one.known).literals
            for label, (at, how, usual) in moving.items():
                if usual and _tells_rules(one):
                    continue
                if not any(names(part, label, every) for part in texts):
                    continue
                whose = key if opens else template_of(key)
                cure = "leave it out" if opens else f"write {{{{ options[{at}] }}}} instead"
                raise UserError(
                    f"{one.file}: the {whose} of the {what} {one.name!r} contains the label "
                    f"{label!r}, which {how} when the decision {decision.id!r} is shown another "
                    f"way; {cure}."
                )


def _tells_rules(one: OwnWording | OwnControl) -> bool:
    """Whether a model is told the rules of the game, which say what each label means."""
    if isinstance(one, OwnControl) and one.rules is None:
        return True
    used = (own_template(text, one.known).names for text in one.templates.values())
    return any({"rules", "system"} & some for some in used)


def _moving(decision: Decision, numbers: Collection[int]) -> dict[str, tuple[int, str, bool]]:
    """The labels that do not stand for the same option throughout: their first places in the order
    shown, what they do, and whether the family says them under any labels, as "accept"."""
    shown = {number: shown_options(decision, number) for number in numbers}
    first: dict[str, tuple[int, str]] = {}
    for options in shown.values():
        for at, option in enumerate(options):
            first.setdefault(option.label, (at, option.key))
    found: dict[str, tuple[int, str, bool]] = {}
    for number, options in shown.items():
        keys = {option.label: option.key for option in options}
        for label, (at, key) in first.items():
            if label in found or keys.get(label) == key:
                continue
            if label in keys:
                found[label] = at, "stands for another option", False
            else:
                usual = len(label) > 1 and names(standard(decision, number).words, label)
                found[label] = at, "is not shown", usual
    return found
