"""From a decision to what a model reads: wordings, formats (plain, chat), controls, presentations.

`formulations` lists the wordings, `controls` what they are told instead, `presentations` orders and
labels, `chat` the templates. One more wording or control is a function and a line in `FORMULATIONS`
or `CONTROLS`.
"""
