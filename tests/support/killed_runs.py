"""Runs of the command line in processes of their own, to be killed."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path

# The command line with parts written as often as possible, so that kills fall between them. A run
# is a process of its own, forked off one that has imported what runs need and done nothing else:
# imports take most of a small run's time. Written to its output: a run's id, then how it ended.
_RUNS = """
import json, os, sys
import torch, transformers.models.qwen3.modeling_qwen3
import tremble.study.score, tremble.engines.shared_prefix.engine, tremble.commands.trajectory
import tremble.commands.program, tremble.api.results, tremble.study.task_prompts
from tremble.cli import main

tremble.study.score.FLUSH_SECONDS = 0.02
for line in sys.stdin:
    run = os.fork()
    if run == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        sys.argv = ["tremble", *json.loads(line)]
        code = 1
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            os._exit(code)
    print(run, flush=True)
    print(os.waitpid(run, 0)[1], flush=True)
"""


class Runs:
    """Runs of one command, one after another."""

    def __init__(self, *command: str, program: str = _RUNS) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.command = command

    def start(self, out: Path, *more: str) -> int:
        """The id of a new run's process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([*self.command, str(out), *more]) + "\n")
        self.process.stdin.flush()
        return self._number()

    def ended(self, seconds: float) -> bool:
        """Whether the run ends within some seconds."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def end(self) -> int:
        """How the run ended, once it has: 0, or the number of the signal that killed it."""
        return self._number()

    def close(self) -> None:
        """End the process that runs are forked off."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())
