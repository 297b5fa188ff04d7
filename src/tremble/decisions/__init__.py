"""The records that everything is about: what a person could see, could choose, and chose.

`record` says what a decision is, `view` what its person could see; `jsonl` and `lines` read and
write them, `fields` and `checks` hold every check with its cure, `files` reads what sources
give; `subsample` draws whole games and people.
Sources of decisions are in `datasets/`.
"""
