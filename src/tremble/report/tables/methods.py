"""The methods of a study in plain English, for a paper: a paragraph out of the facts.

Every number in it is one of the facts (`api.methods`); what is not known is said so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tremble.report.tables.claimed import Facts, listed, statistics
from tremble.report.tables.table import family_name
from tremble.report.tables.trained import of_checkpoints
from tremble.study.origins import named
from tremble.text import counted

UNKNOWN = "unknown"
_NAMED = 8  # models named in the paragraph; the provenance has all
_SHORT = 8  # characters of a revision in it
_TWINS = {  # what formats mean where a study has pairs
    "native": "in the format that models were made for (plain text for base models, a chat for "
    "aligned "
    "models and for others with a template)",
    "plain": "as plain text",
    "chat": "as a chat (base models with the template of the aligned model of their pair)",
}
_ALONE = {
    "native": "in the format that models were made for (a chat if they have a template, otherwise "
    "plain "
    "text)",
    "plain": "as plain text",
    "chat": "as a chat",
}
_COUNTERBALANCED = {
    "order": "the order of the options",
    "labels": "their labels",
    "rows": "the order of payoff rows",
}


def paragraph(facts: Facts) -> str:
    """A paragraph for a methods section."""
    parts = (
        _data(facts),
        _models(facts),
        of_checkpoints(facts),
        _prompts(facts),
        _reading(facts),
        _left_out(facts),
        _checks(facts),
        statistics(facts),
        _software(facts),
    )
    return " ".join(sentence for part in parts for sentence in part)


def _data(facts: Facts) -> Iterator[str]:
    counts = facts["counts"]
    families = "; ".join(map(family_words, facts["families"]))
    in_families = counted(counts["families"], "family").replace("familys", "families")
    on = f"{counted(counts['decisions'], 'decision')} in {in_families} ({families})."
    if counts["cells"]:
        yield f"We compared language models with people on {on}"
    else:
        yield f"Language models are to be compared with people on {on}"
    names = listed([one["dataset"] for one in facts["data"]])
    yield f"The data are {names}."


def family_words(one: Mapping[str, Any]) -> str:
    """A family with its numbers: "bargaining, 24 decisions of 15 games"."""
    name = f"{family_name(one['family'])}, "
    if one["rates"]:
        people = f"{one['people']:,}" if one["people"] else "an unknown number of"
        name += (
            f"{counted(one['decisions'], 'choice rate')} of {people} people, counted once per rate"
        )
    else:
        people = quantity(one["people"], one["people_are"])
        name += f"{counted(one['decisions'], 'decision')} of {people}"
    if one["items"] is None or (one["rates"] and one["items"] == one["decisions"]):
        return name
    return f"{name} on {counted(one['items'], 'item')}"


def quantity(number: int | None, what: str) -> str:
    """So many of something in the plural: "1 game", "12 participants", "3 decisions of ..."."""
    if what == "unnamed":
        return "people who are not named"
    if number == 1 and " " not in what:
        what = "person" if what == "people" else what.removesuffix("s")
    return f"{UNKNOWN if number is None else f'{number:,}'} {what}"


def _models(facts: Facts) -> Iterator[str]:
    scored = [one for one in facts["models"] if one["formats"]]
    real = [one for one in scored if one["kind"] != "made up"]
    made_up = [one["name"] for one in scored if one["kind"] == "made up"]
    if len(real) > _NAMED:
        yield f"The {counted(len(real), 'model')} are named in the provenance table."
    elif real:
        were = "model was" if len(real) == 1 else "models were"
        yield f"The {were} {listed([_short(one) for one in real])}."
    if len(made_up) == 1:
        yield f"{made_up[0]} is a built-in fake model of tremble: its numbers mean nothing."
    elif made_up:
        yield (
            f"{listed(made_up)} are built-in fake models of tremble: their numbers mean nothing."
        )
    if not scored:
        yield "No model has been scored yet."


def _short(one: Mapping[str, Any]) -> str:
    about = [one["dtype"] or UNKNOWN]
    if one["revision"]:
        about.append(f"revision {one['revision'][:_SHORT]}")
    if one["quantise"]:
        about.append(f"quantised to {one['quantise']}")
    elif one["precision"] not in (None, "as published"):
        about.append(f"weights {one['precision']}")
    if one["adapter"]:
        about.append("with an adapter")
    return f"{one['name']} ({', '.join(about)})"


def _prompts(facts: Facts) -> Iterator[str]:
    asked = facts["asked"]
    modes, words = asked["formats"], _TWINS if facts["pairs"] else _ALONE
    if not facts["counts"]["cells"]:
        return
    if modes is None:
        yield "The formats asked for are unknown."
    else:
        formats = listed([words.get(one, one) for one in modes])
        yield f"Decisions were shown to the models {formats}."
    dates = list(dict.fromkeys(one["date"] or UNKNOWN for one in facts["templates"]))
    if dates:
        templates = counted(facts["counts"]["templates"], "chat template")
        yield (
            f"In {templates}, today's date was set to {listed(dates)}, so that prompts do not "
            "change from day to day."
        )
    wordings = listed(asked["formulations"]) or UNKNOWN
    plural = "s" if len(asked["formulations"]) > 1 else ""
    yield f"Wording{plural} of the prompts: {wordings}."
    if asked["controls"]:
        yield (
            "Where a control condition applies to a decision, the decision was also scored under "
            f"it (controls: {listed(asked['controls'])})."
        )
    if asked["personas"]:
        yield (
            "Where facts about a participant are known, the session was also scored behind an "
            f"interview (personas: {listed(asked['personas'])})."
        )
    own = [
        f"the {what.removesuffix('s') if len(texts) == 1 else what} {listed([*texts])}"
        for what, texts in asked["own"].items()
        if texts
    ]
    if own:
        named, many = listed(own), len(own) > 1 or " and " in own[0]
        yield (
            f"{named[:1].upper()}{named[1:]} {'are' if many else 'is'} our own; the provenance "
            f"holds {'their texts' if many else 'its text'}."
        )
    turned = [_COUNTERBALANCED[one] for one in asked["counterbalanced"]]
    if turned:
        yield f"We counterbalanced and averaged over {listed(turned)}."
    elif asked["counterbalance"]:
        yield (
            "Every decision was shown in one way only, because these decisions allow no "
            "counterbalancing."
        )


def _reading(facts: Facts) -> Iterator[str]:
    asked, counts = facts["asked"], facts["counts"]
    if not counts["cells"]:
        return
    if counts["responses"]:
        yield (
            "Each response in a session was scored behind the text before it: minus the natural "
            "logarithm of its probability under the whole vocabulary (nats), summed over its "
            "tokens, without the mark that closes it."
        )
    if counts["without_options"] == counts["decisions"]:
        return
    how = {
        "joint": "all tokens of its label",
        "next_token": "the first token of its label alone",
        None: "its label (how much of it is unknown)",
    }[asked["reading"]]
    without = counts["without_options"]
    where = f", where options are known (not of {counted(without, 'response')})" if without else ""
    yield (
        "The model received what the person had read up to the choice. Without generating text, we "
        f"read the probability that it gives each option{where}, by {how}. Divided by their sum "
        "(the probability mass on the options), these probabilities are its predictions."
    )
    if asked["also_read"]:
        yield f"Scores of the reading {listed(asked['also_read'])} were also recorded."
    if asked["closing"] == "always":
        yield "The characters that end a label were scored with it."
    if asked["spellings"] == "all":
        yield "Alternative spellings of a label counted as that label."


def _left_out(facts: Facts) -> Iterator[str]:
    out = facts["left_out"]
    if out["participants"] is not None and out["sampled"]:
        yield f"We took at most {counted(out['participants'], 'participant')} of each experiment."
    if out["session_characters"] is not None and out["sampled"]:
        yield (
            "Sessions were cut after the last response that ends within their first "
            f"{counted(out['session_characters'], 'character')}."
        )
    if out["sample"] is not None and out["sampled"]:
        yield f"We sampled at most {counted(out['sample'], 'decision')} of each family."
    if out["families"]:
        yield f"Only these families were included: {listed(out['families'])}."
    if out["cells_left_out"] is not None and out["include"] + out["exclude"]:
        yield (
            f"Rules in the study file excluded {out['cells_left_out']:,} of {out['cells']:,} "
            "cells (a model in a format, with one data set and one wording) completely, and "
            f"{out['cells_in_part']:,} in part."
        )
    if out["not_applicable_decisions"]:
        kinds = ["wording", "control", *(["interview"] if facts["asked"]["personas"] else [])]
        yield (
            f"A {', '.join(kinds[:-1])} or {kinds[-1]} does not apply to "
            f"{counted(out['not_applicable_decisions'], 'decision')}, which count as missing there."
        )
    for one in out["failed"]:
        what = "were longer than the model accepts" if one["kind"] == "too_long" else "had no score"
        why = "" if one["kind"] == "too_long" else f" ({one['why']})"
        single = one["prompts"] == 1
        verb, count = (what.replace("were", "was"), "counts") if single else (what, "count")
        yield f"{counted(one['prompts'], 'prompt')} {verb}{why} and {count} as missing."
    if out["absent"]:
        yield f"Unavailable models, which are missing here: {listed([*out['absent']])}."
    if out["unfinished"]:
        yield "The study is not finished."


def _checks(facts: Facts) -> Iterator[str]:
    real = [one for one in facts["models"] if one["kind"] != "made up" and one["formats"]]
    paths = list(dict.fromkeys(path for one in real for path in one["paths"]))
    words = {
        "shared": "in batches that compute the text that prompts share only once",
        "reference": "prompt by prompt",
    }
    if paths:
        yield f"Scores were computed {listed([words.get(path, path) for path in paths])}."
    checks = [check for one in real if (check := one["checks"]["self_check"]) is not None]
    known = [one["max_difference"] for one in checks if one["max_difference"] is not None]
    if known:
        tolerances = list(dict.fromkeys(f"{one['tolerance']:g}" for one in checks))
        yield (
            "Before scoring, these batches were compared with single prompts: log-probabilities "
            f"differed by at most {max(known):.1e} nat (tolerance {listed(tolerances)})."
        )
    elif "shared" in paths:
        yield "No check of these batches is on record."
    moved = [p["max_log_odds"] for one in real if (p := one["checks"]["precision"]) is not None]
    moved = [one for one in moved if one is not None]
    if moved:
        yield f"Compared with float32, the log-odds of options moved by up to {max(moved):.2g} nat."


def _software(facts: Facts) -> Iterator[str]:
    versions = facts["versions"]
    called = {
        "tremble": "tremble",
        "torch": "PyTorch",
        "transformers": "transformers",
        "python": "Python",
    }
    names = [f"{name} {' and '.join(versions[key]) or UNKNOWN}" for key, name in called.items()]
    analysed = f"nalysed with tremble {facts['analysis']['tremble']}."
    if facts["counts"]["cells"]:
        yield f"Scored with {listed(names)}; a{analysed}"
    else:
        yield f"A{analysed}"
    packages: dict[str, list[str]] = {}
    for one in facts.get("extensions") or ():
        owner = f"{one['package']} {one['version']} (digest {one['digest'][:_SHORT]})"
        packages.setdefault(owner, []).append(f"the {named(one)}")
    for owner, added in packages.items():
        yield f"The package {owner} added {listed(added)}."
