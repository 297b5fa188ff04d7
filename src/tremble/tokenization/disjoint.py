"""Labels as events of which no two can happen together, so that their mass is never above one.

An answer is a label where its tokens go along the label's path and, if the label must be
terminated, then go on with a token that starts with the terminating character. Two such events
share an answer if and only if one begins the other, in tokens.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from tremble.errors import UserError

Ids = tuple[int, ...]


def check_distinct(paths: Sequence[Ids], labels: Sequence[str]) -> None:
    """Raises UserError where a label is no token, and where two are the same tokens."""
    for index, path in enumerate(paths):
        if not path:
            raise no_token(labels[index])
        if path in paths[:index]:
            other = labels[paths.index(path)]
            raise UserError(
                f"The labels {other!r} and {labels[index]!r} are the same tokens for this model, "
                "so their probabilities cannot be told apart; choose labels with different "
                "letters."
            )


def no_token(label: str) -> UserError:
    return UserError(
        f"The label {label!r} gives no token in this model's tokenizer; choose another label."
    )


def begins_another(place: int, paths: Sequence[Ids], labels: Sequence[str]) -> bool:
    """Whether a label begins another one: as a text, or, where a tokenizer makes letters alike, in
    its tokens alone."""
    label, path = labels[place], paths[place]
    return any(
        at != place and (labels[at].startswith(label) or paths[at][: len(path)] == path)
        for at in range(len(labels))
    )


def check_ends(terminated: Sequence[bool], labels: Sequence[str], character: str) -> None:
    """Raises UserError where a label goes on from another one with what ends that one: 12" and 12
    in a quote. Also where a tokenizer keeps the two apart, for what it reads is the same text."""
    for label, ends in zip(labels, terminated, strict=True):
        for other in labels if ends else ():
            if other.startswith(label + character):
                raise _told_by_nothing(label, other, character)


def check_disjoint(
    paths: Sequence[Ids], terminated: Sequence[bool], ends: Container[int], labels: Sequence[str]
) -> None:
    """Raises UserError where an answer could be two labels at once, so that their probabilities
    add up to more than one."""
    events = list(zip(paths, terminated, labels, strict=True))
    for place, (path, ending, label) in enumerate(events):
        for other_path, other_ending, other in events[:place]:
            if overlap((path, ending), (other_path, other_ending), ends):
                raise _told_by_nothing(label, other)


def _told_by_nothing(label: str, other: str, character: str | None = None) -> UserError:
    why = "" if character is None else f", because the character {character} ends the answer here"
    return UserError(
        f"The labels {label!r} and {other!r} cannot be told apart{why}; choose labels so that "
        "none begins with another label and a character that ends the answer."
    )


def overlap(one: tuple[Ids, bool], other: tuple[Ids, bool], ends: Container[int]) -> bool:
    """Whether an answer can be both of two events, each a path and whether it must end there, that
    is, go on with one of the tokens `ends`."""
    (short, ending), (long, _) = sorted((one, other), key=lambda event: len(event[0]))
    if long[: len(short)] != short:
        return False
    return len(short) == len(long) or not ending or long[len(short)] in ends
