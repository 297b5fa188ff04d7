"""What theory says people should do: equilibria, offers, expected values, kinds of 2x2 games.

Pure functions over numbers, without words; the families in `games/` call them. One more theory is
a file here and a call in the families it is about.
"""
