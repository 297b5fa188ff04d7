"""Engines: what turns token paths into log-probabilities, one module each, one short protocol.

`base` has the protocol, `open` opens the one that is asked for. `reference` is one prompt, one
pass; `shared_prefix/` computes every distinct token once; `mock` makes numbers up; `memory` and
`cost` bound what a pass takes. One more is a
module that satisfies `base.Engine`.
"""
