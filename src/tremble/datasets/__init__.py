"""Data sets, one module each: a source's raw files to decisions, and a card about them.

`base` has what a data set is and the list of them; `fetch` downloads. One more is a file with
`CARD` and `load`, and a line in `base._MODULES`.
"""
