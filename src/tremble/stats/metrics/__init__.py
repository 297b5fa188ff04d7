"""Measures of one model against people: correlation, calibration, temperature.

Pure functions over arrays, each with its source in the docstring. One more is a function here and a
column in `tables/`.
"""
