"""A finished analysis for people: `page` gives one static page, `terminal` the same tables.

Nothing is imported here, so that a command that prints no table does not wait for the plots.
"""
