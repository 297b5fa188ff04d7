"""Framings: the same rules and history, read by somebody who does not decide.

The person's own instructions stay as they are, said to be what the person read, so that the reader
learns exactly what the person knew. `reversed_roles` puts the reader in the place of the other
side and asks what the person does; it fits where a family has another side.
"""

from __future__ import annotations

from dataclasses import replace

from tremble.decisions.record import Decision
from tremble.games.base import family
from tremble.prompts.conversation import AS_IT_WAS, Conversation, NotApplicable, Telling
from tremble.prompts.parts import headed, own_prompt, parts
from tremble.prompts.presentations import view

_BELOW = 'The text below is addressed to the participant, so "you" in it refers to the participant.'


def predict_human(
    decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
) -> Conversation:
    """A prediction: what did the person decide, whatever the reader would do."""
    return _framed(
        decision,
        presentation,
        told,
        "Predict the decision that a human participant made, not the decision that you would make "
        f"yourself. {_BELOW}",
        'The participant was asked: "{}" What did the participant decide?',
    )


def observer(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
    """An onlooker, to whom it is all the same what comes of it."""
    return _framed(
        decision,
        presentation,
        told,
        "You are an outside observer watching a participant make a decision. You do not take part, "
        f"and the outcome does not affect you. {_BELOW}",
        'The participant is asked: "{}" What does the participant decide?',
    )


def reversed_roles(
    decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
) -> Conversation:
    """The other side's place: what will the person do?"""
    if own_prompt(decision) is not None:
        raise NotApplicable("tremble does not know who the other side is in your own prompt")
    sides = family(decision.family).sides
    if sides is None:
        raise NotApplicable(f"{decision.family} has no other side")
    person, reader = sides(told.seen(view(decision, presentation)))
    # "the player you are matched with" the first time, then "that player"; names as they are
    again = f"that {person.split()[1]}" if person.startswith("the ") else person
    words = family(decision.family)
    private = f" The text may include information that only {again} has."
    return _framed(
        decision,
        presentation,
        told,
        f'You are {reader}. The text below is addressed to {person}, so "you" in it refers to '
        f'{again}, and "{reader}" in it refers to you.'
        # in matrix games both know everything
        f"{'' if words.payoff_rows or words.both_orders else private}",
        f'{again[:1].upper()}{again[1:]} is asked: "{{}}" Predict {again}\'s decision.',
    )


def _framed(
    decision: Decision, presentation: int, told: Telling, frame: str, question: str
) -> Conversation:
    """`frame` before all else, and the family's question put as `question` has it."""
    own = own_prompt(decision)
    if own is not None:
        return headed(own, frame)
    pieces = parts(decision, presentation, told)
    pieces = replace(pieces, question=question.format(pieces.question))
    return headed(pieces.conversation(), frame)
