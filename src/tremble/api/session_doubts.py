"""What transcripts of an experiment often have wrong, in one sentence per experiment and kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tremble.decisions.record import Decision, Game, name_hash
from tremble.decisions.sessions import (
    END,
    EXPERIMENT,
    FAMILY,
    OLD_IMPORT,
    TIMES,
    is_empty,
    is_missing,
)
from tremble.text import counted

_TOLD = 5  # responses told before their mark from which on it is no chance
_SURE = 0.95  # share of responses that a phrase tells
_PHRASES = 30  # phrases of an experiment that are looked at, at a time
_ENOUGH = 20  # times that a phrase stands, after which one that mostly tells nothing is given up
_GIVEN_UP = 10_000  # phrases that are known to tell nothing
_LOOKED_AT = 20_000  # characters of a text in which things are looked for
_LONG = 60  # characters of a response from which on nobody would say it first
_LABELS = 30  # different responses of an experiment that can be labels
_TWO_WORDS = re.compile(r"[^\W\d_]+[^\w<>]+[^\W\d_]+[^\w<>.!?\n]+\Z")
_FORCED = re.compile(
    r"\b(?:(?:instructed|forced|required|obliged|told) to|must|(?:have|had) to|no choice but to)\b"
    r"([^.!?\n]{0,200})",
    re.IGNORECASE,
)
_LETTER = r"['\"]?([A-Z])['\"]?(?![\w'])"
_NAMED = re.compile(rf"\b([A-Za-z]{{3,}})\s+(?:(?:(?:is|are)\s+)?(?:called|named)\s+)?{_LETTER}")
_KEYS = re.compile(
    rf"\b(?i:press|pressing|keys?|buttons?)\s+(?:the\s+)?(?:(?:key|button)s?\s+)?{_LETTER}"
    rf"(?:,?\s+(?:and|or)\s+(?:the\s+)?(?:(?:press|key|button)\s+)?{_LETTER})?"
)
_NO_THINGS = {
    *(
        "the",
        "and",
        "are",
        "was",
        "were",
        "key",
        "button",
        "letter",
        "label",
        "labeled",
        "labelled",
    ),
    *("marked", "named", "called", "press", "pressed", "pressing", "choose", "chose", "option"),
    *("select", "selected", "selecting", "choosing", "tap", "tapping", "either", "then", "with"),
    *("response", "answer", "predict", "predicted", "pick", "picked", "not", "that", "than", "for"),
}
_AFTER = re.compile(
    r"\s*(?:after|in|within)\s+(\d+(?:\.\d+)?)\s*(milliseconds?|msec|ms|seconds?|sec|s)\b"
)


@dataclass(slots=True)
class _Experiment:
    """What was seen of one experiment."""

    line: int
    responses: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    phrases: dict[str, _Phrase] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    forced: int = 0
    free: int = 0  # a sentence of force that names another label than the response
    first_forced: str = ""
    closed: int = 0  # marks without text before a ">"
    two_things: int = 0
    first_two: str = ""
    keys_too: int = 0  # sessions in which a key's letter also names a thing
    first_key: str = ""
    sessions: int = 0
    fixed: dict[str, str] = field(
        default_factory=dict
    )  # words that name one letter in all sessions
    pressed: Counter[str] = field(default_factory=Counter)  # sessions in which a letter is pressed
    unequal: int = 0  # sessions whose reaction times are of another number
    other: int = 0  # responses whose text says another time
    first_other: str = ""


@dataclass(slots=True)
class _Phrase:
    """Words before a response's own text: in how many responses they stand and tell it."""

    stands: int = 0
    tells: int = 0
    told: set[str] = field(default_factory=set)


