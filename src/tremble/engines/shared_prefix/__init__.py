"""The fast path: every distinct token of all prompts once, every decision row once.

`stream` puts the token paths in order and cuts them into passes, `engine` computes them with
`tree_attention`, `layers` and `readout`, and `self_check` holds them against the reference before
the first score; `opening` opens it, `matmul_rate` says how fast this machine multiplies.
"""
