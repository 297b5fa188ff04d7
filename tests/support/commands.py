"""The command line as the tests call it, and small studies for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.support.record_lines import OWN
from tremble.commands.program import app


def tremble(*arguments: Any, stdin: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(part) for part in arguments], input=stdin)
    return result.exit_code, result.stdout, result.stderr


def mistake(*arguments: Any, stdin: str | None = None) -> str:
    """The one sentence of a user's error; checks that it is one, with exit code 2."""
    code, out, error = tremble(*arguments, stdin=stdin)
    assert (code, out) == (2, ""), (out, error)
    lines = [line for line in error.splitlines() if not line.startswith("Converting")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    assert lines[0].startswith("tremble: ")
    assert lines[0].endswith((".", "?"))
    return lines[0]


def write_study(folder: Path, records: list[Any] | None = None, **models: str) -> Path:
    lines = records if records is not None else [{**OWN, "id": "one"}]
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "mine.jsonl").write_text(text, "utf-8")
    pair = models or {"base": "mock:a", "aligned": "mock:b"}
    body = "".join(f"{key} = {json.dumps(value)}\n" for key, value in pair.items())
    path = folder / "study.toml"
    path.write_text(f'[study]\nname = "s"\ndata = ["mine.jsonl"]\n[[pair]]\n{body}')
    return path


def refused(folder: Path, study: Path) -> str:
    """Why `run` refuses a study, having written nothing."""
    message = mistake("run", study, "--out", folder / "out")
    assert not (folder / "out").exists()
    return message
