"""Engines: what turns token paths into log-probabilities, one module each, one short protocol.

`base` has the protocol, `reads` what is asked, `registry` the table of engines, `open` opens one.
`reference` is one prompt, one pass; `shared_prefix/` computes every distinct token once; `mock`
makes numbers up; `weights` are loaded, `memory` and `cost` bound what a pass takes. One more is a
module with an `open_engine`, and a line in `registry`.
"""
