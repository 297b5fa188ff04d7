"""What `tremble plan` says, held against what `tremble run` then does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support.toys import bpe_tokenizer, save_tiny, tiny_model
from tremble.api.plan import plan_study
from tremble.commands.program import app
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions.jsonl import write
from tremble.engines.cost import Cost, Work
from tremble.engines.mock import MockEngine
from tremble.engines.model_size import ModelSize
from tremble.engines.shared_prefix import matmul_rate
from tremble.engines.shared_prefix import trial as trials
from tremble.engines.shared_prefix.stream import Plan
from tremble.engines.shared_prefix.trial import Trial
from tremble.models.open import open_tokenizer
from tremble.models.tokenizer import HubTokenizer
from tremble.report.tables.plan import duration, plan_layout, size, time_notes
from tremble.store.sealed import sealed_json
from tremble.store.study_folder import Store
from tremble.study.file import read_study
from tremble.study.progress import Progress
from tremble.study.run import score_study
from tremble.tokenization.options import option_paths

FILE = """
[study]
name = "planned"
data = ["mine.jsonl"]
formats = ["plain"]
[[pair]]
base = "mock:one"
aligned = "mock:two"
"""


def study_in(folder: Path, records: list[dict[str, Any]], extra: str = "") -> Path:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "mine.jsonl").write_text(lines, encoding="utf-8")
    (folder / "planned.toml").write_text(FILE + extra, encoding="utf-8")
    return folder / "planned.toml"


def asked(text: str, choice: str = "yes", **more: Any) -> dict[str, Any]:
    return {"prompt": text, "options": ["yes", "no"], "choice": choice, **more}


RECORDS = [asked("Take $3?"), asked("Take $3?", "no"), asked("Take $3 or $4?"), asked("No?")]


def test_a_plan_counts_what_a_run_scores(tmp_path: Path) -> None:
    study = read_study(study_in(tmp_path, RECORDS))
    out = tmp_path / "out"
    plan = plan_study(study, out, print)
    assert not out.exists()
    score_study(study, out, print)
    scores = Store(out).scores()
    for row in plan["models"]:
        mine = scores.filter(pl.col("model") == row["model"])
        assert row["rows"] == mine.height == 4
        assert row["prompts"] == mine["row_key"].n_unique() == 3
        assert row["scored"] == 0
        assert row["distinct_tokens"] < row["tokens"]
    again = plan_study(study, out, print)
    assert [row["scored"] for row in again["models"]] == [4, 4]
    assert again["totals"]["prompts"] == again["totals"]["tokens"] == again["totals"]["disk"] == 0
    study_in(tmp_path, [*RECORDS, asked("One more?")])
    more = plan_study(read_study(tmp_path / "planned.toml"), out, print)
    assert [(row["scored"], row["prompts"]) for row in more["models"]] == [(4, 1), (4, 1)]


def test_tokens_are_counted_by_hand(tmp_path: Path) -> None:
    """The mock's tokens are bytes: a prompt is its text, a line, the opening; both labels hang
    off its last one, and 'yes', 'no' have nodes of their own."""
    study = read_study(study_in(tmp_path, [asked("ab"), asked("ac")]))
    row = plan_study(study, tmp_path / "out", print)["models"][0]
    bos = len(MockEngine("mock:one").tokenizer.bos)
    opening = len('\n{"decision": "')
    whole = bos + 2 + opening
    # "yes" is read at its root, "y" and "ye"; "no" at "n": two sequences a prompt.
    assert row["tokens"] == 2 * ((whole + 2) + (whole + 1))
    assert row["distinct_tokens"] == bos + 1 + 2 * (1 + opening + 2 + 1)


def test_what_cannot_be_scored_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tremble.study.context.open_tokenizer",
        lambda *given: replace(open_tokenizer(*given), window=100),
    )
    path = study_in(tmp_path, [*RECORDS, asked("long " * 30), asked("or " * 40)])
    plan = plan_study(read_study(path), tmp_path / "out", print)
    (row,) = plan["cannot"]
    assert (row["rows"], row["decisions"], row["cells"]) == (4, 2, 2)
    assert (row["models"], row["formats"]) == (["mock:one", "mock:two"], ["plain"])
    assert "100 tokens" in plan["cannot"][0]["why"]
    assert "will refuse the study" in plan["cannot"][0]["why"]
    assert [row["prompts"] for row in plan["models"]] == [3, 3]
    counted = read_study(study_in(tmp_path, [asked("or " * 40)], '[run]\ntoo_long = "missing"\n'))
    why = plan_study(counted, tmp_path / "out", print)["cannot"][0]["why"]
    assert "will count them as missing" in why


def test_labels_that_a_reading_cannot_tell_apart_are_counted(tmp_path: Path) -> None:
    counterparts = {"prompt": "Well?", "options": ["yes", "yep"], "choice": "yes"}
    path = study_in(tmp_path, [*RECORDS, counterparts])
    text = path.read_text(encoding="utf-8").replace("[[pair]]", 'reading = "next_token"\n[[pair]]')
    path.write_text(text, encoding="utf-8")
    plan = plan_study(read_study(path), tmp_path / "out", print)
    assert [(row["rows"], row["decisions"], row["cells"]) for row in plan["cannot"]] == [(2, 1, 2)]
    assert "share their first token" in plan["cannot"][0]["why"]


def test_what_no_tokenizer_could_read_refuses_all(tmp_path: Path) -> None:
    bare = {"prompt": "So?", "options": ["no", "no deal"], "choice": "no", "opening": ""}
    plan = plan_study(read_study(study_in(tmp_path, [asked("x"), bare])), tmp_path / "out", print)
    (row,) = plan["cannot"]
    assert (row["rows"], row["decisions"], row["cells"]) == (4, 2, 2)  # all that the data hold
    assert "The label 'no' is the beginning of another label" in row["why"]


def test_a_model_that_cannot_be_had_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    path = study_in(tmp_path, RECORDS, '[[pair]]\nbase = "nobody/none"\naligned = "mock:two"\n')
    result = CliRunner().invoke(app, ["plan", str(path), "--json"])
    assert result.exit_code == 1, result.output
    plan = json.loads(result.stdout)
    assert [row["model"] for row in plan["models"]] == ["mock:one", "mock:two"]
    assert "nobody/none" in plan["cannot"][0]["why"]
    assert (plan["cannot"][0]["models"], plan["cannot"][0]["rows"]) == (["nobody/none"], None)


class Told(Progress):
    """What a progress is told: what was begun, how many prompts it has, how many were done."""

    def __init__(self) -> None:
        self.begun: list[list[Any]] = []

    def prepare(self, prompts: int) -> None:
        self.start("rendering", prompts)

    def start(self, model: str, prompts: int, unit: str | None = None) -> None:
        self.begun.append([model, prompts, 0])

    def advance(self, prompts: int, effort: float | None = None) -> None:
        self.begun[-1][2] += prompts


@pytest.mark.slow
def test_a_run_counts_what_will_be_scored_as_a_plan_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mock's tokens are bytes, so that "or or or ..." is too long; neither a prompt of one's
    own nor a lottery has another side, and a lottery is shown in both orders."""
    monkeypatch.setattr("tremble.models.mock.WINDOW", 3000)
    drawn = sample(list(load(tmp_path, Notes())), {"lottery": 2, "bargaining": 3}, seed=1)
    write(drawn, tmp_path / "drawn.jsonl")
    path = study_in(tmp_path, [asked("Own?"), asked("or " * 3000)], '[run]\ntoo_long = "missing"\n')
    with (tmp_path / "mine.jsonl").open("a", encoding="utf-8") as lines:
        lines.write((tmp_path / "drawn.jsonl").read_text("utf-8"))
    wordings = 'formulations = ["standard", "reversed_roles"]\n[[pair]]'
    path.write_text(path.read_text("utf-8").replace("[[pair]]", wordings), "utf-8")
    study = read_study(path)
    plan, run = Told(), Told()
    found = plan_study(study, tmp_path / "out", lambda _: None, plan)
    score_study(study, tmp_path / "out", lambda _: None, run)
    # 2 lotteries twice, 3 offers, 1 of one's own in the standard wording; the offers in the other.
    fit = 2 * 2 + 3 + 1 + 3
    every = 2 * 2 * (2 * 2 + 3 + 2)
    assert plan.begun == [["rendering", every, every]]
    assert run.begun == [*plan.begun, ["mock:one", fit, fit], ["mock:two", fit, fit]]
    assert [row["prompts"] for row in found["models"]] == [fit, fit]
    assert sum(row["rows"] for row in found["cannot"]) == every - 2 * fit
    again = plan_study(study, tmp_path / "out", lambda _: None)
    assert again["totals"]["prompts"] == 0 and again["cannot"] == found["cannot"]


