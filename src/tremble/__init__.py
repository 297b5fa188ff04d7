"""tremble measures how well language models predict what people actually do.

    import tremble as tr
    decisions = tr.read_decisions("mine.jsonl")
    study = tr.Study("mine", data=decisions, pairs=[("BASE", "ALIGNED")])
    result = study.run("runs/mine")

docs/python.md explains each name. A name and the libraries that it needs are loaded when the name
is first used; importing the package loads none of them.
"""

from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from tremble.decisions.record import Decision, Event, Game, Offer, Option
    from tremble.errors import MissingExtra, ModelUnavailable, TrembleError, UserError
    from tremble.public.align import Training, align
    from tremble.public.answers import Verdict, Xray, XrayOptions
    from tremble.public.checked import Check, check
    from tremble.public.decisions import Decisions, read_decisions, read_offers
    from tremble.public.options import StudyOptions
    from tremble.public.planned import Plan
    from tremble.public.result import Result
    from tremble.public.scored import Scored, ScoreOptions, score
    from tremble.public.study import Study, open_study, read_study
    from tremble.public.trajectory import trajectory

__all__ = [
    "Check",
    "Decision",
    "Decisions",
    "Event",
    "Game",
    "MissingExtra",
    "ModelUnavailable",
    "Offer",
    "Option",
    "Plan",
    "Result",
    "ScoreOptions",
    "Scored",
    "Study",
    "StudyOptions",
    "Training",
    "TrembleError",
    "UserError",
    "Verdict",
    "Xray",
    "XrayOptions",
    "__version__",
    "align",
    "check",
    "open_study",
    "read_decisions",
    "read_offers",
    "read_study",
    "score",
    "trajectory",
]

if not TYPE_CHECKING:  # a type checker would take any name for one that is there
    _PLACES = {
        "decisions.record": ("Decision", "Event", "Game", "Offer", "Option"),
        "errors": ("MissingExtra", "ModelUnavailable", "TrembleError", "UserError"),
        "public.align": ("Training", "align"),
        "public.answers": ("Verdict", "Xray", "XrayOptions"),
        "public.checked": ("Check", "check"),
        "public.decisions": ("Decisions", "read_decisions", "read_offers"),
        "public.options": ("StudyOptions",),
        "public.planned": ("Plan",),
        "public.result": ("Result",),
        "public.scored": ("ScoreOptions", "Scored", "score"),
        "public.study": ("Study", "open_study", "read_study"),
        "public.trajectory": ("trajectory",),
    }
    _MODULES = {name: module for module, names in _PLACES.items() for name in names}

    def __getattr__(name):
        """A public name, loaded when it is first asked for."""
        if name not in _MODULES:
            raise AttributeError(f"module 'tremble' has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"tremble.{_MODULES[name]}"), name)
        globals()[name] = found  # so that the next time is free
        return found

    def __dir__():
        """The public names, and what every module has."""
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
