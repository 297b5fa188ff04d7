"""Names from files of strangers are shown, not obeyed: whatever is printed, no terminal is told
anything by it."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import tremble, write_study
from tremble.commands.base import print_json
from tremble.report.terminal.progress import Terminal, shown_progress
from tremble.report.terminal.shown import ShownConsole
from tremble.text import visible

# A colour, a C1 sequence that clears, marks of direction; markup and emoji of rich; a return.
EVIL = "\x1b[31m\x9b2J\u202e[bold][link=x]:smile:\r"
SHOWN = r"\x1b[31m\x9b2J\u202e[bold][link=x]:smile:"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LABEL = f"no{EVIL.strip()}"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with study.toml, mine.jsonl and a scored study in out/, evil wherever it can be."""
    folder = tmp_path_factory.mktemp("study")
    records = [
        {
            "id": f"{i}{EVIL}",
            "prompt": f"Take {i}?{EVIL}",
            "options": ["yes", LABEL],
            "choice": LABEL if i % 3 else "yes",
            "target": "yes",
            "participant": f"p{i % 4}{EVIL}",
            "dataset": f"mine{EVIL}",
            "config": {f"x{EVIL}": f"v{i % 2}{EVIL}"},
        }
        for i in range(12)
    ]
    path = write_study(folder, records, base=f"mock:a{EVIL}", aligned=f"mock:b{EVIL}")
    check(*tremble("run", path, "--out", folder / "out"))
    return folder


def check(code: int, out: str, error: str, wanted: int = 0) -> str:
    assert code == wanted, error
    for text in (out, error):
        found = OBEYED.search(text)
        assert found is None, ascii(text[max(0, found.start() - 50) :][:100])
    return out + error


def printed(folder: Path) -> Iterator[tuple[tuple[object, ...], str]]:
    """Command lines with a text that must stand in what they print."""
    out, study = folder / "out", folder / "study.toml"
    yield ("plan", study, "--out", folder / "new"), f"mock:a{SHOWN}"
    yield ("run", study, "--out", folder / f"new\x1b31m{EVIL[5:8]}"), r"new\x1b31m"
    yield ("analyze", out), f"mock:a{SHOWN}"
    yield ("analyze", out, "--table", "all"), f"mock:a{SHOWN}"
    yield ("analyze", out, "--by", f"x{EVIL}"), f"v0{SHOWN}"
    yield ("verdict", out), f"mock:a{SHOWN}"
    yield ("export", out, "--out", folder / "t\x1b[31m.csv"), r"t\x1b[31m.csv"
    yield ("xray", out, "0"), "mock:a"
    yield ("xray", out, "0", "--html", folder / "p\x1b[31m.html"), r"p\x1b[31m.html"
    yield ("data", "check", folder / "mine.jsonl"), "12 valid decisions"
    score = ("score", "--model", f"mock:a{EVIL}", "--prompt", EVIL, "--options", f"{LABEL},b")
    yield score, f"no{SHOWN}"


@pytest.mark.slow
def test_nothing_printed_is_obeyed(study: Path) -> None:
    for arguments, text in printed(study):
        said = check(*tremble(*arguments))
        assert text in said, (arguments, said)


@pytest.mark.slow
def test_the_line_about_a_page(study: Path) -> None:
    page = study / "page\x1b[31m.html"
    assert r"page\x1b[31m.html" in check(*tremble("report", study / "out", "--out", page))


@pytest.mark.slow
def test_json_is_the_same_text_to_whoever_reads_it(study: Path) -> None:
    for command in ("analyze", "verdict"):
        out = check(*tremble(command, study / "out", "--json"))
        assert f"mock:a{EVIL}" in json.dumps(json.loads(out), ensure_ascii=False).replace(
            json.dumps(EVIL, ensure_ascii=False)[1:-1], EVIL
        )
    look = json.loads(check(*tremble("xray", study / "out", "0", "--json")))
    assert look["decision"]["id"] == f"0{EVIL}"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_of_every_character(encoding: str) -> None:
    whole = "".join(map(chr, [*range(0x300), *range(0x2000, 0x2070), 0xDCFF, 0xD800, 0x1F600]))
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    print_json({whole: whole}, out=out)
    text = out.buffer.getvalue().decode(encoding)
    assert json.loads(text) == {whole: whole}
    assert OBEYED.search(text) is None


@pytest.mark.slow
def test_mistakes_with_such_names(study: Path) -> None:
    for arguments in (
        ("data", "show", EVIL),
        ("run", EVIL),
        ("analyze", study / "out", "--by", EVIL),
        ("verdict", study / "out", "--family", EVIL),
        ("pairs", "--family", EVIL),
        ("bench", "--against", EVIL),
        ("score", "--model", f"a b{EVIL}", "--prompt", "x", "--options", "a,b"),
        (EVIL,),
        ("run", "x", f"--{EVIL}"),
    ):
        assert r"\x1b[31m" in check(*tremble(*arguments), wanted=2)


def plain(text: str) -> str:
    """Without what rich itself tells a terminal: colours, where the cursor is, links."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)


def test_a_terminal_is_told_nothing_by_a_name() -> None:
    out = io.StringIO()
    console = ShownConsole(file=out, force_terminal=True, color_system="standard", width=120)
    console.print(f"model {EVIL} 12")
    said = out.getvalue()
    assert "\x1b[31m" not in said and "\x1b]8" not in said
    assert "\x1b[" in said  # numbers have a colour: this is a terminal
    assert visible(f"model {EVIL} 12") in plain(said)


def test_a_progress_bar_shows_names() -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Screen()
    with shown_progress(out) as progress:
        assert isinstance(progress, Terminal)
        progress.notify(f"Loading {EVIL}")
        progress.start(f"m{EVIL}"[:20], 2)
        progress.advance(2)
    said = plain(out.getvalue())
    assert r"Loading \x1b[31m\x9b2J\u202e[bold]" in said
    assert r"m\x1b[31m\x9b2J\u202e[bold]" in said
    assert OBEYED.search(said) is None


def test_commands_print_in_one_way() -> None:
    """`say`, `complain` and `print_json`; ruff forbids a bare print, and this sys.stdout.write."""
    folder = Path(__file__).parents[2] / "src" / "tremble" / "commands"
    for path in folder.glob("*.py"):
        calls = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        ]
        names = {ast.unparse(call.func) for call in calls}
        assert not names & {"sys.stdout.write", "sys.stderr.write", "typer.echo", "Console"}
        assert "print" not in names or path.name in ("base.py", "ending.py")
