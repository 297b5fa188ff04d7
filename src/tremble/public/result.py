"""The result of a study as an object: its tables as frames, its verdict, its page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import polars as pl

from tremble.api.codebook import codebook, without_empty
from tremble.api.export import tidy_study
from tremble.api.results import (
    analyze_study,
    breakdown_analysis,
    contrast_analysis,
    further_analysis,
    treatments_of,
    verdict_analysis,
)
from tremble.disk.paths import path_of
from tremble.disk.whole import write_text
from tremble.errors import UserError
from tremble.public.answers import Verdict, Xray, XrayOptions
from tremble.public.frames import frame_of
from tremble.public.page import page_charts, whole_page
from tremble.public.show import fragment
from tremble.public.words import check_keywords, in_python
from tremble.report.page.charts import Chart
from tremble.report.page.place import check_page
from tremble.report.tables.captions import CONTRASTS
from tremble.report.tables.table import layout
from tremble.stats.frames.subsets import without_value
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.analysis import COLUMNS, Analysis
from tremble.stats.tables.further import further_names
from tremble.store.state import state_of
from tremble.store.study_folder import Store
from tremble.study.notes import caveats, unfinished
from tremble.text import counted, did_you_mean
from tremble.xray.decision import look_at
from tremble.xray.request import Request

Contrasts = str | Sequence[str]
_VERDICT = "verdict"


class Result:
    """What a study found: tables as Polars frames, a verdict, single decisions, the page.

    `Study.run` and `tr.open_study` return it. The analysis is computed once, when it is first
    needed. If another run changes the folder later, everything here raises UserError, so that no
    two tables show different states of the study. `.to_pandas()` turns a frame into one of pandas
    (needs pyarrow).

    >>> import tremble as tr
    >>> result = tr.Study("mine", data="demo", families="lottery", sample=40,
    ...                   pairs=[("mock:base", "mock:aligned")]).run("runs/mine")
    >>> result.models["family"].unique().to_list()
    ['lottery']
    >>> result.pairs.height, result.table("intervals").height
    (1, 2)
    >>> result.notes[0].startswith("Built-in fake models: mock:base, mock:aligned;")
    True
    """

    def __init__(self, folder: Path, failed: Sequence[str] = (), said: Sequence[str] = ()) -> None:
        """`failed`: what the run that just ended could not do; `said`: its messages.
        Raises UserError if the folder is not a study folder."""
        self._folder, self._store = folder, Store(folder)
        self._name = str(self._store.read_run()["study"])
        self._state = state_of(self._store)
        self._failed, self._said = list(failed), list(said)
        self._rows: dict[str, list[dict[str, Any]]] = {}

    @property
    def name(self) -> str:
        """The study's name."""
        return self._name

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self._folder

    def _ours(self) -> Path:
        """The study's folder. Raises UserError if it has changed since."""
        if state_of(self._store) != self._state:
            raise UserError(
                f"{str(self._folder)!r} was run again since, so this result is out of date; open "
                f"it again with tr.open_study({str(self._folder)!r})."
            )
        return self._folder

    @property
    @in_python()
    def notes(self) -> list[str]:
        """What a reader should know: what is not scored, built-in fake models, samples, and the
        messages of the run."""
        return list(dict.fromkeys([*self._caveats(), *self._said]))

    def _caveats(self) -> list[str]:
        return list(dict.fromkeys([*self._failed, *caveats(self._ours())]))

    @property
    def _made(self) -> tuple[Analysis, pl.DataFrame]:
        self._ours()
        return self._analysis

    @cached_property
    def _analysis(self) -> tuple[Analysis, pl.DataFrame]:
        return analyze_study(self._folder)[:2]

    @property
    def models(self) -> pl.DataFrame:
        """r and mass of every model, format, wording and family."""
        return self.table("models")

    @property
    def pairs(self) -> pl.DataFrame:
        """r of every base model and its aligned twin, and who wins."""
        return self.table("pairs")

    @property
    def tables(self) -> list[str]:
        """The names that `table` knows."""
        return [*COLUMNS, *CONTRASTS, _VERDICT, *further_names()]

    @in_python()
    def table(self, name: str) -> pl.DataFrame:
        """A table of `tremble analyze` by its name, with the rows of its JSON: "models", "pairs",
        "tests", "baselines"; "contrasts", "effects", "effect_errors" for the study's contrasts;
        "verdict"; "intervals", "levels", "measures" and so on (`tables` lists all).

        Raises UserError for another name, and for a table of contrasts if the study has none.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> result = study.run()
        >>> result.table("baselines").columns
        ['baseline', 'family', 'n', 'r', 'note']
        >>> result.table("interval")
        Traceback (most recent call last):
        tremble.errors.UserError: There is no table 'interval'; did you mean 'intervals'?
        """
        if name not in self.tables:
            raise UserError(f"There is no table {name!r}{did_you_mean(name, self.tables)}")
        self._ours()
        if name not in self._rows:
            self._rows |= self._rows_of(name)
        return frame_of(self._rows[name], COLUMNS.get(name, ()))

    def _rows_of(self, name: str) -> dict[str, list[dict[str, Any]]]:
        """The rows of a table, and of those that are made with it."""
        analysis, _ = self._made
        if name in COLUMNS:
            return {name: getattr(analysis, name)}
        if name == _VERDICT:
            return {name: verdict_analysis(self._folder, analysis)}
        if name in further_names():
            return further_analysis(analysis, [name])
        if not analysis.contrasts:
            raise UserError(
                f"The study {self._name!r} has no contrast, so there is no table {name!r}; "
                'say what you varied, with contrast("KEY=CONTROL") or as contrasts of the study.'
            )
        return contrast_analysis(analysis, analysis.contrasts)

    @in_python()
    def by(self, parameter: str) -> dict[str, pl.DataFrame]:
        """The study within every value of a parameter, or of a fact about participants
        (`person.NAME`): "models" (r, mass, shares), "pairs" and "wins". `notes` then says how many
        decisions have no value. Raises UserError for a parameter that no decision has.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> sorted(study.run().by("dataset"))
        ['models', 'pairs', 'wins']
        """
        analysis, _ = self._made
        made = breakdown_analysis(analysis, parameter)
        self._said += filter(None, [without_value(analysis.evidence.decisions, parameter)])
        return {name: frame_of(rows) for name, rows in made.items()}

    @in_python()
    def contrast(self, contrast: Contrasts) -> dict[str, pl.DataFrame]:
        """The effect of a treatment on people and on each model: "contrasts", "effects" (several
        effects together) and "effect_errors" (the two models of a pair). `contrast`: "KEY=CONTROL",
        "KEY", or for an interaction "KEY:KEY=CONTROL:CONTROL"; or a list of these.

        Raises UserError for a contrast that the data do not allow.

        >>> import tremble as tr
        >>> records = [
        ...     {"prompt": f"{frame} {n}. Keep?", "options": ["yes", "no"], "participant": n,
        ...      "choice": "yes" if n % 3 else "no", "config": {"frame": frame}}
        ...     for n in range(12) for frame in ("neutral", "loss")
        ... ]
        >>> study = tr.Study("mine", data=tr.read_decisions(records), models=["mock:one"])
        >>> effects = study.run().contrast("frame=neutral")["contrasts"]
        >>> effects.select("level", "control").rows()
        [('loss', 'neutral')]
        """
        made = contrast_analysis(self._made[0], self._treatments(contrast))
        return {name: frame_of(rows) for name, rows in made.items()}

    def _treatments(self, contrast: Contrasts | None) -> list[Contrast]:
        texts = [contrast] if isinstance(contrast, str) else contrast or ()
        return treatments_of(self._ours(), texts)

    @in_python()
    def verdict(self, family: str | None = None, contrast: Contrasts | None = None) -> Verdict:
        """Can this model replace participants here? Ranking, levels, effects, distribution,
        and the overall answer. `family`: only this one; `contrast`: instead of the study's own.

        Raises UserError for a family or a contrast that the study does not have.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> verdict = study.run().verdict(family="repeated_matrix")
        >>> verdict.table.select("model", "replace").rows()
        [('mock:one', 'cannot say')]
        """
        treatments = self._treatments(contrast)
        if family is None and not treatments:
            self.table(_VERDICT)
            rows = self._rows[_VERDICT]
        else:
            rows = verdict_analysis(self._folder, self._made[0], treatments or None, family)
        return Verdict(rows, unfinished(self._ours()))

    @in_python()
    def tidy(self) -> pl.DataFrame:
        """The table that `tremble export` writes: a row per decision, model, format and wording,
        and per option if there are three or more. `codebook` explains its columns.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> study.run().tidy().select("outcome", "prediction").shape
        (30, 2)
        """
        return without_empty(tidy_study(Store(self._ours()))[0])

    @in_python()
    def codebook(self) -> pl.DataFrame:
        """The columns of `tidy`: meaning, type, number of known values, and the values.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> study.run().codebook()["column"].to_list()[:3]
        ['model', 'format', 'formulation']
        """
        return codebook(*tidy_study(Store(self._ours())))

    @in_python()
    def xray(self, id: str, model: str | None = None, **how: Unpack[XrayOptions]) -> Xray:
        """One decision as its models read it, token by token, compared with the stored scores.

        `id`: of the decision, or a unique beginning of it. `model`: one of the study's, by default
        all. `how`: `format`, `formulation`, `presentation`, `template`, `reading`, `device`
        (`XrayOptions`). Raises UserError for what cannot be found or read.

        >>> import tremble as tr
        >>> records = [{"id": "17", "prompt": "Keep?", "options": ["yes", "no"], "choice": "yes"}]
        >>> study = tr.Study("mine", data=tr.read_decisions(records), models=["mock:one"])
        >>> study.run().xray("17").facts["decision"]["id"]
        '17'
        """
        check_keywords("xray", how, list(XrayOptions.__annotations__))
        said: list[str] = []
        models = () if model is None else (model,)
        return Xray(look_at(Request(str(self._ours()), id, models, **how), said.append), said)

    @in_python()
    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the page of the study, one self-contained HTML file, and return its path, by
        default `report/index.html` in the study's folder. Only a page that tremble wrote is
        replaced. If a table fails, the page and `notes` say why.

        Raises UserError if the page cannot be written. Charts need `pip install "tremble[report]"`.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> study.run().report("mine.html").read_text()[:15]
        '<!DOCTYPE html>'
        """
        target = self._ours() / "report" / "index.html" if path is None else path_of(path)
        cure = "give another path"
        check_page(target, cure)
        text, missing = whole_page(self._folder, self._name, self._made)
        write_text(target, text, cure)
        self._failed += [line for line in missing if line not in self._failed]
        return target

    @property
    def _charts(self) -> dict[str, Chart]:
        self._ours()
        return self._drawn

    @cached_property
    def _drawn(self) -> dict[str, Chart]:
        return {chart.name: chart for chart in page_charts(self._analysis[0])}

    @property
    def charts(self) -> dict[str, str]:
        """The charts that `chart` knows: from name to title."""
        return {name: chart.title for name, chart in self._charts.items()}

    @in_python()
    def chart(self, name: str) -> Any:
        """A chart of the page as an Altair object, by its name (`charts` lists them): "pairs-0" (r
        of both models of each pair), "outcomes-0" (predictions and choices), "training-gain-0" (r
        of checkpoints against their gain) and so on.

        Raises UserError for another name, and MissingExtra without `tremble[report]`.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> result = study.run()
        >>> result.charts
        {'outcomes-0': 'Prediction and choice, mock:one · chat · standard'}
        >>> result.chart("outcomes-0").to_dict()["columns"]
        3
        """
        if name not in self._charts:
            known = list(self._charts)
            hint = did_you_mean(name, known) if known else "; this study has none."
            raise UserError(f"There is no chart {name!r}{hint}")
        return self._charts[name].chart

    def __repr__(self) -> str:
        name = f"Result of the study {self._name!r} in {self._folder}"
        try:
            store = Store(self._ours())  # without the analysis: a glance should not wait for it
        except UserError as error:
            return f"<{name}: {error}>"
        counts = (
            counted(store.decision_columns(["decision"]).height, "decision"),
            counted(len({job["model"] for job in store.read_run()["jobs"]}), "model"),
        )
        return f"<{name}: {', '.join(counts)}>"

    def _repr_html_(self) -> str:
        try:
            self._ours()
        except UserError as error:
            return fragment(f"Study {self._name}", [str(error)], [])
        return fragment(f"Study {self._name}", self._caveats(), layout(self._made[0]))
