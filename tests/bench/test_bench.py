"""`tremble bench`: figures against counts made by hand, and one real run on a tiny model."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import mistake, tremble
from tests.support.toys import TEMPLATE, bpe_tokenizer, save_tiny, tiny_model
from tremble.bench import rates, run, task, worker
from tremble.bench.rows import compare, empty_row, point, row, share
from tremble.bench.task import Task, distinct_tokens, factors, sample
from tremble.models.spec import ModelSpec
from tremble.report.terminal.console import show_bench
from tremble.report.terminal.shown import ShownConsole

QUESTION = {"prompt": "Alice offers 10.", "options": ["accept", "reject"]}
# One label begins another: a closing is scored, and options are several tokens long.
NESTED = {
    "prompt": "Bob offers 3 and waits.",
    "options": ["J", "J twice", "Option F"],
    "target": "J",
}
PEER = """
PACKAGE, INSTALL, VERSIONS = {package!r}, "pip install {package}==1.0", ()
IN_FULL, DUPLICATES = True, None
def load(job):
    {body}
"""


def made(prefix: list[int], *sequences: list[int]) -> dict[str, Any]:
    return {"prefix": prefix, "sequences": list(sequences) or [[]]}


# 3 + 1 + 1 + 2 nodes: 1 2 3, then 4 (twice the prompt 1 2 3 4), 5, and 1 2 9 with 6 and 7 after it.
BY_HAND = [made([1, 2, 3]), made([1, 2, 3, 4]), made([1, 2, 3, 5]), made([1, 2, 9], [6], [7])]
COUNTS = [5, 3, 1, 1]


def test_factors_of_a_tree_counted_by_hand() -> None:
    found = factors(Task(BY_HAND, COUNTS, 0, 0.0))
    assert found == {
        "decisions": 10,
        "distinct_prompts": 4,
        "identical_prompts": 2.5,
        "tokens_of_all": 5 * 3 + 3 * 4 + 4 + 5,
        "tokens_of_distinct_prompts": 3 + 4 + 4 + 5,
        "distinct_tokens": 8,
        "shared_prefixes": 2.0,
    }


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=12))
def test_distinct_tokens_are_distinct_prefixes(sequences: list[list[int]]) -> None:
    prefixes = {tuple(s[:end]) for s in sequences for end in range(1, len(s) + 1)}
    assert distinct_tokens([made(s) for s in sequences]) == len(prefixes)


def test_a_sample_is_even_over_lengths() -> None:
    prompts = [made([0] * (1 + (i * 37) % 100)) for i in range(100)]
    chosen = sample(prompts, 10, seed=1)
    lengths = sorted(len(prompts[i]["prefix"]) for i in chosen)
    assert [(length - 1) // 10 for length in lengths] == list(range(10))  # one of each ten
    assert chosen == sample(prompts, 10, seed=1) != sample(prompts, 10, seed=2)
    assert sample(prompts, 0, seed=1) == sample(prompts, 200, seed=1) == list(range(100))


def ran(seconds: float) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "logprobs": [[-1.0, -2.0]] * 4,
        "facts": {"passes": 2, "computed_tokens": 16, "seen": 4.6},
        "peak_memory_mb": seconds,
        "threads": 2,
        "versions": {},
    }


@pytest.mark.parametrize(
    ("duplicates", "decisions_per_s"),
    # 16 tokens for 4 distinct prompts, 36 for all 10: the same tokens/s are 4 / 2 * 4 / 3.6.
    [("once", 5.0), ("again", 2 * 4 / 3.6), (None, None)],
)
def test_rates_over_distinct_prompts_and_all_decisions(
    duplicates: str | None, decisions_per_s: float | None
) -> None:
    of = Task(BY_HAND, COUNTS, 0, 0.0)
    found = row("x", duplicates, [ran(1.0), ran(9.0), ran(2.0)], [0, 1, 2, 3], of, factors(of))
    assert found["seconds"] == 2.0
    assert found["peak_memory_mb"] == 9.0
    assert (found["prompts"], found["decisions"]) == (4, 10)
    assert found["distinct_per_s"] == 2.0
    assert found["decisions_per_s"] == pytest.approx(decisions_per_s)
    assert found["tokens_per_s"] == 8.0
    assert found["distinct_tokens_per_s"] == 4.0
    assert found["decision_rows"] == 6  # the last prompt has three
    assert point(found) == (8, 3, 5)


def test_a_share_is_bare_seconds_over_seconds_taken() -> None:
    measured = {"tokens": 8, "rows": 3, "body_s": 0.25, "head_s": 0.125, "attention_s": 0.375}
    taken = {"computed_tokens": 16, "decision_rows": 6, "seconds": 3.0}
    assert share(taken, measured) == {"share": 0.5, "share_of_linear": 0.25}
    # No pass is as small as its rounded mean, so tokens count, not passes.
    more = share({**taken, "computed_tokens": 20}, measured)
    assert more["share_of_linear"] == pytest.approx(0.875 / 3)
    assert more["share"] == pytest.approx((0.875 + 2.5 * 0.375) / 3)


def test_differences_only_where_both_scored() -> None:
    reference = {0: [-1.0, -2.0], 1: [-1.0, None], 2: None, 3: [float("-inf"), -1.0]}
    scored = [[-1.5, -2.25], [-1.0, -9.0], [-1.0], [float("-inf"), -1.0], [-7.0]]
    found = compare(scored, [0, 1, 2, 3, 4], reference)
    assert found == {"max_abs_diff": 0.5, "compared": 5, "not_comparable": 2}
    assert compare([], [], {})["max_abs_diff"] is None


def test_products_are_those_of_the_linear_layers() -> None:
    model = tiny_model("Llama", vocabulary=50)
    layer = 32 * 32 + 2 * 16 * 32 + 32 * 32 + 3 * 32 * 48  # q, k and v, o, feed-forward
    body, work, output, head = rates.products(model, 5, 3)
    assert (work, head) == (2 * 5 * 2 * layer, 2 * 3 * 32 * 50)
    with torch.profiler.profile(with_flops=True) as profile:
        body()
        output()
    assert sum(event.flops for event in profile.events()) == work + head


def test_products_of_attention_are_queries_by_keys_and_shares_by_values() -> None:
    attend, work = rates.attention(tiny_model("Llama"), tokens=128, seen=7)
    with torch.profiler.profile(with_flops=True) as profile:
        attend()
    # Two layers, four heads of eight numbers: each token by seven keys, and back to eight.
    assert work == 2 * 128 * 4 * (2 * 8 * 7 + 2 * 7 * 8)
    assert sum(event.flops for event in profile.events()) == work


def test_loading_and_warming_up_are_outside_the_clock() -> None:
    calls = []

    def load(_: Any) -> Any:
        time.sleep(0.3)

        def score(prompts: list[Any]) -> Any:
            calls.append([len(prompt["prefix"]) for prompt in prompts])
            time.sleep(0.3 if len(calls) == 1 else 0.05)
            return [[0.0]] * len(prompts), {}

        return score

    prompts = [{"prefix": [0] * length} for length in (2, 5, 3)]
    found = worker.run(SimpleNamespace(load=load, VERSIONS=("numpy",)), {"prompts": prompts})
    assert calls == [[5], [2, 5, 3]]
    assert 0.05 <= found["seconds"] < 0.25
    assert found["peak_memory_mb"] > 10
    assert found["versions"].keys() == {"python", "numpy"}


def test_missing_is_not_broken() -> None:
    def load(_: Any) -> Any:
        import no_such_package  # type: ignore[import-not-found] # noqa: F401

    missing = SimpleNamespace(load=load, PACKAGE="no_such_package")
    assert worker.run(missing, {"prompts": []}) == {"missing": True}
    with pytest.raises(ModuleNotFoundError):
        worker.run(SimpleNamespace(load=load, PACKAGE="another"), {"prompts": []})


def peer(folder: Path, name: str, package: str, body: str) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(PEER.format(package=package, body=body))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, Any], str]]:
    """A run on a tiny model against the loop, a peer that is not there and one that breaks."""
    folder = tmp_path_factory.mktemp("bench")
    records = [QUESTION, NESTED, QUESTION, {**QUESTION, "prompt": "Alice offers 10. Then 20."}]
    data = folder / "own.jsonl"
    data.write_text("".join(json.dumps({**r, "choice": r["options"][0]}) + "\n" for r in records))
    model = save_tiny(folder / "model")
    with pytest.MonkeyPatch.context() as patch:
        for name, body in (
            ("gone", "import gone_for_good"),
            ("broken", "print('hello'); raise RuntimeError('it broke')"),
        ):
            module = peer(folder, name, f"{name}_for_good", body)
            patch.setitem(sys.modules, f"tremble.bench.peers.{name}", module)
            patch.setitem(run.CONTESTANTS, name, name)
        code, out, error = tremble(
            *("bench", "--model", model, "--data", data, "--sample", 2, "--json"),
            *("--against", "loop,gone", "--against", "broken"),
        )
    found = json.loads(out)
    yield code, found, error
    log = Path(found["rows"][-1]["note"].split("(log: ")[1].rstrip(")"))
    log.unlink()
    assert not list(log.parent.glob(f".tremble-bench.{os.getpid()}-*"))  # its folder is gone


def test_a_run_from_end_to_end(ran_once: tuple[int, dict[str, Any], str]) -> None:
    code, found, error = ran_once
    assert code == 1  # one contestant broke down
    assert "loop: 2 prompts" in error
    assert found.keys() == {"machine", "model", "data", "factors", "rows"}
    assert found["machine"]["square_gflops"] > 0
    counts = found["factors"]
    assert (counts["decisions"], counts["distinct_prompts"]) == (4, 3)
    own, reference, loop, gone, broken = found["rows"]
    assert [r["contestant"] for r in found["rows"]] == [
        "tremble",
        "reference",
        "loop",
        "gone",
        "broken",
    ]
    assert (own["prompts"], reference["prompts"], loop["prompts"]) == (3, 2, 2)
    assert own["times_slower"] == 1.0
    assert reference["max_abs_diff"] == 0.0
    for scored in (own, loop):
        # The loop is code of its own: nodes, closings and softmax are made a second time there.
        assert scored["max_abs_diff"] < 2e-5
        assert scored["compared"] >= 4
        assert scored["not_comparable"] == 0
        assert 0 < scored["share_of_linear"] < scored["share"]
    assert counts["efficiency"] == own["share"]
    assert counts["computed_over_distinct"] >= 1
    assert gone == empty_row("gone", "not installed: pip install gone_for_good==1.0")
    assert "broke down: RuntimeError: it broke" in broken["note"]
    log = Path(broken["note"].split("(log: ")[1].rstrip(")"))
    assert "Traceback" in log.read_text()


def test_the_table_has_every_row(ran_once: tuple[int, dict[str, Any], str]) -> None:
    console = ShownConsole(file=io.StringIO(), width=300)
    show_bench(ran_once[1], console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "identical prompts: 4 decisions, 3 distinct, 1.33x" in text
    lines = [line.split() for line in text.splitlines()]
    table = {line[0]: line for line in lines if line}
    assert table["tremble"][1] == "3"
    assert table["tremble"][5] == "1.0x"
    assert table["gone"][1:10] == ["–"] * 9
    assert text.count("pip install gone_for_good==1.0") == 1


def test_a_second_bos_is_not_handed_on(tmp_path: Path) -> None:
    tokenizer = bpe_tokenizer(bos=True, template="{{ bos_token }}" + TEMPLATE)
    tiny_model("Llama", len(tokenizer)).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    data = tmp_path / "own.jsonl"
    data.write_text(json.dumps({**QUESTION, "choice": "accept"}) + "\n")
    spec = ModelSpec(str(tmp_path / "model"))
    found = task.prepare(spec, str(data), None, "chat", None, lambda _: None)
    (prompt,) = found.prompts
    assert prompt["context"].startswith("<|user|>")
    with_bos = tokenizer(prompt["context"])["input_ids"]
    assert prompt["prefix"] == with_bos[: len(prompt["prefix"])]
    assert prompt["prefix"].count(tokenizer.bos_token_id) == 1


def test_mistakes(tmp_path: Path) -> None:
    said = mistake("bench", "--against", "lop")
    assert "'lop'" in said
    assert "did you mean 'loop'?" in said
    assert "'vlm'" in mistake("bench", "--python", "vlm=/usr/bin/python3")
    assert "PEER=PATH" in mistake("bench", "--python", "vllm")
    assert "no Python at" in mistake("bench", "--python", f"vllm={tmp_path / 'python'}")
    assert "computes nothing" in mistake("bench", "--model", "mock")
    model = save_tiny(tmp_path / "model", template=None)
    assert "'chatty'" in mistake("bench", "--model", model, "--format", "chatty")
    assert "add --format chat" in mistake("bench", "--model", model, "--template", "gemma")
    said = mistake("bench", "--model", model, "--family", "loteries")
    assert "did you mean 'lottery'?" in said


def test_contestants_are_files_with_what_the_run_asks_of_them() -> None:
    for name in run.CONTESTANTS:
        module = run._peer(name)
        assert module.DUPLICATES in ("once", "again", None)
        assert isinstance(module.IN_FULL, bool)
        assert "pip install" in module.INSTALL
