"""The options of a guessed task, from the values that its outcome column holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from tremble.tabular.cells import number_of, same
from tremble.tabular.guess.draft import DraftOption
from tremble.tabular.guess.looked import Field
from tremble.tabular.guess.words import own_words, word_list, words_of
from tremble.text import as_text

MOST = 11  # options of words, and points of a scale of which all are listed
_POINTS = 21  # whole numbers that are taken for options, at most
_LONG = 60  # characters of an option, at most
_TOOK = re.compile(r"(?:chose|chosen|picked|selected|took)[_.]?(\w+)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*|\d\d?[./]\d\d?[./]\d{2,4}.*")

# What yes means for a column of this name, and what no means.
PAIRS = {
    "accept": ("accept", "reject"),
    "reject": ("reject", "accept"),
    "cooperat": ("cooperate", "defect"),
    "defect": ("defect", "cooperate"),
    "agree": ("agree", "disagree"),
    "approve": ("approve", "disapprove"),
    "invest": ("invest", "keep"),
    "donate": ("donate", "keep"),
    "buy": ("buy", "not buy"),
    "bought": ("buy", "not buy"),
    "purchas": ("buy", "not buy"),
    "guilty": ("guilty", "not guilty"),
    "trust": ("trust", "not trust"),
    "angenommen": ("annehmen", "ablehnen"),
}
_YES = {"true": True, "t": True, "false": False, "f": False}
_FIRST = word_list(
    "yes ja true accept accepted cooperate agree buy trust invest donate safe approve guilty "
    "annehmen zustimmen left a heads"
)
# Words of scales, in their order.
_SCALES = (
    "strongly disagree|disagree|somewhat disagree|slightly disagree|neither agree nor disagree|"
    "neutral|undecided|slightly agree|somewhat agree|agree|strongly agree",
    "extremely unlikely|very unlikely|unlikely|moderately unlikely|somewhat unlikely|"
    "slightly unlikely|neither likely nor unlikely|slightly likely|somewhat likely|"
    "moderately likely|likely|very likely|extremely likely",
    "not at all|not very|a little|slightly|somewhat|moderately|quite|very|very much|extremely",
    "never|rarely|seldom|sometimes|often|usually|always",
    "very bad|bad|poor|fair|good|very good|excellent",
    "none|low|medium|high",
)


def options_of(field: Field, codes: Mapping[str, float]) -> tuple[list[DraftOption], list[str]]:
    """The options of a column, and what is to be checked of them. `codes`: label -> its code."""
    groups: dict[str, list[str]] = {}
    for value in sorted(field.counts):
        groups.setdefault(same(value, field.decimal).casefold(), []).append(value)
    cells = [sorted(group, key=lambda v: -field.counts[v]) for group in groups.values()]
    if len(cells) == 2:
        pair = _pair(field, cells)
        if pair is not None:
            return pair
    numbers = [number_of(group[0], field.decimal) for group in cells]
    if None not in numbers:
        return _numbers(cells, [number for number in numbers if number is not None])
    made = [DraftOption(group[0], group) for group in cells]
    if codes and all(one.key in codes for one in made):
        made.sort(key=lambda one: codes[one.key])
        if len(made) > 2:
            for one in made:
                code = codes[one.key]
                one.value = int(code) if code.is_integer() else code
            return made, [
                "the values are the codes of the file; remove them if the options are not a scale"
            ]
        return made, []
    scale = _scale([one.key for one in made])
    if scale is not None:
        made.sort(key=lambda one: scale.index(one.key.casefold()))
        for number, one in enumerate(made, 1):
            one.value = number
        return made, ["the order and the values of the scale are a guess"]
    made.sort(key=lambda one: (_rank(one.key), one.key))
    return made, []


def can_be_options(field: Field) -> bool:
    """Whether the values of a column are few and short, and neither dates nor JSON."""
    values = field.counts
    numbers = field.numbers
    whole = numbers is not None and all(isinstance(number, int) for number in numbers)
    if not 2 <= len(values) <= (_POINTS if whole else MOST):
        return False
    if any(len(value) > _LONG or value[0] in "{[" or _DATE.fullmatch(value) for value in values):
        return False
    return numbers is None or whole or len(values) <= MOST


def _pair(field: Field, cells: Sequence[list[str]]) -> tuple[list[DraftOption], list[str]] | None:
    """Options of a column of True and False, or of 1 and 0, with words for them."""
    texts = {group[0].casefold(): group for group in cells}
    meaning = next((words for word, words in PAIRS.items() if _named(field, word)), None)
    took = _TOOK.fullmatch(field.name)
    if took is not None and meaning is None:
        meaning = (took[1].strip("_"), f"not {took[1].strip('_')}")
    if texts.keys() <= _YES.keys():
        yes = next((group for text, group in texts.items() if _YES[text]), None)
        no = next((group for text, group in texts.items() if not _YES[text]), None)
        words = meaning or ("yes", "no")
    elif texts.keys() == {"0", "1"} and meaning is not None:
        yes, no, words = texts["1"], texts["0"], meaning
    else:
        return None
    if yes is None or no is None:
        return None
    shown = f"{yes[0]} is read as {words[0]!r}, {no[0]} as {words[1]!r}"
    return [DraftOption(words[0], yes), DraftOption(words[1], no)], [shown]


def _named(field: Field, word: str) -> bool:
    return any(one.startswith(word) for one in own_words(field.name))


def _numbers(
    cells: Sequence[list[str]], numbers: Sequence[int | float]
) -> tuple[list[DraftOption], list[str]]:
    """Options of codes, or of the points of a scale; points that nobody chose are options, too."""
    made = [
        DraftOption(as_text(number), group, number)
        for number, group in zip(numbers, cells, strict=True)
    ]
    made.sort(key=lambda one: one.value or 0)
    if len(made) == 2:
        codes = [one.key for one in made]
        if codes == ["0", "1"]:
            made.reverse()
        for one in made:
            one.value = None
        return made, [
            f"write what {codes[0]} and {codes[1]} mean: "
            f'{{ key = "yes", cells = ["{made[0].cells[0]}"] }}'
        ]
    low, high = made[0].value or 0, made[-1].value or 0
    whole = all(isinstance(number, int) for number in numbers)
    if whole and len(made) < high - low + 1 <= min(MOST, 2 * len(made)):
        known = {one.key for one in made}
        lacking = [str(n) for n in range(int(low), int(high) + 1) if str(n) not in known]
        made += [DraftOption(text, [text], int(text)) for text in lacking]
        made.sort(key=lambda one: one.value or 0)
        return made, [f"nobody chose {', '.join(lacking)}; remove what was not an option"]
    doubts = ["if the numbers stand for words, write the words as labels"]
    if whole and len(made) > 2 and high - (made[-2].value or 0) > 2:
        doubts.append(
            f"{as_text(high)} is far from the other values; if it means no answer, write missing "
            f'= ["{as_text(high)}"] under [file]'
        )
    return made, doubts


def _scale(keys: Collection[str]) -> list[str] | None:
    held = {key.casefold() for key in keys}
    scales = (one.split("|") for one in _SCALES)
    return next((scale for scale in scales if len(held) > 2 and held <= set(scale)), None)


def _rank(key: str) -> int:
    words = words_of(key)
    return next((at for at, word in enumerate(_FIRST) if words[:1] == [word]), len(_FIRST))
