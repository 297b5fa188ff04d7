"""One decision looked at closely: the study's own prompt, its tokens and scores.

`decision` finds it and reads it with each model, `tokens` explains every token of its prompt and
options. `report/` shows it.
"""
