"""The commands of the command line, a few to a file: thin ways into the library.

`program` lists them, `base` has what they share, `ending` how the program ends (exit codes, errors
in one sentence, signals), `destinations` where output goes and what it may replace. One more is a
function in a file here and a line in `program`.
"""
