"""Trainings in processes of their own that kill themselves at a given moment.

A moment is whatever a training does to its folder (a file opened to be written, a name given or
taken away, a folder made or deleted), the middle of a file of weights or of a state (half of it is
then on disk), or a step of the optimizer, counted from the start of the process.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.killed_runs import Runs

_TRAININGS = """
import gc, json, os, pathlib, signal, sys
import torch, trl, peft, datasets
import transformers.models.llama.modeling_llama
import trl.trainer.sft_trainer, trl.trainer.dpo_trainer
import tremble.align.run, tremble.align.packed, tremble.align.trainers
import tremble.commands.program, tremble.engines.shared_prefix.engine
from tremble.cli import main

tremble.align.trainers.STATE_SECONDS = 0.0
tremble.prompts.chat.why_not = lambda *_: None  # a trial of the template in a further process
torch.set_num_threads(1)
gc.freeze()  # what runs collect is theirs alone: they would walk over all imports

def watch(folder, moment, log):
    seen = []

    def passed(what, half=None):
        seen.append(what)
        if len(seen) == moment:
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
        if isinstance(about, int) or not os.fsdecode(about).startswith(folder):
            return
        if not os.fsdecode(about).endswith(".lock"):
            passed(event + " " + os.path.basename(os.fsdecode(about)))

    sys.addaudithook(hook)

    def halved(owner, name, place):
        whole = getattr(owner, name)

        def saved(*given, **more):
            whole(*given, **more)
            if isinstance(given[place], (str, os.PathLike)):
                passed(name + " " + os.path.basename(given[place]), half=given[place])

        setattr(owner, name, saved)

    halved(pathlib.Path, "write_bytes", 0)
    halved(torch, "save", 1)
    step = torch.optim.AdamW.step

    def stepped(*given, **more):
        passed("step")
        return step(*given, **more)

    torch.optim.AdamW.step = stepped
    return seen

for line in sys.stdin:
    *command, folder, moment, log = json.loads(line)
    run = os.fork()
    if run == 0:
        null = os.open(log or os.devnull, os.O_RDWR | os.O_CREAT)
        for stream in range(3):
            os.dup2(null, stream)
        sys.argv = ["tremble", *command, folder]
        code = 1
        seen = watch(folder, int(moment), log)
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

    def run(self, out: Path, moment: int = 0, log: Path | None = None) -> int:
        """How a training ended that is killed at its so-manieth moment (0: never): 0, or the number
        of the signal that killed it. `log`: where it writes what it says."""
        self.runs.start(out, str(moment), str(log or ""))
        return self.runs.end()
