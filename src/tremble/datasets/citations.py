"""What papers cite: the sources of data sets, reports on families of models, and tremble itself.

Fields are those of BibTeX. Only what cards, NOTICE and CITATION.cff hold, or what is printed on the
papers themselves; what is not known is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Citation:
    """One entry. `kind` is BibTeX's; `authors` are "Family, G.", an organisation in braces, or
    "others"; `fields` are all further ones, as plain text, not escaped."""

    key: str
    kind: str
    authors: tuple[str, ...]
    title: str
    year: int | None
    fields: dict[str, str]


def _article(
    key: str, authors: str, year: int, title: str, journal: str, **fields: str
) -> Citation:
    return Citation(key, "article", _names(authors), title, year, {"journal": journal, **fields})


def _preprint(key: str, authors: str, year: int, title: str, number: str) -> Citation:
    fields = {
        "eprint": number,
        "archiveprefix": "arXiv",
        "url": f"https://arxiv.org/abs/{number}",
    }
    return Citation(key, "misc", _names(authors), title, year, fields)


def _repository(key: str, owner: str, name: str, commit: str) -> Citation:
    """A repository that names no paper of its own: its year is not known."""
    fields = {"url": f"https://github.com/{owner}/{name}", "note": f"Commit {commit}"}
    return Citation(key, "misc", (f"{{{owner}}}",), name, None, fields)


def _names(authors: str) -> tuple[str, ...]:
    return tuple(authors.split("; "))


_JEBO = "Journal of Economic Behavior & Organization"
_NORMAL_FORM = {
    "stahlwilson1994": _article(
        "stahlwilson1994",
        "Stahl, D. O.; Wilson, P. W.",
        1994,
        "Experimental evidence on players' models of other players",
        _JEBO,
        volume="25",
    ),
    "stahlwilson1995": _article(
        "stahlwilson1995",
        "Stahl, D. O.; Wilson, P. W.",
        1995,
        "On players' models of other players: theory and experimental evidence",
        "Games and Economic Behavior",
        volume="10",
    ),
    "haruvystahl1998": Citation(
        "haruvystahl1998",
        "unpublished",
        ("Haruvy, E.", "Stahl, D. O."),
        "An empirical model of equilibrium selection in symmetric normal-form games",
        1998,
        {"note": "Working paper, University of Texas"},
    ),
    "haruvyetal2001": _article(
        "haruvyetal2001",
        "Haruvy, E.; Stahl, D. O.; Wilson, P. W.",
        2001,
        "Modeling and testing for heterogeneity in observed strategic behavior",
        "Review of Economics and Statistics",
        volume="83",
    ),
    "rydvalortmann2005": _article(
        "rydvalortmann2005",
        "Rydval, O.; Ortmann, A.",
        2005,
        "Loss avoidance as selection principle: evidence from simple stag-hunt games",
        "Economics Letters",
        volume="88",
    ),
    "haruvystahl2007": _article(
        "haruvystahl2007",
        "Haruvy, E.; Stahl, D. O.",
        2007,
        "Equilibrium selection and bounded rationality in symmetric normal-form games",
        _JEBO,
        volume="62",
    ),
    "stahlharuvy2008": _article(
        "stahlharuvy2008",
        "Stahl, D. O.; Haruvy, E.",
        2008,
        "Level-n bounded rationality and dominated strategies in normal-form games",
        _JEBO,
        volume="66",
    ),
    "rogersetal2009": _article(
        "rogersetal2009",
        "Rogers, B. W.; Palfrey, T. R.; Camerer, C. F.",
        2009,
        "Heterogeneous quantal response equilibrium and cognitive hierarchies",
        "Journal of Economic Theory",
        volume="144",
    ),
}
_AKATA = _article(
    "akata2025",
    "Akata, E.; Schulz, L.; Coda-Forno, J.; Oh, S. J.; Bethge, M.; Schulz, E.",
    2025,
    "Playing repeated games with large language models",
    "Nature Human Behaviour",
    volume="9",
)
_PETERSON = _article(
    "peterson2021",
    "Peterson, J. C.; Bourgin, D. D.; Agrawal, M.; Reichman, D.; Griffiths, T. L.",
    2021,
    "Using large-scale experiments and machine learning to discover theories of human "
    "decision-making",
    "Science",
    volume="372",
    pages="1209--1214",
)
_GLEE = _preprint(
    "shapira2024glee",
    "Shapira, E.; Madmon, O.; Reinman, I.; Amouyal, S. J.; Reichart, R.; Tennenholtz, M.",
    2024,
    "GLEE: A Unified Framework and Benchmark for Language-based Economic Environments",
    "2410.05254",
)
# Name of a data set, as decisions have it -> what is cited for it.
_DATA: dict[str, tuple[Citation, ...]] = {
    "akata2025": (_AKATA,),
    "casino": (
        Citation(
            "chawla2021casino",
            "inproceedings",
            _names("Chawla, K.; Ramirez, J.; Clever, R.; Lucas, G.; May, J.; Gratch, J."),
            "CaSiNo: A Corpus of Campsite Negotiation Dialogues for Automatic Negotiation Systems",
            2021,
            {"booktitle": "NAACL 2021", "eprint": "2103.15721", "archiveprefix": "arXiv"},
        ),
    ),
    "choices13k": (_PETERSON,),
    "fairgame": (
        _repository("prisonerdilemmallm", "trungkiet2005", "prisoner-dilemma-llm", "d9d3837"),
        _preprint(
            "buscemi2025fairgame",
            "Buscemi, A.; Proverbio, D.; Di Stefano, A.; Han, T. A.; Castignani, G.; Liò, P.",
            2025,
            "FAIRGAME: a Framework for AI Agents Bias Recognition using Game Theory",
            "2504.14325",
        ),
    ),
    "games2p2k": (
        _article(
            "zhu2025",
            "Zhu, J.-Q.; Peterson, J. C.; Enke, B.; Griffiths, T. L.",
            2025,
            "Capturing the complexity of human strategic decision-making with machine learning",
            "Nature Human Behaviour",
            volume="9",
            url="https://osf.io/xrvaw",
        ),
    ),
    "glee": (_GLEE,),
    "human_choice_prediction": (
        _article(
            "shapira2025choice",
            "Shapira, E.; Madmon, O.; Apel, R.; Tennenholtz, M.; Reichart, R.",
            2025,
            "Human choice prediction in language-based persuasion games: Simulation-based "
            "off-policy evaluation",
            "Transactions of the Association for Computational Linguistics",
            volume="13",
            pages="980--1006",
        ),
    ),
    "lowballm": (
        Citation(
            "lowballm2025",
            "misc",
            ("aicheye",),
            "lowballm",
            2025,
            {"url": "https://github.com/aicheye/lowballm"},
        ),
    ),
    "nay_vorobeychik": (
        _article(
            "nay2016",
            "Nay, J. J.; Vorobeychik, Y.",
            2016,
            "Predicting human cooperation",
            "PLOS ONE",
            volume="11",
            number="5",
            pages="e0155656",
            doi="10.1371/journal.pone.0155656",
        ),
    ),
    "normal_form": tuple(_NORMAL_FORM.values()),
    "strategic_ipd": (
        _repository("strategicllmipd", "HCSS-Data-Lab", "Strategic-LLM-IPD", "f29b19b"),
    ),
    "psych": (
        _preprint(
            "binz2024",
            "Binz, M.; others",
            2024,
            "Centaur: a foundation model of human cognition",
            "2410.20268",
        ),
    ),
}
# The embedded data, by family.
_DEMO: dict[str, tuple[Citation, ...]] = {
    "repeated_matrix": (_AKATA,),
    "one_shot_matrix": tuple(_NORMAL_FORM.values()),
    "lottery": (_PETERSON,),
    **dict.fromkeys(("bargaining", "negotiation", "persuasion", "persuasion_seller"), (_GLEE,)),
}
# Reports, by what the hub's names of a family's models look like.
_REPORTS: tuple[tuple[str, Citation], ...] = tuple(
    (pattern, _preprint(key, authors, year, title, number))
    for pattern, key, authors, year, title, number in (
        (
            r"google/gemma-2-.*",
            "gemma2",
            "{Gemma Team}",
            2024,
            "Gemma 2: Improving Open Language Models at a Practical Size",
            "2408.00118",
        ),
        (
            r"google/gemma-3-.*",
            "gemma3",
            "{Gemma Team}",
            2025,
            "Gemma 3 Technical Report",
            "2503.19786",
        ),
        (
            r"Qwen/Qwen2\.5-[0-9.]+B(-Instruct)?",
            "qwen25",
            "{Qwen}",
            2024,
            "Qwen2.5 Technical Report",
            "2412.15115",
        ),
        (
            r"Qwen/Qwen3-[0-9.]+B(-Base)?",
            "qwen3",
            "{Qwen}",
            2025,
            "Qwen3 Technical Report",
            "2505.09388",
        ),
        (
            r"mistralai/Mistral-7B-(Instruct-)?v0\.1",
            "mistral7b",
            "Jiang, A. Q.; others",
            2023,
            "Mistral 7B",
            "2310.06825",
        ),
        (
            r"HuggingFaceTB/SmolLM2-.*",
            "smollm2",
            "Ben Allal, L.; others",
            2025,
            "SmolLM2: When Smol Goes Big -- Data-Centric Training of a Small Language Model",
            "2502.02737",
        ),
        (
            r"EleutherAI/pythia-.*",
            "pythia",
            "Biderman, S.; others",
            2023,
            "Pythia: A Suite for Analyzing Large Language Models Across Training and Scaling",
            "2304.01373",
        ),
    )
)
# What embedded models are called on the hub.
HUB_NAMES = {
    "embedded/gemma-3-270m": "google/gemma-3-270m",
    "embedded/smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct",
}
CORE_STUDY = _preprint(
    "shapira2026alignment",
    "Shapira, E.; Tennenholtz, M.; Reichart, R.",
    2026,
    "Alignment Makes Language Models Normative, Not Descriptive",
    "2603.17218",
)
# The contributors and the title of CITATION.cff.
OWN_AUTHORS = ("{The tremble contributors}",)
OWN_TITLE = "tremble: how well language models predict what people actually do"


def of_data(
    dataset: str, families: Collection[str], studies: Iterable[str] = ()
) -> tuple[Citation, ...]:
    """What is cited for decisions of a data set; empty for a user's own.

    `families` are those of the decisions; `studies` names the papers that their games come from,
    where that is known (`config` of games from several).
    """
    if dataset == "demo":
        found = {one.key: one for name in families for one in _DEMO.get(name, ())}
    else:
        found = {one.key: one for one in _DATA.get(dataset, ())}
    named = {*studies} & {*_NORMAL_FORM}
    return tuple(
        one
        for one in found.values()
        if one.key not in _NORMAL_FORM or not named or one.key in named
    )


def report_on(hub_name: str) -> Citation | None:
    """The published report on a model of the hub, by its name; None where no one is sure."""
    return next((one for pattern, one in _REPORTS if re.fullmatch(pattern, hub_name)), None)


def of_tremble(versions: Iterable[str]) -> Citation:
    """tremble itself, in the versions that scored."""
    known = ", ".join(versions)
    fields = {"note": f"Version {known}"} if known else {}
    return Citation("tremble", "misc", OWN_AUTHORS, OWN_TITLE, None, fields)
