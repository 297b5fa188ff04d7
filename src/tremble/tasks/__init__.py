"""Held-out tasks of a training: items from a file, as token paths, and what is measured of them."""
