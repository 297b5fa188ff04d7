"""A series of checkpoints: when to stop (`stop`), and when fidelity to people changes (`timing`).

Pure functions over arrays: `series` (what goes in), `gain` (progress on the task), `changes`
(fidelity of one checkpoint compared with another's). The rule that chooses a stop takes a task and
nothing that people did. One more measure is a `Fidelity` made by the caller.
"""
