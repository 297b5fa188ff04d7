"""Contestants of `tremble bench`, one file each, run by `worker.py` without this package.

A file holds PACKAGE (what it imports, by which a missing one is known), INSTALL (the line that
installs it), VERSIONS (distributions whose versions are reported), IN_FULL (whether it is timed
on all prompts rather than on a sample), DUPLICATES ("once": equal prompts in one call cost
nothing; "again": each is computed; None: neither can be said without timing it), and

    load(job) -> score(prompts) -> (log-probabilities per prompt and option, facts)

in natural logarithms, None for an option or a prompt that cannot be compared with the reference.
Facts may hold `passes`, `computed_tokens` and `seen` (how many tokens a token sees on average),
from which the share of the matrix-product rate follows, and `report`. What `job` and its prompts
hold: see `task.py`.
"""
