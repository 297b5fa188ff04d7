"""Templates that never end, or take all memory, are found out in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.toys import TEMPLATE
from tremble.prompts import limits, sandbox
from tremble.prompts.chat import GEMMA, MOCK, Template, TemplateError
from tremble.prompts.conversation import Conversation

resource = pytest.importorskip("resource", reason="the system counts no memory")

TALK = Conversation("The rules.", "Round 1 of 10:", '{"decision": "', ())
RANGE = "{% for i in range(99999) %}"
END = "{% endfor %}"
DOUBLED = "{% set ns.x = ns.x ~ ns.x %}"
SET = "{% set ns = namespace(x='ab') %}"

NEVER = {
    "two loops": RANGE * 2 + END * 2,
    "three loops that print": RANGE * 3 + "{{ i }}" + END * 3,
    "a loop over lines": "{% for a in messages[-1].content %}" * 3 + END * 3,
    "a filtered loop": "{% for i in range(99999) if i < 0 %}" + END + RANGE * 2 + END * 2,
    "a power when compiled": "{{ 9 ** (9 ** 9) }}",
    "a power": "{% set n = 9 %}{{ n ** (n ** n) }}",
    "a remainder of a power": "{{ (9 ** (9 ** 9)) % 7 }}",
    "macros that branch": (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}"
    ),
    "a loop that calls itself": (
        "{% for m in [1, 2] recursive %}{% if loop.depth < 60 %}{{ loop([1, 2]) }}{% endif %}"
        "{% endfor %}"
    ),
    "sorting again and again": RANGE + "{{ (range(99999) | sort(reverse=true)) and '' }}" + END,
    "sums": RANGE + "{% if range(99999) | sum %}{% endif %}" + END,
    "only with a system text": (
        "{% if messages[0].role == 'system' %}" + RANGE * 2 + END * 2 + "{% endif %}"
    ),
    "only where no answer is asked for": (
        "{% if messages[-1].role == 'user' and not add_generation_prompt %}"
        + RANGE * 2
        + END * 2
        + "{% endif %}"
    ),
    "only without": "{% if messages[0].role == 'user' %}" + RANGE * 2 + END * 2 + "{% endif %}",
}
LARGE = {
    "a product when compiled": "{{ 'a' * 10 ** 10 }}",
    "a product": "{% set n = 10 ** 10 %}{{ 'a' * n }}",
    "a product of a list": "{% set n = 10 ** 10 %}{{ [1] * n }}",
    "a list of lists": "{{ [[0] * 10 ** 5] * 10 ** 5 | int }}{{ ([0] * 10 ** 9) | length }}",
    "center": "{{ 'a' | center(10 ** 10) }}",
    "center of 50 MB": "{{ 'a' | center(5 * 10 ** 7) }}",
    "indent": "{{ messages[-1].content | indent(10 ** 9) }}",
    "replace": "{{ ('a' * 10 ** 5) | replace('a', 'b' * 10 ** 5) }}",
    "doubling": SET + "{% for i in range(64) %}" + DOUBLED + END + "{{ ns.x | length }}",
    "a growing list": (
        "{% set ns = namespace(x=[0]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}" + END
    ),
    "format": "{{ '%9999999999d' | format(1) }}",
    "a method": "{{ 'a'.ljust(10 ** 10) }}",
    "join": "{{ (['a' * 10 ** 6] * 10 ** 6) | join }}",
    "shift": "{{ '0' * (10 ** 9) * 9 }}",
    "dates": "{{ strftime_now('%A' * 10 ** 9) }}",
    "a large refusal": "{{ raise_exception('a' * 10 ** 10) }}",
    "much text": "{% for i in range(2000) %}{{ messages[-1].content }}" + END,
    "batches": "{{ range(99999) | batch(10 ** 9, 0) | list }}",
}


@pytest.fixture(autouse=True)
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("bomb", [*NEVER, *LARGE])
def test_a_template_that_takes_all_time_or_memory_is_refused(bomb: str) -> None:
    text = {**NEVER, **LARGE}[bomb]
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TemplateError) as caught:
        Template(text, "org/bomb").render(TALK)
    said = str(caught.value)
    ends = "does not end within 1 s", "takes more than 1 GB of memory, or prints without end"
    # What prints much is at its end, or at the limit of time, as fast as the machine is.
    wanted = ends[:1] if bomb in NEVER else ends
    assert said in [
        f"The chat template of org/bomb {end}; give another with template = in [[model]], or with "
        "--template."
        for end in wanted
    ]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - here < 100_000  # kB, here


@pytest.mark.slow
def test_the_probe_of_the_system_role_is_no_way_round() -> None:
    with pytest.raises(TemplateError, match="does not end"):
        Template(NEVER["two loops"], "t").takes_system  # noqa: B018


@pytest.mark.slow
def test_what_a_template_may_do_is_done_here() -> None:
    """What ends with an error there ends with the same error here."""
    assert Template(TEMPLATE, "t").render(TALK).endswith(TALK.opening)
    printed = Template("{{ bos_token }}x" + TEMPLATE, "t", {"bos_token": "<s>"}).render(TALK)
    assert printed.startswith("<s>x")
    for text in ("{{ 1 / 0 }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"):
        with pytest.raises(TemplateError, match="cannot be rendered"):
            Template(text, "t").render(TALK)


@pytest.mark.slow
def test_a_template_is_tried_once_and_our_own_never(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    run = subprocess.run

    def counted(command: list[str], **how: object) -> object:
        started.append(command)
        return run(command, **how)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", counted)
    for text in (GEMMA, MOCK):
        Template(text, "t", {"bos_token": "<s>"}).render(TALK)
    assert not started
    text = TEMPLATE + "once"
    for special in ({}, {}, {"bos_token": "<s>"}):  # type: dict[str, str]
        template = Template(text, "t", special)
        assert template.takes_system
        template.render(TALK)
    assert len(started) == 2


@pytest.mark.slow
def test_the_process_loads_little() -> None:
    """What takes long to load would be paid for every template."""
    code = "import sys, tremble.prompts.sandbox; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "jinja2" in loaded
    assert not {"numpy", "polars", "torch", "transformers", "subprocess"} & set(loaded)


@pytest.mark.slow
def test_the_process_ends_though_its_parent_is_dead(tmp_path: Path) -> None:
    code = (
        "import sys; from tremble.prompts import sandbox; sandbox.SECONDS = 3.0\n"
        f"sandbox.why_not({NEVER['two loops']!r}, {{}})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    child = _child(parent.pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and _running(child):
        assert time.monotonic() < end
        time.sleep(0.1)


def _child(pid: int) -> int:
    """The process that one starts, once it is there."""
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("the system does not list the processes that one started")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := listing.read_text().split():
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no process was started")


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_process_that_does_not_even_begin_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "START", -0.99)
    assert sandbox.why_not(TEMPLATE + "late", {}) == "does not end within 1 s"
    with pytest.raises(ChildProcessError):  # none is left, not even one that was not waited for
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize(
    ("status", "said", "fault"),
    [(-signal.SIGSEGV, b"ready", "makes its process crash"), (0, b"ready", None), (1, b"", "!")],
)
def test_what_the_end_of_the_process_means(
    monkeypatch: pytest.MonkeyPatch, status: int, said: bytes, fault: str | None
) -> None:
    ended = subprocess.CompletedProcess([], status, said, b"No module named tremble")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    text = f"{TEMPLATE}{status}"
    if fault == "!":  # nothing of the template's: an installation that cannot be run
        with pytest.raises(RuntimeError, match="cannot be tried: No module named tremble"):
            sandbox.why_not(text, {})
    else:
        assert sandbox.why_not(text, {}) == fault


def test_broken_jinja_is_told_by_the_system_probe_too() -> None:
    with pytest.raises(TemplateError, match="not valid jinja"):
        Template("{% for %}", "broken").takes_system  # noqa: B018


def test_a_template_that_goes_on_for_some_text_alone_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is tried has other words than a study's prompts."""
    monkeypatch.setattr(sandbox, "SECONDS", 0.3)
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    text = TEMPLATE + "{% if 'coins' in messages[-1]['content'] %}" + loop + "{% endif %}"
    template = sandbox.compiled(text)
    ordinary = [{"role": "user", "content": "Take it?"}]
    assert "Take it?" in sandbox.rendered(template, ordinary, {})
    with pytest.raises(TimeoutError, match=r"does not end within 0\.3 s"):
        sandbox.rendered(template, [{"role": "user", "content": "Two coins?"}], {})
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert "Take it?" in sandbox.rendered(template, ordinary, {})
