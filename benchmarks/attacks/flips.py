"""One bit of a stored file is flipped: it is told, or changes nothing; `tremble run` mends it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from attacks.common import Tally, answers, command, scored, write_inputs, write_model

KINDS = {
    "part": "scores/*/*/*/part-*.parquet",
    "rows asked for": "scores/*/*/*/expected-*.parquet",
    "manifest": "scores/*/*/*/manifest.json",
    "decisions": "decisions/*.parquet",
    "prompts": "prompts/*.parquet",
    "record of the run": "run.json",
    "copy of the study file": "study.toml",
    "mark of the folder": ".tremble-study",
}


def flip(path: Path, rng: random.Random) -> str:
    """Flips one bit of a file; which one."""
    content = bytearray(path.read_bytes())
    byte, bit = rng.randrange(len(content)), rng.randrange(8)
    content[byte] ^= 1 << bit
    path.write_bytes(content)
    return f"{path.name}, byte {byte}, bit {bit}"


def attack(folder: Path, rng: random.Random, count: int) -> list[Tally]:
    """`count` flips over every kind of file of a study."""
    study, out = write_inputs(folder), folder / "out"
    assert command("run", study, "--out", out).code == 0
    whole = folder / "whole"
    shutil.copytree(out, whole)
    expected = answers(out)
    shutil.rmtree(out / "export", ignore_errors=True)
    tallies = {kind: Tally(f"flipped bit: {kind}") for kind in KINDS}
    kinds = list(KINDS)
    for number in range(count):
        tally = tallies[kinds[number % len(kinds)]]
        tally.tries += 1
        paths = sorted(out.glob(KINDS[kinds[number % len(kinds)]]))
        where = flip(rng.choice(paths), rng)
        _judge(tally, where, out, expected)
        mended = command("run", study, "--out", out)
        if mended.code or mended.faults() or answers(out) != expected:
            tally.fail(f"{where}: not mended by run: {mended.code} {mended.said}")
            shutil.rmtree(out)
            shutil.copytree(whole, out)
        for aside in out.rglob("*.damaged"):
            aside.unlink()
    return list(tallies.values())


def attack_cache(folder: Path, rng: random.Random, count: int) -> Tally:
    """`count` flips over the files of a converted model: the same numbers, and it is said."""
    tally = Tally("flipped bit: converted model")
    folder.mkdir(parents=True)
    write_model(folder)
    expected = scored(folder).out
    for number in range(count):
        tally.tries += 1
        paths = sorted(path for path in (folder / "cache").rglob("*") if path.is_file())
        # The weights and the list of checksums by turns with all others.
        wanted = (".safetensors", "done", "")[number % 3]
        where = flip(rng.choice([path for path in paths if path.name.endswith(wanted)]), rng)
        ended = scored(folder)
        if ended.code or ended.faults() or ended.out != expected:
            tally.fail(f"{where}: {ended.code} {ended.said}")
        else:
            told = where.split(",", 1)[0] in ended.said
            tally.note("told and mended" if told else "harmless", ended.seconds)
    return tally


def _judge(tally: Tally, where: str, out: Path, expected: str) -> None:
    name = where.split(",", 1)[0]
    rows = command("export", out, "--out", out.parent / "answers.csv")
    if rows.faults() or rows.code not in (0, 2):
        tally.fail(f"{where}: {rows.code} {rows.said}")
    elif rows.code:
        told = name in rows.said
        tally.note("told", rows.seconds) if told else tally.fail(f"{where}: {rows.said}")
    elif (text := answers(out)) == expected:
        tally.note("harmless", rows.seconds)
    elif "is damaged" in text and name in text:
        tally.note("told", rows.seconds)  # a manifest counts as none: a note says so
    else:
        tally.fail(f"{where}: other numbers without a word")
