"""Write every wording of every family into docs/prompts: `python scripts/write_prompts.py`.

The numbers are those of the embedded data; what players say to each other in them is made up here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tremble.datasets import demo, human_choice_prediction
from tremble.datasets.base import Notes
from tremble.datasets.casino import ITEMS, camp_rules
from tremble.datasets.glee import OPTIONS
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.games import multi_issue
from tremble.games.base import family
from tremble.prompts.asked import Asked
from tremble.prompts.controls import CONTROLS
from tremble.prompts.conversation import Conversation, Formulation, NotApplicable
from tremble.prompts.formulations import FORMULATIONS, spoken, standard
from tremble.prompts.other_games import OtherGames
from tremble.prompts.presentations import COUNTERBALANCES, presentations, view

FOLDER = Path(__file__).parents[1] / "docs" / "prompts"
HISTORY = "(history as in the standard wording)"
SESSION = (
    "Every day the sea leaves shells in two boxes on the beach, W and P. You may open one box a "
    "day and keep what it holds. Collect as many shells as you can.\n\nOn day 1 you open box "
)
RULES = "(rules as in the standard wording)"
EMBEDDED = {  # ids of the embedded decisions that are shown
    "bargaining": "demo/bargaining/39FE7832F0183A13/r4",
    "negotiation": "demo/negotiation/42D3A30685945D97/r3",
    "persuasion": None,
    "persuasion_seller": None,
    "repeated_matrix": None,
    "one_shot_matrix": None,
    "lottery": None,
}


def with_messages() -> dict[str, Decision]:
    """Games whose numbers and messages are both made up, one for each family with a dialogue."""
    return {
        "bargaining": _invented(
            "bargaining",
            {
                "money": 500,
                "delta": 0.9,
                "other_delta": None,
                "complete_information": False,
                "messages": True,
                "rounds": 8,
            },
            [
                ("offer", _by("Alice", 1, gains={"Alice": 320, "Bob": 180}, message="I go first.")),
                ("decision", _by("Bob", 1, choice="reject")),
                ("offer", _by("Bob", 2, gains={"Alice": 200, "Bob": 300}, message="My turn now.")),
                ("decision", _by("Alice", 2, choice="reject")),
                (
                    "offer",
                    _by("Alice", 3, gains={"Alice": 260, "Bob": 240}, message="Nearly half?"),
                ),
            ],
        ),
        "negotiation": _invented(
            "negotiation",
            {
                "value": 60,
                "other_value": 40,
                "complete_information": True,
                "messages": True,
                "rounds": 5,
            },
            [
                ("offer", _by("Alice", 1, price=58, message="As good as new.")),
                ("decision", _by("Bob", 1, choice="RejectOffer")),
                ("offer", _by("Bob", 2, price=45, message="It has a scratch.")),
                ("decision", _by("Alice", 2, choice="RejectOffer")),
                ("offer", _by("Alice", 3, price=52, message="I can come down a little.")),
            ],
        ),
        "persuasion": _invented(
            "persuasion",
            {
                "price": 30,
                "p": 0.5,
                "worth_high": 60,
                "worth_low": 0,
                "seller_knows_worths": True,
                "buyer_knows_p": True,
                "messages": "text",
                "rounds": 20,
                "myopic": False,
            },
            [
                ("quality", {"round": 1, "quality": "low", "worth": 0}),
                ("recommendation", _by("Alice", 1, message="I made this one on a Monday.")),
                ("decision", _by("Bob", 1, choice="yes")),
                ("quality", {"round": 2, "quality": "high", "worth": 60}),
                ("recommendation", _by("Alice", 2, message="This one turned out well.")),
                ("decision", _by("Bob", 2, choice="no")),
                ("quality", {"round": 3, "quality": "high", "worth": 60}),
                ("recommendation", _by("Alice", 3, message="Even better than the last.")),
            ],
        ),
    }


def not_embedded() -> dict[str, Decision]:
    """Made-up decisions of the families of which no data are embedded."""
    return {
        "multi_issue": _invented(
            "multi_issue",
            camp_rules(
                {
                    "Alice": {
                        "priorities": {"High": "Firewood", "Medium": "Water", "Low": "Food"},
                        "reasons": {
                            "High": "My tent is thin.",
                            "Medium": "I plan a long hike.",
                            "Low": "I packed plenty of rice.",
                        },
                    },
                    "Bob": {
                        "priorities": {"High": "Water", "Medium": "Food", "Low": "Firewood"},
                        "reasons": {
                            "High": "The stream here is dry.",
                            "Medium": "Three of us eat from it.",
                            "Low": "We go to bed early.",
                        },
                    },
                }
            ),
            [
                ("message", _by("Alice", 1, message="Hello! Nights are cold up here.")),
                ("message", _by("Bob", 1, message="They are. Could I have all of the water?")),
                ("deal", _by("Alice", 1, gets=_share((1, 1, 3), (2, 2, 0)))),
                ("decision", _by("Bob", 1, choice="reject")),
                ("message", _by("Bob", 2, message="Two water will not last us until Sunday.")),
                ("message", _by("Alice", 2, message="Then take it, and I keep some food.")),
                ("deal", _by("Alice", 2, gets=_share((2, 0, 3), (1, 3, 0)))),
            ],
            multi_issue.OPTIONS,
        ),
        "persuasion_review": _invented(
            "persuasion_review",
            {"good_from": 8},
            [
                ("review", _read(1, "The terrace has a view of the whole bay.", "")),
                ("decision", _took(1, "go", points=1, expert_points=1)),
                ("review", _read(2, "Coffee at any hour.", "The lift was out of order.")),
                ("decision", _took(2, "stay", points=0, expert_points=0)),
                ("review", _read(3, "", "We heard the motorway all night.")),
            ],
            human_choice_prediction.OPTIONS,
        ),
        "session": _invented(
            "session",
            {},
            [
                ("text", {"text": SESSION}),
                ("response", {"response": "W"}),
                ("text", {"text": ". It holds 4 shells.\nOn day 2 you open box "}),
                ("response", {"response": "P"}),
                ("text", {"text": ". It holds no shell.\nOn day 3 you open box "}),
            ],
            (Option("W", "W"), Option("P", "P")),
        ),
    }


def _read(number: int, positive: str, negative: str) -> dict[str, Any]:
    return {"round": number, "positive": positive, "negative": negative}


def _took(number: int, choice: str, **came: int) -> dict[str, Any]:
    return {"round": number, "choice": choice, **came}


def _share(alice: tuple[int, int, int], bob: tuple[int, int, int]) -> dict[str, dict[str, int]]:
    """Food, water and firewood for each of the two."""
    kinds = [dict(zip(ITEMS, numbers, strict=True)) for numbers in (alice, bob)]
    return dict(zip(("Alice", "Bob"), kinds, strict=True))


def others() -> list[Decision]:
    """Games to take a history from where the embedded ones have none in the same role and round."""
    rules = dict(with_messages()["negotiation"].parameters)
    happened = [
        ("offer", _by("Alice", 1, price=70, message="It is nearly new.")),
        ("decision", _by("Bob", 1, choice="RejectOffer")),
        ("offer", _by("Bob", 2, price=41, message="I saw it cheaper.")),
        ("decision", _by("Alice", 2, choice="RejectOffer")),
        ("offer", _by("Alice", 3, price=63, message="My last word, more or less.")),
    ]
    return [_invented("negotiation", rules, happened, id="invented/negotiation/other")]


def _by(player: str, number: int, **what: Any) -> dict[str, Any]:
    return {"player": player, "round": number, **what}


def _invented(
    name: str,
    rules: dict[str, Any],
    happened: list[tuple[str, dict[str, Any]]],
    options: tuple[Option, ...] | None = None,
    id: str | None = None,
) -> Decision:
    """Bob's decision in round 3, after all that happened."""
    events = []
    for place, (kind, data) in enumerate(happened):
        # A buyer learns the quality by deciding, two events later.
        seen = {"Alice": place + 1, "Bob": place + 3} if kind == "quality" else None
        events.append(Event(kind, data, seen))
    game = Game(id or f"invented/{name}", "invented", name, rules, tuple(events))
    return Decision(
        f"{game.id}/r3",
        "invented",
        name,
        options or OPTIONS[name],
        game=game,
        at=len(events),
        round=3,
        role="Bob",
    )