def test_a_plan_says_its_size_first_and_that_it_wrote_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study_in(tmp_path, RECORDS)
    command = ["plan", str(path), "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(app, command)
    assert json.loads(result.stdout)["totals"]["rows"] == 8
    assert result.stderr == (
        "4 decisions, 2 cells (combinations of model, format, data and wording): 8 prompts to "
        "render and count, all presentations included.\n"
    )

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("tremble.study.prepare.render", stop)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "tremble: interrupted; nothing was written."
    assert not (tmp_path / "out").exists()


def test_a_reason_stands_once_with_how_often_it_holds(tmp_path: Path) -> None:
    counterparts = [
        {"prompt": f"{n}?", "options": ["yes", "yep"], "choice": "yes"} for n in range(3)
    ]
    path = study_in(tmp_path, [*RECORDS, *counterparts])
    text = path.read_text(encoding="utf-8")
    text = text.replace("[[pair]]", 'reading = "next_token"\n[[pair]]')
    path.write_text(text.replace('["plain"]', '["plain", "chat"]'), encoding="utf-8")
    (table,) = plan_layout(plan_study(read_study(path), tmp_path / "out", print))[3:]
    ((where, cells, decisions, prompts, why),) = table.sections[0].rows
    assert where == "mock:one, mock:two · mine.jsonl · standard · plain, chat"
    assert (cells, decisions, prompts) == ("4", "3", "12")
    assert "share their first token" in why


@pytest.mark.parametrize(
    ("tokens", "prompts", "per_second"),
    [(44_563, 1202, 22.9), (32_511, 320, 8.68), (11_639, 200, 18.1)],
)
def test_rough_times_are_near_those_measured(tokens: int, prompts: int, per_second: float) -> None:
    """Gemma 3 270M in docs/performance.md: repeated games, persuasion, lotteries, on a machine
    whose square product runs at 271 to 350 GFLOP/s. Its configuration: 18 layers of 640, 4 heads of
    256 and 1 of keys and values, 2048 between, 262,144 words."""
    layer = 640 * 256 * (4 + 1 + 1 + 4) + 3 * 640 * 2048
    operations = Cost(2 * 18 * layer, 4 * 4 * 256 * 18, 2 * 640 * 262_144, 0.0)
    size = ModelSize(0, 0, 0, operations, None, 4)
    seconds = size.cost(310).seconds(Work(tokens, 0, prompts))
    assert 1 / 1.5 < seconds / (prompts / per_second) < 1.5


def planned(folder: Path, records: list[dict[str, Any]], extra: str = "") -> dict[str, Any]:
    """The plan of a study whose base is the tiny model in FOLDER/model, and its row."""
    study_in(folder, records)
    text = FILE.replace("mock:one", str(folder / "model")) + extra
    (folder / "planned.toml").write_text(text, encoding="utf-8")
    said: list[str] = []
    plan = plan_study(read_study(folder / "planned.toml"), folder / "out", said.append)
    return {**plan["models"][0], "gflops": plan["gflops"], "said": said}


def trial_of(cost: Cost, asked: list[Any]) -> Any:
    """Stands in for what times passes: their cost is this one."""

    def found(*arguments: Any) -> Trial:
        asked.append(arguments)
        return Trial(cost, shared=True)

    return found


def test_times_come_from_passes_that_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "model", "Gemma3Text")
    asked: list[Any] = []
    monkeypatch.setattr(trials, "trial", trial_of(Cost(1e-3, 0.0, 0.0, 0.0), asked))
    row = planned(tmp_path, RECORDS)
    assert (row["timing"], row["gflops"]) == ("timed", None)
    assert row["memory"] > sum(4 * part.numel() for part in tiny_model("Gemma3Text").parameters())
    # The check: three prompts and a branch of the longest, one by one and together; then all three.
    view = [path for _, path in sorted(lengths(tmp_path).items())]
    alone = sum(view) + max(view)
    once, checked = asked[0][3], row["seconds"] - 1e-3 * row["distinct_tokens"]
    assert (once.tokens, once.rows) == (row["distinct_tokens"], asked[0][3].rows)
    assert asked[0][4].tokens == row["tokens"] == sum(view)
    assert 1e-3 * alone < checked - 1.0 < 1e-3 * 2 * alone


