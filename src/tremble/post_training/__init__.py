"""Post-training of a model on a user's recipe, with every checkpoint kept."""
