"""The fast path: every distinct token of all prompts once, every decision row once.

`stream` puts the token paths in order and cuts them into passes, `engine` computes them with
`tree_attention`, `layers` and `readout`, `cost` says what a pass takes, and `self_check` holds
them against the reference before the first score.
"""
