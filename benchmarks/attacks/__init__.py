"""What `attack.py` does to tremble: kills, flipped bits, failing writes, damaged input."""
