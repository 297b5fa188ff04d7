"""Families of games, one module each: the rules in words and in numbers, as the person saw them.

`base` says what a family is; `theory/` has equilibria and expected values; `dialogue` and `altered`
are shared pieces. One more is a file with `FAMILY` and a line in `base._MODULES`.
"""