def examples() -> dict[str, list[Decision]]:
    """The decisions shown, by family: an embedded one, and one with messages where they exist."""
    examples: dict[str, list[Decision]] = {}
    for decision in demo.load(Path(), Notes()):
        wanted = EMBEDDED[decision.family]
        if wanted == decision.id or (wanted is None and decision.round in (None, 3)):
            examples.setdefault(decision.family, [decision])
    for name, decision in with_messages().items():
        examples[name].append(decision)
    return examples | {name: [decision] for name, decision in not_embedded().items()}


def pages() -> dict[str, str]:
    """The page of each family, as Markdown."""
    pool = OtherGames([*demo.load(Path(), Notes()), *others()])
    return {name: page(name, decisions, pool) for name, decisions in examples().items()}


def page(name: str, decisions: Iterable[Decision], pool: OtherGames) -> str:
    lines = [
        f"# {name}: every wording, and the standard one under every control",
        "",
        "Written by `scripts/write_prompts.py`; the option follows the last line verbatim. In the "
        "chat format what stands before the history is the system text.",
    ]
    for decision in decisions:
        lines += ["", f"# {decision.id}"]
        usual = standard(decision)
        for wording, words in FORMULATIONS.items():
            lines += _written(wording, words, decision, usual)
        for control in CONTROLS:
            asked = Asked("standard", control)
            lines += _written(asked.name, spoken(asked, pool), decision, usual)
        lines += ["", "## Counterbalanced", "", *shown(decision)]
    return "\n".join(lines) + "\n"


def _written(name: str, words: Formulation, decision: Decision, usual: Conversation) -> list[str]:
    """A decision in one wording, without what reads as in the `usual` one."""
    heading = ["", f"## {name}", ""]
    try:
        conversation = words(decision, 0)
    except NotApplicable as reason:
        return [*heading, f"Does not fit: {reason}."]
    system, user = conversation.system, conversation.user
    if name != "standard":
        system = RULES if system and system == usual.system else system
        user = HISTORY if user == usual.user else user
    text = "\n\n".join(part for part in (system, user) if part)
    return [*heading, "```text", *text.split("\n"), conversation.opening, "```"]


def shown(decision: Decision) -> list[str]:
    """The presentations under all counterbalances, a row each."""
    rows = family(decision.family).payoff_rows
    lines = [f"| presentation | options in shown order |{' payoff rows |' * rows}"]
    lines.append("|---|---|" + "---|" * rows)
    for number in presentations(decision, COUNTERBALANCES):
        seen = view(decision, number)
        options = ", ".join(f"{o.label} = {o.key}" for o in seen.options)
        last = f" {', '.join(o.label for o in seen.rows)} |" if rows else ""
        lines.append(f"| {number} | {options} |{last}")
    return lines


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / f"{name}.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
