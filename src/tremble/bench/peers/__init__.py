"""Contestants of `tremble bench`, one file each, run by `bench/worker.py` without this package.

`worker.py` says what such a file holds. One more is a file here and a line in `CONTESTANTS`
(`bench/run.py`).
"""
