"""What a methods section claims of the statistics: only what was computed, else why it was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tremble.report.tables.table import family_name
from tremble.stats.frames.treatments import WITH
from tremble.text import decimal

Facts = Mapping[str, Any]
_TESTS = {"binomial": "binomial", "wilcoxon": "Wilcoxon signed-rank"}


def listed(words: Sequence[str]) -> str:
    """Words as people list them: "a, b and c"."""
    return " and ".join([*filter(None, [", ".join(words[:-1])]), *words[-1:]])


def contrast_words(one: Mapping[str, Any]) -> str:
    """A contrast: "frame (control: neutral; bargaining)"."""
    control = one.get("control")
    held = "each value against the others" if control is None else f"control: {listed(control)}"
    family = f"; {family_name(one['family'])}" if one.get("family") else ""
    return f"{' with '.join(one['by'])} ({held}{family})"


def resampled_kinds(facts: Facts) -> tuple[list[str], bool]:
    """What is resampled in the families that have an interval, and whether two kinds cross in
    one of them."""
    there = facts["computed"]["intervals"]["families"]
    kinds = [one["resampled"] for one in facts["families"] if one["family"] in there]
    whole = dict.fromkeys(kind["what"] for held in kinds for kind in held)
    return list(whole), any(len(held) > 1 for held in kinds)


def statistics(facts: Facts) -> Iterator[str]:
    """The sentences on agreement, tests, contrasts and the verdict."""
    counts = facts["counts"]
    if counts["responses"] and facts["computed"]["r"]["of"]:
        yield _sessions(facts)
        if facts["asked"]["personas"]:
            yield (
                "Interviews were compared by the differences between each participant's mean nats "
                "with one and with another, with t intervals over participants; other tells the "
                "answers of another participant to the same questions."
            )
    if not facts["computed"]["r"]["of"] or counts["without_options"] == counts["decisions"]:
        return
    yield _agreement(facts)
    if facts["pairs"]:
        yield _tests(facts)
    if facts["contrasts"]:
        yield from _contrasts(facts)
    yield _verdict(facts)


def _sessions(facts: Facts) -> str:
    level = f"{facts['analysis']['level']:.0%} intervals over whole participants, by the jackknife"
    if not facts["pairs"]:
        return f"Nats per response are given with {level}."
    return (
        "The models of a pair were compared by Cohen's d of the nats of all responses that both "
        "scored (aligned minus base, as in arXiv 2605.07632), experiment by experiment, with "
        f"{level}, and by the mean over experiments."
    )


def _because(why: str | None) -> str:
    """A reason in the words of a table, behind a sentence that lacks its full stop."""
    return f": {why}." if why else "."


def _agreement(facts: Facts) -> str:
    r, intervals = facts["computed"]["r"], facts["computed"]["intervals"]
    of_both = "Pearson's r of predictions and what people did"
    if not r["made"]:
        return f"Agreement would be {of_both}, which is undefined in all of these data" + _because(
            r["why"]
        )
    if not intervals["made"]:
        return f"Agreement is {of_both}; none has an interval{_because(intervals['why'])}"
    analysis, (whole, crossing) = facts["analysis"], resampled_kinds(facts)
    some = intervals["made"] < intervals["of"]
    how_many = f" for {intervals['made']:,} of the {intervals['of']:,}" if some else ""
    both = "; both kinds where they cross" if crossing else ""
    return (
        f"Agreement is {of_both}, with symmetric studentised bootstrap intervals{how_many} "
        f"({analysis['level']:.0%}, {analysis['resamples']:,} resamples of whole {listed(whole)}"
        f"{both})."
    )


def _tests(facts: Facts) -> str:
    analysis, tests = facts["analysis"], facts["computed"]["tests"]
    kept = (
        f"pairs with masses of at least {decimal(analysis['min_mass'])}, a higher r of at least "
        f"{decimal(analysis['min_r'])} and at least {analysis['min_n']} decisions"
    )
    if not tests["made"]:
        by = "By r, base" if facts["counts"]["responses"] else "Base"
        return (
            f"{by} and aligned models were not tested against each other, over {kept}"
            f"{_because(tests['why'])}"
        )
    names = listed([_TESTS[name] for name in tests["made"]])
    return f"Base and aligned models were compared by one-sided {names} tests over the {kept}."


def contrasts_apart(facts: Facts) -> tuple[list[str], list[str]]:
    """In words, the contrasts that have an effect with an interval, and those that have none."""
    made = facts["computed"]["contrasts"]["made"]
    there = [one for one in facts["contrasts"] if WITH.join(one["by"]) in made]
    lacking = [one for one in facts["contrasts"] if one not in there]
    return list(map(contrast_words, there)), list(map(contrast_words, lacking))


def _contrasts(facts: Facts) -> Iterator[str]:
    made, lacking = contrasts_apart(facts)
    if made:
        yield f"Effects of these contrasts were estimated, with Student's t: {listed(made)}."
    if lacking:
        why = _because(facts["computed"]["contrasts"]["why"])
        yield f"Contrasts asked for, but without an interval: {listed(lacking)}{why}"


def margins_used(facts: Facts) -> list[str]:
    """The margins of the questions that have an answer, in words."""
    margins, made = facts["margins"], facts["computed"]["verdict"]["made"]
    words = {
        "levels": f"level {decimal(margins['level'])}",
        "effects": f"effect {decimal(margins['effect'])} or {decimal(margins['effect_share'])} of "
        "people's own effect",
        "distribution": f"distributions {decimal(margins['near'])} and {decimal(margins['far'])}",
    }
    return [said for question, said in words.items() if question in made]


def _verdict(facts: Facts) -> str:
    verdict, mass = facts["computed"]["verdict"], decimal(facts["margins"]["mass"])
    replaces = "Whether a model can replace participants"
    if not verdict["made"]:
        return f"{replaces} could not be judged{_because(verdict['why'])}"
    used = margins_used(facts)
    if not used:
        return f"{replaces} was judged where the mass was at least {mass}."
    return (
        f"{replaces} was judged where the mass was at least {mass}, with these margins (shares of "
        "the "
        f"outcome's range): {', '.join(used)}."
    )
