"""Trainings in processes of their own that kill themselves at a given moment.

A moment is whatever a training does to its folder (a file opened to be written, a name given or
taken away, a folder made or deleted), the middle of a file of weights or of a state (half of it is
then on disk), or a step of the optimizer, counted from the start of the process.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from tests.support.killed_runs import Runs

_TRAININGS = """
import gc, json, os, pathlib, re, signal, sys
import torch, trl, peft, datasets
import transformers.models.llama.modeling_llama
import trl.trainer.sft_trainer, trl.trainer.dpo_trainer
import tremble.post_training.run, tremble.post_training.packed, tremble.post_training.trainers
import tremble.commands.program, tremble.engines.shared_prefix.engine
from tremble.cli import main

OWN = r"\\.\\d+-[0-9a-f]{8}-[0-9a-f]{8}\\.tmp"  # what every temporary name has of its own
tremble.post_training.trainers.STATE_SECONDS = 0.0
tremble.prompts.chat.why_not = lambda *_: None  # a trial of the template in a further process
torch.set_num_threads(1)
gc.freeze()  # what runs collect is theirs alone: they would walk over all imports

def watch(folder, where, nth):
    seen = []
    left = [nth]

    def passed(what, place, half=False):
        place = os.path.abspath(os.fsdecode(place))
        if place.startswith(folder + os.sep) and not place.endswith(".lock"):
            name = os.path.relpath(place, folder)
            now(f"{what} {re.sub(OWN, '.tmp', name)}", place if half else None)

    def now(what, half=None):
        seen.append(what)
        if nth and re.match(where, what):
            left[0] -= 1
            if left[0] == 0:
                if half is not None:
                    os.truncate(half, os.path.getsize(half) // 2)
                os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, given):
        if event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR):
            about = given[0]
        elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"):
            about = given[0]
        else:
            return
        if isinstance(about, (str, bytes, os.PathLike)) and (event != "os.rmdir" or given[1] == -1):
            passed(event.removeprefix("os.").removeprefix("shutil."), about)

    sys.addaudithook(hook)

    def halved(owner, name, place):
        whole = getattr(owner, name)

        def saved(*given, **more):
            whole(*given, **more)
            if isinstance(given[place], (str, os.PathLike)):
                passed("half", given[place], half=True)

        setattr(owner, name, saved)

    halved(pathlib.Path, "write_bytes", 0)
    halved(torch, "save", 1)
    step = torch.optim.AdamW.step

    def stepped(*given, **more):
        now("step")
        return step(*given, **more)

    torch.optim.AdamW.step = stepped
    return seen

for line in sys.stdin:
    *command, folder, where, nth, log = json.loads(line)
    run = os.fork()
    if run == 0:
        null = os.open(log or os.devnull, os.O_RDWR | os.O_CREAT)
        for stream in range(3):
            os.dup2(null, stream)
        sys.argv = ["tremble", *command, folder]
        code = 1
        seen = watch(folder, where, int(nth))
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            if log:
                print("MOMENTS", json.dumps(seen), flush=True)
            os._exit(code)
    print(run, flush=True)
    print(os.waitpid(run, 0)[1], flush=True)
"""


class Trainings:
    """Trainings by one recipe, one after another."""

    def __init__(self, recipe: Path) -> None:
        self.runs = Runs("align", str(recipe), "--out", program=_TRAININGS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.runs.close()

    def run(self, out: Path, where: str = "", nth: int = 0, log: Path | None = None) -> int:
        """How a training ended: 0, or the number of the signal that killed it, at the nth of its
        moments that begin as an expression says (0: at none). `log`: a new file for what it says,
        and for all its moments."""
        self.runs.start(out, where, str(nth), str(log or ""))
        return self.runs.end()


def moments_in(log: Path) -> list[str]:
    """The moments of a training that ended."""
    text = log.read_text("utf-8")
    found: list[str] = json.loads(text[text.index("MOMENTS ") + 8 :])
    return found
