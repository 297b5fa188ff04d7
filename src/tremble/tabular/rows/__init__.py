"""Rows of a user's table to decisions, as the map says."""
