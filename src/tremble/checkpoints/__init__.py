"""A series of checkpoints: what each has learnt of its task, how like people it still is, and when
training should stop."""