class SessionDoubts:
    """Takes in decisions as they pass, and looks at each session once."""

    def __init__(self) -> None:
        self._experiments: dict[str, _Experiment] = {}
        self._last: Game | None = None
        self._seen: set[int] = set()

    def add(self, decision: Decision) -> bool:
        """Whether more is to be said of it than of the response before: it is no response, or the
        first one of a session."""
        game = decision.game
        if decision.response is None or game is None:
            return True
        if game is self._last:
            return False
        self._last = game
        mark = name_hash(game.id)
        if mark not in self._seen:
            self._seen.add(mark)
            self._look(game, decision)
        return True

    def _look(self, game: Game, first: Decision) -> None:
        study = str(game.config.get(EXPERIMENT))
        seen = self._experiments.setdefault(study, _Experiment(first.line or 0))
        texts = [str(event.data.get("text", "")) for event in game.events[::2]]
        responses = [str(event.data.get("response", "")) for event in game.events[1::2]]
        seen.responses += len(responses)
        seen.closed += sum(
            is_empty(response) and after.startswith(END[0])
            for response, after in zip(responses, texts[1:], strict=True)
        )
        for label in responses[:_LOOKED_AT]:
            if len(seen.labels) < _LABELS + 1 and len(label) < _LONG:
                seen.labels[label.strip()] += 1
        for text, response in zip(texts, responses, strict=False):
            said = response.strip()
            if not is_empty(said) and not is_missing(said) and len(said) < _LONG:
                _told(seen, text[-_LOOKED_AT:], said)
                _forced(seen, text[-_LOOKED_AT:], said)
        _two_things(seen, texts, set(responses))
        times = game.events[-1].data.get(TIMES)
        if times is not None:
            _times(seen, times, responses, texts)

    def sentences(self) -> Iterator[tuple[str, int]]:
        """Each with the line of the experiment's first session."""
        for study, seen in self._experiments.items():
            for what in _sentences(seen):
                yield f"{study}: {what}", seen.line


def old_import(decision: Decision) -> str | None:
    """A sentence on a response of a session that an earlier version imported."""
    old = decision.family == FAMILY and decision.dataset == "psych" and decision.response is None
    return OLD_IMPORT if old else None


def _sentences(seen: _Experiment) -> Iterator[str]:
    phrase = max(
        (item for item in seen.phrases.items() if _tells(item[1])),
        key=lambda item: item[1].tells,
        default=None,
    )
    if phrase is not None:
        words, found = phrase
        yield (
            f"in {found.tells:,} of {counted(seen.responses, 'response')} the text says the "
            f"response before its mark, after {words!r}, so a model can copy it; take it out of "
            "the text."
        )
    if seen.forced > 1 and seen.forced >= _SURE * (seen.forced + seen.free):
        yield (
            f"{counted(seen.forced, 'response')} of {seen.responses:,} are in marks though the "
            f"text leaves no choice ({seen.first_forced!r}); take the marks away where nobody "
            "chose."
        )
    if seen.closed:
        yield (
            f"the responses of {counted(seen.closed, 'mark')} are empty and followed by >; if "
            "people answered >, write the answer as a word."
        )
    two = _most_of_two_things(seen)
    if two is not None:
        sessions, which = two
        yield (
            f"in {counted(sessions, 'session')} one letter means two things ({which}); give them "
            "different letters."
        )
    if seen.unequal:
        yield (
            f"in {counted(seen.unequal, 'session')} there are more or fewer reaction times than "
            "responses, so they do not match; check the source."
        )
    if seen.other:
        yield (
            f"the text of {counted(seen.other, 'response')} has another reaction time than the "
            f"column ({seen.first_other}), so they do not match; check the source."
        )


def _most_of_two_things(seen: _Experiment) -> tuple[int, str] | None:
    """In how many sessions one letter means two things, and which, as the surest sign has it."""
    if seen.two_things:
        return seen.two_things, seen.first_two
    for word, letter in seen.fixed.items():
        # A letter that everybody has is the option that the word stands for.
        if 0 < seen.pressed[letter] < 0.9 * seen.sessions:
            return seen.pressed[letter], f"{word} {letter}, and {letter} is a response"
    return (seen.keys_too, seen.first_key) if seen.keys_too else None


def _tells(found: _Phrase) -> bool:
    sure = found.tells >= max(_TOLD, _SURE * found.stands)
    return sure and len(found.told) > 1


def _bordered(text: str, at: int, word: str) -> bool:
    """Whether a word at a place stands on its own."""
    after = text[at + len(word) : at + len(word) + 1]
    return not after.isalnum() and not (at and text[at - 1].isalnum())


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        if _bordered(text, at, word):
            yield at
        at = text.find(word, at + 1)


def _told(seen: _Experiment, text: str, response: str) -> None:
    """Phrases that stand before the response's own words in the text before its mark, and every
    time they stand there. What always tells one and the same response is no phrase that tells."""
    for at in islice(_places(text, response), 20):
        if len(seen.phrases) >= _PHRASES:
            break
        words = _TWO_WORDS.search(text[max(0, at - 40) : at])
        if words is not None and words[0] not in seen.given_up:
            seen.phrases.setdefault(words[0], _Phrase())
    for phrase, found in list(seen.phrases.items()):
        stands = text.count(phrase)
        if stands:
            found.stands += 1
            whole = sum(_bordered(text, at, response) for at in _ends(text, phrase, response))
            if whole == stands:
                found.tells += 1
                if len(found.told) < 2:
                    found.told.add(response)
            if found.stands > _ENOUGH and found.tells < 0.8 * found.stands:
                del seen.phrases[phrase]
                if len(seen.given_up) < _GIVEN_UP:
                    seen.given_up.add(phrase)


