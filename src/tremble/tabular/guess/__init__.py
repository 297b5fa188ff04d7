"""A first map of a user's table, guessed from its columns: a module for each tool that writes
tables, what they share, and the map as text with comments."""
