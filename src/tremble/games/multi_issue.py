"""Multi-issue negotiation: two people divide things of several kinds by talking about them.

`rules`: `setting` (a sentence), `items` (kind -> how many there are), `unit` (what one of them is
called, such as package; "unit" where it is left out), `points` (High, Medium, Low
-> points for one of a kind), `no_deal` (points of each after walking away), `messages` (true), and
what this person alone was told: `priorities` (High, Medium, Low -> kind) and `reasons` (High,
Medium, Low -> text). Events, each with `player`: `message` (`message`), `deal` (`gets`: player ->
kind -> number) and `decision` (`choice`). What the kinds are worth to the other side is never told.

Not the family `negotiation`, in which one price is haggled over and both sides want money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.decisions.record import Option
from tremble.decisions.view import View
from tremble.games.altered import amounts, exchanged
from tremble.games.base import Family, Told, amount, points
from tremble.games.dialogue import options_in_words
from tremble.games.theory.normative import Normative

LEVELS = ("High", "Medium", "Low")
OPTIONS = (
    Option("accept", "accept"),
    Option("reject", "reject"),
    Option("walk away", "walk away"),
)
OTHER = "the other person"
_DONE = {
    "accept": "accepted the proposal",
    "reject": "rejected the proposal",
    "walk away": "walked away",
}


def rules(view: View) -> list[str]:
    told = view.rules
    worth = [
        f"- {told['priorities'][level].lower()}: {points(told['points'][level])} per "
        f'{_unit(told)}. The reason you gave: "{told["reasons"][level]}"'
        for level in LEVELS
    ]
    meaning = {
        "accept": f"The {_unit(told)}s are divided as proposed, and the negotiation ends.",
        "reject": "You turn down the proposal, and the negotiation continues.",
        "walk away": "The negotiation ends without a deal, and each of you gets "
        f"{points(told['no_deal'])}.",
    }
    verbs = {"accept": "accept it", "reject": "reject it", "walk away": "walk away"}
    shown = [verbs[option.key] for option in view.options]
    return [
        f"{told['setting']} There are {_listed(told, told['items'])} to divide between the two of "
        f"you. You and {OTHER} negotiate by writing messages to each other. Either of you can make "
        f"a proposal that states how many {_unit(told)}s of each kind each of you gets. The person "
        f"who receives a proposal can {', '.join(shown[:-1])} or {shown[-1]}.",
        f"The {_unit(told)}s are worth the following to you:\n" + "\n".join(worth),
        f"You do not know how much the {_unit(told)}s are worth to {OTHER}. Your goal is to get as "
        "many points as possible.",
        "When you receive a proposal, you can choose one of these options:\n"
        + options_in_words(view, meaning),
    ]


def _unit(told: Mapping[str, Any]) -> str:
    return str(told.get("unit") or "unit")


def _listed(told: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """'3 packages of food, 1 package of water and 0 packages of firewood', in the rules' order."""
    parts = [
        f"{amount(numbers[kind])} {_unit(told)}{'' if numbers[kind] == 1 else 's'} of "
        f"{kind.lower()}"
        for kind in told["items"]
    ]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def history(view: View) -> list[str]:
    lines = []
    for event in view.events:
        data = event.data
        mine = data["player"] == view.role
        who = "You" if mine else OTHER.capitalize()
        if event.type == "message":
            lines.append(f'{who} wrote: "{data["message"]}"')
        elif event.type == "deal":
            gets = dict(data["gets"])
            own = _listed(view.rules, gets.pop(view.role))
            (others,) = (_listed(view.rules, share) for share in gets.values())
            whose = "Your" if mine else f"{OTHER.capitalize()}'s"
            lines.append(f"{whose} proposal: You get {own}. {OTHER.capitalize()} gets {others}.")
        else:
            lines.append(f"{who} {_DONE[data['choice']]}.")
    return lines


def question(view: View) -> str:
    return f"How do you respond to {OTHER}'s current proposal?"


def worth(view: View) -> float | None:
    """The reader's own points under the deal submitted last; None where there is none."""
    deals = [event.data["gets"][view.role] for event in view.events if event.type == "deal"]
    if not deals:
        return None
    told = view.rules
    return float(
        sum(told["points"][level] * deals[-1][told["priorities"][level]] for level in LEVELS)
    )


def normative(view: View) -> Normative:
    """What own points rule out: walking away from a deal that is worth more to the reader than no
    deal, accepting one that is worth less. What rejecting is worth depends on talk to come and on
    the other's points, which nobody told; so the other shares are null."""
    mine = worth(view)
    if mine is None:
        return Normative(None, "no offer is on the table")
    if mine == view.rules["no_deal"]:
        return Normative(None, "type unknown: the other's points are not told")
    out = "walk away" if mine > view.rules["no_deal"] else "accept"
    return Normative(
        {key: 0.0 if key == out else None for key in _DONE},
        f"{out} has probability 0; the rest depends on what the other's points are",
    )


def numbers(view: View) -> dict[str, Any]:
    """`points` of the reader under the deal, `best` (everything for the reader), `no_deal`, and the
    number of deals submitted so far."""
    told = view.rules
    best = sum(told["points"][level] * told["items"][told["priorities"][level]] for level in LEVELS)
    deals = sum(event.type == "deal" for event in view.events)
    return {"points": worth(view), "best": best, "no_deal": told["no_deal"], "deals": deals}


def misled(view: View) -> dict[str, Any]:
    """What the kind of high and that of low priority are worth, exchanged."""
    return {**view.rules, "points": exchanged(view.rules["points"], "High", "Low")}


def retold(event: Told, there: Told, here: Told) -> Told | None:
    """An event of another dialogue over the same things, by somebody who wanted them in the same
    order; None else."""
    alike = all(there[name] == here[name] for name in ("items", "priorities"))
    return event if alike else None


FAMILY = Family(
    "multi_issue",
    rules,
    history,
    question,
    numbers=numbers,
    normative=normative,
    sides=lambda _: ("the person you are matched with", OTHER),
    dialogue=True,
    misled=misled,
    scaled=amounts("points", "no_deal"),
    retold=retold,
)