def lengths(folder: Path) -> dict[str, int]:
    """Tokens of the distinct prompts of RECORDS, by prompt, as the tiny tokenizer reads them."""
    tokenizer = HubTokenizer(bpe_tokenizer())
    found = {}
    for record in RECORDS:
        text = record["prompt"] + '\n{"decision": "'
        (paths,) = option_paths(tokenizer, [(text, record["options"])])
        found[text] = Plan([paths]).tokens
    return found


def test_what_was_measured_before_corrects_what_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its ratio to what was timed for the same passes, if that was on this machine."""
    save_tiny(tmp_path / "model", "Gemma3Text")
    monkeypatch.setattr(trials, "trial", trial_of(Cost(1.0, 0.0, 0.0, 0.0), []))
    first = planned(tmp_path, RECORDS)
    score_study(read_study(tmp_path / "planned.toml"), tmp_path / "out", print)
    more = [*RECORDS, asked("One more of them?")]
    row = planned(tmp_path, more)
    assert (row["timing"], row["prompts"]) == ("measured", 1)
    (manifest,) = [
        path
        for path in (tmp_path / "out").rglob("manifest.json")
        if json.loads(path.read_text("utf-8"))["scoring"]["path"] == "shared"
    ]
    account = json.loads(manifest.read_text("utf-8"))
    del account["digest"]
    scoring = account["scoring"]
    assert scoring["checking_seconds"] > 0
    names = ("computed_tokens", "pairs", "decision_rows", "passes")
    work = Work(*(scoring[name] for name in names))
    assert work.tokens == first["distinct_tokens"]
    ratio = Cost(**scoring["cost"]).seconds(work) / work.tokens
    todo = row["distinct_tokens"]
    assert row["seconds"] - 1.0 > ratio * todo
    scoring["cost"] = {name: 10 * value for name, value in scoring["cost"].items()}
    manifest.write_bytes(sealed_json(account))
    slower = planned(tmp_path, more)
    opening = 1.0 + (tmp_path / "model" / "model.safetensors").stat().st_size / 1e9
    assert slower["seconds"] - opening == pytest.approx(10 * (row["seconds"] - opening), rel=0.01)
    for machine in ({**scoring["machine"], "threads": 77}, None):
        scoring["machine"] = machine
        manifest.write_bytes(sealed_json(account))
        elsewhere = planned(tmp_path, more)
        assert elsewhere["timing"] == "timed"
        assert elsewhere["seconds"] > todo  # at a second a token


def test_a_model_that_cannot_be_tried_has_a_rough_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "model", "Gemma3Text")
    monkeypatch.setattr(trials, "trial", lambda *_: None)
    monkeypatch.setattr(matmul_rate, "square_rate", lambda _: 123.0)
    row = planned(tmp_path, RECORDS)
    assert (row["timing"], row["gflops"]) == ("rough", 123.0)
    assert row["seconds"] > 1
    plan = plan_study(read_study(tmp_path / "planned.toml"), tmp_path / "out", print)
    assert "123 GFLOP/s" in " ".join(time_notes(plan))
    assert plan_layout(plan)[0].sections[0].rows[0][5].startswith("~")


def test_twins_are_timed_once_and_nothing_of_their_weights_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's weights are another's; the safetensors library opens files for their
    headers only."""
    import safetensors.torch
    import transformers

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("weights were read")

    save_tiny(tmp_path / "model")
    save_tiny(tmp_path / "twin", seed=1)
    monkeypatch.setattr(trials, "SECONDS", 0.01)
    study_in(tmp_path, RECORDS)
    text = FILE.replace("mock:one", str(tmp_path / "model"))
    text = text.replace("mock:two", str(tmp_path / "twin"))
    (tmp_path / "planned.toml").write_text(text, encoding="utf-8")
    before = sorted(path for path in tmp_path.rglob("*"))
    monkeypatch.setattr(transformers.PreTrainedModel, "from_pretrained", never)
    monkeypatch.setattr(safetensors.torch, "load_file", never)
    said: list[str] = []
    plan = plan_study(read_study(tmp_path / "planned.toml"), tmp_path / "out", said.append)
    assert [row["timing"] for row in plan["models"]] == ["timed", "timed"]
    assert all(row["seconds"] > 0 for row in plan["models"])
    assert sum("Measuring speed" in line for line in said) == 1
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_terminal_says_it_in_words(tmp_path: Path) -> None:
    path = study_in(tmp_path, RECORDS)
    result = CliRunner().invoke(app, ["plan", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    for words in ("mock:one", "mock:two", "To score", "Smallest", "custom", "Space on disk:"):
        assert words in result.output
    assert "~" not in result.output
    assert [duration(x) for x in (None, 48.2, 600, 9000)] == ["–", "48 s", "10 min", "2.5 h"]
    assert [size(x) for x in (None, 12, 2.1e9)] == ["–", "12 B", "2.1 GB"]


def test_families_are_of_entries_of_data_and_no_model_is_no_row(tmp_path: Path) -> None:
    records = [{**record, "dataset": "field"} for record in RECORDS]
    path = study_in(tmp_path, records)
    plan = plan_study(read_study(path), tmp_path / "out", print)
    assert [row["data"] for row in plan["families"]] == ["mine.jsonl"]
    models, families, _ = plan_layout(plan)
    assert families.sections[0].rows[0][:2] == ["mine.jsonl", "custom"]
    assert len(models.sections[0].rows) == 3
    assert plan_layout({**plan, "models": []})[0].sections == []
