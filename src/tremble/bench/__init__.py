"""tremble against other tools: same prompts, same model, one run, each contestant in turn.

`run.run_bench` is what the command line calls; `task` prepares the prompts, `worker` runs one
contestant, `rates` times bare matrix products, `rows` makes the table. One more contestant is a
file in `peers/` and a line in `CONTESTANTS`.
"""
