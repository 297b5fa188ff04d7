"""Uncertainty: bootstrap, intervals, tests of dependent correlations, votes, multiplicity, power.

Pure functions over arrays or frames, each with its source in the docstring. One more is a file here
and a column or table in `tables/`.
"""
