"""Words in the names of columns, by which people and programs say what is in them."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise


def word_list(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """The words of a text, in no order."""
    return frozenset(text.split())


# What somebody chose; the second list says so only where nothing of the first is there.
OUTCOME = word_set(
    "choice choices chosen chose choose decision decisions decide decided accept accepted accepts "
    "reject rejected outcome response responses resp answer answers vote voted action move pick "
    "picked selected selection buy bought purchase purchased cooperate cooperated cooperation "
    "defect defected judgment judgement rating ratings invest invested donate donated keys bet "
    "preference preferred agree agreed agreement approve approved support guilty comply likert "
    "wahl entscheidung antwort urteil angenommen bewertung zustimmung"
)
AMOUNT = word_set(
    "contribution contribute contributed offer offered send sent sends transfer transferred bid "
    "allocation allocated give given gives donation investment keep kept guess beitrag"
)
# Amounts that are shown to somebody: those of an offer always, those of others who went before
# only to somebody who answers them.
SHOWN = word_set("offer offered proposal proposed")
RECEIVED = word_set("sent transferred given received")
_OF_GROUP = word_set("group grp gruppe")
CONDITION = word_set(
    "condition cond conditions treatment treat treated group grp arm frame framing version "
    "variant manipulation bedingung gruppe treatments experiment_group zufallsgruppe rahmen"
)
FACT = word_set(
    "age gender sex education income country nationality ethnicity race religion politics "
    "political ideology party student employment occupation marital alter geschlecht bildung "
    "beruf einkommen herkunft semester handed handedness händigkeit ses ethnic language native"
)
# What scales measure of a person: no decision, where there is one.
TRAIT = word_set(
    "attitude attitudes aversion personality extraversion extroversion introversion neuroticism "
    "openness conscientiousness agreeableness narcissism empathy optimism numeracy iq bfi tipi "
    "panas svo crt trait traits einstellung persönlichkeit"
)
TEXT = word_set(
    "stimulus vignette scenario text prompt statement sentence story description question dilemma "
    "problem_text message"
)
ITEM = word_set(
    "item itemid itemno vignette vignetteid scenario scenarioid problem problemid stimulus "
    "stimulusid stim stimid lottery lotteryid gamble gambleid game gameid questionid dilemma "
    "story"
)
# What the experiment's program notes down, and what comes after a decision.
META = word_set(
    "time date day duration rt latency timestamp started ended ip browser device screen width "
    "height url payoff payment paid bonus earnings correct accuracy comment comments note notes "
    "remark remarks feedback consent attention check captcha comprehension seed index finished "
    "completed complete progress status email phone address weight payoffs profit confidence "
    "result results won winner corr corrans acc correctness solution"
)
# What is made of decisions, wherever the word stands; and where it is the first or the last one.
MADE = word_set(
    "total totals sum average avg cumulative overall payoff payoffs profit profits earnings earned "
    "winner score scores summe gesamt durchschnitt auszahlung gewinn"
)
_MADE_AT_ENDS = word_set("mean n num count rate prop proportion freq anzahl")
# Whose answer a column holds, where it is not that of the participant; what counts groups.
OTHERS = word_set(
    "partner partners other others opponent opponents opp their theirs coplayer coplayers "
    "counterpart rival neighbor neighbour teammate teammates computer bot"
)
GROUPS = word_set("dyad dyads pair pairs team teams session sessions site lab room group cohort")
# What a column of one condition may end in, beside others of the same outcome.
ENDINGS = word_set(
    "gain loss control treatment high low self other pre post before after neutral positive "
    "negative with without public private own a b"
)
PRACTICE = word_set(
    "practice practise training instruction instructions warmup tutorial welcome fixation "
    "attention attention_check catch example uebung übung"
)
# Names of columns of people, of rounds and of kinds of trials, the surest first.
PERSON = word_list(
    "participantcode participantid participant participantnr participantno subjectid subject "
    "subjectnr subjectno subjid subj subid sub pptid ppt ppn pid ppid personid person "
    "respondentid respondent responseid vpcode vpnr vpn vp versuchsperson teilnehmer proband "
    "userid user uid playerid player caseid case runid sid studentid id code nr prolificpid "
    "prolificid workerid rater raterid annotator judge "
    "evaluator coder respid resp dm decider ss"
)
ROUND = word_list(
    "round roundnumber roundnr roundno subsessionroundnumber period trial trialnumber trialnum "
    "trialnr trialno trialid trialindex turn repetition rep runde durchgang"
)
KIND = word_list("task trialtype phase game type part block condition stage")

_OTREE = re.compile(r"^(?:\w+\.(?:\d+|\{\w+\})\.)?(?:player|group|subsession)\.(?=\w)")
_BREAKS = re.compile(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")


def words_of(name: str) -> list[str]:
    """The words of a column's name, without numbers and parts in braces:
    "player.didTake_2" -> player, did, take."""
    apart = _BREAKS.sub(" ", re.sub(r"\{\w+\}", " ", name))
    return [word for word in re.split(r"[\W\d_]+", apart.casefold()) if word]


def joined(name: str) -> str:
    """A name without what is no letter or digit, in small letters: "Participant.code" ->
    participantcode."""
    return re.sub(r"[\W_]+", "", name.casefold())


def own_words(name: str) -> list[str]:
    """The words that an experimenter gave a column: of public_goods.1.group.total those of total.
    What oTree writes before it names no condition, and the app no decision."""
    return words_of(_OTREE.sub("", name, count=1))


def has_word(name: str, known: Collection[str]) -> bool:
    return any(word in known for word in own_words(name))


def of_others(name: str) -> bool:
    """Whether a column says that it is about somebody else: partner_choice, co_player_choice."""
    words = own_words(name)
    return has_word(name, OTHERS) or ("co", "player") in pairwise(words)


def made_of_decisions(name: str) -> bool:
    """Whether a column says that it was computed once people had decided: total_accept."""
    words = own_words(name)
    counted = _MADE_AT_ENDS.intersection((*words[:1], *words[-1:]))
    return bool(MADE.intersection(words) or (counted and has_word(name, OUTCOME | AMOUNT)))


def tells_condition(name: str) -> bool:
    """Whether a column is called like what was varied; group_contribution is not."""
    words = set(own_words(name))
    told = CONDITION & words
    if told <= _OF_GROUP and words & (OUTCOME | AMOUNT):
        return False
    return bool(told) and not made_of_decisions(name)


def is_meta(name: str) -> bool:
    """Whether a column holds what is no part of a decision: `choice_rt`, `start_time`."""
    words = own_words(name)
    return words == ["name"] or (bool(words) and (words[-1] in META or words[0] in META))


def counts_groups(name: str) -> bool:
    """Whether a column tells groups of people apart: group_id, dyad."""
    words = own_words(name)
    told = bool(GROUPS.intersection(words))
    numbered = bool(words) and words[-1] in ("id", "nr", "no", "code", "number")
    return told and (numbered or words[0] in GROUPS - {"group"})


def is_aside(name: str) -> bool:
    """Whether a column says that it is neither a decision nor what was seen before it: accounts of
    the file, numbers of groups, what others did, what was computed of decisions."""
    return is_meta(name) or counts_groups(name) or of_others(name) or made_of_decisions(name)


# Names that a template cannot use for a column: words of Jinja, and what maps call otherwise.
_TAKEN = word_set(
    "file row history options question choice key outcome range dict cycler joiner namespace and "
    "or not in is if else elif for endfor endif set true false none loop self super caller "
    "varargs kwargs import include macro call filter block extends from with without context raw "
    "do recursive ignore missing scoped required as autoescape pluralize trans break continue "
    "True False None item"
)


def short_name(column: str, taken: Collection[str]) -> str:
    """A name by which templates can use a column, none of `taken`: its own where they can."""
    if column.isidentifier() and column not in _TAKEN and column not in taken:
        return column
    last = re.sub(r"\{\w+\}", "", column)
    parts = [part for part in re.split(r"[\W]+", last) if part.strip("_")]
    made = re.sub(r"\W+", "_", parts[-1] if parts else "column", flags=re.ASCII).strip("_").lower()
    if not made or made[0].isdigit() or made in _TAKEN:
        made = f"c_{made}".rstrip("_")
    count, first = 1, made
    while made in taken:
        count += 1
        made = f"{first}_{count}"
    return made
