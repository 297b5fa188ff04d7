"""The evidence as tables: predictions, outcomes, subsets, clusters, contexts, folds.

Everything here is a selection or a join of rows; nothing is estimated. `metrics/` and `inference/`
compute on these frames.
"""
