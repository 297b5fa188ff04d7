"""How numbers are written wherever people read them: in notes, tables and pages."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import date, time
from typing import Any


def duration(seconds: float) -> str:
    """Seconds as a person says them: '40 s', '5 min', '2.5 h'."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"


def composed(text: str) -> str:
    """A text with each letter and its marks as one character where there is one (Unicode's NFC):
    people see the same, however it was written."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def join_notes(*notes: str | None) -> str | None:
    """The notes that there are, in one sentence part; None where there are none."""
    return "; ".join(note for note in notes if note) or None


MISSING = "–"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number of size about 1 without its leading zero: .38, -.04, 1.00.

    Values nearer to zero than .01 get three decimals, so that .004 is not read as nothing.
    None is an en dash.
    """
    if value is None:
        return MISSING
    if 0 < abs(value) < 0.01:
        digits = max(digits, 3)
    text = f"{abs(value):.{digits}f}".removeprefix("0")
    return f"-{text}" if value < 0 and float(text) else text


def against(value: float, threshold: float) -> str:
    """`value` with enough decimals (two to six) not to look like the threshold it is not."""
    for digits in range(2, 7):
        text = decimal(value, digits)
        if text != decimal(threshold, digits):
            break
    return text


def p_value(p: float | None) -> str:
    """A p value: '< .001', three decimals below .1, two above, '> .99' at the top."""
    if p is None:
        return MISSING
    if p < 0.001:
        return "< .001"
    if p > 0.99:
        return "> .99"
    return decimal(p, 3 if p < 0.0995 else 2)


def one_line(error: BaseException) -> str:
    """The first line of a foreign error, short enough to be quoted inside a sentence."""
    try:
        text = str(error).strip()
    except Exception:  # an error whose own text fails is still to be named
        text = ""
    line = (text or type(error).__name__).splitlines()[0]
    if len(line) > 300:
        return f"{line[:300].rpartition(' ')[0] or line[:300]} ..."
    return line.rstrip(" .:")


def abridged(sentence: str, most: int = 1000) -> str:
    """A sentence, its middle left out where a value in it makes it longer than `most`."""
    if len(sentence) <= most:
        return sentence
    return f"{sentence[: most - 300]} ... {sentence[-300:]}"


# What a terminal obeys instead of showing it; line ends and tabs are not meant.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""A text whose control characters are shown, not obeyed: escapes of a terminal, marks that
    turn the direction of writing, bytes that are not UTF-8. Line ends and tabs stay."""
    return UNSEEN.sub(_shown, text)


def _shown(character: re.Match[str]) -> str:
    code = ord(character[0])
    if 0xDC80 <= code <= 0xDCFF:  # how Python writes a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


# What we print beside ASCII, and what stands for it in terminals that have no such character.
_PLAIN = {"–": "-", "…": ".", "×": "x"}


def encodable(text: str, encoding: str) -> str:
    r"""A text that a stream of this encoding can show: each character that it lacks as a plain one
    of the same width where we print it ourselves, else as an escape ("\u00e9")."""
    try:
        text.encode(encoding)
    except UnicodeError:
        return "".join(_held(character, encoding) for character in text)
    return text


def _held(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeError:
        escaped = character.encode("ascii", "backslashreplace").decode("ascii")
        return _PLAIN.get(character, escaped)
    return character


def is_text(value: object) -> bool:
    """Whether that is a text, and one that can be written: without half of a surrogate pair."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def texts(value: object) -> bool:
    """Whether that is a list or a tuple of such texts."""
    return isinstance(value, list | tuple) and all(map(is_text, value))


def as_written(value: Any) -> str:
    """A value of a TOML or JSON file as it is written there: true, not True; 'missing' for none."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_inside, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_inside(held)}' for key, held in value.items())}}}"
    return repr(value)


def _inside(value: Any) -> str:
    return "null" if value is None else as_written(value)


def as_text(value: Any) -> str:
    """A parameter's value as it is shown and asked for; 5.0, as spreadsheets write it, is 5."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def times(shape: Iterable[int]) -> str:
    """The shape of a tensor: "4 x 32"."""
    return " x ".join(map(str, shape)) or "one number"


def counted(number: int, what: str) -> str:
    """A number with its noun: "1 decision", "1,200 decisions"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def some_of(shown: Iterable[str], more: int) -> str:
    """The first of some names, and how many more there are: "a, b and 3 more"."""
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def of_template(message: str) -> str:
    """An error of jinja's, where its words are a programmer's, in plain English."""
    found = re.search(r"Range too big.*?\((\d+)\)", message)
    return f"it counts over a range of more than {int(found[1]):,}" if found else message


def did_you_mean(word: str, known: list[str]) -> str:
    """'; did you mean X?' where a known word is close or holds this one ('X or Y' where several are
    equally close), else the list of known words."""
    import difflib

    names = list(dict.fromkeys(known))
    # `get_close_matches` compares in this order of the two, and it matters.
    likeness = {name: difflib.SequenceMatcher(None, name, word).ratio() for name in names}
    best = difflib.get_close_matches(word, names, n=1)
    close = [name for name in names if best and likeness[name] == likeness[best[0]]]
    if not close and word:
        close = [name for name in names if word.casefold() in name.casefold()]
    if not close:
        return f"; choose from: {', '.join(sorted(known))}."
    *others, last = map(repr, close)
    return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
