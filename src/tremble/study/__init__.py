"""A study file to finished work: cells, prompts, what is missing, scores, notes.

`file` and `schema` read the study file, `cells` says what is scored, `render` and `prompt_table`
make the prompts, `run` goes the whole way and `score` does what is missing. One more key of a study
file is a row in `schema.SCHEMA`.
"""
