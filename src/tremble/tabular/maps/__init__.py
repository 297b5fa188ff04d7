"""What a user's map of a table says: its keys, and the columns that its names stand for."""
