"""One decision looked at closely: the study's own prompt, its tokens and scores.

`request` says which study and decision are meant and `find` finds them, `decision` has each model
read it, `shown` says in which presentations; `reading` is one prompt of one model, `tokens`
explains its tokens. `report/` shows it.
"""
