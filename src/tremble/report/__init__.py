"""A finished analysis for people: `tables/` are laid out once, `terminal/` and `page/` show them.

One more table is a layout in `tables/`; both ways to show it need no change. Nothing is imported
here, so that a command that prints no table does not wait for the plots.
"""
