"""What to change about a prompt after which a model answers otherwise than with an option.

Rules, each on what is seen of one prompt; the first that fits the likeliest other answer speaks,
and beside it those on the labels and on the end of the prompt. docs/low_mass.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tremble.prompts.prefill import is_thought
from tremble.text import visible

LONG = 30  # characters of a label that is long
_BLANK = " \t\r\n\u00a0"
_QUOTES = "\"'`“”‘’«»"
_KEY = re.compile(r'"(\w+)"\s*:')
_ALL = 'set spellings = "all" in [study]'


@dataclass(frozen=True, slots=True)
class Seen:
    """What a probe saw of a prompt. `other`: the likeliest token that begins no option, as text;
    `mass` of the options together, `first_mass` of the tokens they begin with.

    `own`: the words are the user's; `opening` is what the label follows; `text` all that the model
    read; `spellings`: other spellings count; `straddled`: a token may span the place where the
    answer begins; `marks` are texts that are control tokens of the model.
    """

    labels: Sequence[str]
    other: str
    mass: float
    first_mass: float | None = None
    own: bool = True
    opening: str = ""
    text: str = ""
    spellings: bool = False
    straddled: bool = False
    marks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change, a sentence; `rule` names the rule it comes from."""

    rule: str
    sentence: str


def advice(seen: Seen) -> list[Advice]:
    """What to change about a prompt of low mass, at least one sentence."""
    made = [Advice("space", sentence) for sentence in _space(seen)]
    for rule, of in _RULES:
        sentence = of(seen)
        if sentence is not None:
            made.append(Advice(rule, sentence))
            break
    return made + [Advice("long labels", sentence) for sentence in _long(seen)]


def how_to_answer(seen: Seen) -> str:
    """The sentence that a prompt should end with: as JSON where the opening is, or is none."""
    labels = [f'"{label}"' for label in seen.labels]
    few = labels if len(labels) <= 4 else [*labels[:2], "...", labels[-1]]
    names = f"{', '.join(few[:-1])} or {few[-1]}"
    if max(map(len, seen.labels)) >= LONG:
        names = "the number of an option"
    key = _KEY.search(seen.opening)
    if seen.opening and key is None:
        return f"Answer with {names} and nothing else."
    return f"Answer with {names} as JSON with the key {'decision' if key is None else key[1]}."


def _shown(text: str) -> str:
    return visible(repr(text))


def _asks(seen: Seen) -> bool:
    """Whether a prompt names the options and, where the answer opens as JSON, says so."""
    words = seen.text.removesuffix(seen.opening).casefold()
    key = _KEY.search(seen.opening)
    json = key is None or "json" in words or key[1].casefold() in words
    return json and all(label.strip().casefold() in words for label in seen.labels)


def _cure(seen: Seen) -> str:
    """What to do about a prompt that is answered in another form."""
    if not seen.own:
        return (
            "the prompt is built into tremble and asks for this form of answer already, so try "
            "other formulations or formats in [study], or a larger model"
        )
    if _asks(seen):
        return (
            "the prompt names the options already, so show an example of an answer in it, or try "
            "a larger model"
        )
    opened = (
        ""
        if seen.opening
        else ', and remove the empty opening, so that the answer begins with {"decision": "'
    )
    return (
        "the prompt does not ask for this form of answer; end it with "
        f"{_shown(how_to_answer(seen))}{opened}"
    )


def _space(seen: Seen) -> Iterator[str]:
    """The prompt ends in white space, a line break aside."""
    if seen.own and seen.text[-1:] in (" ", "\t", "\u00a0"):
        where = "opening" if seen.opening else "prompt"
        yield (
            f"The {where} ends in a space, but most models write a space together with the next "
            "word: remove the space, or put a quote after it."
        )


def _thought(seen: Seen) -> str | None:
    """The other token opens a thought."""
    if not is_thought(seen.other):
        return None
    return (
        f"The model begins to think ({_shown(seen.other)}) before it answers: give it a template "
        "that ends the thinking (template in [[model]]), or use its variant that does not think."
    )


