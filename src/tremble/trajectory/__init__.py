"""A series of checkpoints: what each has learnt, how like people it is, and when to stop."""
