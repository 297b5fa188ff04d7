"""A decision looked at closely: what terminal and page both say of it, and the page itself."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from tremble.decisions.record import READ
from tremble.report.tables.table import Column, Section, Table, count, family_name
from tremble.text import MISSING, decimal
from tremble.xray.tokens import DIFFERENCE

XRay = Mapping[str, Any]
_SHOWN = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
_OPTIONS = (
    "How likely is each option? Prediction: its probability among the options alone. Mass: the "
    "probability of all options together. First tokens: the probability of the tokens that begin "
    "an option."
)
_RESPONSE = (
    "How likely is the response? Nats: minus its log-probability under the whole vocabulary, "
    "summed over its tokens; closing: of the mark that closes it."
)
_BOUNDARY = "Token boundary: whether the answer starts at a token of its own."
HEAD, TAIL = 24, 48  # tokens shown of a long prompt


def printable(text: str) -> str:
    """A text as people may be shown it: control and direction characters as escapes."""
    return "".join(c if c in "\n\t" else _escaped(c) for c in text)


def visible(piece: str) -> str:
    """A token's text with spaces, line ends and control characters to be seen."""
    return "".join(_SHOWN.get(c) or _escaped(c) for c in piece)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    return f"\\u{ord(character):04x}"


def folded(tokens: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Head, middle and tail; no middle where little would be gained."""
    if len(tokens) <= HEAD + 2 * TAIL:
        return tokens, [], []
    return tokens[:HEAD], tokens[HEAD:-TAIL], tokens[-TAIL:]


def heading(reading: XRay) -> str:
    """A model in a format, and which model of a pair it is."""
    roles = f" ({', '.join(reading['roles'])})" if reading["roles"] else ""
    return f"{reading['model']}{roles}, {reading['format']}"


def presentations(xray: XRay) -> dict[int, list[XRay]]:
    """The readings by presentation, in their order."""
    shown: dict[int, list[XRay]] = {}
    for reading in xray["readings"]:
        shown.setdefault(reading["presentation"], []).append(reading)
    return shown


def where_and_who(xray: XRay) -> str:
    about = xray["decision"]
    parts = [family_name(about["family"]), f"data {about['data']}"]
    parts += [f"{name} {about[name]}" for name in ("participant", "round", "role") if about[name]]
    return ", ".join(parts)


def people(xray: XRay) -> list[tuple[str, str]]:
    """What people did and what theory and baselines say: name and words."""
    did, theory = xray["people"], xray["theory"]
    rows = []
    if did["choice"] is not None:
        rows.append(("choice", did["choice"]))
    elif did["response"] is not None:
        rows.append(("response", did["response"]))
    if did["rates"] is not None:
        people_count = "" if did["n"] is None else f" ({count(did['n'])} people)"
        rows.append(("rates", _shares(did["rates"]) + people_count))
    if did["target"] is not None:
        rows.append(("target", did["target"]))
    if theory["normative"] is not None:
        why = "" if theory["why"] is None else f" ({theory['why']})"
        rows.append(("theory", _shares(theory["normative"]) + why))
    else:
        rows.append(("theory", f"{MISSING} ({theory['why'] or 'makes no prediction'})"))
    if theory["numbers"] is not None and READ not in json.loads(theory["numbers"]):
        rows.append(("numbers for baselines", theory["numbers"]))
    for name, value in xray["baselines"].items():
        rows.append((f"baseline {name.replace('_', ' ')}", decimal(value)))
    return [(name, printable(text)) for name, text in rows]


def _shares(shares: Mapping[str, float | None]) -> str:
    return ", ".join(f"{key} {decimal(value)}" for key, value in shares.items())


def comparison(xray: XRay) -> Table:
    """Options, mass, likeliest tokens and what the study holds, a column for each reading."""
    shown = presentations(xray)
    first = next(iter(shown.values()), [])
    said = any(reading["response"] for reading in first)
    offered = any(reading["options"] for reading in first) or not said
    sections = [
        Section(f"presentation {number}" if len(shown) > 1 else "", _rows(readings))
        for number, readings in shown.items()
    ]
    if len(shown) > 1:
        sections.append(
            Section(
                "mean over the presentations (ways of showing the decision)",
                _means(list(shown.values())),
            )
        )
    return Table(
        "side-by-side",
        "Scores side by side" if len(first) > 1 else "Scores",
        " ".join([*[_OPTIONS] * offered, *[_RESPONSE] * said, _BOUNDARY]),
        [Column(""), *(Column(printable(heading(reading))) for reading in first)],
        sections,
        "No model was asked about this decision.",
    )


def _rows(readings: list[XRay]) -> list[list[str]]:
    rows = []
    held = any(reading["stored"] is not None for reading in readings)
    for place, option in enumerate(readings[0]["options"]):
        name = option_name(option)
        for what, digits in (("probability", 4), ("prediction", 4), ("logprob", 5)):
            values = [decimal(reading["options"][place][what], digits) for reading in readings]
            rows.append([f"{name}: {what.replace('logprob', 'log-probability')}", *values])
        if held:
            stored = [
                None
                if not (row := reading["stored"]) or not row["logprobs"]
                else row["logprobs"][place]
                for reading in readings
            ]
            rows.append([f"{name}: stored", *(decimal(value, 5) for value in stored)])
    rows += _of_response(readings, held)
    if offered := bool(readings[0]["options"]):
        rows.append(["mass", *(decimal(reading["mass"], 4) for reading in readings)])
    if any(reading["spelled"] for reading in readings):
        rows += _spellings(readings)
    if offered:
        first = [decimal(reading["first_mass"], 4) for reading in readings]
        rows.append(["first tokens", *first])
    rows.append(["likeliest", *(_top(reading) for reading in readings)])
    if not all(_is_in_top(reading) for reading in readings):
        rows.append(["likeliest other", *(_token(reading["other"]) for reading in readings)])
    rows.append(["prompt tokens", *(count(len(reading["tokens"])) for reading in readings)])
    joins = ["a token spans it" if reading["join"] else "clean" for reading in readings]
    rows.append(["token boundary", *joins])
    if any(reading["error"] is not None for reading in readings):
        rows.append(["not scored", *(printable(r["error"] or MISSING) for r in readings)])
    if held:
        rows.append(["in the study", *(against_study(reading) for reading in readings)])
    rows.append(["score key", *(reading["row_key"] for reading in readings)])
    return rows


def _of_response(readings: list[XRay], held: bool) -> list[list[str]]:
    """How likely what the person said is, where that was asked."""
    said = [reading["response"] for reading in readings]
    if not any(said):
        return []
    rows = []
    for name, key in (("nats", "logprob"), ("nats of closing", "closing_logprob")):
        numbers = [None if one is None or one[key] is None else 0.0 - one[key] for one in said]
        rows.append([f"response: {name}", *(decimal(number, 5) for number in numbers)])
    if held:
        kept = [(reading["stored"] or {}).get("response_logprob") for reading in readings]
        numbers = [None if value is None else 0.0 - value for value in kept]
        rows.append(["response: nats stored", *(decimal(number, 5) for number in numbers)])
    return rows


def _spellings(readings: list[XRay]) -> list[list[str]]:
    spelled = [reading["spelled"] for reading in readings]
    rows = [["mass with spellings", *(decimal(one and one["mass"], 4) for one in spelled)]]
    for place, option in enumerate(readings[0]["options"]):
        texts = [MISSING if one is None else _written(one["texts"][place]) for one in spelled]
        rows.append([f"{option_name(option)}: spellings", *texts])
    return rows


def _written(texts: list[XRay]) -> str:
    return ", ".join(f"{visible(one['text'])} {decimal(one['probability'], 4)}" for one in texts)


def _means(shown: list[list[XRay]]) -> list[list[str]]:
    """The prediction as a study reports it: the mean over presentations, by option key."""
    rows = []
    for key in (option["key"] for option in shown[0][0]["options"]):
        values = []
        for column in range(len(shown[0])):
            shares = [
                option["prediction"]
                for readings in shown
                for option in readings[column]["options"]
                if option["key"] == key
            ]
            whole = None not in shares
            values.append(decimal(math.fsum(shares) / len(shares) if whole else None, 4))
        rows.append([f"{printable(key)}: prediction", *values])
    return rows


def option_name(option: XRay) -> str:
    label, key = printable(option["label"]), printable(option["key"])
    return label if label == key else f"{label} ({key})"


def _is_in_top(reading: XRay) -> bool:
    """Whether the likeliest token that begins no option stands among the likeliest of all."""
    other = reading["other"]
    return other is None or any(entry["id"] == other["id"] for entry in reading["top"])


def _top(reading: XRay) -> str:
    return ", ".join(map(_token, reading["top"])) or MISSING


def _token(entry: XRay | None) -> str:
    if entry is None:
        return MISSING
    return f"{visible(entry['token'])} {decimal(entry['probability'], 3)}"


def against_study(reading: XRay) -> str:
    """Whether the study holds this row, and whether its score is the same."""
    stored = reading["stored"]
    if stored is None:
        return "not scored yet"
    if not stored["same_prompt"]:
        return "ANOTHER PROMPT: data, wording or reading have changed since then"
    if stored["error"] is not None:
        return printable(stored["error"])
    apart = stored["max_abs_diff"]
    if stored["differs"]:
        return "DIFFERS" + ("" if apart is None else f" by {apart:.1e} nat")
    return f"equal within {DIFFERENCE:g} nat"


def notes(xray: XRay) -> list[str]:
    """What a reader must know beside the prompt, each once; of warnings on token boundaries the
    first, with their number."""
    warnings = [reading["warning"] for reading in xray["readings"] if reading["warning"]]
    joins = warnings[:1]
    if len(set(warnings)) > 1:
        joins = [f"{warnings[0]} Prompts with such a token boundary: {len(warnings)}."]
    return [printable(note) for note in dict.fromkeys([*xray["notes"], *joins])]