def _mark(seen: Seen) -> str | None:
    """The other token is a control token, as one that ends the turn."""
    if seen.other not in seen.marks or not seen.other.strip():
        return None
    return f"The model ends its turn ({_shown(seen.other)}) instead of answering: {_cure(seen)}."


def _spelling(seen: Seen) -> str | None:
    """The other token is a label, or begins one, in another case, behind a space or a quote."""
    bare = seen.other.strip(_BLANK + _QUOTES)
    for label in seen.labels:
        plain = label.strip(_BLANK + _QUOTES)
        whole = bare.casefold() == plain.casefold()
        begins = len(bare) > 1 and plain.casefold().startswith(bare.casefold())
        if bare and (whole or begins):
            cures = [] if not seen.own else [_better(seen.other, bare, label, plain)]
            cures += [] if seen.spellings else [_ALL]
            what = f"The model writes {_shown(seen.other)} instead of {_shown(label)}"
            return f"{what}: {', or '.join(cures) or _cure(seen)}."
    return None


def _better(other: str, bare: str, label: str, plain: str) -> str:
    """What to write so that a label is what the model writes."""
    if bare != plain[: len(bare)]:
        rest = plain[len(bare) :]
        upper = bare.isupper() and len(bare) > 1
        return (
            f"write the label {_shown(label)} as {_shown(bare + (rest.upper() if upper else rest))}"
        )
    if other[:1] in _QUOTES:
        return "end the opening with a quote, so that the label follows it"
    if other[:1] in _BLANK:
        return "end the opening with a quote, so that there is no space before the label"
    return "choose a label that is one token for the model"


def _number(seen: Seen) -> str | None:
    """Labels are numbers, and the other token is another one."""
    if not seen.other.strip().isdecimal() or not any(label.isdecimal() for label in seen.labels):
        return None
    return (
        f"The model gives another number ({_shown(seen.other)}): say in the prompt which numbers "
        f"are possible, as in {_shown(how_to_answer(seen))}."
    )


def _structure(seen: Seen) -> str | None:
    """The other token is a quote, a brace or the like."""
    bare = seen.other.strip(_BLANK)
    if not bare or bare[0] not in ("{", "[", "`", "*", "<", *_QUOTES):
        return None
    if seen.straddled and not bare.strip(_QUOTES):
        return (
            f"The model continues with {_shown(seen.other)}, the end of the opening: one token "
            "spans the end of the opening and the beginning of the label, so end the opening "
            "with a quote or a colon without a space before it."
        )
    return (
        f"The model begins with {_shown(seen.other)}: let the answer begin like this (opening in "
        'the records, such as {"decision": "), and say so in the prompt.'
    )


def _new_line(seen: Seen) -> str | None:
    """The other token is white space."""
    if seen.other.strip(_BLANK):
        return None
    what = "a new line" if "\n" in seen.other else "a space" if seen.other else "nothing"
    return f"The model continues with {what} instead of answering: {_cure(seen)}."


def _sentence(seen: Seen) -> str | None:
    """Anything else: a word."""
    return f"The model begins with something else ({_shown(seen.other)}): {_cure(seen)}."


def _long(seen: Seen) -> Iterator[str]:
    """Labels of many words, which the model begins and then goes on with otherwise."""
    longest = max(seen.labels, key=len)
    lost = seen.first_mass is None or seen.first_mass > 2 * seen.mass
    if len(longest) >= LONG and lost:
        yield (
            f"Labels are long ({len(longest)} characters): number the options in the prompt, and "
            'use the numbers as labels, such as "1" and "2".'
        )


# In this order: what is special before what is common.
_RULES: tuple[tuple[str, Callable[[Seen], str | None]], ...] = (
    ("thought", _thought),
    ("end of turn", _mark),
    ("spelling", _spelling),
    ("number", _number),
    ("structure", _structure),
    ("new line", _new_line),
    ("sentence", _sentence),
)
