"""tremble against other tools: same prompts, same model, one run, each in turn.

`bench` is what the command line calls. Every contestant is one file in `peers/`, run in a
process of its own by `worker.py`; `task` prepares the prompts, `rates` times bare matrix
products, `rows` makes the table's figures.
"""

from tremble.bench.run import Asked, bench

__all__ = ["Asked", "bench"]
