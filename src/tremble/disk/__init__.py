"""Files and paths: what a user's path may be, files that appear whole or not at all, tables read by
their name and nothing else.

`paths` says what is wrong with a path, `whole` writes, `temporary` names what is not finished yet
and takes away what dead processes left, `tables` reads and writes Parquet.
"""
