"""The figures of the table, out of what the contestants wrote."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from tremble.bench.task import Task, rows_of, tokens_of

FIGURES = (
    "prompts",
    "decisions",
    "seconds",
    "distinct_per_s",
    "decisions_per_s",
    "times_slower",
    "tokens_per_s",
    "distinct_tokens_per_s",
    "share",
    "share_of_linear",
    "peak_memory_mb",
    "max_abs_diff",
    "compared",
    "not_comparable",
)


def empty_row(contestant: str, note: str) -> dict[str, Any]:
    """The row of a contestant that did not run."""
    return {"contestant": contestant, **dict.fromkeys(FIGURES), "note": note}


def row(
    contestant: str,
    duplicates: str | None,
    results: Sequence[dict[str, Any]],
    chosen: Sequence[int],
    task: Task,
    factors: dict[str, Any],
) -> dict[str, Any]:
    """The row of a contestant that scored the prompts at the places `chosen`, once or more often.

    `seconds` is the median over the runs. `distinct_per_s` are distinct prompts per second;
    `decisions_per_s` counts all decisions: those with equal prompts are free for a contestant
    that computes such prompts once; one that computes them again has the same rate per token
    (its fixed cost per prompt is left out, in its favour, where decisions with equal prompts are
    the shorter ones); None where neither can be said. `distinct_tokens_per_s` is the rate at
    which the prefix tree of all prompts would be got through.
    """
    seconds = median(result["seconds"] for result in results)
    tokens = sum(tokens_of(task.prompts[i]) for i in chosen)
    rate = len(chosen) / seconds
    n, all_ = factors["distinct_prompts"], factors["decisions"]
    if duplicates == "once" or n == all_:
        over_all = rate * factors["identical_prompts"]
    elif duplicates == "again":
        mean_distinct = factors["tokens_of_distinct_prompts"] / n
        over_all = rate * mean_distinct / (factors["tokens_of_all"] / all_)
    else:
        over_all = None
    facts = results[0]["facts"]
    return {
        **empty_row(contestant, ""),
        "prompts": len(chosen),
        "decisions": sum(task.counts[i] for i in chosen),
        "seconds": seconds,
        "distinct_per_s": rate,
        "decisions_per_s": over_all,
        "tokens_per_s": tokens / seconds,
        "distinct_tokens_per_s": rate * factors["distinct_tokens"] / n,
        "peak_memory_mb": _largest([result["peak_memory_mb"] for result in results]),
        "all_seconds": [result["seconds"] for result in results],
        "threads": results[0]["threads"],
        "versions": results[0]["versions"],
        **{
            key: facts[key]
            for key in ("passes", "computed_tokens", "seen", "report")
            if key in facts
        },
        "decision_rows": sum(rows_of(task.prompts[i]) for i in chosen),
        "note": _unscored(results[0]["logprobs"]),
    }


def _unscored(logprobs: Sequence[Any]) -> str:
    failed = sum(values is None for values in logprobs)
    return f"{failed} prompts not scored" if failed else ""


def point(row: dict[str, Any]) -> tuple[int, int, int] | None:
    """Mean tokens and decision rows of a pass and mean tokens that a token sees, from 1; None
    where its passes are not known."""
    if not row.get("passes") or not row.get("computed_tokens"):
        return None
    return (
        max(1, round(row["computed_tokens"] / row["passes"])),
        max(1, round(row["decision_rows"] / row["passes"])),
        max(1, round(row["seen"])),
    )


def share(row: dict[str, Any], measured: dict[str, Any]) -> dict[str, float]:
    """Seconds that the bare matrix products of all computed tokens and decision rows take at the
    mean size of a pass, over the seconds taken: `share` of all products, `share_of_linear` without
    those of attention. Padding is not counted as computed."""
    body = row["computed_tokens"] / measured["tokens"] * measured["body_s"]
    attention = row["computed_tokens"] / measured["tokens"] * measured["attention_s"]
    head = row["decision_rows"] / measured["rows"] * measured["head_s"]
    return {
        "share": (body + head + attention) / row["seconds"],
        "share_of_linear": (body + head) / row["seconds"],
    }


def compare(
    logprobs: Sequence[Any], chosen: Sequence[int], reference: dict[int, Any]
) -> dict[str, Any]:
    """The largest difference in an option's log-probability, in nat, over the prompts that both
    scored; `not_comparable` counts options that one of the two could not score in the same sense.
    """
    differences, odd = [], 0
    for place, values in zip(chosen, logprobs, strict=True):
        if place not in reference:
            continue
        theirs = reference[place]
        if values is None or theirs is None:
            odd += len(values or theirs or ())
            continue
        for mine, other in zip(values, theirs, strict=True):
            if mine is None or other is None:
                odd += 1
            else:
                differences.append(0.0 if mine == other else abs(mine - other))
    return {
        "max_abs_diff": max(differences, default=None),
        "compared": len(differences),
        "not_comparable": odd,
    }


def _largest(values: Sequence[float | None]) -> float | None:
    """None where one of them is not known."""
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None
