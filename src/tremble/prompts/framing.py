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


def predict_human(
    decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
) -> Conversation:
    """A prediction: what did the person decide, whatever the reader would do."""
    return _framed(
        decision,
        presentation,
        told,
        "Predict what a human being decided, whatever you would decide yourself. What follows is "
        'what this person read; "you" in it is the person.',
        'The person was asked: "{}" What did the person decide?',
    )


def observer(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
    """An onlooker, to whom it is all the same what comes of it."""
    return _framed(
        decision,
        presentation,
        told,
        "You watch somebody decide, as a neutral observer from outside who takes no part and has "
        'no stake in it. What follows is what the participant reads; "you" in it is the '
        "participant.",
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
    return _framed(
        decision,
        presentation,
        told,
        f'You are {reader}. What follows is what {person} reads; in it "you" is {person}, and '
        f'"{reader}" is you.',
        f'{person[:1].upper()}{person[1:]} is asked: "{{}}" What do you expect {person} to decide?',
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