def _ends(text: str, phrase: str, response: str) -> Iterator[int]:
    at = text.find(phrase + response)
    while at >= 0:
        yield at + len(phrase)
        at = text.find(phrase + response, at + 1)


def _forced(seen: _Experiment, text: str, response: str) -> None:
    if len(seen.labels) > _LABELS:
        return
    if not any(word in text for word in (" to ", "must")):  # most texts have none of them
        return
    for sentence in islice(_FORCED.finditer(text), 20):
        named = {label for label in seen.labels if label and any(_places(sentence[1], label))}
        named |= {response} if any(_places(sentence[1], response)) else set()
        if named == {response}:
            seen.forced += 1
            seen.first_forced = seen.first_forced or sentence[0][:60].strip()
            return
        seen.free += len(named) == 1


def _two_things(seen: _Experiment, texts: list[str], responses: set[str]) -> None:
    """A letter that names two kinds of things, or one that is pressed and also names a thing that
    other letters are pressed for."""
    things: dict[str, Counter[str]] = {}
    read = "<<>>".join(texts)[:_LOOKED_AT]
    for noun, letter in _NAMED.findall(read):
        word = noun.lower().removesuffix("s")
        if not {word, noun.lower()} & _NO_THINGS:
            things.setdefault(word, Counter())[letter] += 1
    kinds = {word: set(letters) for word, letters in things.items() if len(letters) > 1}
    pressed = {one for one in responses if len(one) == 1 and one.isupper()}
    seen.sessions += 1
    seen.pressed.update(pressed)
    alone = {word: min(letters) for word, letters in things.items() if len(letters) == 1}
    if seen.sessions == 1:
        seen.fixed = alone
    seen.fixed = {word: one for word, one in seen.fixed.items() if alone.get(word) == one}
    found = _key_and_thing(read, things, pressed) if things else None
    if found is not None:
        seen.keys_too += 1
        seen.first_key = seen.first_key or found
    for word, letters in kinds.items():
        other = next((w for w, others in kinds.items() if w != word and others & letters), None)
        if other is not None:
            letter = min(kinds[other] & letters)
            found = f"{word} {letter}, {other} {letter}"
        elif letters & pressed and letters - pressed and pressed - letters:
            letter = min(letters & pressed)
            found = f"{word} {letter}, and {letter} is a response"
        else:
            continue
        seen.two_things += 1
        seen.first_two = seen.first_two or found
        return


def _key_and_thing(text: str, things: Mapping[str, Counter[str]], pressed: set[str]) -> str | None:
    """A letter of a key that also names a thing, where another key names none: if all keys have
    things, or a sentence has key and thing, the things are what the keys are for."""
    keys = {letter for found in _KEYS.finditer(text) for letter in found.groups() if letter}
    named = {letter for letters in things.values() for letter in letters}
    if not keys & pressed or not keys - named:
        return None
    for word, letters in things.items():
        for letter in sorted(keys & set(letters)):
            thing = re.compile(rf"\b{word}s?\b[^.!?\n]*\b{letter}\b", re.IGNORECASE)
            told = (one for one in re.split(r"[.!?\n]|<<>>", text) if thing.search(one))
            if not any(letter in found.groups() for one in told for found in _KEYS.finditer(one)):
                return f"key {letter}, {word} {letter}"
    return None


def _times(seen: _Experiment, times: Any, responses: list[str], texts: list[str]) -> None:
    if len(times) != len(responses):
        seen.unequal += 1
        return
    for time, text in zip(times, texts[1:], strict=True):
        told = _AFTER.match(text[:40])
        if told is None or time is None:
            continue
        written, milliseconds = float(told[1]), told[2].startswith("m")
        same = {written, written * 1000, written / 1000}
        if not any(
            abs(one - time) <= 1e-2 * abs(time) + (0.5 if milliseconds else 0.05) for one in same
        ):
            seen.other += 1
            seen.first_other = seen.first_other or f"{told[0].strip()!r}, {time:g}"
