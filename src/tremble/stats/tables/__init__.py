"""One table per question, as rows that `report/` lays out and `--json` prints.

`analysis` makes the first tables, `further` lists the others. One more is a function of the
evidence (`frames.evidence`) and an entry in `further`.
"""
