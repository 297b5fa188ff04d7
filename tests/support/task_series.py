"""Series of checkpoints with a held-out task, and what is known of them from their base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from tests.support.studies import study_file, write_own_prompts
from tremble.api.results import analyze_study, further_analysis
from tremble.store.schemas import TASK_SCORES
from tremble.store.study_folder import Store

ITEMS = 12
# Made-up models have no end of text: the template closes a turn in letters.
TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}[end]"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
BASE, FIRST, SECOND = "mock:base", "mock:first", "mock:second"


def write_task(folder: Path, items: int = ITEMS) -> None:
    write_own_prompts(folder, 3)
    lines = [
        {
            "id": f"i{k}",
            "prompt": [{"role": "user", "content": f"Question {k}, yes or no?"}],
            "chosen": f"yes {k} please",
            "rejected": f"no {k}",
        }
        for k in range(items)
    ]
    (folder / "task.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")


def series(folder: Path, base: str = BASE, *checkpoints: str, more: str = "") -> Path:
    text = f'{more}[trajectory]\nbase = "{base}"\ntask = "task.jsonl"\n'
    if base.startswith("mock"):
        (folder / "chat.jinja").write_text(TEMPLATE, "utf-8")
        text += 'template = "chat.jinja"\n'
    for step, model in enumerate(checkpoints or (FIRST, SECOND), start=1):
        text += f'[[checkpoint]]\nmodel = "{model}"\nstep = {step}\n'
    return study_file(folder, text)


def answers(out: Path) -> pl.DataFrame:
    """The rows of answers, as they are in force."""
    jobs = Store(out).jobs(task=True)
    return pl.concat([job.rows([*TASK_SCORES]) for job in jobs]).sort("model", "decision")


def kl(out: Path) -> dict[str, dict[str, float]]:
    """Model -> item -> its divergence, of the items that have one."""
    found: dict[str, dict[str, float]] = {}
    known = answers(out).filter(pl.col("kl_base").is_not_null())
    for model, decision, value in known.select("model", "decision", "kl_base").iter_rows():
        found.setdefault(model, {})[decision.removesuffix("/chosen")] = value
    return found


def table(out: Path) -> dict[str, dict[str, Any]]:
    made = further_analysis(analyze_study(out)[0], ["task"])["task"]
    return {row["model"]: row for row in made}
