"""Entry points that lead elsewhere in an unchanged package: scores of before are not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import tremble
from tests.support.extensions import EXAMPLE, MODULE, installed, on_path
from tests.support.toys import save_tiny
from tremble.store.study_folder import Store

# A second one of each kind, in the same file, so that the digest is the same.
SECOND = """

def hasty(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
    return headed(standard(decision, presentation, told), "Hurry up now.")


def tenfold(decision: Decision, others: Any = None) -> Telling:
    return Telling(lambda seen: replace(seen, rules={"pie": 10 * seen.rules["pie"]}))


OTHER_FAMILY = replace(FAMILY, question=lambda seen: "What now?")


class Dearer(DataSet):
    @staticmethod
    def load(path: Path, notes: Notes) -> Iterator[Decision]:
        for one in DataSet.load(path, notes):
            yield replace(one, rules={"pie": 2 * one.rules["pie"]})


class Uneven(Even):
    def score(self, prompts: Sequence[Any]) -> Iterator[Score]:
        for score in super().score(prompts):
            yield replace(score, logprobs=(math.log(0.9), math.log(0.1)))
"""
TARGETS = {
    "wording": ("calm", "hasty"),
    "control": ("hundredfold", "tenfold"),
    "family": ("FAMILY", "OTHER_FAMILY"),
    "dataset": ("DataSet", "Dearer"),
    "engine": ("Even", "Uneven"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_scores_of_another_target_are_not_used(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (EXAMPLE / f"{MODULE}.py").read_text("utf-8") + SECOND
    points = (EXAMPLE / "entry_points.txt").read_text("utf-8")
    before, now = (f"{MODULE}:{name}" for name in TARGETS[kind])
    assert points.count(f"= {before}\n") == 1
    sites = [
        installed(tmp_path / name, {f"{MODULE}.py": source}, written)
        for name, written in (("a", points), ("b", points.replace(f"= {before}\n", f"= {now}\n")))
    ]
    model = f'"{save_tiny(tmp_path / "tiny", template=None)}"' if kind == "engine" else '"mock:a"'
    path = tmp_path / "s.toml"
    path.write_text(
        '[study]\nname = "s"\ndata = ["dictator_demo"]\nformulations = ["calm"]\n'
        f'controls = ["hundredfold"]\n[[model]]\nid = {model}\n'
        + ('[run]\nengine = "even"\n' if kind == "engine" else ""),
        "utf-8",
    )

    def scores(site: Path, out: str) -> list[tuple[object, ...]]:
        on_path(monkeypatch, site)
        code, _, error = tremble("run", path, "--out", tmp_path / out)
        assert code == 0, error
        frame = Store(tmp_path / out).scores().sort("formulation", "decision")
        return frame.select("formulation", "decision", "logprobs").rows()

    first = scores(sites[0], "out")
    on_path(monkeypatch, sites[1])
    analysed = " ".join(tremble("analyze", tmp_path / "out")[1].split())
    assert (
        f"has changed: it was {before} and is now {now}" in analysed
        and f"whose {'data set' if kind == 'dataset' else kind} " in analysed
    )
    again = scores(sites[1], "out")
    assert again == scores(sites[1], "fresh") and again != first
    assert scores(sites[0], "out") == first
