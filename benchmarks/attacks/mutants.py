"""Damaged input: records, study files, templates, tables, manifests, records of runs. No traceback,
no internal error, no run without end, and never another number without a word."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attacks.common import STUDY, Ended, Tally, answers, command, write_inputs

SLOW = 30.0  # seconds: nothing of this size may take longer

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{{ message['content'] | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_BYTES = (
    b"",
    b"\x00",
    b"\xff",
    b"\n",
    b'"',
    b"{",
    b"[" * 5000,
    b"9" * 5000,
    b"\xef\xbb\xbf",
    b"NaN",
)
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**400, 1e308, "", " ", "\x1b[31m", "x" * 10_000, [], {}, [[]],
    {"a": {}}, "\ud800", "\u202e", "nan", ["yes"], ["yes", "yes"], 2**63, -0.0,
)  # fmt: skip
_TEMPLATES = (
    "{% for i in range(10**9) %}x{% endfor %}", "{{ 'a' * 10**10 }}", "{{ messages[9] }}",
    "{{ ''.__class__.__mro__ }}", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "{{",
    "{{ 1 / 0 }}", "{% include 'x' %}", "{{ raise_exception('no') }}", "{{ cycler.__init__ }}",
)  # fmt: skip


def in_bytes(content: bytes, rng: random.Random) -> bytes:
    """Some bytes of a file cut out, doubled, or replaced."""
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice((0, 1, 1, 4, 40, 400)))
    put = rng.choice((*_BYTES, content[start:end] * 2, bytes([rng.randrange(256)])))
    return content[:start] + put + content[end:]


def in_json(content: bytes, rng: random.Random) -> bytes:
    """One value somewhere in one line of JSON replaced, taken out, or named otherwise."""
    lines = content.decode("utf-8").splitlines() if content.count(b"\n{") else [content.decode()]
    at = rng.randrange(len(lines))
    value = json.loads(lines[at])
    places = list(_places(value))
    inside, key = rng.choice(places)
    what = rng.randrange(4)
    if what == 0 and isinstance(inside, dict):
        inside[f"{key}x"] = inside.pop(key)
    elif what == 1:
        del inside[key]
    else:
        inside[key] = rng.choice(_VALUES)
    lines[at] = json.dumps(value)
    return ("\n".join(lines) + "\n").encode()


def in_lines(content: bytes, rng: random.Random) -> bytes:
    """One line of a text taken out, doubled, moved, or its value replaced."""
    lines = content.decode().splitlines()
    at, what = rng.randrange(len(lines)), rng.randrange(4)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, lines[at])
    elif what == 2:
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    else:
        name = lines[at].split("=")[0]
        put = rng.choice(_VALUES)
        lines[at] = f"{name}= {json.dumps(put)}"
    return "\n".join(lines).encode()


def _places(value: Any) -> Any:
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


Mutate = Callable[[bytes, random.Random], bytes]


class _Kind:
    """One kind of input, whose mutants are given to commands."""

    def __init__(self, name: str, mutate: tuple[Mutate, ...]) -> None:
        self.tally = Tally(f"mutants: {name}")
        self.mutate = mutate

    def mutant(self, content: bytes, rng: random.Random) -> bytes:
        return rng.choice(self.mutate)(content, rng)

    def judge(self, seed: str, *ends: Ended, same: Callable[[], bool] | None = None) -> None:
        """Whether commands ended as they may; where all of them ended well, `same` says whether
        what they say is what it was."""
        tally, seconds = self.tally, max(end.seconds for end in ends)
        tally.tries += 1
        faults = [fault for end in ends for fault in end.faults()]
        if faults or any(end.code not in (0, 1, 2) for end in ends):
            tally.fail(f"{seed}: {[(end.code, end.said[:400]) for end in ends]}")
        elif seconds > SLOW:
            tally.fail(f"{seed}: {seconds:.0f} s")
        elif all(end.code for end in ends):
            tally.note("told", seconds)
        elif same is None or same():
            tally.note("read" if same is None else "the same numbers", seconds)
        else:
            tally.fail(f"{seed}: other numbers without a word")


def attack(folder: Path, rng: random.Random, count: int) -> list[Tally]:
    """`count` mutants over all kinds."""
    study = write_inputs(folder / "inputs", 8)
    out = folder / "inputs" / "out"
    assert command("run", study, "--out", out).code == 0
    # A template is first tried in a process of its own, which takes its time: fewer of them.
    templates = -(-count // 26)
    each = -(-(count - templates) // 5)
    return [
        _records(folder / "records", rng, each),
        _study_files(folder / "studies", rng, each),
        _templates(folder / "templates", rng, templates),
        *_stored(folder / "inputs", rng, each),
    ]


def _records(folder: Path, rng: random.Random, count: int) -> Tally:
    kind = _Kind("records (JSON lines)", (in_bytes, in_json, in_json))
    study = write_inputs(folder, 4)
    data = folder / "mine.jsonl"
    sound = data.read_bytes()
    for number in range(count):
        data.write_bytes(kind.mutant(sound, rng))
        checked = command("data", "check", data)
        new = folder / "new.jsonl"
        made = command("data", "import", "jsonl", data, "--out", new, "--force")
        ends = [checked, made]
        if number % 4 == 0:
            ends.append(command("run", study, "--out", folder / "out"))
        kind.judge(f"{number}: {data.read_bytes()[:200]!r}", *ends)
        if made.code == 0 and command("data", "check", new).code:
            kind.tally.fail(f"{number}: import wrote what check refuses")
    return kind.tally


def _study_files(folder: Path, rng: random.Random, count: int) -> Tally:
    kind = _Kind("study files (TOML)", (in_bytes, in_lines, in_lines))
    study = write_inputs(folder, 4)
    for number in range(count):
        study.write_bytes(kind.mutant(STUDY.encode(), rng))
        ended = command("plan", study, "--out", folder / "out", within=folder)
        kind.judge(f"{number}: {study.read_bytes()!r:.300}", ended)
    return kind.tally


def _templates(folder: Path, rng: random.Random, count: int) -> Tally:
    kind = _Kind("chat templates", (in_bytes,))
    study = write_inputs(folder, 2)
    template = folder / "t.jinja"
    text = STUDY.replace('formats = ["plain"]', 'formats = ["chat"]')
    text = text.replace("mock:base", "mock").split("[[pair]]")[0]
    text += '[[model]]\nid = "mock"\ntemplate = "t.jinja"\n'
    study.write_text(text, "utf-8")
    for number in range(count):
        known = number < len(_TEMPLATES)
        mutant = kind.mutant(TEMPLATE.encode(), rng)
        template.write_bytes(_TEMPLATES[number].encode() if known else mutant)
        kind.judge(f"{number}: {template.read_bytes()!r:.300}", command("plan", study))
    return kind.tally


def _stored(folder: Path, rng: random.Random, count: int) -> list[Tally]:
    """What is stored, as it is, and with digests that fit it: then only faults are looked for."""
    out = folder / "out"
    expected = answers(out)
    whole = folder / "whole"
    shutil.copytree(out, whole)
    kinds = {
        "scores/*/*/*/*.parquet": _Kind("tables of a study (Parquet)", (in_bytes,)),
        "scores/*/*/*/manifest.json": _Kind("manifests", (in_bytes, in_json, in_json)),
        "run.json": _Kind("records of runs (run.json)", (in_bytes, in_json, in_json)),
    }
    for pattern, kind in kinds.items():
        for number in range(count):
            path = rng.choice(sorted(out.glob(pattern)))
            sound = path.read_bytes()
            fits = number % 3 == 0
            name = _put(path, kind.mutant(sound, rng), out, fits)
            rows = command("export", out, "--out", folder / "rows.csv")
            ends = [rows, command("analyze", out, "--json", "--table", "measures")]

            def same(name: str = name, said: str = ends[1].out) -> bool:
                return (folder / "rows.csv").read_text("utf-8") in expected or name in said

            kind.judge(f"{number}: {name}", *ends, same=None if fits else same)
            shutil.rmtree(out)
            shutil.copytree(whole, out)
    return [kind.tally for kind in kinds.values()]


def _put(path: Path, mutant: bytes, out: Path, fits: bool) -> str:
    """Puts a mutant in a file's place, with a digest of its own where it `fits`; its name."""
    from tremble.store.sealed import named, sealed_json

    if not fits:
        path.write_bytes(mutant)
        return path.name
    if path.suffix == ".json":
        try:
            content = json.loads(mutant)
            mutant = sealed_json(content) if isinstance(content, dict) else mutant
        except (ValueError, RecursionError):
            pass
        path.write_bytes(mutant)
        return path.name
    path.unlink()
    place = path.parent.relative_to(out).as_posix()
    new = path.with_name(named(path.name.rsplit("-", 1)[0], mutant, place))
    new.write_bytes(mutant)
    return new.name
