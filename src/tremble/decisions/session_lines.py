"""A line with a session, checked, and the record of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tremble.decisions.fields import Fields
from tremble.decisions.record import SCHEMA
from tremble.decisions.sessions import (
    BEGIN,
    END,
    EXPERIMENT,
    TIMES,
    Labels,
    MarkFault,
    Session,
    is_empty,
    is_missing,
    pieces,
    wrong_labels,
)
from tremble.text import as_written, composed

KIND = "session"
_KEYS = {
    *("schema", "kind", "id", "dataset", "family", "text", "participant", "study", "options"),
    *("target", "responses", TIMES, "person", "config"),
}


def session_of(check: Fields, value: dict[str, Any], source: str) -> Session:
    """The session of a parsed line. `source`: its data set, where the line does not say it.

    Raises Fault, through `check`, for what is wrong with it.
    """
    check.known(value, _KEYS)
    if value.get("family", KIND) != KIND:
        check.fail(f"family is {as_written(value['family'])}, but a session's is 'session'.")
    text = value.get("text")
    if not isinstance(text, str) or not text:
        check.fail(f"text is {as_written(text)}; it must be the transcript, a non-empty text.")
    try:
        parts = pieces(text)
    except MarkFault as fault:
        check.fail(f"column {fault.column} of text: {fault}")
    texts, responses = tuple(parts[::2]), tuple(parts[1::2])
    dataset = check.text(value, "dataset", source)
    study = composed(check.text(value, "study", dataset))
    config = dict(check.table(value, "config"))
    if config.pop(EXPERIMENT, study) != study:
        check.fail(f"config has another experiment than study, {study!r}; leave it out of config.")
    options = None
    if value.get("options") is not None:
        options = tuple(_options(check, value["options"], len(responses)))
    return Session(
        id=check.text(value, "id", f"{dataset}/{check.line}"),
        dataset=dataset,
        study=study,
        participant=composed(check.text(value, "participant")),
        texts=texts,
        responses=responses,
        options=options,
        target=_target(check, value, options, responses) if "target" in value else None,
        asked=_asked(check, value["responses"], responses) if "responses" in value else None,
        person=check.table(value, "person"),
        config=config,
        times=_times(check, value.get(TIMES)),
        line=check.line,
    )


def _options(check: Fields, options: Any, count: int) -> Iterator[Labels | None]:
    """The labels offered at each of `count` responses."""
    if not isinstance(options, list) or not options:
        check.fail(f"options is {as_written(options)}; give a list of labels.")
    if any(isinstance(one, str) for one in options):
        yield from [_labels(check, options, "options")] * count
        return
    if len(options) != count:
        check.fail(
            f"options has {len(options):,} entries for {count:,} responses; give one for each "
            "(a list of labels, or null), or one list of labels for all."
        )
    for place, one in enumerate(options, 1):
        yield None if one is None else _labels(check, one, f"options of response {place}")


def _labels(check: Fields, labels: Any, what: str) -> Labels:
    if wrong := wrong_labels(labels):
        check.fail(f"{what} is {as_written(labels)[:100]}; {wrong}.")
    return tuple(labels)


def _target(
    check: Fields, value: dict[str, Any], options: Any, responses: tuple[str, ...]
) -> tuple[str | None, ...]:
    """The target at each response."""
    target = value["target"]
    each = target if isinstance(target, list) else [target] * len(responses)
    if len(each) != len(responses):
        check.fail(
            f"target has {len(each):,} entries for {len(responses):,} responses; give one for each "
            "(a label, or null), or one for all."
        )
    found: list[str | None] = []
    for labels, one in zip(options or (None,) * len(responses), each, strict=True):
        if one is not None and not isinstance(one, str):
            check.fail(f"target is {as_written(one)}; it must be a label, or null for none.")
        there = labels is not None and one in labels
        if isinstance(target, list) and one is not None and not there:
            check.fail(f"target {one!r} is not among the options of its response.")
        found.append(one if there else None)
    if target is not None and not isinstance(target, list) and not any(found):
        check.fail(f"target {target!r} is not among the options.")
    return tuple(found)


def _asked(check: Fields, numbers: Any, responses: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers of the responses that are decisions."""
    cure = "give the numbers, from 1, of responses with text in ascending order"
    if not isinstance(numbers, list) or not numbers:
        check.fail(f"responses is {as_written(numbers)}; {cure}, or leave it out for all.")
    before = 0
    for number in numbers:
        if type(number) is not int or not before < number <= len(responses):
            check.fail(f"responses has {as_written(number)}; {cure}.")
        response = responses[number - 1]
        if is_empty(response) or is_missing(response):
            check.fail(f"responses has {number}, which is {response!r}; {cure}.")
        before = number
    return tuple(numbers)


def _times(check: Fields, times: Any) -> tuple[Any, ...] | None:
    if times is None:
        return None
    if not isinstance(times, list) or not all(_is_time(one) for one in times):
        check.fail(f"{TIMES} is {as_written(times)[:60]}; give a list of numbers, null for none.")
    return tuple(times)


def _is_time(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def without_responses(session: Session) -> str:
    """What to say of a session without any decision."""
    if not session.responses:
        return (
            f"the text has no {BEGIN} {END}, so no study uses this session; put {BEGIN} before and "
            f"{END} after each response."
        )
    cure = "mark what the participant answered, or remove the line"
    if any(text.startswith(END[0]) for text in session.texts[1:]):
        cure = f"if people answered {END[0]}, write the answer as a word"
    return f"no response has text (nan and None are none), so no study uses this session; {cure}."


def session_to_json(session: Session) -> dict[str, Any]:
    """The record of a session; keys whose value says nothing are left out."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": KIND,
        "id": session.id,
        "dataset": session.dataset,
        "participant": session.participant,
        "study": session.study,
        "text": session.text(),
    }
    if session.options is not None:
        record["options"] = _once(session.options)
    if session.target is not None:
        record["target"] = _once(session.target)
    if session.asked is not None:
        record["responses"] = list(session.asked)
    if session.times is not None:
        record[TIMES] = list(session.times)
    for key, value in (("person", session.person), ("config", session.config)):
        if value:
            record[key] = dict(value)
    return record


def _once(each: Any) -> Any:
    """What holds at every response, written once where it is the same; of labels a list, not a list
    of lists."""
    return (
        each[0]
        if len(set(each)) == 1 and each[0] is not None
        else (None if not any(each) else list(each))
    )
