"""The commands of the command line, a few to a file: thin ways into the library.

`base` has what they share (exit codes, errors in one sentence, JSON), `overwrite` what may be
replaced. One more is a function in a file here and a line in `cli.py`.
"""
